//! Ideal time across a connection from one part of the simulator to another.
//!
//! A gateway of ours reaches a backend of ours over a real socket, and each side wakes a little late. So that this
//! lateness does not enter the simulated path twice, the writer of bytes notes when they ideally left, and the reader
//! counts from that instead of from its own waking. Foreign servers have no notes; their bytes count from the read.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Notes of one direction: up to which byte, left when.
type Notes = Mutex<VecDeque<(u64, u64)>>;

/// The notes of one connection.
#[derive(Default)]
struct Twin {
    /// From the connecting side and to it.
    lanes: [Notes; 2],
}

/// The connections whose accepting side has not yet found its notes, by the address of the connecting side.
#[derive(Default)]
pub(crate) struct Twins(Mutex<HashMap<SocketAddr, Arc<Twin>>>);

impl Twins {
    /// Our end of a connection that we have opened from `local`; to be called before the first byte is written.
    pub(crate) fn connecting(&self, local: SocketAddr) -> End {
        let twin = Arc::new(Twin::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(local, Arc::clone(&twin));
        End { state: State::Joined(twin), out: 0, sent: 0, came: 0 }
    }

    /// Our end of a connection that we have accepted from `peer`.
    pub(crate) fn accepting(self: &Arc<Self>, peer: SocketAddr) -> End {
        End { state: State::Unknown(Arc::clone(self), peer), out: 1, sent: 0, came: 0 }
    }

    fn claim(&self, peer: &SocketAddr) -> Option<Arc<Twin>> {
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
    Unknown(Arc<Twins>, SocketAddr),
    Joined(Arc<Twin>),
}

impl End {
    /// The end of a connection to somebody else.
    pub(crate) fn foreign() -> Self {
        Self { state: State::Foreign, out: 0, sent: 0, came: 0 }
    }

    /// Notes that the next `bytes` leave at `at`; to be called before they are written.
    pub(crate) fn leave(&self, bytes: usize, at: u64) {
        if let State::Joined(twin) = &self.state {
            let mut notes = twin.lanes[self.out].lock().unwrap_or_else(PoisonError::into_inner);
            notes.push_back((self.sent + bytes as u64, at));
        }
    }

    /// `bytes` were really written.
    pub(crate) fn left(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// When `bytes`, read at `now`, ideally left the other side.
    pub(crate) fn came(&mut self, bytes: usize, now: u64) -> u64 {
        self.came += bytes as u64;
        if let State::Unknown(twins, peer) = &self.state {
            self.state = twins.claim(peer).map_or(State::Foreign, State::Joined);
        }
        let State::Joined(twin) = &self.state else { return now };
        let mut notes = twin.lanes[1 - self.out].lock().unwrap_or_else(PoisonError::into_inner);
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
        let twins = Arc::new(Twins::default());
        let address: SocketAddr = "127.0.0.1:1000".parse().unwrap();
        let mut accepting = twins.accepting(address);
        let mut connecting = twins.connecting(address);
        connecting.leave(10, 100);
        connecting.left(10);
        connecting.leave(5, 200);
        connecting.left(5);
        assert_eq!(accepting.came(4, 1000), 100);
        assert_eq!(accepting.came(6, 1000), 100);
        assert_eq!(accepting.came(5, 1000), 200);
        accepting.leave(3, 300);
        assert_eq!(connecting.came(3, 1000), 300);
        assert!(twins.0.lock().unwrap().is_empty());
    }

    #[test]
    fn without_notes_they_count_from_the_read() {
        let twins = Arc::new(Twins::default());
        let mut stranger = twins.accepting("127.0.0.1:1".parse().unwrap());
        assert_eq!(stranger.came(4, 1000), 1000);
        assert_eq!(End::foreign().came(4, 1000), 1000);
    }
}
