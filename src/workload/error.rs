//! What can be wrong with a workload; every message says where and what was expected.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits::Limit;

/// A workload that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The file cannot be read.
    #[error("cannot read the workload file {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The name begins with `builtin:` and is none of the built-in files.
    #[error("there is no built-in workload file '{name}'; the built-in ones are: {known}")]
    UnknownBuiltin {
        /// The name.
        name: String,
        /// The names that exist.
        known: &'static str,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: {found}; expected {expected}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// The file has no rows.
    #[error("{} holds no requests; expected {expected}", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
        /// What should stand there.
        expected: &'static str,
    },
    /// Nothing tells what the times of a trace are counted in.
    #[error(
        "{}: it is not clear whether '{name}' is in seconds or milliseconds ({rows} rows from {first} to {last}); set workload.time_unit to \"s\", \"ms\", \"us\" or \"ns\"",
        file.display()
    )]
    TimeUnit {
        /// The file.
        file: PathBuf,
        /// The column or key.
        name: String,
        /// The first time.
        first: f64,
        /// The last time.
        last: f64,
        /// How many there are.
        rows: usize,
    },
    /// A request of a file has to limit its answer and does not.
    #[error(
        "{}: request {row} does not limit its answer, which the messages API requires; set workload.output_tokens, or \"max_tokens\" in the file",
        file.display()
    )]
    NoLimit {
        /// The file.
        file: PathBuf,
        /// Which request that asks something, from 1.
        row: u64,
    },
    /// What was wrong when the file was read.
    #[error(transparent)]
    Shared(#[from] Arc<Self>),
    /// A word list and the tokenizer disagree, so that prompts would not have the length asked for.
    #[error(
        "the tokenizer counts {counted} tokens where {wanted} were built; this build of hopmark cannot make exact prompts"
    )]
    Tokens {
        /// What the tokenizer says.
        counted: usize,
        /// What the pieces add up to.
        wanted: usize,
    },
    /// The thread that counts tokens ended early.
    #[error("the tokenizer failed while prompts were prepared")]
    Tokenizer,
}

impl WorkloadError {
    /// A line of a file that is not what it should be.
    #[must_use]
    pub fn line(file: &Path, line: u64, found: impl Into<String>, expected: &'static str) -> Self {
        Self::Line { file: file.to_owned(), line, found: Limit::ShownText.cut(&found.into()), expected }
    }
}
