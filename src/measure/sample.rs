//! One attempt: its stamps and its outcome. Plain data, one row of `requests.csv`.

use std::net::SocketAddr;
use std::time::Duration;

use crate::measure::heard::Heard;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::units::{Api, Nanos, PathId, Phase, Seq};

/// When each thing happened, on the monotonic clock; `None` means not seen.
///
/// `sent` is taken before the first byte goes to the kernel and every later stamp after the read that brought the
/// bytes, before they are decoded: a measured time is never shorter than the true one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// When the plan wanted the call to start.
    pub intended: Nanos,
    /// When the worker took it up.
    pub dequeued: Option<Nanos>,
    /// When its own attempt first ran: what lies between is the wait for the worker's turn.
    pub begun: Option<Nanos>,
    /// When a connection was ready for it.
    pub conn_ready: Option<Nanos>,
    /// Just before the first byte of the request was handed to the kernel.
    pub sent: Option<Nanos>,
    /// The read that completed the status line and headers.
    pub head: Option<Nanos>,
    /// The first read of the answer.
    pub first_byte: Option<Nanos>,
    /// The read that completed the first event of a stream.
    pub first_event: Option<Nanos>,
    /// The read that completed the first event with reasoning text.
    pub first_reasoning: Option<Nanos>,
    /// The read that completed the last event with reasoning text.
    pub last_reasoning: Option<Nanos>,
    /// The read that completed the first event with text, refusal or tool arguments.
    pub first_content: Option<Nanos>,
    /// The read that completed the first event with text or refusal: what a person would see.
    pub first_visible: Option<Nanos>,
    /// The read that completed the last event with content.
    pub last_content: Option<Nanos>,
    /// The read that completed the event carrying the token counts.
    pub usage: Option<Nanos>,
    /// The read that completed the terminal event, or `[DONE]`, or a body that is not a stream.
    pub done: Option<Nanos>,
    /// When the call was over: the end of the body, or the moment it failed or was given up.
    pub end: Option<Nanos>,
}

impl Stamps {
    /// The read that completed the first event with content or reasoning.
    #[must_use]
    pub(crate) fn first_token(&self) -> Option<Nanos> {
        [self.first_reasoning, self.first_content].into_iter().flatten().min()
    }

    /// Whether a later step was stamped before an earlier one, which no true clock does.
    #[must_use]
    pub(crate) fn run_backwards(&self) -> bool {
        let (sent, first_byte, first_content, end) = (self.sent, self.first_byte, self.first_content, self.end);
        let orders: [&[Option<Nanos>]; 6] = [
            &[sent, first_byte, self.head, self.first_event, first_content, self.last_content, end],
            &[sent, first_byte, self.first_reasoning, self.last_reasoning, end],
            &[first_content, self.first_visible, end],
            &[sent, first_byte, self.usage],
            &[sent, first_byte, self.done],
            &[Some(self.intended), first_byte],
        ];
        !orders.into_iter().all(|steps| steps.iter().flatten().is_sorted())
    }
}

/// The time between two events of a stream with content, kept as it was seen. Those of one call come in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The call.
    pub seq: Seq,
    /// The time, in nanoseconds.
    pub ns: u64,
}

/// The connection that carried an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnUse {
    /// Unique in the run.
    pub id: u64,
    /// Which call of this connection it was; 1 is a new connection.
    pub uses: u32,
    /// Name resolution, for a new connection whose host is a name.
    pub dns: Option<Duration>,
    /// The TCP handshake, for a new connection.
    pub tcp: Option<Duration>,
    /// The TLS handshake, for a new https connection.
    pub tls: Option<Duration>,
    /// The exchange with a proxy until it had opened the way, for a new connection through one.
    pub proxy: Option<Duration>,
    /// The address that was reached; the proxy's, where there is one.
    pub peer: Option<SocketAddr>,
}

impl ConnUse {
    /// Whether the call had to open the connection.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.uses == 1
    }
}

/// How much longer than true a time may be that is reported in whole milliseconds.
const ROUNDED_MS: f64 = 1.0;

/// How many tokens a call may have, as far as that was known before it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlannedTokens {
    /// Of the prompt: counted, or estimated from its length.
    pub input: u64,
    /// Of the answer at most; nothing where the call sets no limit.
    pub output: u64,
}

/// One attempt over one path.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its number in the plan.
    pub seq: Seq,
    /// The round to which it belongs: one prompt sent once over every path; under other designs a number of its own.
    pub round: u64,
    /// The path taken.
    pub path: PathId,
    /// The phase, by intended time.
    pub phase: Phase,
    /// The API spoken.
    pub api: Api,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// When each thing happened.
    pub stamps: Stamps,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status, if one came.
    pub status: Option<u16>,
    /// Prompt tokens, as the server counted them; `None` where it did not tell.
    pub input_tokens: Option<u64>,
    /// Output tokens, reasoning included where it was counted, as the server counted them.
    pub output_tokens: Option<u64>,
    /// Reasoning tokens among the output tokens.
    pub reasoning_tokens: Option<u64>,
    /// All tokens as the server added them up.
    pub total_tokens: Option<u64>,
    /// Prompt tokens that the server counts beside the others, until the call is over; no part of a row.
    pub apart_tokens: Option<u64>,
    /// The tokens that were planned, for limits on what is spent; no part of a row.
    pub planned_tokens: Option<PlannedTokens>,
    /// The connection used; `None` when none was had.
    pub conn: Option<ConnUse>,
    /// The server's own name for the call.
    pub request_id: Option<Box<str>>,
    /// Milliseconds the server says it took (`openai-processing-ms`); reported, not measured.
    pub server_ms: Option<f64>,
    /// Milliseconds a gateway says it took itself (`x-litellm-overhead-duration-ms`, `x-kong-proxy-latency`).
    pub gateway_ms: Option<f64>,
    /// Milliseconds a gateway says it waited for what lies behind it (`x-envoy-upstream-service-time`,
    /// `x-kong-upstream-latency`).
    pub upstream_ms: Option<f64>,
    /// Milliseconds the server asked to wait.
    pub retry_after_ms: Option<f64>,
    /// The region the server says it is in.
    pub region: Option<Box<str>>,
    /// What was heard of a failure, raw, until it is told as `message`.
    pub heard: Option<Box<Heard>>,
    /// What was said of a failure, cleaned: of each class the first that had something to say. In no row.
    pub message: Option<Box<str>>,
}

impl Sample {
    /// What is being heard of a failure.
    pub fn hear(&mut self) -> &mut Heard {
        self.heard.get_or_insert_default()
    }

    /// Whether the call is a stream that was given up while more of it was awaited.
    #[must_use]
    pub fn stalled(&self) -> bool {
        let given_up = matches!(self.outcome.error(), Some(ErrorClass::TimeoutGap | ErrorClass::TimeoutTotal));
        given_up && self.stream && self.stamps.done.is_none()
    }

    /// Whether the head of an answer came with a status of success.
    #[must_use]
    pub(crate) fn has_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether the call may have cost something: it was sent and not refused, or has tokens.
    #[must_use]
    pub(crate) fn is_charged(&self) -> bool {
        let refused = self.status.is_some() && !self.has_success();
        let counted = self.input_tokens.is_some() || self.output_tokens.is_some();
        (self.stamps.sent.is_some() && !refused) || counted
    }

    /// Whether the call may have cost something and not all of its tokens are known.
    #[must_use]
    pub(crate) fn is_charged_unknown(&self) -> bool {
        self.is_charged() && (self.input_tokens.is_none() || self.output_tokens.is_none())
    }

    /// A time in milliseconds that a service on the way reports for this call, if it can be true: nobody can have taken
    /// longer than it took until the first byte of the answer came. Reports are rounded to a millisecond.
    #[must_use]
    pub(crate) fn believable(&self, reported_ms: Option<f64>) -> Option<f64> {
        let observed_ms = self.stamps.first_byte?.ms_since(self.stamps.sent?);
        // Not a number is in no range.
        reported_ms.filter(|ms| (0.0..=observed_ms + ROUNDED_MS).contains(ms))
    }

    /// The milliseconds that the server says it took, if that can be true.
    #[must_use]
    pub(crate) fn believable_server_ms(&self) -> Option<f64> {
        self.believable(self.server_ms)
    }

    /// An attempt of which nothing is known at all yet, with zeros for what every attempt has.
    #[must_use]
    pub(crate) fn unseen() -> Self {
        Self::begun((Seq(0), 0), PathId(0), Phase::Drain, (Api::Chat, false), Nanos(0), Outcome::Ok)
    }

    /// An attempt of which nothing is known yet but who it is and when it was to start; `outcome` is how it ends if
    /// nothing more becomes known.
    #[must_use]
    pub fn begun(
        (seq, round): (Seq, u64),
        path: PathId,
        phase: Phase,
        (api, stream): (Api, bool),
        intended: Nanos,
        outcome: Outcome,
    ) -> Self {
        Self {
            seq,
            round,
            path,
            phase,
            api,
            stream,
            stamps: Stamps { intended, ..Stamps::default() },
            outcome,
            status: None,
            input_tokens: None,
            output_tokens: None,
            reasoning_tokens: None,
            total_tokens: None,
            apart_tokens: None,
            planned_tokens: None,
            conn: None,
            request_id: None,
            server_ms: None,
            gateway_ms: None,
            upstream_ms: None,
            retry_after_ms: None,
            region: None,
            heard: None,
            message: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each stamp of an answer, set earlier than the request was sent or the call was due.
    #[test]
    fn no_stamp_of_an_answer_lies_before_its_request() {
        let at = |ms: u64| Some(Nanos(ms));
        let good = Stamps {
            intended: Nanos(10),
            sent: at(20),
            first_byte: at(30),
            head: at(30),
            first_event: at(31),
            first_reasoning: at(32),
            last_reasoning: at(33),
            first_content: at(34),
            first_visible: at(35),
            last_content: at(36),
            done: at(37),
            usage: at(38),
            end: at(38),
            ..Stamps::default()
        };
        assert!(!good.run_backwards() && !Stamps::default().run_backwards());
        let spoilt: [fn(&mut Stamps) -> &mut Option<Nanos>; 11] = [
            |s| &mut s.first_byte,
            |s| &mut s.head,
            |s| &mut s.first_event,
            |s| &mut s.first_reasoning,
            |s| &mut s.last_reasoning,
            |s| &mut s.first_content,
            |s| &mut s.first_visible,
            |s| &mut s.last_content,
            |s| &mut s.done,
            |s| &mut s.usage,
            |s| &mut s.end,
        ];
        for (which, stamp) in spoilt.into_iter().enumerate() {
            let mut stamps = good;
            *stamp(&mut stamps) = at(19);
            assert!(stamps.run_backwards(), "{which}");
            *stamp(&mut stamps) = None;
            assert!(!stamps.run_backwards(), "{which}");
        }
        assert!(Stamps { intended: Nanos(31), sent: None, ..good }.run_backwards());
    }
}
