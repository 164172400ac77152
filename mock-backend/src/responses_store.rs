//! The responses that a backend remembers: for later reading, and for responses that follow them.
//!
//! Each backend has its own, as each Azure resource has: who follows a response at another backend is told that it does
//! not exist. What is kept is bounded in time and in memory; the oldest give way.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::api::ResponsesAnswer;
use crate::backend::Plan;
use crate::clock::now_ns;

/// How much is kept, in bytes.
const ROOM: usize = 64 << 20;
/// What one response costs beyond its texts, about.
const EACH: usize = 2048;

/// One response that is kept.
pub(crate) struct Stored {
    pub(crate) answer: Arc<ResponsesAnswer>,
    /// The body of the request.
    pub(crate) body: Bytes,
    /// When it is made, if that goes on in the background.
    pub(crate) background: Option<Plan>,
    /// Whether it was asked for as a stream.
    pub(crate) streamed: bool,
    cancelled: AtomicBool,
}

impl Stored {
    pub(crate) fn new(answer: Arc<ResponsesAnswer>, body: Bytes, background: Option<Plan>, streamed: bool) -> Self {
        Self { answer, body, background, streamed, cancelled: AtomicBool::new(false) }
    }

    /// Ends it before its time.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn size(&self) -> usize {
        EACH + self.body.len() + 8 * self.answer.choice.tokens()
    }
}

/// What one backend remembers.
pub(crate) struct ResponsesStore {
    /// For how long, in nanoseconds.
    keep: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_id: HashMap<u64, (u64, Arc<Stored>)>,
    /// Names and when they came, the oldest first.
    order: VecDeque<(u64, u64)>,
    bytes: usize,
}

impl ResponsesStore {
    /// A store that forgets what is older than `keep` nanoseconds.
    pub(crate) fn new(keep: f64) -> Self {
        Self { keep: keep as u64, kept: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a response.
    pub(crate) fn put(&self, stored: Arc<Stored>) {
        let now = now_ns();
        let name = stored.answer.name;
        let mut kept = self.lock();
        kept.bytes += stored.size();
        kept.by_id.insert(name, (now, stored));
        kept.order.push_back((name, now));
        while let Some(&(oldest, at)) = kept.order.front() {
            if kept.bytes <= ROOM && at.saturating_add(self.keep) > now {
                break;
            }
            kept.order.pop_front();
            kept.forget(oldest);
        }
        kept.tidy();
    }

    /// The response of this id, if it is kept here.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Stored>> {
        let name = name(id)?;
        let mut kept = self.lock();
        let (at, stored) = kept.by_id.get(&name)?;
        if at.saturating_add(self.keep) > now_ns() {
            return Some(Arc::clone(stored));
        }
        kept.forget(name);
        None
    }

    /// Forgets the response of this id; false if it was not here.
    pub(crate) fn delete(&self, id: &str) -> bool {
        self.get(id).is_some_and(|stored| {
            self.lock().forget(stored.answer.name);
            stored.cancel();
            true
        })
    }
}

impl Kept {
    /// Forgets the order of what was deleted, once that is most of it.
    fn tidy(&mut self) {
        if self.order.len() > 1024 + 2 * self.by_id.len() {
            let Self { by_id, order, .. } = self;
            order.retain(|(name, _)| by_id.contains_key(name));
        }
    }

    fn forget(&mut self, name: u64) {
        if let Some((_, stored)) = self.by_id.remove(&name) {
            self.bytes -= stored.size();
        }
    }
}

/// The number in an id of ours.
fn name(id: &str) -> Option<u64> {
    let hex = id.strip_prefix("resp_").filter(|hex| hex.len() == 32)?;
    u128::from_str_radix(hex, 16).ok().and_then(|name| u64::try_from(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(name: u64, body: usize) -> Arc<Stored> {
        let answer = Arc::new(ResponsesAnswer::example(name));
        Arc::new(Stored::new(answer, Bytes::from(vec![b' '; body]), None, false))
    }

    fn id(name: u64) -> String {
        format!("resp_{name:032x}")
    }

    #[test]
    fn what_is_kept_is_found_until_it_is_deleted() {
        let store = ResponsesStore::new(1e12);
        store.put(stored(7, 10));
        assert!(store.get(&id(7)).is_some());
        assert!(store.get("resp_7").is_none() && store.get("x").is_none() && store.get(&id(8)).is_none());
        assert!(store.delete(&id(7)) && !store.delete(&id(7)));
        assert_eq!(store.lock().bytes, 0);
    }

    #[test]
    fn the_oldest_give_way_when_there_is_no_room() {
        let store = ResponsesStore::new(1e15);
        (0..5).for_each(|name| store.put(stored(name, 20 << 20)));
        let found: Vec<u64> = (0..5).filter(|name| store.get(&id(*name)).is_some()).collect();
        assert_eq!(found, [2, 3, 4]);
        assert!(store.lock().bytes <= ROOM);
    }

    #[test]
    fn what_is_too_old_is_gone() {
        let store = ResponsesStore::new(0.0);
        store.put(stored(1, 10));
        assert!(store.get(&id(1)).is_none());
        assert_eq!(store.lock().bytes, 0);
    }
}
