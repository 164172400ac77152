//! The body of a stream: events handed out at the instants that were planned for them.
//!
//! Events that are due together leave as one frame. Nothing is computed from when an event was really sent, so lateness
//! does not add up.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::backend::{Backend, Kept};
use super::script::Script;
use crate::model::deployment::Plan;
use crate::model::packing::{PAUSE, Split};
use crate::net::clock::Alarm;
use crate::net::entry::{Entry, Marks};
use crate::net::exchange::Exchange;
use crate::units::Nanos;

/// A stream on its way.
pub(crate) struct EventStream {
    pub(crate) script: Box<dyn Script>,
    pub(crate) plan: Plan,
    pub(crate) backend: Arc<Backend>,
    pub(crate) exchange: Exchange,
    pub(crate) entry: Rc<Entry>,
    pub(crate) alarm: Alarm,
    /// When the head left the backend; the opening events go with it.
    pub(crate) opened: Nanos,
    /// When something was last due.
    pub(crate) quiet_since: Nanos,
    /// The second half of a write that is cut in two: when it is due, what it completes.
    pub(crate) rest: Option<(Nanos, Marks, Bytes)>,
    pub(crate) next: Next,
    /// The first token that sends something of the answer.
    pub(crate) first: Option<usize>,
    /// What is kept of it at its end.
    pub(crate) kept: Option<Kept>,
    /// What goes before the next event, with the head.
    pub(crate) before: Option<Bytes>,
}

/// What an [`EventStream`] sends next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Opening,
    Token(usize),
    End,
}

impl EventStream {
    /// Goes on from token `next`, after `before`.
    pub(crate) fn resume(&mut self, before: Bytes, next: usize) {
        self.before = Some(before).filter(|before| !before.is_empty());
        self.next = if next == self.plan.tokens { Next::End } else { Next::Token(self.next_loud(next)) };
    }

    /// When the next event may leave the backend.
    fn due(&self) -> Nanos {
        match self.next {
            Next::Opening => self.opened,
            Next::Token(k) => self.release(k),
            Next::End => Nanos(0),
        }
    }

    /// When token `k` may leave: when it is due, but not before the head.
    fn release(&self, k: usize) -> Nanos {
        self.backend.model.release(self.plan.due(k)).max(self.opened)
    }

    /// The first token from `k` on that sends something; the last one does, since the end comes with it.
    fn next_loud(&self, mut k: usize) -> usize {
        while k + 1 < self.plan.tokens && !self.script.is_loud(k) {
            k += 1;
        }
        k
    }

    /// The first token that sends something and does not leave at `due` together with the next event.
    fn run_end(&self, due: Nanos) -> usize {
        let mut end = match self.next {
            Next::Opening | Next::End => self.next_loud(0),
            Next::Token(k) => self.next_loud(k + 1),
        };
        let from = if let Next::Token(k) = self.next { k } else { 0 };
        let most =
            from + (FRAME / self.script.size().max(1)).max(1).next_multiple_of(self.plan.packing.tokens_per_event);
        while end < most.min(self.plan.tokens) && self.release(end) == due {
            end = self.next_loud(end + 1);
        }
        end
    }

    /// Whether any of these tokens sends something.
    fn is_any_loud(&self, mut tokens: Range<usize>) -> bool {
        tokens.any(|k| self.script.is_loud(k))
    }

    fn marks(&self, end: usize) -> Marks {
        let from = match self.next {
            Next::Opening => 0,
            Next::Token(k) => k,
            Next::End => end,
        };
        let complete = end == self.plan.tokens;
        Marks::NONE
            .with_if(Marks::FIRST, self.first.is_some_and(|first| (from..end).contains(&first)))
            .with_if(Marks::CONTENT, self.first.is_some_and(|first| self.is_any_loud(from.max(first)..end)))
            .with_if(Marks::LAST, complete && self.first.is_some())
            .with_if(Marks::END, complete)
    }

    fn frame(&mut self, end: usize) -> Bytes {
        let opening = if self.next == Next::Opening { 1024 } else { 0 };
        let closing = if end == self.plan.tokens { 1024 } else { 0 };
        let from = if let Next::Token(k) = self.next { k } else { 0 };
        let mut out = Vec::with_capacity(opening + closing + (end - from) * self.script.size());
        if self.next == Next::Opening {
            self.script.opening(&mut out);
        }
        let each = self.plan.packing.tokens_per_event;
        let mut at = from;
        while at < end {
            let next = (at - at % each + each).min(end);
            self.script.tokens(at..next, &mut out);
            at = next;
        }
        self.next = Next::Token(end);
        if end == self.plan.tokens {
            self.script.closing(&mut out);
            self.next = Next::End;
            if let Some(kept) = self.kept.take() {
                kept.end(&self.backend);
            }
        }
        Bytes::from(out)
    }

    /// The next events, at their time; nothing after the last.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if self.before.is_some() {
            let marks = if self.next == Next::End { Marks::ALL } else { Marks::NONE };
            ready!(self.exchange.poll_frame(self.opened, marks, &self.entry, cx));
            return Poll::Ready(self.before.take().map(Frame::data));
        }
        loop {
            if let Some((due, marks, _)) = self.rest {
                ready!(self.poll_leave(due, marks, cx));
                return Poll::Ready(self.rest.take().map(|(_, _, bytes)| Frame::data(bytes)));
            }
            if self.next == Next::End {
                return Poll::Ready(None);
            }
            let due = self.due();
            if let Some(due) = self.keepalive(due) {
                ready!(self.poll_leave(due, Marks::NONE, cx));
                self.quiet_since = due;
                return Poll::Ready(Some(Frame::data(KEEPALIVE)));
            }
            ready!(self.alarm.poll_until(due, cx));
            if self.kept.as_ref().is_some_and(Kept::is_cancelled) {
                self.entry.update(|record| record.fault = Some("cancelled"));
                self.next = Next::End;
                return Poll::Ready(None);
            }
            // The backend may have been stalled while the alarm was waiting.
            if self.next != Next::Opening && self.due() > due {
                continue;
            }
            let end = self.run_end(due);
            let marks = self.marks(end);
            // The last byte is in the second half of a write that is cut.
            let (now, later) = match self.plan.packing.split {
                Split::None => (marks, Marks::NONE),
                Split::Event | Split::Utf8 | Split::Crlf => (marks.without(Marks::LAST).without(Marks::END), marks),
            };
            ready!(self.exchange.poll_frame(due, now, &self.entry, cx));
            self.quiet_since = due;
            let frame = self.frame(end);
            let (frame, rest) = self.plan.packing.cut(frame);
            self.rest = rest.map(|rest| (due + PAUSE, later.without(Marks::FIRST).without(Marks::CONTENT), rest));
            return Poll::Ready(Some(Frame::data(frame)));
        }
    }

    /// Ready when what is due at `due` may be handed out.
    fn poll_leave(&mut self, due: Nanos, marks: Marks, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.alarm.poll_until(due, cx));
        self.exchange.poll_frame(due, marks, &self.entry, cx)
    }

    /// When a comment has to bridge the time until `due`.
    fn keepalive(&self, due: Nanos) -> Option<Nanos> {
        let next = self.quiet_since + self.plan.packing.keepalive;
        (next > self.quiet_since && next < due).then_some(next)
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_event(cx).map(|frame| frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.next == Next::End && self.before.is_none() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// About the most bytes that leave together, however many are due.
const FRAME: usize = 1 << 20;
/// A comment, which says nothing but that the stream is alive.
const KEEPALIVE: Bytes = Bytes::from_static(b": keepalive\n\n");
