//! What an installed program brings with it: completions that bash, zsh and fish load and use, man pages that man reads, the
//! help of each command, and a version that names the platform. A shell that this machine does not have is named and left out.

use std::path::Path;
use std::process::{Command, Output};

fn hopmark(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hopmark")).args(args).output().expect("hopmark starts")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The commands, as the help lists them.
fn verbs() -> Vec<String> {
    let help = stdout(&hopmark(&["--help"]));
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs: Vec<String> = listed
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   ")))
        .map(str::to_owned)
        .collect();
    assert!(verbs.len() > 10 && verbs.contains(&"sim".to_owned()), "{verbs:?}");
    verbs
}

/// What a program of this machine prints, without anybody's own settings; none where it is not installed.
fn printed_by(program: &str, args: &[&str], home: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).env("HOME", home).env("XDG_CONFIG_HOME", home).env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8");
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && said.is_empty(), "{program} {args:?}: {said}");
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: {program} is not installed here");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Loads the completions in a shell and asks it for what may follow; the script gets their file as `$1`.
fn completed_by(shell: &str, flags: &[&str], script: &str) -> Option<String> {
    let home = tempfile::tempdir().expect("folder");
    let file = home.path().join(match shell {
        "zsh" => "_hopmark",
        _ => "completions",
    });
    std::fs::write(&file, stdout(&hopmark(&["completions", shell]))).expect("a file");
    let script = script.replace("$1", &file.display().to_string());
    printed_by(shell, &[flags, &["-c", &script]].concat(), home.path())
}

fn holds_each(offered: &str, expected: &[String], shell: &str) {
    for word in expected {
        let found =
            offered.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-')).any(|one| one == word);
        assert!(found, "{shell} does not offer {word}: {offered}");
    }
}

#[test]
fn bash_loads_the_completions_and_offers_commands_and_flags() {
    let script = "source $1; try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); \
                  _hopmark hopmark \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; echo ${COMPREPLY[@]}; }; ";
    let flags = &["--noprofile", "--norc"][..];
    if let Some(offered) = completed_by("bash", flags, &format!("{script} try hopmark ''")) {
        holds_each(&offered, &verbs(), "bash");
    }
    if let Some(offered) = completed_by("bash", flags, &format!("{script} try hopmark run --pa")) {
        assert_eq!(offered.trim(), "--path");
    }
}

#[test]
fn fish_loads_the_completions_and_offers_commands_and_flags() {
    if let Some(offered) = completed_by("fish", &["--no-config"], "source $1; complete -C 'hopmark '") {
        holds_each(&offered, &verbs(), "fish");
    }
    if let Some(offered) = completed_by("fish", &["--no-config"], "source $1; complete -C 'hopmark run --pat'") {
        assert!(offered.starts_with("--path"), "{offered}");
    }
}

#[test]
fn zsh_loads_the_completions_and_knows_whose_they_are() {
    // As zsh finds it in a folder, and then as a shell that reads it whole.
    let script = "fpath=($(dirname $1) $fpath); autoload -Uz compinit; compinit -u -D; echo $_comps[hopmark]; \
                  source $1; whence -f _hopmark _hopmark_commands";
    if let Some(loaded) = completed_by("zsh", &["-f"], script) {
        assert_eq!(loaded.lines().next(), Some("_hopmark"));
        holds_each(&loaded, &verbs(), "zsh");
    }
}

#[test]
fn every_shell_has_completions_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        holds_each(&stdout(&hopmark(&["completions", shell])), &verbs(), shell);
    }
}

#[test]
fn man_reads_a_page_of_every_command_without_a_warning() {
    let home = tempfile::tempdir().expect("folder");
    let pages = home.path().join("share/man/man1");
    assert!(hopmark(&["man", &pages.display().to_string()]).status.success());
    let named = |verb: &str| if verb.is_empty() { "hopmark".to_owned() } else { format!("hopmark-{verb}") };
    for verb in verbs().iter().map(String::as_str).filter(|verb| *verb != "help").chain([""]) {
        let page = pages.join(format!("{}.1", named(verb)));
        assert!(page.is_file(), "{} is missing", page.display());
        let arguments = ["--warnings", "-E", "UTF-8", "-l", &page.display().to_string()];
        if let Some(text) = printed_by("man", &arguments, home.path()) {
            assert!(text.contains("SYNOPSIS") && text.contains(&named(verb)), "{verb}: {text}");
        }
    }
    if let Some(text) = printed_by("man", &["-l", &pages.join("hopmark-run.1").display().to_string()], home.path()) {
        assert!(text.contains("--duration") && text.contains("--key-env"), "{text}");
    }
}

#[test]
fn a_folder_for_man_pages_that_cannot_be_made_is_refused_in_a_sentence() {
    let home = tempfile::tempdir().expect("folder");
    let file = home.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let refused = hopmark(&["man", &file.join("man1").display().to_string()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: cannot write man pages to ") && said.lines().count() == 1, "{said}");
}

#[test]
fn help_of_a_command_is_its_long_help() {
    for verb in verbs().iter().filter(|verb| *verb != "help") {
        assert_eq!(stdout(&hopmark(&["help", verb])), stdout(&hopmark(&[verb, "--help"])), "{verb}");
    }
    assert_eq!(stdout(&hopmark(&["help"])), stdout(&hopmark(&["--help"])));
}

#[test]
fn the_version_names_the_platform() {
    assert_eq!(stdout(&hopmark(&["-V"])), format!("hopmark {}\n", env!("CARGO_PKG_VERSION")));
    let long = stdout(&hopmark(&["--version"]));
    let start = format!("hopmark {} (", env!("CARGO_PKG_VERSION"));
    assert!(long.starts_with(&start) && long.contains(std::env::consts::ARCH) && long.lines().count() == 1, "{long}");
}
