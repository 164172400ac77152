//! The kinds of faults, and how scenarios and headers write them: `429`, `reset`, `stall:5`, `stall:5:2s`.

use std::mem::discriminant;
use std::str::FromStr;
use std::time::Duration;

use super::error_kind::{ERROR_KINDS, ErrorKind};
use super::retry::Retry;
use super::rewrite::Rewrite;
use crate::units::{nearest, parse_span};

/// One kind of fault. Tokens are counted from 1; "after 0 tokens" is after what opens a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody listens.
    Refused,
    /// Nobody hears who knocks: connections are never made.
    Unreachable,
    /// A connection is accepted, and nothing is read from it for so long.
    SlowAccept(Duration),
    /// A connection is closed as soon as it is accepted.
    Drop,
    /// A connection is reset as soon as it is accepted.
    ResetConnection,
    /// The TLS handshake is answered with an alert.
    Tls,
    /// Another status than 200.
    Status(ErrorKind),
    /// A redirection to the same address.
    Redirect,
    /// `100 Continue` before the answer, unasked.
    Continue,
    /// `103 Early Hints` before the answer.
    EarlyHints,
    /// The head comes so late.
    SlowHead(Duration),
    /// No answer at all, on a connection that stays open.
    Hang,
    /// The connection is closed after so many tokens, without an end; or instead of an answer.
    Close(Option<usize>),
    /// The connection is reset after so many tokens, or instead of an answer.
    Reset(Option<usize>),
    /// Nothing more comes after so many tokens for so long, or for ever.
    Stall(usize, Option<Duration>),
    /// The connection is closed in the middle of a chunk, that of this token.
    Truncated(usize),
    /// An error in the stream after so many tokens, under status 200.
    InStream(usize),
    /// The same, in the flat form of the specification where that is another one.
    InStreamFlat(usize),
    /// A stream ends properly, but without its last event.
    NoFinal,
    /// No `[DONE]`.
    NoDone,
    /// No usage chunk.
    NoUsage,
    /// `[DONE]` comes twice.
    TwoDones,
    /// The JSON of this token is not JSON.
    BadJson(usize),
    /// The event of this token comes twice.
    Twice(usize),
    /// The answer claims to be `application/json` if it is a stream, else `text/html`.
    ContentType,
    /// The answer does not say what it is.
    NoContentType,
    /// The answer says of what it is with an empty word.
    EmptyContentType,
    /// The answer is compressed, piece by piece, though nobody has asked for it.
    Gzip,
    /// The answer claims to be compressed, and is not.
    FalseGzip,
    /// A stream that is written otherwise.
    Rewrite(Rewrite),
    /// A 429 that says otherwise when to come again.
    Retry(Retry),
}

/// What a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// A connection, not a request.
    Connection,
    /// The bytes of HTTP/1.1, which HTTP/2 has no equal of here; the times stay as they were planned.
    Http1,
    /// How an answer is written; its times stay as they were planned.
    Form,
    /// Whether, when and how far an answer comes.
    Answer,
}

/// How a fault is made of what stands behind its name.
#[derive(Clone, Copy)]
enum Make {
    Plain(Fault),
    /// With a number of tokens, and the number it has without one.
    Tokens(fn(usize) -> Fault, usize),
    /// With a number of tokens or without.
    Maybe(fn(Option<usize>) -> Fault),
    /// With a time, 1 s unless told otherwise.
    Late(fn(Duration) -> Fault),
    Stall,
}

/// All faults but the statuses, which have a table of their own: how scenarios, headers and the ledger name each, what
/// it concerns, and how it is made.
const FAULTS: [(&str, Scope, Make); 46] = [
    ("refused", Scope::Connection, Make::Plain(Fault::Refused)),
    ("unreachable", Scope::Connection, Make::Plain(Fault::Unreachable)),
    ("slow-accept", Scope::Connection, Make::Late(Fault::SlowAccept)),
    ("drop", Scope::Connection, Make::Plain(Fault::Drop)),
    ("reset-connection", Scope::Connection, Make::Plain(Fault::ResetConnection)),
    ("tls", Scope::Connection, Make::Plain(Fault::Tls)),
    ("redirect", Scope::Answer, Make::Plain(Fault::Redirect)),
    ("continue", Scope::Http1, Make::Plain(Fault::Continue)),
    ("early-hints", Scope::Http1, Make::Plain(Fault::EarlyHints)),
    ("slow-head", Scope::Answer, Make::Late(Fault::SlowHead)),
    ("hang", Scope::Answer, Make::Plain(Fault::Hang)),
    ("close", Scope::Answer, Make::Maybe(Fault::Close)),
    ("reset", Scope::Answer, Make::Maybe(Fault::Reset)),
    ("stall", Scope::Answer, Make::Stall),
    ("truncated", Scope::Answer, Make::Tokens(Fault::Truncated, 1)),
    ("in-stream", Scope::Answer, Make::Tokens(Fault::InStream, 0)),
    ("in-stream-flat", Scope::Answer, Make::Tokens(Fault::InStreamFlat, 0)),
    ("no-final", Scope::Answer, Make::Plain(Fault::NoFinal)),
    ("no-done", Scope::Form, Make::Plain(Fault::NoDone)),
    ("no-usage", Scope::Form, Make::Plain(Fault::NoUsage)),
    ("two-dones", Scope::Form, Make::Plain(Fault::TwoDones)),
    ("bad-json", Scope::Form, Make::Tokens(Fault::BadJson, 1)),
    ("twice", Scope::Form, Make::Tokens(Fault::Twice, 1)),
    ("content-type", Scope::Form, Make::Plain(Fault::ContentType)),
    ("no-content-type", Scope::Form, Make::Plain(Fault::NoContentType)),
    ("empty-content-type", Scope::Form, Make::Plain(Fault::EmptyContentType)),
    ("gzip", Scope::Form, Make::Plain(Fault::Gzip)),
    ("false-gzip", Scope::Form, Make::Plain(Fault::FalseGzip)),
    ("crlf", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::Crlf))),
    ("bom", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::Bom))),
    ("comments", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::Comments))),
    ("keepalive", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::Keepalive))),
    ("empty-data", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::EmptyData))),
    ("done-tight", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::DoneTight))),
    ("done-loose", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::DoneLoose))),
    ("no-sequence", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::NoSequence))),
    ("zero-sequence", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::ZeroSequence))),
    ("usage-on-finish", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::UsageOnFinish))),
    ("async-filter", Scope::Form, Make::Plain(Fault::Rewrite(Rewrite::AsyncFilter))),
    ("429-retry-none", Scope::Answer, Make::Plain(Fault::Retry(Retry::Absent))),
    ("429-retry-ms", Scope::Answer, Make::Plain(Fault::Retry(Retry::Milliseconds))),
    ("429-retry-s", Scope::Answer, Make::Plain(Fault::Retry(Retry::Seconds))),
    ("429-retry-differ", Scope::Answer, Make::Plain(Fault::Retry(Retry::Different))),
    ("429-retry-long", Scope::Answer, Make::Plain(Fault::Retry(Retry::Long))),
    ("429-retry-date", Scope::Answer, Make::Plain(Fault::Retry(Retry::Date))),
    ("429-retry-negative", Scope::Answer, Make::Plain(Fault::Retry(Retry::Negative))),
];

impl FromStr for Fault {
    type Err = String;

    /// A fault as it is written; else a sentence that says what is wrong with it.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.trim().split_once(':').map_or((text.trim(), None), |(name, rest)| (name, Some(rest)));
        if let Some((_, kind, _)) = ERROR_KINDS.iter().find(|row| row.0 == name) {
            return Make::Plain(Self::Status(*kind)).fault(name, rest);
        }
        let (.., make) = FAULTS.iter().find(|row| row.0 == name).ok_or_else(|| unknown(name))?;
        make.fault(name, rest)
    }
}

impl Fault {
    /// Its row in the table, unless it is a status.
    fn row(self) -> Option<&'static (&'static str, Scope, Make)> {
        FAULTS.iter().find(|(.., make)| match make {
            Make::Plain(fault) => *fault == self,
            Make::Tokens(make, default) => discriminant(&make(*default)) == discriminant(&self),
            Make::Maybe(make) => discriminant(&make(None)) == discriminant(&self),
            Make::Late(make) => discriminant(&make(Duration::ZERO)) == discriminant(&self),
            Make::Stall => matches!(self, Self::Stall(..)),
        })
    }

    /// What it concerns.
    fn scope(self) -> Scope {
        self.row().map_or(Scope::Answer, |row| row.1)
    }

    /// Its name, as the ledger has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status(kind) => kind.name(),
            other => other.row().map_or("", |row| row.0),
        }
    }

    /// Whether it applies to connections, not requests.
    pub(crate) fn is_of_connections(self) -> bool {
        self.scope() == Scope::Connection
    }

    /// Whether it is a matter of the bytes of HTTP/1.1 that HTTP/2 has no equal of here.
    pub(crate) fn is_of_http1(self) -> bool {
        self.scope() == Scope::Http1
    }

    /// Whether the times of the answer stay as they were planned.
    pub(crate) fn keeps_times(self) -> bool {
        matches!(self.scope(), Scope::Http1 | Scope::Form)
    }

    /// The status that it is, instead of an answer.
    pub(crate) fn error_kind(self) -> Option<ErrorKind> {
        match self {
            Self::Status(kind) => Some(kind),
            Self::Retry(_) => Some(ErrorKind::CallRate),
            _ => None,
        }
    }
}

impl Make {
    /// The fault `name` with `rest` behind its name.
    fn fault(self, name: &str, rest: Option<&str>) -> Result<Fault, String> {
        let tokens = |text: &str| -> Result<usize, String> {
            text.parse().map_err(|_| format!("\"{text}\" is not a number of tokens, as in {name}:5"))
        };
        match self {
            Self::Plain(fault) => rest.map_or(Ok(fault), |_| Err(format!("the fault \"{name}\" takes no number"))),
            Self::Tokens(make, default) => Ok(make(rest.map_or(Ok(default), tokens)?)),
            Self::Maybe(make) => Ok(make(rest.map(tokens).transpose()?)),
            Self::Late(make) => Ok(make(parse_span(rest.unwrap_or("1s"))?)),
            Self::Stall => {
                let rest = rest.unwrap_or("0");
                let (k, time) = rest.split_once(':').map_or((rest, None), |(k, time)| (k, Some(time)));
                Ok(Fault::Stall(tokens(k)?, time.map(parse_span).transpose()?))
            }
        }
    }
}

/// All names.
fn names() -> impl Iterator<Item = &'static str> {
    ERROR_KINDS.iter().map(|row| row.0).chain(FAULTS.iter().map(|row| row.0))
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = names().collect();
    match nearest(name, &names) {
        Some(near) => format!("unknown fault \"{name}\", did you mean \"{near}\"?"),
        None => format!("unknown fault \"{name}\"; known are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name() {
        for name in names() {
            assert_eq!(Fault::from_str(name).unwrap().name(), name);
        }
    }

    #[test]
    fn faults_have_numbers_and_times() {
        let table = [
            ("429", Ok(Fault::Status(ErrorKind::CallRate))),
            ("reset", Ok(Fault::Reset(None))),
            ("reset:0", Ok(Fault::Reset(Some(0)))),
            ("stall", Ok(Fault::Stall(0, None))),
            ("stall:5", Ok(Fault::Stall(5, None))),
            ("stall:5:2s", Ok(Fault::Stall(5, Some(Duration::from_secs(2))))),
            ("slow-head:200ms", Ok(Fault::SlowHead(Duration::from_millis(200)))),
            ("slow-accept:5ms", Ok(Fault::SlowAccept(Duration::from_millis(5)))),
            ("in-stream-flat:2", Ok(Fault::InStreamFlat(2))),
            ("bad-json:3", Ok(Fault::BadJson(3))),
            ("rset", Err("unknown fault \"rset\", did you mean \"reset\"?")),
            ("429:1", Err("the fault \"429\" takes no number")),
            ("reset:x", Err("\"x\" is not a number of tokens, as in reset:5")),
        ];
        for (text, expected) in table {
            assert_eq!(Fault::from_str(text), expected.map_err(str::to_owned), "{text}");
        }
    }
}
