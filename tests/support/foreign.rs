//! Run directories that come from anybody, and what the verbs that read them say.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use hopmark::cli::Verb;
use hopmark::command::{compare, report, trend};
use hopmark::store::file;

/// The parts of a run that are read.
pub(crate) const PARTS: [&str; 5] = [file::MANIFEST, file::REQUESTS, file::COUNTS, file::HEALTH, file::HISTOGRAMS];

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn example() -> PathBuf {
    root().join("results/example")
}

/// A copy of a run, with what else it must have for a history.
pub(crate) fn copy_of(run: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("folder");
    for part in PARTS.into_iter().chain([file::SUMMARY]).filter(|part| run.join(part).exists()) {
        fs::copy(run.join(part), dir.path().join(part)).expect("copied");
    }
    dir
}

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// Carries out a verb in this process; an error as it is told.
pub(crate) fn hopmark(words: &[&str]) -> Result<(), String> {
    let done = match Cli::try_parse_from([&["hopmark"], words].concat()).map_err(|error| error.to_string())?.verb {
        Verb::Report(args) => report::report(&args),
        Verb::Compare(args) => compare::compare(&args),
        Verb::Trend(args) => trend::trend(&args),
        _ => unreachable!("no test asks for it"),
    };
    done.map(drop).map_err(|failure| format!("{:#}", failure.error()))
}

/// A run that the example may be compared with, and that with the example.
pub(crate) fn other() -> PathBuf {
    root().join("tests/stored_runs/37-columns")
}

/// What each verb that reads run directories says of one, beside an honest one.
pub(crate) fn told(dir: &Path, honest: &Path) -> [Result<(), String>; 2] {
    let out = tempfile::tempdir().expect("folder");
    let [dir, honest, out] = [dir, honest, out.path()].map(|path| path.display().to_string());
    [
        hopmark(&["report", &dir, "--format", "json,md", "--out", &out]),
        hopmark(&["compare", &honest, &dir, "--format", "json", "--out", &out]),
    ]
}
