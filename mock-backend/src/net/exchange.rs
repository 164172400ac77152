//! What joins an HTTP exchange with its socket: the stamps of the bytes that came in, and the marks (head, first token,
//! any content, last token, end) of the bytes that are about to go out.
//!
//! HTTP runs between the two, and knows nothing of either. A handler reads here when its request really came;
//! a body says here what the next bytes mean and when they are due; the link below takes that note with the bytes
//! and stamps the record at the system call.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::entry::{Entry, Marks};
use super::idle::IdleTimer;
use crate::units::Nanos;

/// What the next bytes to go out mean.
#[derive(Clone)]
pub(crate) struct Note {
    /// When they are to leave the model; the link adds its distance.
    pub(crate) due: Nanos,
    pub(crate) marks: Marks,
    pub(crate) entry: Option<Rc<Entry>>,
}

/// When bytes came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// After the `read()` that brought them.
    pub(crate) recv: Nanos,
    /// When they had come over the link, ideally: the time from which everything later is counted.
    pub(crate) ideal: Nanos,
}

/// One connection's exchange with its socket; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Exchange(Rc<State>);

#[derive(Default)]
struct State {
    arrival: Cell<Arrival>,
    ways: Cell<(Duration, Duration)>,
    note: RefCell<Option<Note>>,
    body: RefCell<Option<Waker>>,
    idle_timer: OnceCell<Rc<IdleTimer>>,
    /// Exchanges under way.
    under_way: Cell<u32>,
    /// The connection's, if this is that of one of several streams on it.
    connection: Option<Exchange>,
    /// Whether this stream's exchange is under way.
    open: Cell<bool>,
    /// What is to be done to the wire itself, or to the stream.
    tampering: Cell<Tampering>,
    /// How often everything written has gone out, and who waits for that.
    flushes: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
}

impl Drop for State {
    /// A stream that its caller gave up is over as well.
    fn drop(&mut self) {
        if self.open.get()
            && let Some(connection) = &self.connection
        {
            connection.0.end_exchange();
        }
    }
}

impl State {
    /// For a connection: one of its exchanges is over.
    fn end_exchange(&self) {
        self.under_way.set(self.under_way.get().saturating_sub(1));
        if self.under_way.get() == 0
            && let Some(timer) = self.idle_timer.get()
        {
            timer.await_request();
        }
    }
}

/// How a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
}

/// What is to be done to the wire itself, below HTTP.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tampering {
    /// Bytes that go ahead of those that HTTP writes next.
    pub(crate) ahead: Option<&'static [u8]>,
    /// The end of the connection after the bytes that HTTP writes next, less so many of them.
    pub(crate) after: Option<(Cut, usize)>,
    /// The end of the connection now.
    pub(crate) now: Option<Cut>,
}

impl Exchange {
    /// That of one of several streams on the connection of this one. Its frames are stamped when they are handed to
    /// HTTP, since they share their writes.
    pub(crate) fn stream(&self) -> Self {
        let mut stream = State::default();
        stream.connection = Some(self.clone());
        Self(Rc::new(stream))
    }

    /// Whether it is that of one of several streams on a connection.
    pub(crate) fn is_stream(&self) -> bool {
        self.0.connection.is_some()
    }

    /// That of the connection.
    fn whole(&self) -> &State {
        self.0.connection.as_ref().map_or(&self.0, |connection| &connection.0)
    }

    /// When the bytes last handed to HTTP came in.
    pub(crate) fn arrival(&self) -> Arrival {
        self.whole().arrival.get()
    }

    /// For the link: these bytes are handed to HTTP now.
    pub(crate) fn note_arrival(&self, arrival: Arrival) {
        self.0.arrival.set(arrival);
        if let Some(timer) = self.0.idle_timer.get() {
            timer.hear_bytes();
        }
    }

    /// For the link: no more bytes will come.
    pub(crate) fn note_end(&self) {
        if let Some(timer) = self.0.idle_timer.get() {
            timer.hear_end();
        }
    }

    /// Nothing more will be sent for the exchange that is under way, and no end of it either.
    pub(crate) fn give_up(&self) {
        if let Some(timer) = self.0.idle_timer.get() {
            timer.give_up();
        }
    }

    /// How long the link takes to bring bytes in, in the present exchange.
    pub(crate) fn way_in(&self) -> Duration {
        self.whole().ways.get().0
    }

    /// How long the link takes to carry bytes out, in the present exchange.
    pub(crate) fn way_out(&self) -> Duration {
        self.whole().ways.get().1
    }

    /// For the link: the ways in and out of a new exchange.
    pub(crate) fn set_ways(&self, way_in: Duration, way_out: Duration) {
        self.0.ways.set((way_in, way_out));
    }

    /// How long this connection's caller may be silent.
    pub(crate) fn set_idle_timer(&self, timer: Rc<IdleTimer>) {
        // A connection has one from its beginning.
        let _ = self.0.idle_timer.set(timer);
    }

    /// A request has come; its answer may take as long as it takes.
    pub(crate) fn begin_exchange(&self) {
        let whole = self.whole();
        whole.under_way.set(whole.under_way.get() + 1);
        self.0.open.set(true);
        if let Some(timer) = whole.idle_timer.get() {
            timer.serve_request();
        }
    }

    /// An exchange is over; if it was the only one, its caller is to send the next.
    fn end_exchange(&self) {
        if self.0.open.replace(false) {
            self.whole().end_exchange();
        }
    }

    /// For a stream: its head is handed to HTTP now, and if its body is `empty`, that is all.
    pub(crate) fn hand_head(&self, empty: bool) {
        let mut note = self.0.note.borrow_mut();
        let Some(waiting) = note.as_mut() else { return };
        let now = if empty { waiting.marks } else { waiting.marks.only(Marks::HEAD) };
        waiting.marks = waiting.marks.without(now);
        let entry = waiting.entry.clone();
        if empty {
            *note = None;
        }
        drop(note);
        self.stamp_now(now, entry.as_ref());
    }

    /// For a stream: a frame of its body is handed to HTTP now.
    pub(crate) fn hand_frame(&self) {
        let note = self.0.note.borrow_mut().take();
        if let Some(Note { marks, entry, .. }) = note {
            self.stamp_now(marks, entry.as_ref());
        }
    }

    /// For streams that share their writes: these bytes go now.
    fn stamp_now(&self, marks: Marks, entry: Option<&Rc<Entry>>) {
        if let Some(entry) = entry {
            let now = Nanos::now();
            entry.stamp(marks, now);
            entry.written(marks, now);
        }
        if marks.has(Marks::END) {
            self.end_exchange();
        }
    }

    /// What the head that HTTP will write next means. The first frame of its body may share its write when both are due
    /// together.
    pub(crate) fn note_head(&self, note: Note) {
        *self.0.note.borrow_mut() = Some(note);
    }

    /// What the frame that a body is about to hand out means. Pending as long as other bytes, due at another time, wait
    /// to be written, so that each stretch of bytes has its own due time.
    pub(crate) fn poll_frame(&self, due: Nanos, marks: Marks, entry: &Rc<Entry>, cx: &mut Context<'_>) -> Poll<()> {
        let mut note = self.0.note.borrow_mut();
        match note.as_mut() {
            None => *note = Some(Note { due, marks, entry: Some(Rc::clone(entry)) }),
            Some(note) if note.due == due || self.is_stream() => {
                (note.due, note.marks) = (due, note.marks.and(marks));
            }
            Some(_) => {
                *self.0.body.borrow_mut() = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Changes what the next bytes mean, if that was already said.
    pub(crate) fn amend_note(&self, change: impl FnOnce(&mut Note)) {
        if let Some(note) = self.0.note.borrow_mut().as_mut() {
            change(note);
        }
    }

    /// Takes back what the next bytes mean; to be said again before HTTP writes them.
    pub(crate) fn take_note(&self) -> Option<Note> {
        self.0.note.borrow_mut().take()
    }

    /// Has `bytes` written before what HTTP writes next.
    pub(crate) fn write_ahead(&self, bytes: &'static [u8]) {
        self.0.tampering.set(Tampering { ahead: Some(bytes), ..self.0.tampering.get() });
    }

    /// Ends the connection after what HTTP writes next, less its last `short` bytes.
    pub(crate) fn sever_after(&self, cut: Cut, short: usize) {
        self.0.tampering.set(Tampering { after: Some((cut, short)), ..self.0.tampering.get() });
    }

    /// Ends the connection now, or the stream if it shares its connection.
    pub(crate) fn sever_now(&self, cut: Cut) {
        self.0.tampering.set(Tampering { now: Some(cut), ..self.0.tampering.get() });
    }

    /// What is to be done to the wire, or to the stream.
    pub(crate) fn tampering(&self) -> Tampering {
        self.0.tampering.get()
    }

    /// It was done.
    pub(crate) fn clear_tampering(&self) {
        self.0.tampering.take();
    }

    /// For the link: all that was written has gone out.
    pub(crate) fn note_flush(&self) {
        self.0.flushes.set(self.0.flushes.get() + 1);
        self.0.waiting.borrow_mut().drain(..).for_each(Waker::wake);
    }

    /// How often everything written has gone out on this connection.
    pub(crate) fn flushes(&self) -> u64 {
        self.whole().flushes.get()
    }

    /// Ready when everything written has gone out again since [`flushes`](Self::flushes) said `since`.
    pub(crate) fn poll_flushed(&self, since: u64, cx: &Context<'_>) -> Poll<()> {
        if self.flushes() > since {
            return Poll::Ready(());
        }
        self.whole().waiting.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    }

    /// For the link: the note on the bytes that are being written.
    pub(crate) fn note(&self) -> Option<Note> {
        self.0.note.borrow().clone()
    }

    /// For the link: all bytes with the present note were taken; the body may go on.
    pub(crate) fn note_taken(&self) {
        let Some(note) = self.0.note.borrow_mut().take() else { return };
        if let Some(body) = self.0.body.borrow_mut().take() {
            body.wake();
        }
        if let Some(timer) = self.0.idle_timer.get() {
            timer.note_sent();
        }
        if note.marks.has(Marks::END) {
            self.end_exchange();
        }
    }
}
