//! How much the simulator takes, keeps and does: for one request, and in all. Each kind has its figure here and nowhere
//! else; `docs/limits.md` shows this table, and `tests/bounds.rs` goes beyond what a caller can go beyond.

use std::fmt;

/// A bound on what the simulator takes, keeps or does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The head of a request.
    Head,
    /// Header lines of a request over HTTP/1.1.
    Headers,
    /// The body of a request.
    Body,
    /// A larger body whose sender is heard out.
    HeardOut,
    /// All bodies that are on their way in.
    Bodies,
    /// JSON values in a body.
    Values,
    /// Nesting of JSON in what is read of a body.
    Nesting,
    /// What a response repeats of its request.
    Repeated,
    /// The id that a caller gives its request.
    Identifier,
    /// Text of a prompt that is counted token by token.
    CountedText,
    /// A pattern of a schema.
    Pattern,
    /// Text that is held against a schema's pattern.
    MatchedText,
    /// Processor time of one request.
    Processor,
    /// One answer, as it is sent.
    Answer,
    /// A change of the scenario.
    Change,
    /// A file that a scenario names.
    File,
    /// Streams of HTTP/2 on one connection.
    Streams,
    /// Bytes on their way over a link, each direction of a connection.
    OnTheWay,
    /// Records of the ledger.
    Ledger,
    /// Kinds of outcomes that are counted for `/_sim/metrics`, each thread.
    Outcomes,
    /// Responses, or stored chat completions, that a backend remembers.
    Stored,
    /// Beginnings of prompts that a backend remembers.
    Prefixes,
    /// Answers that a gateway keeps for the same question.
    Cache,
    /// One answer that a gateway keeps for the same question, with that question.
    Cached,
    /// An answer that a gateway holds back until it is whole.
    HeldBack,
    /// What a gateway records of one exchange.
    Recording,
}

/// What is said of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The most there is.
    pub most: usize,
    /// What that is counted in: `bytes`, `values`.
    pub unit: &'static str,
    /// What it bounds.
    pub of: &'static str,
    /// What happens beyond it.
    pub beyond: &'static str,
}

impl fmt::Display for Row {
    /// The figure with its unit: `16 MiB`, `1024 streams`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            bytes if self.unit == BYTES && bytes.is_multiple_of(MIB) => write!(f, "{} MiB", bytes / MIB),
            bytes if self.unit == BYTES && bytes.is_multiple_of(KIB) => write!(f, "{} KiB", bytes / KIB),
            most => write!(f, "{most} {}", self.unit),
        }
    }
}

const BYTES: &str = "bytes";
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

const fn row(most: usize, unit: &'static str, of: &'static str, beyond: &'static str) -> Row {
    Row { most, unit, of, beyond }
}

/// Every bound with what is said of it, in the order in which they are declared.
pub const BOUNDS: [(Bound, Row); 26] = [
    (Bound::Head, row(64 * KIB, BYTES, "the head of a request", "the request is refused with 431")),
    (Bound::Headers, row(100, "lines", "header lines of a request over HTTP/1.1", "the request is refused with 431")),
    (Bound::Body, row(16 * MIB, BYTES, "the body of a request", "the request is refused with 413")),
    (Bound::HeardOut, row(80 * MIB, BYTES, "a larger body that is read to its end", "the connection ends")),
    (
        Bound::Bodies,
        row(256 * MIB, BYTES, "all bodies that are being received, together", "the request is refused with 503"),
    ),
    (
        Bound::Values,
        row(200_000, "values", "JSON values in a body; an object counts as eight", "the request is refused with 400"),
    ),
    (Bound::Nesting, row(128, "levels", "nesting of JSON in a body", "the request is refused with 400")),
    (
        Bound::Repeated,
        row(4 * MIB, BYTES, "what a response repeats: everything except the input", "the request is refused with 400"),
    ),
    (Bound::Identifier, row(256, BYTES, "the id that a caller gives its request", "it is cut")),
    (
        Bound::CountedText,
        row(MIB, BYTES, "text of a request that is counted token by token", "the rest is counted at the same rate"),
    ),
    (Bound::Pattern, row(4 * KIB, BYTES, "a pattern of a schema", "it is ignored")),
    (Bound::MatchedText, row(16 * KIB, BYTES, "text that is compared with a schema's pattern", "it counts as a match")),
    (
        Bound::Processor,
        row(1_000, "ms", "processor time for an answer under a schema", "the answer is an empty object"),
    ),
    (Bound::Answer, row(40 * MIB, BYTES, "one answer", "the request is refused with 400")),
    (Bound::Change, row(256 * KIB, BYTES, "a change of the scenario", "it is refused with 413")),
    (Bound::File, row(64 * MIB, BYTES, "a file named in a scenario", "the scenario is refused")),
    (Bound::Streams, row(1024, "streams", "streams on one connection of HTTP/2", "they wait")),
    (Bound::OnTheWay, row(16 * MIB, BYTES, "bytes on a link with a distance, each direction", "the sender waits")),
    (
        Bound::Ledger,
        row(512, BYTES, "the ledger, per request (`ledger` sets their number)", "the oldest records are dropped"),
    ),
    (Bound::Outcomes, row(4096, "rows", "kinds of outcomes in `/_sim/metrics`", "others are counted under status 0")),
    (
        Bound::Stored,
        row(64 * MIB, BYTES, "stored responses, chats, conversations of a backend", "the oldest are dropped"),
    ),
    (Bound::Prefixes, row(16 * MIB, BYTES, "cached beginnings of prompts of a backend", "all of them are dropped")),
    (Bound::Cache, row(64 * MIB, BYTES, "answers that a gateway keeps", "no more are kept until some expire")),
    (Bound::Cached, row(4 * MIB, BYTES, "one kept answer with its question", "it is not kept")),
    (Bound::HeldBack, row(32 * MIB, BYTES, "an answer that a gateway buffers completely", "the call fails with 502")),
    (Bound::Recording, row(8 * MIB, BYTES, "what a gateway records of one answer", "the rest is left out")),
];

impl Bound {
    /// The figure: the most there is, in the bound's unit.
    #[must_use]
    pub const fn most(self) -> usize {
        self.row().most
    }

    /// All that is said of it.
    #[must_use]
    pub const fn row(self) -> &'static Row {
        &BOUNDS[self as usize].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_says_what_it_bounds_and_what_happens_beyond_it() {
        for (place, (bound, row)) in BOUNDS.iter().enumerate() {
            assert!(*bound as usize == place && row.most > 0, "{bound:?}");
            assert!(!row.of.is_empty() && !row.beyond.is_empty(), "{bound:?}");
        }
        assert_eq!(Bound::Body.row().to_string(), "16 MiB");
        assert_eq!(Bound::Head.row().to_string(), "64 KiB");
        assert_eq!(Bound::Streams.row().to_string(), "1024 streams");
    }
}
