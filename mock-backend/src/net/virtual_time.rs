//! Ideal time across a connection from one part of the simulator to another.
//!
//! A gateway of ours reaches a backend of ours over a real socket, and each side wakes a little late. So that this
//! lateness does not enter the simulated path twice, the writer of bytes notes when they ideally left, and the reader
//! counts from that instead of from its own waking. Foreign servers have no notes; their bytes count from the read.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::HeaderName;

use crate::units::Nanos;

/// Where a model tells a gateway of ours what it has planned: when the first and the last token are due, in nanoseconds
/// of `CLOCK_MONOTONIC`. The gateway keeps it to itself.
pub(crate) const PLAN: HeaderName = HeaderName::from_static("x-sim-plan");

/// Notes of one direction: up to which byte, left when.
type Notes = Mutex<VecDeque<(u64, Nanos)>>;

/// The notes of one connection.
#[derive(Default)]
struct ConnectionTimes {
    /// From the connecting side and to it.
    lanes: [Notes; 2],
}

/// The connections whose accepting side has not yet found its notes, by the address of the connecting side.
#[derive(Default)]
pub(crate) struct VirtualTime(Mutex<HashMap<SocketAddr, Arc<ConnectionTimes>>>);

impl VirtualTime {
    /// Our end of a connection that we have opened from `local`; to be called before the first byte is written.
    pub(crate) fn connecting(&self, local: SocketAddr) -> End {
        let connection = Arc::new(ConnectionTimes::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(local, Arc::clone(&connection));
        End { state: State::Joined(connection), out: 0, sent: 0, came: 0 }
    }

    /// Our end of a connection that we have accepted from `peer`.
    pub(crate) fn accepting(self: &Arc<Self>, peer: SocketAddr) -> End {
        End { state: State::Unknown(Arc::clone(self), peer), out: 1, sent: 0, came: 0 }
    }

    fn claim(&self, peer: &SocketAddr) -> Option<Arc<ConnectionTimes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(peer)
    }
}

/// One end of a connection, with or without notes.
pub(crate) struct End {
    state: State,
    out: usize,
    sent: u64,
    came: u64,
}

enum State {
    Foreign,
    Unknown(Arc<VirtualTime>, SocketAddr),
    Joined(Arc<ConnectionTimes>),
}

impl End {
    /// The end of a connection to somebody else.
    pub(crate) fn foreign() -> Self {
        Self { state: State::Foreign, out: 0, sent: 0, came: 0 }
    }

    /// Notes that the next `bytes` leave at `at`; to be called before they are written.
    pub(crate) fn note_leaving(&self, bytes: usize, at: Nanos) {
        if let State::Joined(connection) = &self.state {
            let mut notes = connection.lanes[self.out].lock().unwrap_or_else(PoisonError::into_inner);
            notes.push_back((self.sent + bytes as u64, at));
        }
    }

    /// `bytes` were really written.
    pub(crate) fn note_written(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// When `bytes`, read at `now`, ideally left the other side.
    pub(crate) fn note_read(&mut self, bytes: usize, now: Nanos) -> Nanos {
        self.came += bytes as u64;
        if let State::Unknown(times, peer) = &self.state {
            self.state = times.claim(peer).map_or(State::Foreign, State::Joined);
        }
        let State::Joined(connection) = &self.state else { return now };
        let mut notes = connection.lanes[1 - self.out].lock().unwrap_or_else(PoisonError::into_inner);
        while notes.front().is_some_and(|(until, _)| *until < self.came) {
            notes.pop_front();
        }
        notes.front().map_or(now, |(_, at)| now.min(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_from_when_they_ideally_left() {
        let times = Arc::new(VirtualTime::default());
        let address: SocketAddr = "127.0.0.1:1000".parse().unwrap();
        let mut accepting = times.accepting(address);
        let mut connecting = times.connecting(address);
        connecting.note_leaving(10, Nanos(100));
        connecting.note_written(10);
        connecting.note_leaving(5, Nanos(200));
        connecting.note_written(5);
        assert_eq!(accepting.note_read(4, Nanos(1000)), Nanos(100));
        assert_eq!(accepting.note_read(6, Nanos(1000)), Nanos(100));
        assert_eq!(accepting.note_read(5, Nanos(1000)), Nanos(200));
        accepting.note_leaving(3, Nanos(300));
        assert_eq!(connecting.note_read(3, Nanos(1000)), Nanos(300));
        assert!(times.0.lock().unwrap().is_empty());
    }

    #[test]
    fn without_notes_they_count_from_the_read() {
        let times = Arc::new(VirtualTime::default());
        let mut stranger = times.accepting("127.0.0.1:1".parse().unwrap());
        assert_eq!(stranger.note_read(4, Nanos(1000)), Nanos(1000));
        assert_eq!(End::foreign().note_read(4, Nanos(1000)), Nanos(1000));
    }
}
