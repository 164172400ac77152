//! Every metric, defined once as a named difference of two stamps.

use schemars::JsonSchema;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::sample::{ConnUse, Sample, Stamps};
use crate::measure::token_pace::time_per_token;
use crate::units::Nanos;

/// From which instant a latency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Basis {
    /// From the intended time: what a user with this arrival plan experiences.
    Response,
    /// From the moment the request was sent.
    Service,
}

/// A metric of one call, in the order of reports. All are times; inside they are nanoseconds, in files milliseconds.
// What each means stands in `ROWS`, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Time to first byte.
    Ttfb,
    /// Time to first token.
    Ttft,
    /// Time to first output.
    Ttfo,
    /// End to end.
    E2e,
    /// Time per output token.
    Tpot,
    /// Gap between chunks: several values a call, whatever its outcome, recorded as they come.
    ChunkGap,
    /// How late a call was sent.
    SendLag,
    /// Name resolution.
    Dns,
    /// TCP handshake.
    Tcp,
    /// TLS handshake.
    Tls,
    /// The server's own time.
    Server,
    /// Time to first byte less the server's own time.
    Overhead,
}

/// What is known of the value of a call that was given up at a time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtTimeout {
    /// Nothing: it does not count from the start of the call, or nobody knows what would have been reported.
    Unknown,
    /// The value if its stamp was seen; otherwise that it is longer than the wait.
    SeenOrLonger,
    /// That it is longer than the wait: it counts to the end of the answer.
    Longer,
}

/// Everything that is said of a metric. Whoever adds one writes its variant, its row, and its sentence in the docs.
struct Row {
    metric: Metric,
    /// The key used in files.
    key: &'static str,
    /// Its name in a sentence.
    name: &'static str,
    /// Its name on an axis or a head.
    short: &'static str,
    definition: &'static str,
    /// Why no call of a path has it.
    why_none: &'static str,
    /// Whether it is a figure of streams alone: without a stream the first token comes with the last.
    of_streams: bool,
    at_timeout: AtTimeout,
    value: Value,
}

/// Which stamps a metric is the difference of, or how else its nanoseconds are found.
enum Value {
    /// From the start of the call to this stamp: exists as response time and as service time.
    UntilStamp(fn(&Stamps) -> Option<Nanos>),
    /// The same less a time that the call itself knows.
    UntilStampLess(fn(&Stamps) -> Option<Nanos>, fn(&Sample) -> Option<u64>),
    /// A part of opening the connection, of the call that opened it.
    Opening(fn(&ConnUse) -> Option<Duration>),
    /// Found otherwise, and independent of the start of the call.
    OfCall(fn(&Sample) -> Option<u64>),
}

const ROWS: &[Row] = &[
    Row {
        metric: Metric::Ttfb,
        key: "ttfb",
        name: "time to first byte",
        short: "TTFB",
        definition: "time to the first byte of the answer",
        why_none: "no call was successful",
        of_streams: false,
        at_timeout: AtTimeout::SeenOrLonger,
        value: Value::UntilStamp(|stamps| stamps.first_byte),
    },
    Row {
        metric: Metric::Ttft,
        key: "ttft",
        name: "time to first token",
        short: "TTFT",
        definition: "time to first token: the first event of a stream that carries content, reasoning or tool \
                     arguments; a role-only or empty first event does not count",
        why_none: "no successful stream brought any content",
        of_streams: true,
        at_timeout: AtTimeout::SeenOrLonger,
        value: Value::UntilStamp(|stamps| stamps.first_token()),
    },
    Row {
        metric: Metric::Ttfo,
        key: "ttfo",
        name: "time to first output",
        short: "TTFO",
        definition: "time to first output: the first event of a stream that a person would see",
        why_none: "no successful stream brought any content",
        of_streams: true,
        at_timeout: AtTimeout::SeenOrLonger,
        value: Value::UntilStamp(|stamps| stamps.first_visible),
    },
    Row {
        metric: Metric::E2e,
        key: "e2e",
        name: "end-to-end time",
        short: "end to end",
        definition: "end to end: until the terminal event of a stream, or the last byte of another answer",
        why_none: "no call was successful",
        of_streams: false,
        at_timeout: AtTimeout::Longer,
        value: Value::UntilStamp(|stamps| stamps.done.or(stamps.end)),
    },
    Row {
        metric: Metric::Tpot,
        key: "tpot",
        name: "time per output token",
        short: "TPOT",
        definition: "time per output token: (last content - first content) / (output tokens - 1), over the tokens that \
                     came in that time: reasoning tokens that the server counts apart are left out; reasoning that was \
                     streamed and is counted with the answer is in the span and in the tokens",
        why_none: "no stream was successful",
        of_streams: true,
        at_timeout: AtTimeout::Unknown,
        value: Value::OfCall(|sample| time_per_token(sample).ok()),
    },
    Row {
        metric: Metric::ChunkGap,
        key: "chunk_gap",
        name: "gap between chunks",
        short: "chunk gap",
        definition: "time between two events of a stream that carry content, also of a stream that fails later; a \
                     chunk is not always one token",
        why_none: "no stream brought two events with content",
        of_streams: false,
        at_timeout: AtTimeout::Unknown,
        value: Value::OfCall(|_| None),
    },
    Row {
        metric: Metric::SendLag,
        key: "send_lag",
        name: "send lag",
        short: "send lag",
        definition: "sent - intended: how late a call was sent, because of this tool or because it waited for a connection",
        why_none: "no successful call was sent",
        of_streams: false,
        at_timeout: AtTimeout::Unknown,
        value: Value::OfCall(|sample| Some(span(sample.stamps.intended, sample.stamps.sent?))),
    },
    Row {
        metric: Metric::Dns,
        key: "dns",
        name: "name resolution",
        short: "DNS",
        definition: "name resolution of a new connection",
        why_none: "no name was looked up in the measured phase: no connection was opened, or base_url, connect_to or resolve \
                   gives its address",
        of_streams: false,
        at_timeout: AtTimeout::Unknown,
        value: Value::Opening(|conn| conn.dns),
    },
    Row {
        metric: Metric::Tcp,
        key: "tcp",
        name: "TCP handshake",
        short: "TCP",
        definition: "TCP handshake of a new connection",
        why_none: "no connection was opened in the measured phase",
        of_streams: false,
        at_timeout: AtTimeout::Unknown,
        value: Value::Opening(|conn| conn.tcp),
    },
    Row {
        metric: Metric::Tls,
        key: "tls",
        name: "TLS handshake",
        short: "TLS",
        definition: "TLS handshake of a new connection",
        why_none: "no https connection was opened in the measured phase",
        of_streams: false,
        at_timeout: AtTimeout::Unknown,
        value: Value::Opening(|conn| conn.tls),
    },
    Row {
        metric: Metric::Server,
        key: "server",
        name: "server's own time",
        short: "server",
        definition: "the time that the server itself reports (openai-processing-ms); reported, not measured",
        why_none: "the server reported no plausible time",
        of_streams: false,
        at_timeout: AtTimeout::Unknown,
        value: Value::OfCall(server_ns),
    },
    Row {
        metric: Metric::Overhead,
        key: "overhead",
        name: "time to first byte minus the server's reported time",
        short: "TTFB minus reported",
        definition: "time to the first byte minus the time that the server itself reports for that call \
         (openai-processing-ms): network and gateways, as far as the report can be trusted",
        why_none: "the server reported no plausible time",
        of_streams: false,
        at_timeout: AtTimeout::Unknown,
        value: Value::UntilStampLess(|stamps| stamps.first_byte, server_ns),
    },
];

impl Metric {
    /// Every metric, in the order of reports.
    pub(crate) const ALL: [Self; ROWS.len()] = {
        let mut all = [Self::Ttfb; ROWS.len()];
        let mut place = 0;
        while place < ROWS.len() {
            all[place] = ROWS[place].metric;
            place += 1;
        }
        all
    };

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The key used in files.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.row().key
    }

    /// Its name in a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its name on an axis or a head.
    #[must_use]
    pub fn short(self) -> &'static str {
        self.row().short
    }

    /// What it means, in a sentence for people.
    #[must_use]
    pub(crate) fn definition(self) -> &'static str {
        self.row().definition
    }

    /// Why no call of a path has it.
    #[must_use]
    pub(crate) fn why_none(self) -> &'static str {
        self.row().why_none
    }

    /// Whether it counts from the start of the call, and so exists as response time and as service time.
    #[must_use]
    pub(crate) fn has_basis(self) -> bool {
        matches!(self.row().value, Value::UntilStamp(_) | Value::UntilStampLess(..))
    }

    /// Whether it is a figure of streams alone: without a stream the first token comes with the last.
    #[must_use]
    pub(crate) fn is_of_streams(self) -> bool {
        self.row().of_streams
    }

    /// What is known of the value of a call that timed out.
    #[must_use]
    pub(crate) fn at_timeout(self) -> AtTimeout {
        self.row().at_timeout
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
        let until = |stamp: fn(&Stamps) -> Option<Nanos>| Some(span(start?, stamp(stamps)?));
        match &self.row().value {
            Value::UntilStamp(stamp) => until(*stamp),
            // By so much as reports are rounded it may be less than nothing.
            Value::UntilStampLess(stamp, less) => Some(until(*stamp)?.saturating_sub(less(sample)?)),
            Value::Opening(part) => sample.conn.as_ref().filter(|conn| conn.is_new()).and_then(part).map(nanos),
            Value::OfCall(value) => value(sample),
        }
    }
}

fn nanos(span: Duration) -> u64 {
    span.as_nanos() as u64
}

fn server_ns(sample: &Sample) -> Option<u64> {
    sample.believable_server_ms().map(|ms| (ms * 1e6) as u64)
}

fn span(from: Nanos, to: Nanos) -> u64 {
    nanos(to.since(from))
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A word that names no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a metric; the metrics are {keys}", keys = Metric::ALL.map(Metric::key).join(", "))]
pub struct UnknownMetric(pub String);

impl FromStr for Metric {
    type Err = UnknownMetric;
    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Self::ALL.into_iter().find(|metric| metric.key() == text).ok_or_else(|| UnknownMetric(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Phase;

    const MS: u64 = 1_000_000;

    fn call() -> Sample {
        Sample { phase: Phase::Measure, stream: true, ..Sample::unseen() }
    }

    #[test]
    fn rows_stand_in_the_order_of_the_metrics() {
        for metric in Metric::ALL {
            assert_eq!((metric.row().metric, metric.to_string().parse()), (metric, Ok(metric)));
            assert_eq!(serde_json::to_value(metric).expect("written"), metric.key());
        }
    }

    #[test]
    fn a_report_that_cannot_be_true_is_none() {
        let mut sample = call();
        let stamps = &mut sample.stamps;
        (stamps.sent, stamps.first_byte) = (Some(Nanos(5 * MS)), Some(Nanos(105 * MS)));
        for (reported, server, overhead) in [
            (Some(0.0), Some(0.0), Some(105.0)),
            (Some(80.0), Some(80.0), Some(25.0)),
            (Some(100.5), Some(100.5), Some(4.5)),
            (Some(102.0), None, None),
            (Some(1e12), None, None),
            (Some(-1.0), None, None),
            (Some(f64::NAN), None, None),
            (Some(f64::INFINITY), None, None),
            (Some(f64::NEG_INFINITY), None, None),
            (None, None, None),
        ] {
            sample.server_ms = reported;
            let ms = |metric: Metric| metric.of(&sample, Basis::Response).map(|ns| ns as f64 / MS as f64);
            assert_eq!((ms(Metric::Server), ms(Metric::Overhead)), (server, overhead), "{reported:?}");
        }
        sample.server_ms = Some(100.5);
        assert_eq!(Metric::Overhead.of(&sample, Basis::Service), Some(0), "reports are rounded");
    }
}
