//! What comes back: decodes an answer piece by piece into the sample, each piece under the stamp of its read.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::http::response::Parts;

use crate::attempt::events::{BodyEnd, Events, class_of};
use crate::attempt::words::hear_head;
use crate::attempt::{counts, headers};
use crate::limits::{Beyond, Limit};
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::sample::Sample;
use crate::units::{Nanos, PathId};
use crate::wire::api;
use crate::wire::body::{BodyKind, Label};
use crate::wire::delta::Whole;
use crate::wire::json_scan::BadEvent;
use crate::wire::sse::SseDecoder;

/// An answer under way.
pub(super) struct Answer {
    form: Form,
    events: Events,
    /// How many choices were asked for.
    choices: u32,
    /// How many pieces of the body have come, and how long they are together.
    pieces: u32,
    bytes: usize,
}

enum Form {
    /// What has come is too little to tell.
    Unknown(Bytes, Label),
    /// Events.
    Stream(SseDecoder),
    /// One JSON body: its first piece, and all of it if there are more.
    Whole(Bytes, Vec<u8>),
    /// Something that is no answer, whatever else comes.
    Foreign(ErrorClass),
    /// A status that is not 2xx: nothing in it is measured.
    Refusal(u16),
}

impl Form {
    fn of(kind: BodyKind) -> Self {
        match kind {
            BodyKind::Events | BodyKind::LabelledEvents => Self::Stream(SseDecoder::new()),
            // What is neither is refused when it has come whole.
            BodyKind::Json | BodyKind::Other => Self::Whole(Bytes::new(), Vec::new()),
            BodyKind::Markup => Self::Foreign(ErrorClass::Html),
            BodyKind::Compressed => Self::Foreign(ErrorClass::Compressed),
        }
    }
}

impl Answer {
    /// Reads the head of the answer to a call that asked for so many choices.
    pub(super) fn begin(sample: &mut Sample, head: &Parts, choices: u32) -> Self {
        headers::read(sample, &head.headers);
        sample.status = Some(head.status.as_u16());
        let form = if head.status.is_success() {
            Form::Unknown(Bytes::new(), label(&head.headers))
        } else {
            hear_head(sample, head);
            Form::Refusal(head.status.as_u16())
        };
        Self { form, events: Events::of(choices), choices, pieces: 0, bytes: 0 }
    }

    /// The limit of the wait for the next piece, where `gap` is allowed between two: from when it counts, and how long.
    pub(super) fn patience(&self, last_read: Nanos, gap: Duration) -> (Nanos, Duration) {
        match self.events.rest() {
            Some((from, wait)) => (from, wait.min(gap)),
            None => (last_read, gap),
        }
    }

    /// Whether what comes at `read` only keeps the call open: all that is waited for has come, or had its time.
    pub(super) fn is_over(&self, read: Nanos) -> bool {
        self.events.rest().is_some_and(|(from, wait)| read.since(from) > wait)
    }

    /// Decodes the next piece, which the read at `read` completed.
    ///
    /// # Errors
    /// [`Beyond`] a limit: no more of the answer is to be read.
    pub(super) fn take(
        &mut self,
        sample: &mut Sample,
        piece: Bytes,
        read: Nanos,
        mut gap: impl FnMut(PathId, u64),
    ) -> Result<(), Beyond> {
        self.pieces += 1;
        self.bytes += piece.len();
        Limit::Pieces.allow(self.pieces as usize)?;
        Limit::Answer.allow(self.bytes)?;
        let Some(piece) = self.tell_form(piece) else { return Ok(()) };
        match &mut self.form {
            Form::Stream(decoder) => self.events.take(decoder, sample, &piece, read, &mut gap),
            Form::Whole(first, body) => {
                sample.stamps.done = Some(read);
                keep(first, body, piece)
            }
            Form::Foreign(_) | Form::Refusal(_) => {
                sample.hear().keep(&piece);
                Limit::Refusal.allow(self.bytes)
            }
            Form::Unknown(..) => Ok(()),
        }
    }

    /// Tells the form of the body by its first bytes. Returns what is to be decoded: all that has come so far, once
    /// the form is known.
    fn tell_form(&mut self, piece: Bytes) -> Option<Bytes> {
        let Form::Unknown(begin, label) = &mut self.form else { return Some(piece) };
        let begun = if begin.is_empty() { piece } else { [&begin[..], &piece].concat().into() };
        match BodyKind::of(&begun, *label) {
            Some(kind) => {
                self.events.doubt(kind == BodyKind::LabelledEvents);
                self.form = Form::of(kind);
            }
            // Some keep a connection open with blanks until the answer is there; these need not be kept.
            None if begun.trim_ascii().is_empty() => return None,
            None => {
                *begin = begun;
                return None;
            }
        }
        Some(begun)
    }

    /// How the call ended whose body came to this end.
    pub(super) fn finish(self, sample: &mut Sample, end: BodyEnd) -> Outcome {
        let Self { form, mut events, choices, .. } = self;
        match form {
            Form::Refusal(status) => Outcome::Failed(ErrorClass::Http(status)),
            Form::Foreign(class) => Outcome::Failed(class),
            Form::Stream(mut decoder) => {
                if end != BodyEnd::GivenUp(ErrorClass::TooLarge) {
                    events.hear_last_words(&mut decoder, sample);
                }
                events.outcome(end)
            }
            Form::Whole(..) if end == BodyEnd::GivenUp(ErrorClass::TooLarge) => Outcome::Failed(ErrorClass::TooLarge),
            Form::Unknown(..) if sample.stream => events.outcome(end),
            Form::Unknown(..) => of_body(sample, &[], choices, end),
            Form::Whole(first, body) => of_body(sample, if body.is_empty() { &first } else { &body }, choices, end),
        }
    }
}

/// Keeps one more piece of a body.
fn keep(first: &mut Bytes, body: &mut Vec<u8>, piece: Bytes) -> Result<(), Beyond> {
    Limit::WholeBody.allow(first.len() + body.len() + piece.len())?;
    if first.is_empty() && body.is_empty() {
        *first = piece;
    } else {
        body.extend_from_slice(&std::mem::take(first));
        body.extend_from_slice(&piece);
    }
    Ok(())
}

/// How a call ended whose answer is one body. One that is whole is an answer, also when it is kept open behind it.
fn of_body(sample: &mut Sample, body: &[u8], choices: u32, end: BodyEnd) -> Outcome {
    let read = api::decode_body(sample.api, body, choices);
    if !matches!(read, Ok(Whole::Answer(_))) {
        sample.hear().keep(body);
    }
    match (end, read) {
        (_, Ok(Whole::Error(error))) => Outcome::Failed(class_of(error)),
        (BodyEnd::Cut(ErrorClass::ConnectionClosed), _) => Outcome::Incomplete(ErrorClass::BodyTruncated),
        (BodyEnd::Cut(class), _) => Outcome::Incomplete(class),
        (BodyEnd::Clean | BodyEnd::GivenUp(_) | BodyEnd::Aborted, Ok(Whole::Answer(usage))) => {
            counts::note(sample, usage, sample.stamps.done.unwrap_or_default());
            Outcome::Ok
        }
        (BodyEnd::Clean, Err(BadEvent)) => Outcome::Failed(ErrorClass::BadBody),
        (BodyEnd::GivenUp(class), Err(BadEvent)) => Outcome::Failed(class),
        (BodyEnd::Aborted, Err(BadEvent)) => Outcome::Incomplete(ErrorClass::Interrupted),
    }
}

/// What the headers say of the body.
fn label(headers: &HeaderMap) -> Label {
    let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Label::of(value(CONTENT_TYPE), value(CONTENT_ENCODING))
}
