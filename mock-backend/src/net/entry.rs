//! The record of one exchange while it lasts, and the marks of the bytes that belong to it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::observe::ledger::Sink;
use crate::observe::record::Record;
use crate::units::Nanos;

/// What a stretch of outgoing bytes holds; a set of the constants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const HEAD: Self = Self(1);
    pub(crate) const FIRST: Self = Self(2);
    pub(crate) const LAST: Self = Self(4);
    pub(crate) const END: Self = Self(8);
    /// Some of the answer's content, in a stream.
    pub(crate) const CONTENT: Self = Self(16);
    /// A whole answer in one piece.
    pub(crate) const ALL: Self = Self(15);

    pub(crate) fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    /// The set with `mark` added if `yes`.
    pub(crate) fn with_if(self, mark: Self, yes: bool) -> Self {
        if yes { self.and(mark) } else { self }
    }

    /// Both sets together.
    pub(crate) fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    pub(crate) fn without(self, mark: Self) -> Self {
        Self(self.0 & !mark.0)
    }

    /// What of the set is in `marks` too.
    pub(crate) fn only(self, marks: Self) -> Self {
        Self(self.0 & marks.0)
    }
}

/// The record of one exchange while it lasts. Whoever still has to send a part of it holds a clone; the record goes to
/// the ledger when the last one is dropped, complete or not.
pub(crate) struct Entry {
    record: RefCell<Record>,
    sink: Sink,
    after: Cell<Option<After>>,
}

/// What is to be done when an exchange is over.
type After = Box<dyn FnOnce(&Record)>;

impl Entry {
    pub(crate) fn new(record: Record, sink: Sink) -> Rc<Self> {
        sink.begin();
        Rc::new(Self { record: RefCell::new(record), sink, after: Cell::new(None) })
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.borrow_mut());
    }

    /// Has `after` done when the exchange is over, before anything that was asked for earlier.
    pub(crate) fn on_end(&self, after: impl FnOnce(&Record) + 'static) {
        let earlier = self.after.take();
        self.after.set(Some(Box::new(move |record| {
            after(record);
            if let Some(earlier) = earlier {
                earlier(record);
            }
        })));
    }

    /// Notes that bytes with these marks are about to be written, at `now`.
    pub(crate) fn stamp(&self, marks: Marks, now: Nanos) {
        let mut record = self.record.borrow_mut();
        record.writes += 1;
        if marks.has(Marks::HEAD) && record.head_ns.is_none() {
            record.head_ns = Some(now.0);
        }
        if marks.has(Marks::FIRST) && record.first_ns.is_none() {
            record.first_ns = Some(now.0);
        }
        if marks.has(Marks::LAST) {
            record.last_ns = Some(now.0);
        }
        if marks.has(Marks::END) {
            record.end_ns = Some(now.0);
        }
    }

    /// Notes that bytes with these marks were written, or at least begun, at `now`: content is stamped once, however
    /// many system calls it takes. Returns the marks that the rest of them has.
    pub(crate) fn written(&self, marks: Marks, now: Nanos) -> Marks {
        if marks.has(Marks::CONTENT) && self.sink.keeps_chunks() {
            self.record.borrow_mut().chunks_ns.push(now.0);
        }
        marks.without(Marks::CONTENT)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut record = self.record.take();
        if record.end_ns.is_none() && record.fault.is_none() {
            record.fault = Some("client_closed");
        }
        if let Some(after) = self.after.take() {
            after(&record);
        }
        self.sink.push(record);
    }
}
