//! The CI files: `action.yml`, the release workflow, and the three of `docs/ci`. They are YAML, ask for no more than they
//! need, name what they use by commit or digest, and put no value into a script. Their one script ends as it says, tried with
//! a program in hopmark's place that ends with each exit code. `tests/ci/run` carries the files out step by step.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use saphyr::{LoadableYamlNode, Yaml};

/// The files that name actions.
const WORKFLOWS: [&str; 3] = ["action.yml", ".github/workflows/release.yml", "docs/ci/github-actions.yml"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).expect("the file")
}

fn parse(text: &str) -> Yaml<'_> {
    let mut documents = Yaml::load_from_str(text).expect("YAML");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn words(yaml: &Yaml<'_>) -> Vec<String> {
    let list = yaml.as_sequence().expect("a list").iter();
    list.map(|one| one.as_str().expect("text").to_owned()).collect()
}

/// A folder in which `hopmark run` and `hopmark compare` end with these codes, and the environment of a platform.
struct Job {
    folder: tempfile::TempDir,
}

impl Job {
    fn new(measured: &[i32], compared: i32) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let codes: Vec<String> = measured.iter().map(ToString::to_string).collect();
        let stub = format!(
            "#!/bin/sh\necho \"hopmark $*\"\ncase $1 in\n\
             run) echo . >>runs; set -- {}; shift $(($(wc -l <runs) - 1)); mkdir -p hopmark-ci/run; \
             echo {{}} >hopmark-ci/run/manifest.json; exit $1 ;;\n\
             compare) mkdir -p hopmark-ci/compare; echo '| ttft |' >hopmark-ci/compare/comparison.md; exit {compared} ;;\n\
             report) echo '## found' >hopmark-ci/run/summary.md; exit 3 ;;\nesac\n",
            codes.join(" ")
        );
        let program = folder.path().join("stub");
        std::fs::write(&program, stub).expect("a program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
        Self { folder }
    }

    fn at(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn step(&self, command: &str) -> Output {
        Command::new("sh")
            .arg(root().join("docs/ci/hopmark-ci.sh"))
            .arg(command)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REF", "refs/heads/main")
            .env("GITHUB_OUTPUT", self.at("output"))
            .env("GITHUB_STEP_SUMMARY", self.at("job-summary.md"))
            .env("HOPMARK_BINARY", self.at("stub"))
            .output()
            .expect("sh")
    }

    /// All steps but the baseline's, beside a baseline if there is one; the last one's end.
    fn whole(&self, with_base: bool) -> Output {
        assert!(self.step("setup").status.success());
        std::fs::write(self.at("hopmark-ci/default-branch"), "main\n").expect("a file");
        if with_base {
            std::fs::create_dir(self.at("hopmark-ci/base")).expect("a folder");
        }
        for step in ["measure", "compare", "report"] {
            let done = self.step(step);
            assert!(done.status.success(), "{step}: {}", printed(&done));
        }
        self.step("verdict")
    }
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What the run ends with (an invalid one twice), what the comparison does, the job's end, whether it is a baseline, its sign.
type VerdictCase = (&'static [i32], Option<i32>, i32, bool, &'static str);

#[test]
fn the_verdict_is_the_runs_then_the_comparisons() {
    let table: [VerdictCase; 16] = [
        (&[0], None, 0, true, ""),
        (&[0], Some(0), 0, true, ""),
        (&[0], Some(3), 3, false, "::error"),
        (&[0], Some(4), 4, false, "::error"),
        (&[0], Some(5), 0, true, "::warning"),
        (&[0], Some(1), 0, true, "::warning"),
        (&[0], Some(2), 0, true, "::warning"),
        (&[5], None, 0, true, "::warning"),
        (&[5], Some(3), 3, false, "::error"),
        (&[1], Some(0), 1, false, "::error"),
        (&[2], Some(0), 2, false, "::error"),
        (&[3], Some(0), 3, false, "::error"),
        (&[4, 0], Some(0), 0, true, ""),
        (&[4, 3], Some(0), 3, false, "::error"),
        (&[4, 4], Some(0), 4, false, "::error"),
        (&[130], Some(0), 130, false, "::error"),
    ];
    for (measured, compared, ends, kept, sign) in table {
        let case = format!("{measured:?} {compared:?}");
        let job = Job::new(measured, compared.unwrap_or(0));
        let verdict = job.whole(compared.is_some());
        let said = printed(&verdict);
        assert_eq!(verdict.status.code(), Some(ends), "{case}: {said}");
        assert!(said.contains(sign) && (!sign.is_empty() || !said.contains("::")), "{case}: {said}");
        let output = std::fs::read_to_string(job.at("output")).expect("outputs");
        assert_eq!(output, format!("code={ends}\nkeep={kept}\n"), "{case}");
        let runs = std::fs::read_to_string(job.at("runs")).expect("runs");
        assert_eq!(runs.lines().count(), measured.len(), "{case}");
        let comment = std::fs::read_to_string(job.at("job-summary.md")).expect("a summary");
        assert!(comment.starts_with("<!-- hopmark: hopmark -->\n### hopmark\n\n"), "{case}: {comment}");
        assert!(comment.contains("## found"), "{case}: {comment}");
        let is_compared = compared.is_some() && matches!(measured.last(), Some(0 | 3 | 5));
        assert_eq!(comment.contains("| ttft |"), is_compared, "{case}: {comment}");
        assert_eq!(comment.contains("No regression"), ends == 0 && compared == Some(0), "{case}: {comment}");
    }
}

#[test]
fn a_job_that_measured_nothing_is_not_green() {
    let job = Job::new(&[0], 0);
    let verdict = job.step("verdict");
    assert_eq!(verdict.status.code(), Some(1));
    assert!(printed(&verdict).contains("nothing was measured"));
}

#[test]
fn what_the_script_does_not_know_is_answered_with_its_help() {
    for command in ["", "publish", "--help"] {
        let output = Job::new(&[0], 0).step(command);
        assert_eq!(output.status.code(), Some(2));
        assert!(printed(&output).contains("hopmark-ci.sh measure"), "{}", printed(&output));
    }
}

#[test]
fn each_platform_takes_every_step_in_order() {
    let steps = ["setup", "baseline", "measure", "compare", "report", "verdict"];
    for file in ["action.yml", "docs/ci/gitlab-ci.yml", "docs/ci/azure-pipelines.yml"] {
        let (text, mut from) = (text(file), 0);
        parse(&text);
        for step in steps {
            let found = text[from..].find(&format!("\" {step}\n"));
            from += found.unwrap_or_else(|| panic!("{file} does not take {step} after the step before it"));
        }
    }
}

#[test]
fn reports_and_tests_are_kept_whatever_the_verdict() {
    let gitlab = text("docs/ci/gitlab-ci.yml");
    let artifacts = &parse(&gitlab)["hopmark"]["artifacts"];
    assert_eq!(artifacts["when"].as_str(), Some("always"));
    assert!(words(&artifacts["paths"]).contains(&"hopmark-ci/run".to_owned()));
    assert_eq!(words(&artifacts["reports"]["junit"]), ["hopmark-ci/run/junit.xml", "hopmark-ci/compare/junit.xml"]);
    let action = text("action.yml");
    let parsed = parse(&action);
    let steps = parsed["runs"]["steps"].as_sequence().expect("steps");
    let keep =
        steps.iter().find(|step| step["name"].as_str() == Some("Keep the files")).expect("a step that keeps files");
    assert!(keep["if"].as_str().expect("a condition").contains("always()"));
    assert!(keep["with"]["path"].as_str().expect("paths").contains("hopmark-ci/run\n"));
}

#[test]
fn no_value_is_put_into_a_script() {
    for file in WORKFLOWS {
        let text = text(file);
        let mut script = None;
        for line in text.lines() {
            let depth = line.len() - line.trim_start().len();
            script = script.filter(|from| line.is_empty() || depth > *from);
            if line.trim_start().trim_start_matches("- ").starts_with("run:") {
                script = Some(depth);
            }
            assert!(script.is_none() || !line.contains("${{"), "{file}: {line}");
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
    for file in WORKFLOWS {
        let text = text(file);
        let actions: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(" uses: ")?.1)).collect();
        assert!(actions.len() >= 2, "{file}");
        for uses in actions.into_iter().filter(|uses| !uses.starts_with("OWNER/hopmark@")) {
            let (action, version) =
                uses.split_once(" # v").unwrap_or_else(|| panic!("{uses} does not say its version"));
            assert!(action.split_once('@').is_some_and(|(_, commit)| is_hex(commit, 40)), "{uses}");
            assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{uses}");
        }
    }
    let gitlab = text("docs/ci/gitlab-ci.yml");
    assert!(image(parse(&gitlab)["hopmark"]["image"].as_str().expect("an image")));
    let dockerfile = text("Dockerfile");
    let stages: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
    assert_eq!(stages.len(), 2);
    for stage in stages {
        assert!(image(stage.split(' ').next().unwrap_or_default()), "{stage}");
    }
}

#[test]
fn a_job_has_the_permissions_that_it_needs_and_no_other() {
    let allowed = |yaml: &Yaml<'_>| {
        let map = yaml.as_mapping().expect("permissions").iter();
        map.map(|(key, value)| format!("{}: {}", key.as_str().expect("text"), value.as_str().expect("text")))
            .collect::<Vec<_>>()
    };
    let user = text("docs/ci/github-actions.yml");
    assert_eq!(allowed(&parse(&user)["permissions"]), ["contents: read", "actions: read", "pull-requests: write"]);
    let release = text(".github/workflows/release.yml");
    let release = parse(&release);
    assert_eq!(allowed(&release["permissions"]), ["contents: read"]);
    assert!(release["jobs"]["archive"].as_mapping_get("permissions").is_none());
    assert_eq!(allowed(&release["jobs"]["draft"]["permissions"]), ["contents: write"]);
    for file in &WORKFLOWS[1..] {
        let text = text(file);
        let checkouts = text.matches("actions/checkout@").count();
        assert_eq!(text.matches("persist-credentials: false").count(), checkouts, "{file}");
    }
}

#[test]
fn the_files_name_the_version_of_this_program() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        ("docs/ci/github-actions.yml", format!("OWNER/hopmark@v{version}")),
        ("docs/ci/gitlab-ci.yml", format!("HOPMARK_VERSION: \"{version}\"")),
        ("docs/ci/azure-pipelines.yml", format!("HOPMARK_VERSION: \"{version}\"")),
    ] {
        assert!(text(file).contains(&line), "{file}");
    }
    assert!(Path::new(&root()).join("docs/install.md").is_file());
}
