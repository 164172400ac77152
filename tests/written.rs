//! Every verb that writes files says where: at the end of its text, or on standard error where standard output holds a
//! document.

#[path = "support/example.rs"]
mod example;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use example::{copy, example};

/// A command line that writes to `out`, its exit codes, and whether standard output is a document for programs.
type Writer = (&'static str, &'static [i32], Option<Document>);

/// What a program reads from standard output.
#[derive(Clone, Copy, Debug)]
enum Document {
    Json,
    Nothing,
}

const WRITERS: [Writer; 14] = [
    ("report good --out out --format terminal,html,svg", &[0], None),
    ("report good --out out --format html,svg,csv,json,junit,md,hlog,prometheus", &[0], Some(Document::Nothing)),
    ("compare good other --out out --format terminal,html,json", &[0, 3, 4], None),
    ("compare good other --out out --format html,json,md,junit", &[0, 3, 4], Some(Document::Nothing)),
    ("trend good --out out", &[0], None),
    ("trend good --out out --json", &[0], Some(Document::Json)),
    ("trend good --pool --out out", &[0], None),
    ("trend good --pool --out out --json", &[0], Some(Document::Json)),
    ("init out/hopmark.toml", &[0], None),
    ("man out", &[0], Some(Document::Nothing)),
    // A machine that is busy makes a run invalid, and a selftest miss its bars.
    ("run --out out --duration 1s --warmup 0s", &[0, 3, 4], None),
    ("run --out out --duration 1s --warmup 0s --json --quiet", &[0, 3, 4], Some(Document::Json)),
    ("selftest --streams 5 --out out/selftest.json", &[0, 3], None),
    ("selftest --streams 5 --out out/selftest.json --json --quiet", &[0, 3], Some(Document::Json)),
];

/// Two runs in a folder, and a place to write to.
fn folder_with_runs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    ["good", "other"].iter().for_each(|name| copy(&example(), &folder.path().join(name)));
    let manifest = folder.path().join("other/manifest.json");
    let text = fs::read_to_string(&manifest).expect("read");
    fs::write(&manifest, text.replacen("\"id\": \"", "\"id\": \"another-", 1)).expect("written");
    fs::create_dir(folder.path().join("out")).expect("made");
    folder
}

fn hopmark(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopmark"));
    command.args(line.split(' ')).current_dir(folder).stdin(Stdio::null());
    command.env("XDG_STATE_HOME", folder.join("state")).output().expect("it runs")
}

/// The files below a folder, by their names from where the command was called.
fn files(dir: &Path, from: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(dir).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(files(&path, from));
        } else {
            all.insert(path.strip_prefix(from).expect("below").to_owned());
        }
    }
    all
}

#[test]
fn every_verb_that_writes_files_says_where() {
    for (line, codes, document) in WRITERS {
        let folder = folder_with_runs();
        let output = hopmark(folder.path(), line);
        let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "hopmark {line}: {out}{told}");
        let said = match document {
            None => &out,
            Some(Document::Json) => {
                let read = serde_json::from_str::<serde_json::Value>(&out);
                assert!(read.is_ok_and(|json| json.is_object()), "hopmark {line}: {out}");
                &told
            }
            Some(Document::Nothing) => {
                assert!(out.is_empty(), "hopmark {line}: {out}");
                &told
            }
        };
        let words: Vec<&str> = said.split_whitespace().map(|word| word.trim_end_matches([':', ';', ','])).collect();
        let written = files(&folder.path().join("out"), folder.path());
        assert!(!written.is_empty(), "hopmark {line} wrote nothing");
        // A run says where its folder is, or the report in it; `man` names the folder.
        let whole: &[&str] =
            if line.starts_with("run") || line.starts_with("man") { &["out", "out/", "out/report.html"] } else { &[] };
        for file in written {
            // By its own name, or by that of its folder below the one that was given.
            let below = file.parent().filter(|folder| *folder != Path::new("out")).map(|folder| folder.join(""));
            let names = [Some(file.clone()), below].into_iter().flatten();
            assert!(
                names.map(|name| name.display().to_string()).any(|name| words.contains(&name.as_str()))
                    || whole.iter().any(|name| words.contains(name)),
                "hopmark {line} does not say that it wrote {}: {said}",
                file.display()
            );
        }
    }
}

#[test]
fn a_report_that_has_nothing_to_write_says_so() {
    let folder = folder_with_runs();
    let manifest = folder.path().join("good/manifest.json");
    let text = fs::read_to_string(&manifest).expect("read");
    let mut run: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    run["plan"]["objectives"] = serde_json::json!([]);
    fs::write(&manifest, run.to_string()).expect("written");
    let output = hopmark(folder.path(), "report good --out out --format junit");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(0) && output.stdout.is_empty(), "{told}");
    assert!(told.contains("nothing was written") && told.contains("objectives"), "{told}");
}
