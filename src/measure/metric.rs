//! Every metric, defined once as a named difference of two stamps.

use schemars::JsonSchema;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::measure::sample::Sample;
use crate::units::Nanos;

/// From which instant a latency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// The span in which the output came / (its tokens − 1): see [`time_per_token`].
    Tpot,
    /// RunComparison two events of a stream that carry content; several values a call, whatever its outcome.
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
            Self::Tpot => {
                "time per output token: (last content - first content) / (output tokens - 1), over the tokens that came \
                 in that time: reasoning tokens that the server counts apart are left out; reasoning that was streamed \
                 and is counted with the answer is in the span and in the tokens"
            }
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
            Self::Tpot => time_per_token(sample).ok(),
            Self::ChunkGap => None,
            Self::SendLag => Some(span(stamps.intended, stamps.sent?)),
            Self::Dns => connection(|c| c.dns),
            Self::Tcp => connection(|c| c.tcp),
            Self::Tls => connection(|c| c.tls),
            Self::Server => server_ns(sample),
            // By so much as reports are rounded it may be less than nothing.
            Self::Overhead => Some(from_start(stamps.first_byte)?.saturating_sub(server_ns(sample)?)),
        }
    }
}

fn server_ns(sample: &Sample) -> Option<u64> {
    sample.believable_server_ms().map(|ms| (ms * 1e6) as u64)
}

/// Why a stream has no time per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unpaced {
    /// The server did not say how many output tokens there were.
    NotCounted,
    /// It does not say whether reasoning is among them, or the counts do not add up.
    ReasoningUntold,
    /// There were not two tokens.
    OneToken,
    /// No text was seen.
    NoText,
    /// All of it came in one read.
    AllAtOnce,
}

impl Unpaced {
    /// In words, of streams.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotCounted => "the server did not say how many output tokens there were",
            Self::ReasoningUntold => "the token counts do not tell whether reasoning is among the output tokens",
            Self::OneToken => "no answer had two output tokens",
            Self::NoText => "no successful stream brought any content",
            Self::AllAtOnce => "all content of a stream came at once, so no time between tokens was seen",
        }
    }
}

/// Nanoseconds a token: the span from the first to the last event with output, over the tokens that came in it less
/// one. Whether reasoning is among these tokens is told by the server's counts:
/// - it counts reasoning tokens: the tokens of the answer alone, from its first to its last event;
/// - it does not, reasoning was streamed, and input and output tokens make the total: all of them, from the first event
///   with reasoning or content to the last with either;
/// - no reasoning was counted or seen: all of them, from first to last content.
///
/// # Errors
/// Why there is none.
pub fn time_per_token(sample: &Sample) -> Result<u64, Unpaced> {
    let stamps = &sample.stamps;
    let output = sample.output_tokens.ok_or(Unpaced::NotCounted)?;
    let apart = sample.reasoning_tokens.filter(|tokens| *tokens > 0);
    let sum = sample.input_tokens.and_then(|input| input.checked_add(output));
    let adds_up = sample.total_tokens.map(|total| sum == Some(total));
    let (tokens, from, to) = match (apart, stamps.first_reasoning) {
        (Some(_), _) if adds_up == Some(false) => return Err(Unpaced::ReasoningUntold),
        (Some(apart), _) => {
            let tokens = output.checked_sub(apart).ok_or(Unpaced::ReasoningUntold)?;
            (tokens, stamps.first_content, stamps.last_content)
        }
        (None, Some(_)) if adds_up != Some(true) => return Err(Unpaced::ReasoningUntold),
        (None, Some(first)) => {
            let last = stamps.last_reasoning.max(stamps.last_content);
            (output, earliest(Some(first), stamps.first_content), last)
        }
        (None, None) => (output, stamps.first_content, stamps.last_content),
    };
    let gaps = tokens.checked_sub(1).filter(|gaps| *gaps > 0).ok_or(Unpaced::OneToken)?;
    let (from, to) = from.zip(to).ok_or(Unpaced::NoText)?;
    match span(from, to) {
        0 => Err(Unpaced::AllAtOnce),
        ns => Ok(ns / gaps),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::outcome::Outcome;
    use crate::units::{Api, PathId, Phase, Seq};

    const MS: u64 = 1_000_000;

    fn call() -> Sample {
        let who = ((Seq(0), 0), PathId(0), Phase::Measure, (Api::Chat, true));
        Sample::begun(who.0, who.1, who.2, who.3, Nanos(0), Outcome::Ok)
    }

    /// A stream with reasoning and content at these milliseconds, and counts `[input, output, reasoning, total]`.
    fn stream(reasoning: Option<[u64; 2]>, content: Option<[u64; 2]>, counts: [Option<u64>; 4]) -> Sample {
        let mut sample = call();
        let at = |ms: u64| Some(Nanos(ms * MS));
        if let Some([first, last]) = reasoning {
            (sample.stamps.first_reasoning, sample.stamps.last_reasoning) = (at(first), at(last));
        }
        if let Some([first, last]) = content {
            (sample.stamps.first_content, sample.stamps.last_content) = (at(first), at(last));
        }
        [sample.input_tokens, sample.output_tokens, sample.reasoning_tokens, sample.total_tokens] = counts;
        sample
    }

    #[test]
    fn a_span_is_divided_by_the_tokens_that_came_in_it() {
        let (thought, text, none) = (Some([0, 190]), Some([200, 240]), None);
        let told = |output: u64, reasoning: Option<u64>, total: Option<u64>| [Some(7), Some(output), reasoning, total];
        // Twenty tokens of reasoning and five of text, one every 10 ms.
        for (what, reasoning, content, counts, expected) in [
            ("text alone", none, text, told(5, None, None), Ok(10)),
            ("text alone, with a total", none, text, told(5, Some(0), Some(12)), Ok(10)),
            ("reasoning counted and streamed", thought, text, told(25, Some(20), Some(32)), Ok(10)),
            ("reasoning counted and hidden", none, text, told(25, Some(20), Some(32)), Ok(10)),
            ("reasoning counted, no total", thought, text, told(25, Some(20), None), Ok(10)),
            (
                "reasoning counted, another total",
                thought,
                text,
                told(25, Some(20), Some(99)),
                Err(Unpaced::ReasoningUntold),
            ),
            ("reasoning beside and hidden", none, text, told(5, None, Some(32)), Ok(10)),
            ("reasoning streamed, counted in one", thought, text, told(25, None, Some(32)), Ok(10)),
            ("reasoning streamed, counted as zero", thought, text, told(25, Some(0), Some(32)), Ok(10)),
            ("reasoning streamed, no total", thought, text, told(25, None, None), Err(Unpaced::ReasoningUntold)),
            (
                "reasoning streamed, another total",
                thought,
                text,
                told(5, None, Some(32)),
                Err(Unpaced::ReasoningUntold),
            ),
            ("reasoning alone", thought, none, told(20, None, Some(27)), Ok(10)),
            ("text and then reasoning", Some([50, 240]), Some([0, 40]), told(25, None, Some(32)), Ok(10)),
            ("more reasoning than output", thought, text, told(5, Some(20), None), Err(Unpaced::ReasoningUntold)),
            ("all at once", none, Some([200, 200]), told(50, None, None), Err(Unpaced::AllAtOnce)),
            ("one token", none, text, told(1, None, None), Err(Unpaced::OneToken)),
            ("none", none, text, told(0, None, None), Err(Unpaced::OneToken)),
            ("one token besides reasoning", thought, text, told(21, Some(20), None), Err(Unpaced::OneToken)),
            ("reasoning counted, no text", thought, none, told(25, Some(20), None), Err(Unpaced::NoText)),
            ("nothing seen", none, none, told(5, None, None), Err(Unpaced::NoText)),
            ("not counted", none, text, [Some(7), None, None, Some(12)], Err(Unpaced::NotCounted)),
            ("a count that no sum holds", thought, text, told(u64::MAX, None, Some(6)), Err(Unpaced::ReasoningUntold)),
        ] {
            let sample = stream(reasoning, content, counts);
            assert_eq!(time_per_token(&sample), expected.map(|ms: u64| ms * MS), "{what}");
            assert_eq!(Metric::Tpot.of(&sample, Basis::Response), expected.map(|ms| ms * MS).ok(), "{what}");
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
