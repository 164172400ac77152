//! The same mistake has the same exit code in every verb, and one sentence: 2 for what was given, 1 for what the world did.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is wrong, its exit code, and the command lines that have it.
const MISTAKES: [(&str, i32, &[&str]); 12] = [
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
    (
        "a run directory that is not there",
        2,
        &["report no", "compare no no2", "trend no", "run good.toml --dry-run --size-from no"],
    ),
    (
        "an empty folder",
        2,
        &["report empty", "compare empty no", "trend empty", "run good.toml --dry-run --size-from empty"],
    ),
    ("a file in place of a run directory", 2, &["report bad.toml", "compare bad.toml no", "trend bad.toml"]),
    ("a run directory that is damaged", 1, &["report damaged", "compare damaged no"]),
    ("a place that cannot be written", 1, &["init bad.toml/x.toml", "run --out bad.toml/x --duration 1s"]),
];

fn prepare(folder: &Path) {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("bad.toml", "name = \"x\n");
    write("unknown.toml", "name = \"x\"\n\n[load]\nratte = \"5/s\"\n");
    fs::create_dir(folder.join("empty")).expect("made");
    fs::create_dir(folder.join("damaged")).expect("made");
    write("damaged/manifest.json", "{");
}

fn hopmark(folder: &Path, line: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopmark"));
    command.args(line.split(' ')).current_dir(folder).stdin(Stdio::null());
    // The variables that the profile of `init` names.
    command.env("AZURE_OPENAI_API_KEY", "a-key").env("GATEWAY_KEY", "a-key");
    let output = command.output().expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_same_mistake_has_the_same_exit_code_in_every_verb() {
    let folder = tempfile::tempdir().expect("folder");
    prepare(folder.path());
    assert_eq!(hopmark(folder.path(), "init good.toml").0, Some(0));
    for (mistake, code, lines) in MISTAKES {
        for line in lines {
            let (ended, told) = hopmark(folder.path(), line);
            assert_eq!(ended, Some(code), "{mistake}: hopmark {line}: {told}");
            assert_eq!(told.matches("error: ").count(), 1, "{mistake}: hopmark {line}: {told}");
        }
    }
    assert!(!folder.path().join("results").exists());
}
