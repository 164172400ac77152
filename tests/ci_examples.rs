//! The workflow files under `docs/ci`: they are YAML, keep the files of a run, and their shell steps end as they say,
//! tried with a program in hopmark's place that ends with each exit code.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use saphyr::{LoadableYamlNode, Yaml};

fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci").join(file)).expect("the example")
}

fn parse(text: &str) -> Yaml<'_> {
    let mut documents = Yaml::load_from_str(text).expect("YAML");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn word<'y>(yaml: &'y Yaml<'_>, what: &str) -> &'y str {
    yaml.as_str().unwrap_or_else(|| panic!("{what} is not a text"))
}

fn words(yaml: &Yaml<'_>, what: &str) -> Vec<String> {
    yaml.as_sequence()
        .unwrap_or_else(|| panic!("{what} is no list"))
        .iter()
        .map(|one| word(one, what).to_owned())
        .collect()
}

/// The shell script of the step with this id.
fn step(id: &str) -> String {
    let text = text("github-actions.yml");
    let workflow = parse(&text);
    let steps = workflow["jobs"]["latency"]["steps"].as_sequence().expect("steps");
    let found = steps.iter().find(|step| step.as_mapping_get("id").and_then(Yaml::as_str) == Some(id));
    word(&found.unwrap_or_else(|| panic!("no step {id}"))["run"], "run").to_owned()
}

/// Runs a script as a CI system does, in a folder where `hopmark` writes what it would and ends with this code.
fn run(script: &str, code: i32) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("folder");
    let program = folder.path().join("target/release/hopmark");
    std::fs::create_dir_all(program.parent().expect("folder")).expect("folder");
    let stub = format!(
        "#!/bin/sh\necho \"hopmark $*\"\nmkdir -p hopmark-run\n\
         case \"$*\" in *'--format md'*) echo '## found' >hopmark-run/summary.md;; esac\nexit {code}\n"
    );
    std::fs::write(&program, stub).expect("a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let path = format!("{}:{}", program.parent().expect("folder").display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("GITHUB_STEP_SUMMARY", folder.path().join("job-summary.md"))
        .output()
        .expect("bash");
    (output, folder)
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn github_fails_on_a_missed_objective_and_warns_where_nothing_is_decided() {
    let script = step("measure");
    for (code, ends, sign) in [
        (0, 0, ""),
        (1, 1, ""),
        (2, 2, ""),
        (3, 3, "::error title=hopmark::an objective was missed"),
        (4, 4, "::error title=hopmark::the run is invalid"),
        (5, 0, "::warning title=hopmark::inconclusive"),
        (130, 130, ""),
    ] {
        let (output, _folder) = run(&script, code);
        let printed = printed(&output);
        assert_eq!(output.status.code(), Some(ends), "{code}: {printed}");
        assert!(printed.contains("hopmark run --strict") && printed.contains(sign), "{code}: {printed}");
        assert_eq!(sign.is_empty(), !printed.contains("::"), "{code}: {printed}");
    }
}

#[test]
fn github_has_the_markdown_in_its_job_summary_whatever_the_verdict() {
    let script = step("summary");
    for (code, ends, found) in [(0, 0, true), (3, 0, true), (4, 0, true), (1, 1, false), (2, 2, false)] {
        let (output, folder) = run(&script, code);
        assert_eq!(output.status.code(), Some(ends), "{code}: {}", printed(&output));
        let summary = std::fs::read_to_string(folder.path().join("job-summary.md")).unwrap_or_default();
        assert_eq!(summary == "## found\n", found, "{code}: {summary}");
    }
}

#[test]
fn gitlab_fails_on_any_code_but_warns_on_5() {
    let text = text("gitlab-ci.yml");
    let job = &parse(&text)["hopmark"];
    let allowed = job["allow_failure"]["exit_codes"].as_sequence().expect("codes");
    assert_eq!(allowed.iter().map(|code| code.as_integer()).collect::<Vec<_>>(), [Some(5)]);
    let measure = words(&job["script"], "script").into_iter().find(|line| line.contains("hopmark run")).expect("a run");
    for code in [0, 3, 4, 5] {
        let (output, _folder) = run(&measure, code);
        assert_eq!(output.status.code(), Some(code), "{}", printed(&output));
    }
    let after = words(&job["after_script"], "after_script").join("\n");
    for code in [0, 3, 4] {
        let (output, _folder) = run(&after, code);
        assert!(output.status.success() && printed(&output).contains("## found"), "{code}: {}", printed(&output));
    }
}

#[test]
fn both_keep_the_report_the_tests_and_the_summary() {
    let (github, gitlab) = (text("github-actions.yml"), text("gitlab-ci.yml"));
    let (workflow, job) = (parse(&github), parse(&gitlab));
    let steps = workflow["jobs"]["latency"]["steps"].as_sequence().expect("steps");
    let keep = steps.iter().find(|step| {
        step.as_mapping_get("uses")
            .and_then(Yaml::as_str)
            .is_some_and(|uses| uses.starts_with("actions/upload-artifact@"))
    });
    let keep = keep.expect("a step that keeps files");
    assert!(word(&keep["if"], "if").contains("always()"));
    let kept_github: Vec<String> = word(&keep["with"]["path"], "path").lines().map(str::to_owned).collect();
    let artifacts = &job["hopmark"]["artifacts"];
    assert_eq!(word(&artifacts["when"], "when"), "always");
    assert_eq!(word(&artifacts["reports"]["junit"], "junit"), "hopmark-run/junit.xml");
    for kept in [kept_github, words(&artifacts["paths"], "paths")] {
        for file in ["report.html", "summary.json", "summary.md", "junit.xml"] {
            assert!(kept.contains(&format!("hopmark-run/{file}")), "{file} is not kept: {kept:?}");
        }
    }
}

/// Whether text is so many hexadecimal digits.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn actions_are_named_by_commit_and_images_by_digest() {
    let image = |line: &str| line.rsplit_once("@sha256:").is_some_and(|(_, digest)| is_hex(digest, 64));
    let github = text("github-actions.yml");
    let actions: Vec<&str> =
        github.lines().filter_map(|line| line.split_once("uses: ")).map(|(_, uses)| uses).collect();
    assert!(actions.len() >= 2);
    for uses in actions {
        let (action, version) = uses.split_once(" # v").unwrap_or_else(|| panic!("{uses} does not say its version"));
        assert!(action.split_once('@').is_some_and(|(_, commit)| is_hex(commit, 40)), "{uses}");
        assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{uses}");
    }
    let gitlab = text("gitlab-ci.yml");
    assert!(image(word(&parse(&gitlab)["hopmark"]["image"], "image")));
    let dockerfile = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile")).expect("one");
    let stages: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
    assert_eq!(stages.len(), 2);
    for stage in stages {
        assert!(image(stage.split(' ').next().unwrap_or_default()), "{stage}");
    }
}

#[test]
fn a_job_may_read_the_repository_and_nothing_else() {
    let github = text("github-actions.yml");
    let workflow = parse(&github);
    let permissions = workflow["permissions"].as_mapping().expect("permissions");
    assert_eq!(permissions.len(), 1);
    assert_eq!(word(&workflow["permissions"]["contents"], "contents"), "read");
    assert!(workflow["jobs"]["latency"].as_mapping_get("permissions").is_none(), "the job asks for no more");
    let checkout = &workflow["jobs"]["latency"]["steps"].as_sequence().expect("steps")[0];
    assert_eq!(checkout["with"]["persist-credentials"].as_bool(), Some(false));
}
