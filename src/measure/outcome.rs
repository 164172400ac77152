//! How an attempt ended. Errors are data: nothing here stops a run.

use std::str::FromStr;

use strum::IntoEnumIterator;

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Outcome {
    /// The whole answer came, with its terminal mark.
    Ok,
    /// The call failed; the class says where.
    Failed(ErrorClass),
    /// An answer began and was cut before its terminal mark, or the run was interrupted while the call was under way.
    Incomplete(ErrorClass),
    /// Never sent; the class says why.
    Dropped(ErrorClass),
}

impl Outcome {
    /// The class of what went wrong, if anything did.
    #[must_use]
    pub fn error(self) -> Option<ErrorClass> {
        match self {
            Self::Ok => None,
            Self::Failed(class) | Self::Incomplete(class) | Self::Dropped(class) => Some(class),
        }
    }

    /// Whether the whole answer came.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self == Self::Ok
    }

    /// Whether it counts in a failed share, and whether as failed: calls that were never sent or that the end of the run
    /// cut off are nobody's failure.
    #[must_use]
    pub(crate) fn counts_as_failed(self) -> Option<bool> {
        match self {
            Self::Ok => Some(false),
            Self::Dropped(_) | Self::Incomplete(ErrorClass::Interrupted) => None,
            Self::Failed(_) | Self::Incomplete(_) => Some(true),
        }
    }

    /// Puts together what a row of a file says.
    ///
    /// # Errors
    /// When the words are not those of an outcome with a class of [`ErrorClass`].
    pub fn parse(outcome: &str, error: &str) -> Result<Self, UnknownOutcome> {
        let class = || error.parse::<ErrorClass>();
        match outcome {
            "ok" => Ok(Self::Ok),
            "failed" => Ok(Self::Failed(class()?)),
            "incomplete" => Ok(Self::Incomplete(class()?)),
            "dropped" => Ok(Self::Dropped(class()?)),
            _ => Err(UnknownOutcome(outcome.to_owned())),
        }
    }
}

/// A word that is no outcome or error class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a known outcome or error class")]
pub struct UnknownOutcome(pub String);

/// Where and how a call went wrong; the text form is stable, by layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum ErrorClass {
    /// `credential`: the token expired and no other could be had; the call was not sent.
    Credential,
    /// `dns`: the name did not resolve.
    Dns,
    /// `connect_refused`: connection refused.
    ConnectRefused,
    /// `connect_timeout`: name, TCP and TLS took longer than allowed.
    ConnectTimeout,
    /// `connect`: any other failure to connect.
    Connect,
    /// `proxy`: the proxy did not open the way.
    Proxy,
    /// `tls`: the handshake or the certificate failed.
    Tls,
    /// `alpn`: the server does not agree to the HTTP that the path speaks.
    Alpn,
    /// `no_descriptor`: this machine has no file descriptor or port left; a fault of the host.
    NoDescriptor,
    /// `connection_closed`: the connection ended before a byte of the answer.
    ConnectionClosed,
    /// `connection_reset`: the connection was reset, at any stage.
    ConnectionReset,
    /// `stale_connection`: the server had closed a connection that was used again: it ended as soon as the call was
    /// sent, before a byte of the answer.
    StaleConnection,
    /// `stream_refused`: the server refused this one stream of HTTP/2, unprocessed.
    StreamRefused,
    /// `stream_reset`: the server reset this one stream of HTTP/2, at any stage.
    StreamReset,
    /// `timeout_first_byte`: no byte of the answer in time.
    TimeoutFirstByte,
    /// `timeout_gap`: the answer stalled.
    TimeoutGap,
    /// `timeout_total`: the whole call took too long.
    TimeoutTotal,
    /// `http_NNN`: the answer's status was not 2xx.
    #[strum(to_string = "http_{0}")]
    Http(u16),
    /// `protocol`: the answer is not HTTP.
    Protocol,
    /// `bad_body`: the answer is not the JSON or the stream that the API promises.
    BadBody,
    /// `too_large`: the answer, or a part of it, is larger than is read; see [`Limit`](crate::limits::Limit).
    TooLarge,
    /// `html`: status 200, then an HTML or XML page.
    Html,
    /// `compressed`: the answer is compressed, although the call asked for `identity`.
    Compressed,
    /// `stream_error`: status 200, then an error, in the stream or instead of a complete answer.
    StreamError,
    /// `stream_throttled`: status 200, then the error of a limit on requests, tokens or load, in the stream or in place
    /// of a whole answer.
    StreamThrottled,
    /// `stream_truncated`: the stream ended without its terminal event.
    StreamTruncated,
    /// `body_truncated`: the body ended before its announced length.
    BodyTruncated,
    /// `interrupted`: the run ended while the call was in flight.
    Interrupted,
    /// `in_flight_cap`: too many calls were under way.
    InFlightCap,
    /// `internal`: the harness itself failed on this call.
    Internal,
}

impl FromStr for ErrorClass {
    type Err = UnknownOutcome;
    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        if let Some(status) = text.strip_prefix("http_") {
            return status.parse().map(Self::Http).map_err(|_| UnknownOutcome(text.to_owned()));
        }
        Self::plain().find(|class| class.to_string() == text).ok_or_else(|| UnknownOutcome(text.to_owned()))
    }
}

impl ErrorClass {
    /// Every class that carries no number.
    pub(crate) fn plain() -> impl Iterator<Item = Self> {
        Self::iter().filter(|class| !matches!(class, Self::Http(_)))
    }

    /// Whether a limit on requests or tokens refused the call, before or in its stream.
    #[must_use]
    pub(crate) fn is_throttled(self) -> bool {
        matches!(self, Self::Http(429) | Self::StreamThrottled)
    }

    /// Whether the call broke on this machine or inside this tool, not on the path.
    #[must_use]
    pub(crate) fn is_of_this_machine(self) -> bool {
        matches!(self, Self::NoDescriptor | Self::Internal)
    }

    /// Whether the call was given up at a time limit, so that its true length is only known to be longer.
    #[must_use]
    pub(crate) fn is_timeout(self) -> bool {
        matches!(self, Self::ConnectTimeout | Self::TimeoutFirstByte | Self::TimeoutGap | Self::TimeoutTotal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_reads_what_it_writes() {
        for class in ErrorClass::plain().chain([ErrorClass::Http(429)]) {
            assert_eq!(class.to_string().parse::<ErrorClass>(), Ok(class));
            let outcome = Outcome::Failed(class);
            assert_eq!(Outcome::parse(outcome.into(), &class.to_string()), Ok(outcome));
        }
        assert!("http_x".parse::<ErrorClass>().is_err());
    }
}
