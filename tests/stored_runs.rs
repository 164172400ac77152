//! Run directories that earlier versions left are read, and what is read is written again byte for byte.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hopmark::run::Run;
use hopmark::store::counts::IntervalCounts;
use hopmark::store::{self, HealthWriter, RowWriter, file};
use process::hopmark;
use serde_json::Value;

/// Runs of earlier versions: see `tests/stored_runs/README.md`.
const EARLIER: [&str; 2] = ["36-columns", "37-columns"];

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored_runs").join(name)
}

fn example() -> (PathBuf, Run) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/example");
    let run = store::load(&dir).expect("the example run");
    (dir, run)
}

/// `written` without the last columns, which a file of an earlier version does not have; for files without quotes.
fn as_wide_as(stored: &str, written: &str) -> String {
    let width = |text: &str| text.lines().next().expect("a head line").split(',').count();
    let more = width(written) - width(stored);
    written.lines().map(|line| format!("{}\n", line.rsplitn(more + 1, ',').last().expect("columns"))).collect()
}

fn rows_of(run: &Run) -> String {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join(file::REQUESTS);
    let mut rows = RowWriter::create(&path, &run.manifest.plan, run.manifest.origin).expect("a file");
    run.samples.iter().for_each(|sample| rows.append(sample).expect("a row"));
    rows.finish().expect("rows");
    fs::read_to_string(path).expect("text")
}

fn health_of(run: &Run) -> String {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join(file::HEALTH);
    let mut health = HealthWriter::create(&path).expect("a file");
    run.health.iter().for_each(|second| health.append(second).expect("a row"));
    fs::read_to_string(path).expect("text")
}

#[test]
fn the_rows_of_a_stored_run_are_written_again_byte_for_byte() {
    let (example, _) = example();
    for (dir, rows) in [(example, 2_487), (stored("36-columns"), 150), (stored("37-columns"), 150)] {
        let run = store::load(&dir).expect("a run");
        let text = fs::read_to_string(dir.join(file::REQUESTS)).expect("text");
        assert_eq!(run.samples.len(), rows, "{}", dir.display());
        assert!(as_wide_as(&text, &rows_of(&run)) == text, "{}", dir.display());
    }
}

#[test]
fn the_health_of_a_stored_run_is_written_again_byte_for_byte() {
    let (example, _) = example();
    for dir in [example, stored("37-columns")] {
        let text = fs::read_to_string(dir.join(file::HEALTH)).expect("text");
        assert_eq!(as_wide_as(&text, &health_of(&store::load(&dir).expect("a run"))), text);
    }
}

#[test]
fn the_counts_of_a_stored_run_are_written_again_byte_for_byte() {
    let (dir, run) = example();
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(file::COUNTS);
    let mut counts = IntervalCounts::new(&path, &run.manifest.plan, run.manifest.origin);
    run.samples.iter().for_each(|sample| counts.count(sample));
    counts.write(true).expect("written");
    let stored = fs::read_to_string(dir.join(file::COUNTS)).expect("text");
    assert_eq!(as_wide_as(&stored, &fs::read_to_string(&path).expect("text")), stored);
    let [read, again] = [&path, &dir.join(file::COUNTS)].map(|path| store::counts::read(path, &run.manifest.plan));
    let read = read.expect("counts");
    assert!(read.len() + 1 == stored.lines().count() && read == again.expect("counts"));
}

#[test]
fn what_an_earlier_version_did_not_write_was_not_seen() {
    for name in EARLIER {
        let run = store::load(&stored(name)).expect(name);
        let all = |is: fn(&hopmark::measure::sample::Sample) -> bool| run.samples.iter().all(is);
        assert!(all(|sample| sample.gateway_ms.is_none() && sample.upstream_ms.is_none()), "{name}");
        assert!(all(|sample| sample.stamps.dequeued.is_some() && sample.conn.is_some()), "{name}");
        assert_eq!(all(|sample| sample.stamps.begun.is_none()), name == "36-columns", "{name}");
        assert_eq!(run.health.is_empty(), name == "36-columns", "{name}");
        let last = &run.samples[149];
        assert_eq!((last.seq.0, last.round, run.manifest.plan.path(last.path).name.as_str()), (145, 43, "direct"));
        assert_eq!(last.stamps.intended.since(run.manifest.origin), Duration::from_nanos(4_666_406_494));
    }
}

#[test]
fn a_run_of_an_earlier_version_gives_the_figures_that_it_gave() {
    for name in EARLIER {
        let out = tempfile::tempdir().expect("folder");
        let (dir, to) = (stored(name), out.path().to_str().expect("a path"));
        let report = hopmark(&["report", dir.to_str().expect("a path"), "--format", "json", "--out", to]).output();
        report.expect("it runs");
        let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).expect(name)).expect("JSON") };
        let summary = read(&out.path().join(file::SUMMARY));
        let figures = read(&stored(&format!("{name}.json")));
        assert_same(&figures, &summary["paths"], name);
    }
}

/// Everything that `figures` holds is the same in `summary`, which may hold more.
fn assert_same(figures: &Value, summary: &Value, place: &str) {
    match figures {
        Value::Object(figures) => {
            assert!(!figures.is_empty(), "{place}");
            figures.iter().for_each(|(key, value)| assert_same(value, &summary[key], &format!("{place}/{key}")));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            assert_eq!(figures, summary, "{place}");
        }
    }
}
