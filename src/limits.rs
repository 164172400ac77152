//! How much is read of what comes from outside: servers, files and run directories. Each kind has its limit here and
//! nowhere else; `docs/limits.md` is made of this table, and `tests/limits.rs` goes beyond each of them.

use std::{fmt, io};

/// A limit on what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Limit {
    /// One line of a stream of events.
    SseLine,
    /// The data of one event.
    SseEvent,
    /// Text in a stream that stands in no field.
    SseStray,
    /// All such text of one stream that is looked at.
    SseStrays,
    /// Events of one stream.
    Events,
    /// The body of an answer, whatever its form.
    Answer,
    /// Pieces in which the body of an answer comes.
    Pieces,
    /// A body that is one answer.
    WholeBody,
    /// The body of a refusal.
    Refusal,
    /// JSON that may be an error.
    ErrorJson,
    /// Texts in a body that is searched for an error.
    ErrorTexts,
    /// Nesting of JSON.
    JsonDepth,
    /// The head of an answer.
    HeadBytes,
    /// Lines of the head of an answer.
    HeadLines,
    /// The heads of status 1xx before an answer.
    InterimHeads,
    /// What comes over the network around the body of one answer.
    Framing,
    /// Reads from the network for one call.
    Reads,
    /// What the bundled simulator says of itself.
    OwnAnswer,
    /// The answer of a token endpoint, or what a program prints that gives tokens.
    TokenAnswer,
    /// A text of a header that is kept.
    HeaderText,
    /// The beginning of what a failed call said.
    ErrorBody,
    /// Messages of failed calls, each of a class of its own.
    Messages,
    /// The message of a failed call.
    ErrorText,
    /// What a probe found at another place.
    OutsideFile,
    /// A manifest or a summary of a run.
    RunDocument,
    /// A line of a file of a run.
    RunLine,
    /// Rows of a run.
    RunRows,
    /// Paths of a run.
    RunPaths,
    /// The name of a path of a run.
    RunText,
    /// A histogram of a run.
    RunHistogram,
    /// Files and folders of a history of runs.
    HistoryFiles,
    /// A file of a few lines.
    SmallFile,
    /// A file of data.
    DataFile,
    /// Rows of a file of data.
    DataRows,
    /// A row of JSON in a file of data.
    JsonRow,
    /// Values in a row of JSON.
    JsonValues,
    /// A line of a table.
    TableLine,
    /// Columns of a table.
    TableColumns,
    /// Tokens of a prompt or an answer.
    Tokens,
    /// A text of a profile.
    ProfileText,
    /// A list of a profile.
    ProfileList,
    /// Parts of a key.
    KeyParts,
    /// Calls that an open load plans.
    PlannedCalls,
    /// What a message shows of what is wrong.
    ShownText,
    /// A text in a form of a report.
    FormText,
    /// Nesting of a connection file.
    ConnectionDepth,
    /// Connections of one file.
    Connections,
    /// Findings of one file.
    Findings,
    /// The body of an answer of discovery.
    DiscoveryAnswer,
    /// Models of one connection that are asked for by name.
    DiscoveryModels,
    /// The body of an answer to a check of what a path can do.
    CheckedAnswer,
}

/// What is said of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The most that is read.
    pub most: usize,
    /// What that is counted in: `bytes`, `lines`.
    pub unit: &'static str,
    /// What it bounds.
    pub of: &'static str,
    /// What happens beyond it.
    pub beyond: &'static str,
}

impl fmt::Display for Row {
    /// The figure with its unit: `8 MiB`, `512 lines`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            bytes if self.unit == BYTES && bytes.is_multiple_of(MIB) => write!(f, "{} MiB", bytes / MIB),
            bytes if self.unit == BYTES && bytes.is_multiple_of(KIB) => write!(f, "{} KiB", bytes / KIB),
            most => write!(f, "{most} {}", self.unit),
        }
    }
}

const BYTES: &str = "bytes";
const REFUSED: &str = "it is refused";
const TOO_LARGE: &str = "the call ends at once and fails with `too_large`";

/// More came than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: more than the limit of {}", .0.row().of, .0.row())]
pub struct Beyond(pub Limit);

impl From<Beyond> for io::Error {
    fn from(beyond: Beyond) -> Self {
        Self::other(beyond)
    }
}

impl Beyond {
    /// What was behind an error of reading, if it was this.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref()).copied()
    }
}

/// What becomes of a run directory that goes beyond a limit.
const RUN_REFUSED: &str = "the run is refused, with file and line";

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

impl Limit {
    /// The figure: the most that is read, in the limit's unit.
    #[must_use]
    pub const fn most(self) -> usize {
        self.row().most
    }

    /// Whether so much is still within it.
    ///
    /// # Errors
    /// [`Beyond`] when it is not.
    pub const fn allow(self, amount: usize) -> Result<(), Beyond> {
        if amount > self.most() { Err(Beyond(self)) } else { Ok(()) }
    }

    /// Holds an amount to the limit.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn check(self, amount: usize) -> Result<(), String> {
        let row = self.row();
        if amount > row.most { Err(format!("there are more than {row} in {}", row.of)) } else { Ok(()) }
    }

    /// The beginning of a text of characters on one line, as much as is shown.
    pub(crate) fn cut(self, text: &str) -> String {
        let end = text.char_indices().nth(self.most()).map(|(end, _)| end);
        let shown = text[..end.unwrap_or(text.len())].replace(char::is_control, " ");
        if end.is_some() { shown + "..." } else { shown }
    }

    /// All that is said of it.
    #[must_use]
    pub const fn row(self) -> Row {
        match self {
            Self::SseLine => row(8 * MIB, BYTES, "a line of a stream", TOO_LARGE),
            Self::SseEvent => row(8 * MIB, BYTES, "the data of one event", TOO_LARGE),
            Self::SseStray => row(64 * KIB, BYTES, "text in a stream outside any field", "it is ignored"),
            Self::SseStrays => row(MIB, BYTES, "all such text of one stream", "it is ignored"),
            Self::Events => row(4 * MIB, "events", "events of one stream", TOO_LARGE),
            Self::Answer => row(128 * MIB, BYTES, "the body of an answer", TOO_LARGE),
            Self::Pieces => row(MIB / 4, "pieces", "pieces of the body of an answer", TOO_LARGE),
            Self::WholeBody => row(16 * MIB, BYTES, "a body that is one answer, not a stream", TOO_LARGE),
            Self::Refusal => row(MIB, BYTES, "the body of a refusal, or of a web page", "the rest is not read"),
            Self::ErrorJson => row(64 * KIB, BYTES, "JSON that is searched for an error", "it is treated as text"),
            Self::ErrorTexts => row(1_000, "texts", "texts of a body searched for an error", "the rest is ignored"),
            Self::JsonDepth => row(128, "levels", "nesting of JSON in an answer", "the call fails with `bad_body`"),
            Self::HeadBytes => row(408 * KIB, BYTES, "the head of an answer", TOO_LARGE),
            Self::HeadLines => row(512, "lines", "header lines of an answer", TOO_LARGE),
            Self::InterimHeads => row(64 * KIB, BYTES, "heads of status 1xx before an answer", TOO_LARGE),
            Self::Framing => row(16 * MIB, BYTES, "HTTP and TLS around the body of an answer", TOO_LARGE),
            Self::Reads => row(MIB / 2, "reads", "reads from the network for one call", TOO_LARGE),
            Self::OwnAnswer => {
                row(128 * MIB, BYTES, "what the bundled simulator reports about itself", "it is not used")
            }
            Self::TokenAnswer => row(64 * KIB, BYTES, "the output of a token endpoint or a token program", REFUSED),
            Self::HeaderText => row(256, BYTES, "an identifier or a region from a header", "it is cut"),
            Self::ErrorBody => row(4 * KIB, BYTES, "the body of a refusal, or an error in a stream", "it is cut"),
            Self::Messages => {
                row(256, "classes", "error classes with a message, per worker", "others are only counted")
            }
            Self::ErrorText => row(300, "characters", "the message of a failed call", "it is cut, and ends in `...`"),
            Self::OutsideFile => row(2 * MIB, BYTES, "a file of `probe --outside`", REFUSED),
            Self::RunDocument => row(2 * MIB, BYTES, "`manifest.json` or `summary.json` of a run", RUN_REFUSED),
            Self::RunLine => row(MIB, BYTES, "a line of a file of a run", RUN_REFUSED),
            Self::RunRows => row(4_000_000, "rows", "rows of `requests.csv`", RUN_REFUSED),
            Self::RunPaths => row(256, "paths", "paths of a run", RUN_REFUSED),
            Self::RunText => row(256, BYTES, "the name of a path of a run", RUN_REFUSED),
            Self::RunHistogram => row(512 * KIB, BYTES, "a histogram of `histograms.hlog`, unpacked", RUN_REFUSED),
            Self::HistoryFiles => row(20_000, "files", "files and folders of a history", "the folder is refused"),
            Self::SmallFile => row(256 * KIB, BYTES, "a profile, a rules file, a secret file", REFUSED),
            Self::DataFile => row(1024 * MIB, BYTES, "a data file", REFUSED),
            Self::DataRows => row(2_000_000, "rows", "a data file", REFUSED),
            Self::JsonRow => row(16 * MIB, BYTES, "a row of JSON in a data file", REFUSED),
            Self::JsonValues => row(250_000, "values", "a row of JSON in a data file", REFUSED),
            Self::TableLine => row(4 * MIB, BYTES, "a line of a table in a data file", REFUSED),
            Self::TableColumns => row(1_000, "columns", "a table in a data file", REFUSED),
            Self::Tokens => row(2_000_000, "tokens", "a prompt or an answer", "refused; a drawn value is cut to it"),
            Self::ProfileText => row(1_024, "characters", "a text of a profile", REFUSED),
            Self::ProfileList => row(256, "entries", "a list of a profile", REFUSED),
            Self::KeyParts => row(16, "parts", "the key of a flag", REFUSED),
            Self::PlannedCalls => row(100_000_000, "calls", "the calls that an open load plans", REFUSED),
            Self::ShownText => row(200, "characters", "what a message shows of a file", "it is cut, and ends in `...`"),
            Self::FormText => row(4_000, "characters", "a text in a report", "it is cut, and ends in `…`"),
            Self::ConnectionDepth => row(60, "levels", "nesting of a connection file", REFUSED),
            Self::Connections => row(256, "connections", "connections of one file", REFUSED),
            Self::Findings => row(1_000, "findings", "findings of one file", "the rest is only counted"),
            Self::DiscoveryAnswer => row(4 * MIB, BYTES, "an answer to `lint --run`", "it counts as no answer"),
            Self::DiscoveryModels => row(32, "models", "models that `lint --run` asks for", "others are not asked"),
            Self::CheckedAnswer => row(4 * MIB, BYTES, "an answer to a capability check", "it counts as no answer"),
        }
    }
}

const fn row(most: usize, unit: &'static str, of: &'static str, beyond: &'static str) -> Row {
    Row { most, unit, of, beyond }
}

#[cfg(test)]
mod tests {
    use mock_backend::bounds::BOUNDS;
    use strum::VariantArray;

    use super::*;
    use crate::report::fixture::published;

    const HEAD: &str = "# Limits\n\nHow much hopmark reads from outside, and what happens beyond each limit. This file is \
                        made of the tables in `src/limits.rs` and `mock-backend/src/units/bounds.rs`; `HOPMARK_BLESS=1 cargo test --lib report` writes it again.\n";

    #[test]
    fn the_file_reports_every_limit() {
        let line = |limit: Limit| {
            let row = limit.row();
            format!("| {} | {} | {} |\n", row.of, row, row.beyond)
        };
        let rows: String = Limit::VARIANTS.iter().copied().map(line).collect();
        let bounds: String =
            BOUNDS.iter().map(|(_, row)| format!("| {} | {} | {} |\n", row.of, row, row.beyond)).collect();
        let table = "| what | at most | beyond it |\n|---|---|---|\n";
        let text = format!("{HEAD}\n## The driver\n\n{table}{rows}\n## The simulator\n\n{table}{bounds}");
        assert_eq!(published("docs/limits.md", text.as_bytes()), text, "HOPMARK_BLESS=1 writes it again");
    }
}
