//! One connection as those who answer on it see it: when its bytes come, what the time is, where to record.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use hyper::HeaderMap;

use super::clock::Clock;
use super::entry::Entry;
use super::exchange::Exchange;
use crate::observe::ledger::Sink;
use crate::observe::record::Record;
use crate::units::bounds::Bound;

/// One connection, or one of several streams on it.
#[derive(Clone)]
pub(crate) struct Connection {
    /// The name of the listener that accepted it.
    pub(crate) listener: Arc<str>,
    pub(crate) exchange: Exchange,
    pub(crate) clock: Clock,
    pub(crate) sink: Sink,
    pub(crate) ids: RequestIds,
}

/// The ids that a worker thread gives to requests that have none.
#[derive(Clone)]
pub(crate) struct RequestIds {
    thread: usize,
    next: Rc<Cell<u64>>,
}

impl RequestIds {
    /// Those of worker thread number `thread`.
    pub(crate) fn new(thread: usize) -> Self {
        Self { thread, next: Rc::default() }
    }

    /// The next one.
    pub(crate) fn next_id(&self) -> String {
        let number = self.next.get();
        self.next.set(number + 1);
        format!("req_{:04x}{number:028x}", self.thread)
    }
}

impl Connection {
    /// One of several streams on this connection.
    pub(crate) fn stream(&self) -> Self {
        Self { exchange: self.exchange.stream(), ..self.clone() }
    }

    /// The id under which a request stands in the ledger: the caller's, else one of our own.
    pub(crate) fn request_id(&self, headers: &HeaderMap) -> String {
        let theirs = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
        theirs("x-ms-client-request-id")
            .or_else(|| theirs("x-request-id"))
            .map_or_else(|| self.ids.next_id(), |id| id[..id.floor_char_boundary(Bound::Identifier.most())].to_owned())
    }

    /// Opens the record of a request that came last; `change` completes it.
    pub(crate) fn open_record(
        &self,
        request_id: String,
        api: &'static str,
        change: impl FnOnce(&mut Record),
    ) -> Rc<Entry> {
        let recv_ns = self.exchange.arrival().recv.0;
        let mut record = Record { request_id, listener: Arc::clone(&self.listener), api, recv_ns, ..Record::default() };
        change(&mut record);
        Entry::new(record, self.sink.clone())
    }
}
