//! A signal before anything is measured: the exit code says so, and nothing is left behind: no run directory, no folder
//! above it, no program that was to print a token.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(30);
const ALIASES: &str = "aliases";

/// Somebody who accepts connections and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/openai/v1", listener.local_addr().expect("an address"));
    (listener, url)
}

/// Begins a command in a folder; its messages can be read.
fn begin(folder: &Path, args: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopmark"));
    command.args(args).current_dir(folder).env("STOPPED_KEY", "a-key").stdin(Stdio::null());
    // Where the system first looks for a name without a dot, if there is such a file.
    command.env("HOSTALIASES", folder.join(ALIASES));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let told = BufReader::new(child.stderr.take().expect("piped"));
    (child, told)
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().cast_signed()).expect("a process"), signal).expect("it takes the signal");
}

/// Waits for a line that begins like this.
fn wait_for(told: &mut impl BufRead, begins: &str) {
    let mut lines = told.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with(begins)), "no line begins with {begins}");
}

/// The exit code, and the rest of what it told.
fn ended(mut child: Child, told: BufReader<ChildStderr>) -> (Option<i32>, String) {
    let rest = told.lines().map_while(Result::ok).collect::<Vec<_>>().join("\n");
    (child.wait().expect("it ends").code(), rest)
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn a_signal_in_the_preflight_leaves_no_folder() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for out in [None, Some("deep/new"), Some("mine")] {
            let folder = tempfile::tempdir().expect("folder");
            fs::create_dir(folder.path().join("mine")).expect("a folder of the user's");
            let (_listener, url) = silent();
            let path = format!("slow={url}");
            let mut args = vec!["run", "--path", &path, "--model", "m", "--rate", "1/s", "--duration", "5s"];
            args.extend(["--key-env", "STOPPED_KEY"]);
            args.extend(out.iter().flat_map(|out| ["--out", out]));
            let (child, mut told) = begin(folder.path(), &args);
            wait_for(&mut told, "preflight: path 'slow'");
            send(&child, signal);
            let (ended, rest) = ended(child, told);
            assert_eq!(ended, Some(code), "{rest}");
            assert!(rest.contains("before anything was measured"), "{rest}");
            assert_eq!((entries(folder.path()), entries(&folder.path().join("mine"))), (1, 0), "{signal:?} {out:?}");
        }
    }
}

#[test]
fn a_program_that_was_to_print_a_token_ends_with_a_signal() {
    // `probe` asks without a credential first, which nobody answers.
    let (_listener, url) = silent();
    let sh = "sh -c 'echo $$ > started.part; mv started.part started; exec sleep 600'";
    for (verb, more) in [("run", &["--quiet"][..]), ("probe", &["--skip-capabilities", "--quiet"])] {
        let folder = tempfile::tempdir().expect("folder");
        let profile = format!(
            "name = \"stopped\"\n\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 8\n\
             output_tokens = 8\n\n[load]\nkind = \"open\"\nrate = \"1/s\"\n\
             duration = \"5s\"\n\n[[path]]\nname = \"slow\"\nkind = \"direct\"\nbase_url = \"{url}\"\n\
             auth = {{ kind = \"command\", command = \"{sh}\" }}\n\
             timeouts = {{ first_byte = \"500ms\" }}\n"
        );
        fs::write(folder.path().join("profile.toml"), profile).expect("written");
        let args: Vec<&str> = [verb, "profile.toml"].into_iter().chain(more.iter().copied()).collect();
        let (child, told) = begin(folder.path(), &args);
        let started = folder.path().join("started");
        until("the program does not start", || started.exists());
        let program = fs::read_to_string(&started).expect("its number").trim().to_owned();
        let lives = || fs::read_to_string(format!("/proc/{program}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        assert!(lives(), "{verb}");
        send(&child, Signal::INT);
        let (code, rest) = ended(child, told);
        assert_eq!(code, Some(130), "{verb}: {rest}");
        until("the program goes on", || !lives());
        assert!(!folder.path().join("results").exists(), "{verb}");
    }
}

/// Makes the system's look-ups of names without a dot wait in this folder, as they do for a name server that is silent:
/// they read a pipe. Returns its other end, which keeps them waiting, once somebody looks a name up.
fn hold_look_ups(folder: &Path) -> impl FnMut() -> Option<File> + use<> {
    let pipe = folder.join(ALIASES);
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    // With O_NONBLOCK it cannot be opened before it is read.
    move || File::options().write(true).custom_flags(0o4000).open(&pipe).ok()
}

/// What is done meanwhile.
#[derive(Clone, Copy, PartialEq)]
enum Meanwhile {
    Interrupt,
    Nothing,
}

#[test]
fn a_look_up_that_nobody_can_cut_keeps_no_command_from_its_end() {
    if !fs::read_to_string("/etc/nsswitch.conf").is_ok_and(|text| text.contains("dns")) {
        eprintln!("skipped: this system looks names up in its own way");
        return;
    }
    let (_listener, url) = silent();
    let profile = |path: &str| {
        format!(
            "name = \"stopped\"\n\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 8\noutput_tokens = 8\n\n\
             [load]\nkind = \"open\"\nrate = \"1/s\"\nduration = \"5s\"\n\n[[path]]\nname = \"slow\"\nkind = \"direct\"\n{path}\n"
        )
    };
    let hurried = "timeouts = { connect = \"500ms\", first_byte = \"500ms\" }";
    let of_path = profile(&format!("base_url = \"http://nowhere/v1\"\n{hurried}"));
    let patient = profile("base_url = \"http://nowhere/v1\"\ntimeouts = { connect = \"300s\" }");
    let token =
        "auth = { kind = \"oauth2\", token_url = \"https://nowhere/token\", client_id = \"c\", env = \"STOPPED_KEY\" }";
    let of_token = profile(&format!("base_url = \"{url}\"\n{token}\n{hurried}"));
    for (what, profile, line, meanwhile, code) in [
        ("a path", &patient, "run p.toml --quiet", Meanwhile::Interrupt, 130),
        ("a path", &patient, "probe p.toml --quiet", Meanwhile::Interrupt, 130),
        ("a path", &of_path, "run p.toml --quiet", Meanwhile::Nothing, 1),
        ("a path", &of_path, "probe p.toml --quiet", Meanwhile::Nothing, 1),
        ("a path", &of_path, "probe p.toml --wait 2s --quiet", Meanwhile::Nothing, 1),
        ("a token", &of_token, "run p.toml --quiet", Meanwhile::Interrupt, 130),
        ("a token", &of_token, "probe p.toml --quiet --skip-capabilities", Meanwhile::Interrupt, 130),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("p.toml"), profile).expect("written");
        let mut looked_up = hold_look_ups(folder.path());
        let (mut child, told) = begin(folder.path(), &line.split(' ').collect::<Vec<_>>());
        let mut held = None;
        until(&format!("hopmark {line} looks no name up"), || {
            held = looked_up();
            held.is_some()
        });
        if meanwhile == Meanwhile::Interrupt {
            send(&child, Signal::INT);
        }
        until(&format!("hopmark {line} waits for the name of {what}"), || child.try_wait().expect("a state").is_some());
        let (ended, rest) = ended(child, told);
        assert_eq!(ended, Some(code), "{what}: hopmark {line}: {rest}");
        // Until now nobody has answered.
        drop(held);
        assert!(!folder.path().join("results").exists(), "hopmark {line}");
    }
}
