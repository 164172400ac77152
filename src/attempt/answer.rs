//! What comes back: decodes an answer piece by piece into the sample, each piece under the stamp of its read.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::http::response::Parts;

use crate::attempt::words::hear_head;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::sample::Sample;
use crate::units::{Api, Nanos, PathId, Phase};
use crate::wire::delta::{BadEvent, Delta, End, Usage};
use crate::wire::sse::SseDecoder;
use crate::wire::{chat, responses};

/// How much of a body that is not a stream is kept for decoding; more is counted but not kept.
const BODY_KEPT: usize = 16 << 20;
/// How long the end of the body is waited for after the terminal mark.
const AFTER_DONE: Duration = Duration::from_secs(1);

/// An answer under way.
pub(super) struct Answer {
    form: Form,
    /// Every choice so far has said how it finished.
    finished: Option<Nanos>,
    done: bool,
    error: Option<ErrorClass>,
}

enum Form {
    /// Events.
    Stream(SseDecoder),
    /// One JSON body: its first piece, and all of it if there are more.
    Whole(Bytes, Vec<u8>),
    /// A status that is not 2xx: nothing in it is measured.
    Refusal(u16),
}

impl Answer {
    /// Reads the head.
    pub(super) fn begin(sample: &mut Sample, head: &Parts) -> Self {
        read_headers(sample, &head.headers);
        sample.status = Some(head.status.as_u16());
        let form = if !head.status.is_success() {
            hear_head(sample, head);
            Form::Refusal(head.status.as_u16())
        } else if sample.stream && !is_json(&head.headers) {
            Form::Stream(SseDecoder::new())
        } else {
            Form::Whole(Bytes::new(), Vec::new())
        };
        Self { form, finished: None, done: false, error: None }
    }

    /// How long the next piece may take.
    pub(super) fn patience(&self, gap: Duration) -> Duration {
        if self.done { gap.min(AFTER_DONE) } else { gap }
    }

    /// Decodes the next piece, which the read at `read` completed.
    pub(super) fn take(&mut self, sample: &mut Sample, piece: Bytes, read: Nanos, gap: impl FnMut(PathId, u64)) {
        match &mut self.form {
            Form::Stream(_) => self.take_events(sample, &piece, read, gap),
            Form::Whole(first, body) => {
                sample.stamps.done = Some(read);
                if first.is_empty() && body.is_empty() {
                    *first = piece;
                } else if first.len() + body.len() + piece.len() <= BODY_KEPT {
                    body.extend_from_slice(&std::mem::take(first));
                    body.extend_from_slice(&piece);
                }
            }
            Form::Refusal(_) => sample.hear().keep(&piece),
        }
    }

    fn take_events(&mut self, sample: &mut Sample, piece: &[u8], read: Nanos, mut gap: impl FnMut(PathId, u64)) {
        let Self { form: Form::Stream(decoder), finished, done, error } = self else { return };
        let fed = decoder.feed(piece, |event| {
            if sample.stamps.first_event.is_none() {
                sample.stamps.first_event = Some(read);
                // It is a stream: what came before was the beginning of this event.
                sample.heard = None;
            }
            if event.data.is_empty() {
                return;
            }
            match decode(sample.api, event.data) {
                Ok(delta) => {
                    note_content(sample, &delta, read, &mut gap);
                    note_usage(sample, delta.usage, read);
                    match delta.end {
                        Some(End::Finished) => *finished = Some(read),
                        Some(End::Terminal) => {
                            *done = true;
                            sample.stamps.done.get_or_insert(read);
                        }
                        Some(End::Error { throttled: true }) => {
                            *error = Some(ErrorClass::StreamThrottled);
                            sample.hear().keep(event.data);
                        }
                        Some(End::Error { throttled: false }) => {
                            error.get_or_insert(ErrorClass::StreamError);
                            sample.hear().keep(event.data);
                        }
                        None => {}
                    }
                }
                Err(BadEvent) => {
                    error.get_or_insert(ErrorClass::BadBody);
                    sample.hear().keep(event.data);
                }
            }
        });
        if sample.stamps.first_event.is_none() && !piece.starts_with(b":") {
            // Neither an event nor a comment: perhaps it is no stream at all.
            sample.hear().keep(piece);
        }
        if fed.is_err() {
            error.get_or_insert(ErrorClass::BadBody);
        }
    }

    /// The body has ended as it should.
    pub(super) fn finish(self, sample: &mut Sample) -> Outcome {
        match (self.form, self.error) {
            (Form::Refusal(status), _) => Outcome::Failed(ErrorClass::Http(status)),
            (Form::Stream(_), Some(error)) => Outcome::Failed(error),
            (Form::Stream(_), None) if self.done => Outcome::Ok,
            (Form::Stream(_), None) => match self.finished {
                // Some servers end without the mark; every choice having finished is proof enough.
                Some(read) => {
                    sample.stamps.done = Some(read);
                    Outcome::Ok
                }
                None => Outcome::Incomplete(ErrorClass::StreamTruncated),
            },
            (Form::Whole(first, body), _) => {
                match decode_body(sample.api, if body.is_empty() { &first } else { &body }) {
                    Ok(usage) => {
                        note_usage(sample, usage, sample.stamps.done.unwrap_or_default());
                        Outcome::Ok
                    }
                    Err(BadEvent) => {
                        sample.hear().keep(if body.is_empty() { &first } else { &body });
                        Outcome::Failed(ErrorClass::BadBody)
                    }
                }
            }
        }
    }

    /// The connection ended in the middle of the body.
    pub(super) fn cut_short(self, class: ErrorClass) -> Outcome {
        match (self.form, self.error) {
            (Form::Refusal(status), _) => Outcome::Failed(ErrorClass::Http(status)),
            (Form::Stream(_), Some(error)) => Outcome::Failed(error),
            (Form::Stream(_), None) if self.done => Outcome::Ok,
            (Form::Stream(_), None) if class == ErrorClass::ConnectionClosed => {
                Outcome::Incomplete(ErrorClass::StreamTruncated)
            }
            (Form::Whole(..), _) if class == ErrorClass::ConnectionClosed => {
                Outcome::Incomplete(ErrorClass::BodyTruncated)
            }
            (Form::Stream(_) | Form::Whole(..), _) => Outcome::Incomplete(class),
        }
    }

    /// A time limit passed in the middle of the body.
    pub(super) fn timed_out(self, class: ErrorClass) -> Outcome {
        match (self.form, self.error) {
            (Form::Refusal(status), _) => Outcome::Failed(ErrorClass::Http(status)),
            (_, Some(error)) => Outcome::Failed(error),
            _ if self.done => Outcome::Ok,
            _ => Outcome::Failed(class),
        }
    }

    /// The run ended in the middle of the body.
    pub(super) fn aborted(self) -> Outcome {
        if self.done { Outcome::Ok } else { Outcome::Incomplete(ErrorClass::Interrupted) }
    }
}

fn decode(api: Api, data: &[u8]) -> Result<Delta, BadEvent> {
    match api {
        Api::Chat => chat::decode(data),
        Api::Responses => responses::decode(data),
    }
}

fn decode_body(api: Api, body: &[u8]) -> Result<Option<Usage>, BadEvent> {
    match api {
        Api::Chat => chat::decode_body(body),
        Api::Responses => responses::decode_body(body),
    }
}

fn note_content(sample: &mut Sample, delta: &Delta, read: Nanos, gap: &mut impl FnMut(PathId, u64)) {
    let stamps = &mut sample.stamps;
    if delta.reasoning {
        stamps.first_reasoning.get_or_insert(read);
    }
    if delta.visible {
        stamps.first_visible.get_or_insert(read);
    }
    if delta.is_content() {
        stamps.first_content.get_or_insert(read);
        if let Some(last) = stamps.last_content.replace(read)
            && sample.phase == Phase::Measure
        {
            gap(sample.path, read.0.saturating_sub(last.0));
        }
    }
}

fn note_usage(sample: &mut Sample, usage: Option<Usage>, read: Nanos) {
    if let Some(usage) = usage {
        sample.stamps.usage = Some(read);
        sample.input_tokens = Some(usage.input);
        sample.output_tokens = Some(usage.output);
        sample.reasoning_tokens = Some(usage.reasoning);
    }
}

/// What the headers say, in one walk over them.
fn read_headers(sample: &mut Sample, headers: &HeaderMap) {
    // Gateways and servers name the call in several ways; the first of these counts.
    const IDS: [&str; 4] = ["apim-request-id", "x-request-id", "request-id", "x-ms-request-id"];
    let (mut id, mut seconds) = (IDS.len(), None);
    for (name, value) in headers {
        let number = || value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
        match name.as_str() {
            "openai-processing-ms" => sample.server_ms = number(),
            "x-litellm-overhead-duration-ms" | "x-kong-proxy-latency" => sample.gateway_ms = number(),
            "x-envoy-upstream-service-time" | "x-kong-upstream-latency" => sample.upstream_ms = number(),
            "retry-after-ms" => sample.retry_after_ms = number(),
            "retry-after" => seconds = number(),
            "x-ms-region" => sample.region = value.to_str().ok().map(Box::from),
            name => {
                if let (Some(place), Ok(text)) = (IDS[..id].iter().position(|id| *id == name), value.to_str()) {
                    id = place;
                    sample.request_id = Some(text.into());
                }
            }
        }
    }
    sample.retry_after_ms = sample.retry_after_ms.or(seconds.map(|seconds| seconds * 1e3));
}

/// A gateway that collected the stream may answer with one JSON body.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(hyper::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}
