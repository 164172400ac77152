//! The kinds of faults, and how scenarios and headers write them: `429`, `reset`, `stall:5`, `stall:5:2s`.

use std::time::Duration;

use super::error_kind::{ERROR_KINDS, ErrorKind};
use super::retry::{RETRIES, Retry};
use super::rewrite::{REWRITES, Rewrite};
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

/// All faults but those that are named in tables of their own.
const FAULTS: [Make; 28] = [
    Make::Plain(Fault::Refused),
    Make::Plain(Fault::Unreachable),
    Make::Late(Fault::SlowAccept),
    Make::Plain(Fault::Drop),
    Make::Plain(Fault::ResetConnection),
    Make::Plain(Fault::Tls),
    Make::Plain(Fault::Redirect),
    Make::Plain(Fault::Continue),
    Make::Plain(Fault::EarlyHints),
    Make::Late(Fault::SlowHead),
    Make::Plain(Fault::Hang),
    Make::Maybe(Fault::Close),
    Make::Maybe(Fault::Reset),
    Make::Stall,
    Make::Tokens(Fault::Truncated, 1),
    Make::Tokens(Fault::InStream, 0),
    Make::Tokens(Fault::InStreamFlat, 0),
    Make::Plain(Fault::NoFinal),
    Make::Plain(Fault::NoDone),
    Make::Plain(Fault::NoUsage),
    Make::Plain(Fault::TwoDones),
    Make::Tokens(Fault::BadJson, 1),
    Make::Tokens(Fault::Twice, 1),
    Make::Plain(Fault::ContentType),
    Make::Plain(Fault::NoContentType),
    Make::Plain(Fault::EmptyContentType),
    Make::Plain(Fault::Gzip),
    Make::Plain(Fault::FalseGzip),
];

impl Fault {
    /// A fault as it is written.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.trim().splitn(2, ':');
        let name = parts.next().unwrap_or_default();
        let rest = parts.next();
        if let Some((_, kind, _)) = ERROR_KINDS.iter().find(|row| row.0 == name) {
            return if rest.is_none() { Ok(Self::Status(*kind)) } else { Err(too_much(name)) };
        }
        let rewrite = REWRITES.iter().find(|row| row.0 == name).map(|row| Self::Rewrite(row.1));
        let retry = || RETRIES.iter().find(|row| row.0 == name).map(|row| Self::Retry(row.1));
        if let Some(fault) = rewrite.or_else(retry) {
            return if rest.is_none() { Ok(fault) } else { Err(too_much(name)) };
        }
        let make = FAULTS.iter().find(|make| make.name() == name).ok_or_else(|| unknown(name))?;
        make.fault(rest)
    }

    /// Its name, as the ledger has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::SlowAccept(_) => "slow-accept",
            Self::Drop => "drop",
            Self::ResetConnection => "reset-connection",
            Self::Tls => "tls",
            Self::Status(kind) => kind.name(),
            Self::Redirect => "redirect",
            Self::Continue => "continue",
            Self::EarlyHints => "early-hints",
            Self::SlowHead(_) => "slow-head",
            Self::Hang => "hang",
            Self::Close(_) => "close",
            Self::Reset(_) => "reset",
            Self::Stall(..) => "stall",
            Self::Truncated(_) => "truncated",
            Self::InStream(_) => "in-stream",
            Self::InStreamFlat(_) => "in-stream-flat",
            Self::NoFinal => "no-final",
            Self::NoDone => "no-done",
            Self::NoUsage => "no-usage",
            Self::TwoDones => "two-dones",
            Self::BadJson(_) => "bad-json",
            Self::Twice(_) => "twice",
            Self::ContentType => "content-type",
            Self::NoContentType => "no-content-type",
            Self::EmptyContentType => "empty-content-type",
            Self::Gzip => "gzip",
            Self::FalseGzip => "false-gzip",
            Self::Rewrite(rewrite) => rewrite.name(),
            Self::Retry(retry) => retry.name(),
        }
    }

    /// Whether it applies to connections, not requests.
    pub(crate) fn is_of_connections(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Unreachable | Self::SlowAccept(_) | Self::Drop | Self::ResetConnection | Self::Tls
        )
    }

    /// Whether it is a matter of the bytes of HTTP/1.1 that HTTP/2 has no equal of here.
    pub(crate) fn is_of_http1(self) -> bool {
        matches!(self, Self::Continue | Self::EarlyHints)
    }

    /// Whether the times of the answer stay as they were planned.
    pub(crate) fn keeps_times(self) -> bool {
        matches!(
            self,
            Self::Continue
                | Self::EarlyHints
                | Self::NoDone
                | Self::NoUsage
                | Self::TwoDones
                | Self::BadJson(_)
                | Self::Twice(_)
                | Self::ContentType
                | Self::NoContentType
                | Self::EmptyContentType
                | Self::Gzip
                | Self::FalseGzip
                | Self::Rewrite(_)
        )
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
    fn name(self) -> &'static str {
        match self {
            Self::Plain(fault) => fault,
            Self::Tokens(make, default) => make(default),
            Self::Maybe(make) => make(None),
            Self::Late(make) => make(Duration::ZERO),
            Self::Stall => Fault::Stall(0, None),
        }
        .name()
    }

    fn fault(self, rest: Option<&str>) -> Result<Fault, String> {
        let tokens = |text: &str| -> Result<usize, String> {
            text.parse().map_err(|_| format!("\"{text}\" is not a number of tokens, as in {}:5", self.name()))
        };
        match self {
            Self::Plain(fault) => rest.map_or(Ok(fault), |_| Err(too_much(self.name()))),
            Self::Tokens(make, default) => Ok(make(rest.map_or(Ok(default), tokens)?)),
            Self::Maybe(make) => Ok(make(rest.map(tokens).transpose()?)),
            Self::Late(make) => Ok(make(parse_span(rest.unwrap_or("1s"))?)),
            Self::Stall => {
                let (k, time) = rest
                    .map_or(("0", None), |rest| rest.split_once(':').map_or((rest, None), |(k, time)| (k, Some(time))));
                let time = time.map(parse_span).transpose()?;
                Ok(Fault::Stall(tokens(k)?, time))
            }
        }
    }
}

fn too_much(name: &str) -> String {
    format!("the fault \"{name}\" takes no number")
}

/// All names.
fn names() -> impl Iterator<Item = &'static str> {
    let odd = REWRITES.iter().map(|row| row.0).chain(RETRIES.iter().map(|row| row.0));
    ERROR_KINDS.iter().map(|row| row.0).chain(FAULTS.iter().map(|make| make.name())).chain(odd)
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
            assert_eq!(Fault::parse(name).unwrap().name(), name);
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
            assert_eq!(Fault::parse(text), expected.map_err(str::to_owned), "{text}");
        }
    }
}
