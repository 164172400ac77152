//! The events of a stream as they come: what each moves in the sample, and whether the answer is whole.
//!
//! Fed by the answer, which knows that its body is a stream. Every event of a piece has the stamp of the read that
//! completed it.

use std::time::Duration;

use crate::attempt::counts;
use crate::limits::{Beyond, Limit};
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::sample::Sample;
use crate::units::{Nanos, PathId, Phase};
use crate::wire::api;
use crate::wire::delta::{Completion, Delta, End};
use crate::wire::error::ApiError;
use crate::wire::json_scan::BadEvent;
use crate::wire::sse::{Event, SseDecoder};

/// How long token counts and the terminal mark are waited for after the answer is whole.
const AFTER_ANSWER: Duration = Duration::from_secs(2);
/// How long the end of the body is waited for after the terminal mark or an error.
const AFTER_END: Duration = Duration::from_secs(1);

/// How a body came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// As HTTP says that it should.
    Clean,
    /// The connection broke.
    Cut(ErrorClass),
    /// This tool gave it up, at a limit of time or of size.
    GivenUp(ErrorClass),
    /// The run ended.
    Aborted,
}

/// What the events of a stream have said so far.
pub(super) struct Events {
    completion: Completion,
    /// Whether all that was asked has come.
    complete: bool,
    /// Whether the terminal mark has come: what stands behind it moves nothing.
    ended: bool,
    /// Whether nothing but a label has said yet that these are events.
    doubtful: bool,
    /// How many have come.
    events: u32,
    error: Option<ErrorClass>,
    /// When the wait for more of the call began, and how long it is, once nothing of the answer is awaited any more.
    rest: Option<(Nanos, Duration)>,
}

impl Events {
    /// None yet, of the answer to a call that asked for so many choices.
    pub(super) fn of(choices: u32) -> Self {
        Self {
            completion: Completion::of(choices),
            complete: false,
            ended: false,
            doubtful: false,
            events: 0,
            error: None,
            rest: None,
        }
    }

    /// Says whether only the label of the body speaks for events.
    pub(super) fn doubt(&mut self, doubtful: bool) {
        self.doubtful = doubtful;
    }

    /// From when on the end of the call is waited for, and how long; `None` while more of the answer is awaited.
    pub(super) fn rest(&self) -> Option<(Nanos, Duration)> {
        self.rest
    }

    /// Decodes the next piece of the stream.
    ///
    /// # Errors
    /// [`Beyond`] a limit: no more of the stream is to be read.
    pub(super) fn take(
        &mut self,
        decoder: &mut SseDecoder,
        sample: &mut Sample,
        piece: &[u8],
        read: Nanos,
        gap: &mut impl FnMut(PathId, u64),
    ) -> Result<(), Beyond> {
        decoder.feed(piece, |event| {
            self.events += 1;
            sample.stamps.first_event.get_or_insert(read);
            self.doubtful = false;
            match api::decode(sample.api, event) {
                Ok(delta) => {
                    hear_error(sample, delta.end);
                    self.note(sample, &delta, read, gap);
                }
                Err(BadEvent) => {
                    sample.hear().keep(event.data);
                    self.note_bad();
                }
            }
        })?;
        Limit::Events.allow(self.events as usize)
    }

    fn note(&mut self, sample: &mut Sample, delta: &Delta<'_>, read: Nanos, gap: &mut impl FnMut(PathId, u64)) {
        if self.ended {
            return counts::note(sample, delta.usage, read);
        }
        let was_complete = self.complete;
        self.complete = self.completion.note(delta);
        if !(was_complete && self.complete) {
            note_content(sample, delta, read, gap);
        }
        counts::note(sample, delta.usage, read);
        self.note_completion(sample, was_complete, delta.usage.is_some(), read);
        self.note_end(sample, delta.end, read);
    }

    /// The answer is over with the last event that means something: its completion, or token counts behind it.
    fn note_completion(&mut self, sample: &mut Sample, was_complete: bool, counts: bool, read: Nanos) {
        match (was_complete, self.complete) {
            (false, true) => {
                sample.stamps.done = Some(read);
                self.rest = Some((read, AFTER_ANSWER));
            }
            (true, true) if counts => sample.stamps.done = Some(read),
            // One more choice has begun.
            (true, false) => {
                sample.stamps.done = None;
                self.rest = None;
            }
            (true, true) | (false, false) => {}
        }
    }

    fn note_end(&mut self, sample: &mut Sample, end: Option<End<'_>>, read: Nanos) {
        match end {
            Some(End::Done) => {
                self.ended = true;
                sample.stamps.done = Some(read);
                self.rest = Some((read, AFTER_END));
            }
            Some(End::Error(error)) => {
                self.note_error(error);
                self.rest.get_or_insert((read, AFTER_END));
            }
            Some(End::Complete) | None => {}
        }
    }

    fn note_error(&mut self, error: ApiError<'_>) {
        match class_of(error) {
            ErrorClass::StreamThrottled => self.error = Some(ErrorClass::StreamThrottled),
            class => drop(self.error.get_or_insert(class)),
        }
    }

    fn note_bad(&mut self) {
        if !self.ended {
            self.error.get_or_insert(ErrorClass::BadBody);
        }
    }

    /// The body is over: an event without an end is discarded, as the standard says, unless it is an error.
    pub(super) fn hear_last_words(&mut self, decoder: &mut SseDecoder, sample: &mut Sample) {
        let ended = self.ended;
        let each = |event: Event<'_>| match api::decode(sample.api, event).unwrap_or_default().end {
            Some(End::Error(error)) if !ended => {
                hear_error(sample, Some(End::Error(error)));
                self.note_error(error);
            }
            Some(End::Error(_) | End::Complete | End::Done) | None => {}
        };
        // What is too long has ended the call before.
        let _ = decoder.feed(b"\n\n\n", each);
    }

    /// How the call ended whose body came to this end.
    pub(super) fn outcome(&self, end: BodyEnd) -> Outcome {
        match (self.error, end) {
            (Some(error), _) => Outcome::Failed(error),
            (None, _) if self.complete => Outcome::Ok,
            (None, BodyEnd::Clean) if self.doubtful => Outcome::Failed(ErrorClass::BadBody),
            (None, BodyEnd::Clean | BodyEnd::Cut(ErrorClass::ConnectionClosed)) => {
                Outcome::Incomplete(ErrorClass::StreamTruncated)
            }
            (None, BodyEnd::GivenUp(_)) if self.ended => Outcome::Incomplete(ErrorClass::StreamTruncated),
            (None, BodyEnd::Cut(class)) => Outcome::Incomplete(class),
            (None, BodyEnd::GivenUp(class)) => Outcome::Failed(class),
            (None, BodyEnd::Aborted) => Outcome::Incomplete(ErrorClass::Interrupted),
        }
    }
}

/// Keeps what an error in the stream says.
fn hear_error(sample: &mut Sample, end: Option<End<'_>>) {
    if let Some(End::Error(error)) = end {
        sample.hear().keep(error.said());
    }
}

/// The class of an error that came under a status of success.
pub(super) fn class_of(error: ApiError<'_>) -> ErrorClass {
    if error.throttled { ErrorClass::StreamThrottled } else { ErrorClass::StreamError }
}

#[inline]
fn note_content(sample: &mut Sample, delta: &Delta<'_>, read: Nanos, gap: &mut impl FnMut(PathId, u64)) {
    let stamps = &mut sample.stamps;
    if delta.repeats && stamps.first_content.is_some() {
        return;
    }
    if delta.reasoning {
        stamps.first_reasoning.get_or_insert(read);
        stamps.last_reasoning = Some(read);
    }
    if delta.visible {
        stamps.first_visible.get_or_insert(read);
    }
    if delta.is_content() {
        stamps.first_content.get_or_insert(read);
        if let Some(last) = stamps.last_content.replace(read)
            && sample.phase == Phase::Measure
            && sample.stream
        {
            gap(sample.path, read.0.saturating_sub(last.0));
        }
    }
}
