//! The body of a stream: events handed out at the instants that were planned for them.
//!
//! Events that are due together leave as one frame. Nothing is computed from when an event was really sent, so lateness
//! does not add up.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::Frame;

use super::chat::ChatChunks;
use super::responses::ResponsesEvents;
use crate::backend::{Backend, Plan};
use crate::clock::Alarm;
use crate::tap::{Entry, Marks, Tap};

/// The events of one answer, in whichever API.
pub(crate) enum Script {
    Chat(ChatChunks),
    Responses(ResponsesEvents),
}

impl Script {
    fn size(&self) -> usize {
        match self {
            Self::Chat(chunks) => chunks.size(),
            Self::Responses(events) => events.size(),
        }
    }

    fn opening(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Chat(chunks) => chunks.opening(out),
            Self::Responses(events) => events.opening(out),
        }
    }

    fn token(&mut self, k: usize, out: &mut Vec<u8>) {
        match self {
            Self::Chat(chunks) => chunks.token(k, out),
            Self::Responses(events) => events.token(k, out),
        }
    }

    fn closing(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Chat(chunks) => chunks.closing(out),
            Self::Responses(events) => events.closing(out),
        }
    }
}

/// A stream on its way.
pub(crate) struct EventStream {
    pub(crate) script: Script,
    pub(crate) plan: Plan,
    pub(crate) backend: Arc<Backend>,
    pub(crate) tap: Tap,
    pub(crate) entry: Rc<Entry>,
    pub(crate) alarm: Alarm,
    /// When the head left the backend; the opening events go with it.
    pub(crate) opened: u64,
    pub(crate) next: Next,
}

/// What an [`EventStream`] sends next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Opening,
    Token(usize),
    End,
}

impl EventStream {
    /// When the next event may leave the backend.
    fn due(&self) -> u64 {
        match self.next {
            Next::Opening => self.opened,
            Next::Token(k) => self.backend.release(self.plan.due(k)),
            Next::End => 0,
        }
    }

    /// The first token that does not leave at `due` together with the next event.
    fn run_end(&self, due: u64) -> usize {
        let mut end = match self.next {
            Next::Opening | Next::End => 0,
            Next::Token(k) => k + 1,
        };
        while end < self.plan.tokens && self.backend.release(self.plan.due(end)) == due {
            end += 1;
        }
        end
    }

    fn marks(&self, end: usize) -> Marks {
        let from = match self.next {
            Next::Opening => 0,
            Next::Token(k) => k,
            Next::End => end,
        };
        let complete = end == self.plan.tokens;
        Marks::NONE
            .with_if(Marks::FIRST, from == 0 && end > 0)
            .with_if(Marks::LAST, end > from && complete)
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
        (from..end).for_each(|k| self.script.token(k, &mut out));
        self.next = Next::Token(end);
        if end == self.plan.tokens {
            self.script.closing(&mut out);
            self.next = Next::End;
        }
        Bytes::from(out)
    }

    /// The next events, at their time; nothing after the last.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        loop {
            if self.next == Next::End {
                return Poll::Ready(None);
            }
            let due = self.due();
            ready!(self.alarm.poll_until(due, cx));
            // The backend may have been stalled while the alarm was waiting.
            if self.next != Next::Opening && self.due() > due {
                continue;
            }
            let end = self.run_end(due);
            ready!(self.tap.poll_frame(due, self.marks(end), &self.entry, cx));
            return Poll::Ready(Some(Frame::data(self.frame(end))));
        }
    }

    pub(crate) fn is_end(&self) -> bool {
        self.next == Next::End
    }
}
