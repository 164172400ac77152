//! The same mistake has the same exit code in every verb, and one sentence: 2 for what was given, 1 for what the world did.
//!
//! Mistakes in flags and files are one table; what can be wrong with a run directory is a second one, held over every verb
//! that reads one; where results cannot go is a third, over every verb that writes.

#[path = "support/example.rs"]
mod example;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use example::{copy, example};

/// What is wrong, its exit code, and the command lines that have it.
const MISTAKES: [(&str, i32, &[&str]); 7] = [
    (
        "a file that is not there",
        2,
        &["run no.toml", "run no.toml --dry-run", "probe no.toml", "lint no.toml", "sim --scenario no.toml"],
    ),
    ("a folder in place of a file", 2, &["run empty", "probe empty", "lint empty"]),
    ("no TOML", 2, &["run bad.toml", "probe bad.toml", "lint bad.toml", "sim --scenario bad.toml"]),
    ("an unknown key", 2, &["run unknown.toml", "probe unknown.toml", "lint unknown.toml"]),
    (
        "an unknown flag",
        2,
        &[
            "run --nope",
            "compare --nope",
            "trend --nope",
            "report --nope",
            "probe --nope",
            "lint --nope",
            "init --nope",
            "schema --nope",
            "selftest --nope",
            "sim --nope",
        ],
    ),
    ("an unknown verb", 2, &["nope"]),
    (
        "a value that a flag does not take",
        2,
        &[
            "run --seed x",
            "report run --format x",
            "compare run:a run:b --format x",
            "schema x",
            "selftest --streams 0",
            "sim --listen x",
            "probe good.toml --wait x",
            "lint good.toml --format x",
        ],
    ),
];

/// What a verb reads of a run directory.
#[derive(Clone, Copy, PartialEq)]
enum Reads {
    /// The manifest and every file of the measurement.
    Measurement,
    /// The summary, and the manifest where there is none.
    Summary,
    /// The summary and the manifest.
    SummaryAndManifest,
}

/// Every command line that reads the run directory `RUN`, and what of it; `good` is one that can be read.
const READERS: [(&str, Reads); 9] = [
    ("report RUN --format json,junit,html --out out", Reads::Measurement),
    ("compare RUN good", Reads::Measurement),
    ("compare good RUN", Reads::Measurement),
    ("compare RUN:direct RUN:gateway", Reads::Measurement),
    ("trend RUN", Reads::Summary),
    ("trend RUN --pool", Reads::SummaryAndManifest),
    ("run good.toml --dry-run --size-from RUN", Reads::Measurement),
    ("run good.toml --for 20ms --size-from RUN --out out", Reads::Measurement),
    ("init new.toml --for 20ms --size-from RUN", Reads::Measurement),
];

/// What is read of a run directory that is wrong.
#[derive(Clone, Copy)]
enum Wrong {
    /// There is no run, so that every reader finds it.
    All,
    /// A file of the measurement.
    Measurement,
    /// The summary.
    Summary,
    /// The manifest beside a summary.
    ManifestBesideSummary,
}

impl Wrong {
    fn is_read_by(self, reads: Reads) -> bool {
        match self {
            Self::All => true,
            Self::Measurement => reads == Reads::Measurement,
            Self::Summary => reads != Reads::Measurement,
            Self::ManifestBesideSummary => reads != Reads::Summary,
        }
    }
}

/// What makes a wrong run directory at a place where nothing is yet.
type Spoil = fn(&Path);

/// What is wrong with a run directory, where, the exit code, a part of what is said, and how it is made.
const RUN_DIRECTORIES: [(&str, Wrong, i32, &str, Spoil); 21] = [
    ("is not there", Wrong::All, 2, "", |_| ()),
    ("is an empty folder", Wrong::All, 2, "", |dir| fs::create_dir(dir).expect("made")),
    ("is a file", Wrong::All, 2, "", |dir| fs::write(dir, "name = \"x\"\n").expect("written")),
    ("is a folder of something else", Wrong::All, 2, "", |dir| {
        fs::create_dir(dir).expect("made");
        fs::write(dir.join("package.json"), "{\"name\": \"x\"}").expect("written");
    }),
    ("has half a manifest", Wrong::All, 1, "manifest.json", |dir| {
        killed(dir, |text| text.chars().take(text.len() / 2).collect());
    }),
    ("has an empty manifest", Wrong::All, 1, "manifest.json", |dir| killed(dir, |_| String::new())),
    ("has a manifest without its plan", Wrong::All, 1, "plan", |dir| {
        killed(dir, |text| text.replace("\"plan\"", "\"plans\""));
    }),
    ("has a manifest with a number that no run has", Wrong::All, 1, "manifest.json", |dir| {
        killed(dir, |text| text.replacen("\"baseline\": 0", "\"baseline\": 99", 1));
    }),
    ("has a folder for a manifest", Wrong::All, 1, "manifest.json", |dir| {
        killed(dir, str::to_owned);
        fs::remove_file(dir.join("manifest.json")).expect("removed");
        fs::create_dir(dir.join("manifest.json")).expect("made");
    }),
    ("is of a newer version", Wrong::All, 1, "newer hopmark", |dir| {
        killed(dir, |text| text.replacen("\"schema_version\": 1", "\"schema_version\": 2", 1));
    }),
    ("is of a much newer version", Wrong::All, 1, "newer hopmark", |dir| {
        killed(dir, |_| "{\"schema_version\": 9, \"runs\": []}".to_owned());
    }),
    ("has rows and no manifest", Wrong::Measurement, 1, "manifest.json", |dir| {
        copy(&example(), dir);
        fs::remove_file(dir.join("manifest.json")).expect("removed");
    }),
    ("has no rows", Wrong::Measurement, 1, "requests.csv", |dir| {
        copy(&example(), dir);
        fs::remove_file(dir.join("requests.csv")).expect("removed");
    }),
    ("has rows of another table", Wrong::Measurement, 1, "requests.csv", |dir| {
        spoil(dir, "requests.csv", "seq,", "sec,")
    }),
    ("has a row that is none", Wrong::Measurement, 1, "requests.csv", |dir| spoil(dir, "requests.csv", "\n1,", "\nx,")),
    ("has counts that are none", Wrong::Measurement, 1, "counts.csv", |dir| spoil(dir, "counts.csv", "\n", "\nx")),
    ("has histograms that are none", Wrong::Measurement, 1, "histograms.hlog", |dir| {
        copy(&example(), dir);
        let log = dir.join("histograms.hlog");
        let text = fs::read_to_string(&log).expect("read");
        fs::write(&log, text.replace("HIST", "HOST")).expect("written");
    }),
    ("has half a summary", Wrong::Summary, 1, "not JSON", |dir| spoil(dir, "summary.json", "{", "")),
    ("has a summary without its paths", Wrong::Summary, 1, "/paths", |dir| {
        spoil(dir, "summary.json", "\"paths\": {", "\"ways\": {");
    }),
    ("has a summary of a newer version", Wrong::Summary, 1, "newer hopmark", |dir| {
        spoil(dir, "summary.json", "\"schema_version\": 1", "\"schema_version\": 2");
    }),
    ("has half a manifest beside its summary", Wrong::ManifestBesideSummary, 1, "manifest.json", |dir| {
        spoil(dir, "manifest.json", "{", "");
    }),
];

/// Every command line that writes to `OUT`, but for `selftest`, which measures first.
const WRITERS: [&str; 9] = [
    "report good --format html,json --out OUT",
    "compare good other --format html,json,junit --out OUT",
    "trend good --out OUT",
    "trend good --pool --out OUT",
    "run --quiet --out OUT --duration 1s",
    "run --quiet --json --out OUT --duration 1s",
    "init OUT/hopmark.toml",
    "init OUT/hopmark.toml --force",
    "man OUT",
];

/// Every verb that prints, ended by a standard output that takes nothing.
const PRINTERS: [&str; 14] = [
    "report good",
    "compare good other",
    "compare good other --format json",
    "trend good",
    "trend good --json",
    "trend good --pool",
    "trend good --pool --json",
    "run good.toml --dry-run",
    "run good.toml --dry-run --json",
    "init printed.toml",
    "schema summary",
    "completions bash",
    "lint good.toml",
    "lint good.toml --format json",
];

/// A run that was killed, so that its manifest alone says what it was; the manifest is changed.
fn killed(dir: &Path, change: impl Fn(&str) -> String) {
    copy(&example(), dir);
    fs::remove_file(dir.join("summary.json")).expect("removed");
    let manifest = dir.join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("read");
    let changed = change(&text);
    fs::write(&manifest, changed).expect("written");
}

/// A whole run with one file in which the first `was` is another text.
fn spoil(dir: &Path, file: &str, was: &str, is: &str) {
    copy(&example(), dir);
    let file = dir.join(file);
    let text = fs::read_to_string(&file).expect("read");
    assert!(text.contains(was), "{} holds {was}", file.display());
    fs::write(&file, text.replacen(was, is, 1)).expect("written");
}

fn prepare(folder: &Path) {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("bad.toml", "name = \"x\n");
    write("unknown.toml", "name = \"x\"\n\n[load]\nratte = \"5/s\"\n");
    fs::create_dir(folder.join("empty")).expect("made");
}

fn hopmark(folder: &Path, line: &str) -> (Option<i32>, String) {
    hopmark_to(folder, line, Stdio::piped())
}

/// A command whose standard output goes there.
fn hopmark_to(folder: &Path, line: &str, out: Stdio) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopmark"));
    command.args(line.split(' ')).current_dir(folder).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
    // The variables that the profile of `init` names.
    command.env("AZURE_OPENAI_API_KEY", "a-key").env("GATEWAY_KEY", "a-key");
    let output = command.spawn().and_then(std::process::Child::wait_with_output).expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// That a command ends so, with one sentence.
fn assert_ends(folder: &Path, what: &str, line: &str, code: i32, part: &str) {
    let (ended, told) = hopmark(folder, line);
    assert_eq!(ended, Some(code), "{what}: hopmark {line}: {told}");
    assert_eq!(told.matches("error: ").count(), 1, "{what}: hopmark {line}: {told}");
    assert!(told.contains(part), "{what}: hopmark {line}: '{part}' in {told}");
}

/// A folder with a good profile and, where they are wanted, two runs that can be read.
fn folder_with_runs(runs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    prepare(folder.path());
    assert_eq!(hopmark(folder.path(), "init good.toml").0, Some(0));
    let profile = folder.path().join("good.toml");
    let text = fs::read_to_string(&profile).expect("read");
    fs::write(&profile, text.replace("YOUR-", "my-")).expect("written");
    for name in runs {
        copy(&example(), &folder.path().join(name));
    }
    if let Some(other) = runs.get(1) {
        // A run is not compared with itself.
        let manifest = folder.path().join(other).join("manifest.json");
        let text = fs::read_to_string(&manifest).expect("read");
        let id = text.find("\"id\": \"").expect("an id") + 7;
        fs::write(&manifest, format!("{}another-{}", &text[..id], &text[id..])).expect("written");
    }
    folder
}

#[test]
fn the_same_mistake_has_the_same_exit_code_in_every_verb() {
    let folder = folder_with_runs(&[]);
    for (mistake, code, lines) in MISTAKES {
        for line in lines {
            assert_ends(folder.path(), mistake, line, code, "");
        }
    }
    assert!(!folder.path().join("results").exists());
}

#[test]
fn a_run_directory_that_cannot_be_read_has_the_same_exit_code_in_every_verb() {
    let folder = folder_with_runs(&["good"]);
    for (place, (what, wrong, code, part, make)) in RUN_DIRECTORIES.into_iter().enumerate() {
        let name = format!("run-{place}");
        make(&folder.path().join(&name));
        for (line, _) in READERS.into_iter().filter(|(_, reads)| wrong.is_read_by(*reads)) {
            assert_ends(folder.path(), &format!("a run that {what}"), &line.replace("RUN", &name), code, part);
        }
        for made in ["out", "new.toml", "results"] {
            assert!(!folder.path().join(made).exists(), "a run that {what}: {made}");
        }
    }
}

#[test]
fn what_a_verb_does_not_read_cannot_be_wrong_for_it() {
    let folder = folder_with_runs(&["good"]);
    // The others read everything, or nothing but what they read here.
    let trends = || READERS.into_iter().filter(|(line, _)| line.starts_with("trend"));
    let harmless = RUN_DIRECTORIES.into_iter().filter(|(_, wrong, ..)| !matches!(wrong, Wrong::All)).enumerate();
    for (place, (what, wrong, _, _, make)) in harmless {
        let name = format!("run-{place}");
        make(&folder.path().join(&name));
        let dir = folder.path().join(&name);
        // Runs without a manifest cannot be pooled, which is another mistake.
        let whole = |reads| reads == Reads::Summary || dir.join("manifest.json").is_file();
        for (line, _) in trends().filter(|(_, reads)| !wrong.is_read_by(*reads) && whole(*reads)) {
            let (ended, told) = hopmark(folder.path(), &line.replace("RUN", &name));
            assert!(ended == Some(0) && !told.contains("error: "), "a run that {what}: hopmark {line}: {told}");
        }
    }
}

#[test]
fn a_place_that_cannot_be_written_has_the_same_exit_code_in_every_verb() {
    let folder = folder_with_runs(&["good", "other"]);
    // Below a file, and where nobody may make a folder, whoever that is.
    for out in ["bad.toml/x", "/proc/hopmark"] {
        for line in WRITERS {
            assert_ends(folder.path(), "a place that cannot be written", &line.replace("OUT", out), 1, "");
        }
    }
    assert!(!folder.path().join("results").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_refuses_has_the_same_exit_code_in_every_verb() {
    let folder = folder_with_runs(&["good", "other"]);
    for line in PRINTERS {
        let full = File::options().write(true).open("/dev/full").expect("a device");
        let (ended, told) = hopmark_to(folder.path(), line, full.into());
        assert_eq!(ended, Some(1), "hopmark {line}: {told}");
        assert!(told.matches("error: ").count() == 1 && told.contains("standard output"), "hopmark {line}: {told}");
    }
}
