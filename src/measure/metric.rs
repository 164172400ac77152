//! Every metric, defined once as a named difference of two stamps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::measure::sample::Sample;
use crate::units::Nanos;

/// From which instant a latency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// From the intended time: what a user with this arrival plan experiences.
    Response,
    /// From the moment the request was sent.
    Service,
}

impl Basis {
    /// The word used in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
        }
    }
}

/// A metric of one call. All are times; inside they are nanoseconds, in files milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// First byte of the answer − start.
    Ttfb,
    /// First content or reasoning of a stream − start.
    Ttft,
    /// First output that a person would see − start.
    Ttfo,
    /// End of the answer (terminal mark) − start.
    E2e,
    /// (Last content − first content) / (output tokens − 1).
    Tpot,
    /// Between two events of a stream that carry content; several values a call, whatever its outcome.
    ChunkGap,
    /// Sent − intended.
    SendLag,
    /// Name resolution of a new connection.
    Dns,
    /// TCP handshake of a new connection.
    Tcp,
    /// TLS handshake of a new connection.
    Tls,
    /// The time that the server itself reports.
    Server,
    /// First byte of the answer − start − the time that the server itself reports.
    Overhead,
}

impl Metric {
    /// Every metric, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Ttfb,
        Self::Ttft,
        Self::Ttfo,
        Self::E2e,
        Self::Tpot,
        Self::ChunkGap,
        Self::SendLag,
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Server,
        Self::Overhead,
    ];

    /// The key used in files.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Ttfb => "ttfb",
            Self::Ttft => "ttft",
            Self::Ttfo => "ttfo",
            Self::E2e => "e2e",
            Self::Tpot => "tpot",
            Self::ChunkGap => "chunk_gap",
            Self::SendLag => "send_lag",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Server => "server",
            Self::Overhead => "overhead",
        }
    }

    /// What it means, in a sentence for people.
    #[must_use]
    pub fn definition(self) -> &'static str {
        match self {
            Self::Ttfb => "time to the first byte of the answer",
            Self::Ttft => {
                "time to first token: the first event of a stream that carries content, reasoning or tool arguments; \
                 a role-only or empty first event does not count"
            }
            Self::Ttfo => "time to first output: the first event of a stream that a person would see",
            Self::E2e => "end to end: until the terminal event of a stream, or the last byte of another answer",
            Self::Tpot => "time per output token: (last content - first content) / (output tokens - 1)",
            Self::ChunkGap => {
                "time between two events of a stream that carry content, also of a stream that fails later; a chunk is \
                 not always one token"
            }
            Self::SendLag => "sent - intended: how late this tool itself was",
            Self::Dns => "name resolution of a new connection",
            Self::Tcp => "TCP handshake of a new connection",
            Self::Tls => "TLS handshake of a new connection",
            Self::Server => "the time that the server itself reports (openai-processing-ms); reported, not measured",
            Self::Overhead => {
                "time to the first byte less the time that the server itself reports for that call \
                 (openai-processing-ms): network and gateways, as far as the report can be trusted"
            }
        }
    }

    /// Whether it counts from the start of the call, and so exists as response time and as service time.
    #[must_use]
    pub fn has_basis(self) -> bool {
        matches!(self, Self::Ttfb | Self::Ttft | Self::Ttfo | Self::E2e | Self::Overhead)
    }

    /// Whether it is a figure of streams alone: without a stream the first token comes with the last.
    #[must_use]
    pub fn is_of_streams(self) -> bool {
        matches!(self, Self::Ttft | Self::Ttfo | Self::Tpot)
    }

    /// Its value for one attempt in nanoseconds, whatever the outcome; `None` when a stamp it needs was not seen.
    ///
    /// [`Metric::ChunkGap`] has several values a call and is recorded as they come: `None` here.
    #[must_use]
    pub fn of(self, sample: &Sample, basis: Basis) -> Option<u64> {
        let stamps = &sample.stamps;
        let start = match basis {
            Basis::Response => Some(stamps.intended),
            Basis::Service => stamps.sent,
        };
        let from_start = |stamp: Option<Nanos>| Some(span(start?, stamp?));
        let connection = |pick: fn(&crate::measure::sample::ConnUse) -> Option<std::time::Duration>| {
            sample.conn.as_ref().filter(|c| c.is_new()).and_then(pick).map(|d| d.as_nanos() as u64)
        };
        match self {
            Self::Ttfb => from_start(stamps.first_byte),
            Self::Ttft => from_start(earliest(stamps.first_reasoning, stamps.first_content)),
            Self::Ttfo => from_start(stamps.first_visible),
            Self::E2e => from_start(stamps.done.or(stamps.end)),
            Self::Tpot => {
                let tokens = sample.output_tokens?.checked_sub(sample.reasoning_tokens.unwrap_or(0))?;
                let gaps = tokens.checked_sub(1).filter(|gaps| *gaps > 0)?;
                Some(span(stamps.first_content?, stamps.last_content?) / gaps)
            }
            Self::ChunkGap => None,
            Self::SendLag => Some(span(stamps.intended, stamps.sent?)),
            Self::Dns => connection(|c| c.dns),
            Self::Tcp => connection(|c| c.tcp),
            Self::Tls => connection(|c| c.tls),
            Self::Server => sample.server_ms.map(|ms| (ms * 1e6) as u64),
            Self::Overhead => Some(from_start(stamps.first_byte)?.saturating_sub((sample.server_ms? * 1e6) as u64)),
        }
    }
}

fn span(from: Nanos, to: Nanos) -> u64 {
    to.0.saturating_sub(from.0)
}

fn earliest(a: Option<Nanos>, b: Option<Nanos>) -> Option<Nanos> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A word that names no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no metric; the metrics are ttfb, ttft, ttfo, e2e, tpot, chunk_gap, send_lag, dns, tcp, tls, server, overhead"
)]
pub struct UnknownMetric(pub String);

impl FromStr for Metric {
    type Err = UnknownMetric;
    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Self::ALL.into_iter().find(|metric| metric.key() == text).ok_or_else(|| UnknownMetric(text.to_owned()))
    }
}
