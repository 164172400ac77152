//! The truth: what was really sent, and when, for each request.
//!
//! Every worker thread has a ring of its own, locked once at the end of a request and by whoever reads; the oldest
//! records give way. All stamps are nanoseconds of `CLOCK_MONOTONIC` at the socket: `recv_ns` is taken after the
//! `read()` that brought the last byte of the request, the others immediately before the `write()` that carries the
//! head, the first token, the last token and the last byte. So no client on this machine can measure a time that is
//! shorter than the ledger's.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::metrics::Counters;
use super::record::Record;
use crate::units::bounds::Bound;

/// The least room for a ring, in bytes: a record of the longest stream with the stamps of its chunks.
const LEAST: usize = 16 << 20;

/// A page of the ledger: records, and their bytes.
const PAGE: (usize, usize) = (5_000, 2 << 20);

/// Where a worker thread puts its records.
#[derive(Clone)]
pub(crate) struct Sink {
    ledger: Arc<Ledger>,
    ring: usize,
}

impl Sink {
    /// A request has begun.
    pub(crate) fn begin(&self) {
        self.ledger.under_way[self.ring].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the stamps of every chunk are kept.
    pub(crate) fn keeps_chunks(&self) -> bool {
        self.ledger.chunks
    }

    /// A request is over.
    pub(crate) fn push(&self, record: Record) {
        self.ledger.push(self.ring, record);
    }
}

/// Which records a reader wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// Only this request.
    pub(crate) id: Option<String>,
    /// Only this listener.
    pub(crate) listener: Option<String>,
    /// Only requests received after this instant.
    pub(crate) since: u64,
    /// At most so many, the earliest first.
    pub(crate) limit: Option<usize>,
}

/// The rings of all worker threads.
pub(crate) struct Ledger {
    rings: Vec<Mutex<Ring>>,
    /// Records of one ring, and their bytes.
    each: usize,
    room: usize,
    chunks: bool,
    /// Requests that are not over, of each thread.
    under_way: Box<[AtomicU64]>,
}

#[derive(Default)]
struct Ring {
    records: VecDeque<Record>,
    bytes: usize,
    counters: Counters,
    dropped: u64,
}

impl Ledger {
    /// A ledger of about `capacity` records, shared evenly by `threads` rings; with the stamps of every chunk if
    /// `chunks`.
    pub(crate) fn new(threads: usize, capacity: usize, chunks: bool) -> Arc<Self> {
        let rings = (0..threads).map(|_| Mutex::default()).collect();
        let under_way = (0..threads).map(|_| AtomicU64::new(0)).collect();
        let each = capacity.div_ceil(threads.max(1)).max(1);
        Arc::new(Self { rings, under_way, chunks, each, room: (each * Bound::Ledger.most()).max(LEAST) })
    }

    pub(crate) fn sink(self: &Arc<Self>, ring: usize) -> Sink {
        Sink { ledger: Arc::clone(self), ring }
    }

    fn push(&self, ring: usize, record: Record) {
        self.under_way[ring].fetch_sub(1, Ordering::Relaxed);
        let mut ring = self.rings[ring].lock().unwrap_or_else(PoisonError::into_inner);
        ring.counters.add(&record);
        ring.bytes += record.size();
        ring.records.push_back(record);
        while ring.records.len() > self.each || ring.bytes > self.room {
            ring.bytes -= ring.records.pop_front().map_or(0, |record| record.size());
            ring.dropped += 1;
        }
    }

    /// How many requests are not over.
    pub(crate) fn in_flight(&self) -> u64 {
        self.under_way.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// What was counted, as text for Prometheus.
    pub(crate) fn metrics(&self) -> String {
        let mut all = Counters::default();
        for ring in &self.rings {
            all.merge(&ring.lock().unwrap_or_else(PoisonError::into_inner).counters);
        }
        all.text(self.in_flight())
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for ring in &self.rings {
            *ring.lock().unwrap_or_else(PoisonError::into_inner) = Ring::default();
        }
    }

    /// How many records the ledger can hold.
    pub(crate) fn capacity(&self) -> usize {
        self.each * self.rings.len()
    }

    /// How many records had to give way.
    pub(crate) fn dropped(&self) -> u64 {
        self.rings.iter().map(|ring| ring.lock().unwrap_or_else(PoisonError::into_inner).dropped).sum()
    }

    /// The records asked for, in the order in which they were received.
    pub(crate) fn read(&self, query: &Query) -> Vec<Record> {
        let mut found = self.read_until(query, u64::MAX);
        found.truncate(query.limit.unwrap_or(usize::MAX));
        found
    }

    /// The earliest of them, about as many as make a page, whatever the query's limit; and all that came at the same
    /// instant as the last of these.
    pub(crate) fn read_page(&self, query: &Query) -> Vec<Record> {
        let mut found: Vec<(u64, usize)> = Vec::new();
        self.visit(query, |record| found.push((record.recv_ns, record.size())));
        if found.len() > PAGE.0 {
            found.select_nth_unstable(PAGE.0);
            found.truncate(PAGE.0);
        }
        found.sort_unstable();
        let mut bytes = 0;
        let full = found.iter().find(|(_, size)| {
            bytes += size;
            bytes > PAGE.1
        });
        let until = full.or(found.last()).map_or(0, |(at, _)| *at);
        self.read_until(query, until)
    }

    /// Those that were received at `until` at the latest.
    fn read_until(&self, query: &Query, until: u64) -> Vec<Record> {
        let mut found = Vec::new();
        self.visit(query, |record| {
            if record.recv_ns <= until {
                found.push(record.clone());
            }
        });
        found.sort_by_key(|record| record.recv_ns);
        found
    }

    fn visit(&self, query: &Query, mut visit: impl FnMut(&Record)) {
        for ring in &self.rings {
            let ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.records.iter().filter(|record| query.wants(record)).for_each(&mut visit);
        }
    }
}

impl Query {
    fn wants(&self, record: &Record) -> bool {
        record.recv_ns > self.since
            && self.id.as_ref().is_none_or(|id| *id == record.request_id)
            && self.listener.as_ref().is_none_or(|listener| **listener == *record.listener)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, listener: &str, recv_ns: u64) -> Record {
        Record { request_id: id.to_owned(), listener: Arc::from(listener), recv_ns, ..Record::default() }
    }

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let ledger = Ledger::new(1, 3, false);
        let sink = ledger.sink(0);
        (1..=5).for_each(|i| {
            sink.begin();
            sink.push(record("r", "direct", i));
        });
        assert_eq!(ledger.in_flight(), 0);
        let kept: Vec<u64> = ledger.read(&Query::default()).iter().map(|r| r.recv_ns).collect();
        assert_eq!((kept, ledger.dropped(), ledger.capacity()), (vec![3, 4, 5], 2, 3));
    }

    #[test]
    fn records_are_found_by_id_listener_time_and_number() {
        let ledger = Ledger::new(2, 100, false);
        for (ring, id, listener, at) in [(0, "a", "direct", 30), (1, "b", "gateway", 20), (1, "a", "gateway", 10)] {
            ledger.sink(ring).begin();
            ledger.sink(ring).push(record(id, listener, at));
        }
        let ids = |query: Query| ledger.read(&query).iter().map(|r| r.recv_ns).collect::<Vec<_>>();
        assert_eq!(ids(Query::default()), [10, 20, 30]);
        assert_eq!(ids(Query { id: Some("a".into()), ..Query::default() }), [10, 30]);
        assert_eq!(ids(Query { listener: Some("gateway".into()), ..Query::default() }), [10, 20]);
        assert_eq!(ids(Query { since: 10, limit: Some(1), ..Query::default() }), [20]);
    }

    #[test]
    fn pages_hold_every_record_once_and_in_order() {
        let ledger = Ledger::new(3, 100_000, true);
        for i in 0..20_000usize {
            let chunks_ns = if i.is_multiple_of(1_000) { vec![7; 200_000] } else { Vec::new() };
            ledger.sink(i % 3).begin();
            // Several came at once.
            let record = Record { chunks_ns, ..record(&i.to_string(), "direct", 1 + (i as u64 * 7919) % 5_003) };
            ledger.sink(i % 3).push(record);
        }
        let all = ledger.read(&Query::default());
        let (mut query, mut pages) = (Query::default(), Vec::new());
        while let page @ [.., last] = &ledger.read_page(&query)[..] {
            query.since = last.recv_ns;
            pages.push(page.to_vec());
        }
        assert!(pages.len() > 10, "{}", pages.len());
        let ids = |records: &[Record]| records.iter().map(|record| record.request_id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&pages.concat()), ids(&all));
    }
}
