//! What a backend remembers: for later reading, and for what follows it.
//!
//! Each backend has its own, as each Azure resource has: who asks another backend is told that it does not exist. What is
//! kept is bounded in time and in memory; the oldest give way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::units::Nanos;
use crate::units::bounds::Bound;

/// How much is kept, in bytes.
const ROOM: usize = Bound::Stored.most();

/// Something that can be kept.
pub(crate) trait Storable {
    /// The number in its id.
    fn name(&self) -> u64;
    /// What it costs, in bytes.
    fn size(&self) -> usize;
}

/// What one backend remembers of one kind.
pub(crate) struct Store<T> {
    /// For how long.
    keep: Duration,
    kept: Mutex<Kept<T>>,
}

struct Kept<T> {
    /// With when each came, and what it cost then.
    by_name: HashMap<u64, (Nanos, usize, Arc<T>)>,
    /// Names and when they came, the oldest first.
    order: VecDeque<(u64, Nanos)>,
    bytes: usize,
}

impl<T: Storable> Store<T> {
    /// A store that forgets what is older than `keep`.
    pub(crate) fn new(keep: Duration) -> Self {
        let kept = Kept { by_name: HashMap::new(), order: VecDeque::new(), bytes: 0 };
        Self { keep, kept: Mutex::new(kept) }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it.
    pub(crate) fn put(&self, thing: Arc<T>) {
        let now = Nanos::now();
        self.lock().put(thing, now, self.keep);
    }

    /// Puts what `change` makes of what is kept under this name in its place, if there is anything.
    pub(crate) fn update<E>(&self, name: u64, change: impl FnOnce(&T) -> Result<T, E>) -> Option<Result<Arc<T>, E>> {
        let now = Nanos::now();
        let mut kept = self.lock();
        let (at, _, thing) = kept.by_name.get(&name)?;
        if *at + self.keep <= now {
            kept.forget(name);
            return None;
        }
        Some(change(thing).map(|thing| {
            let thing = Arc::new(thing);
            kept.put(Arc::clone(&thing), now, self.keep);
            thing
        }))
    }

    /// What is kept under this name.
    pub(crate) fn get(&self, name: u64) -> Option<Arc<T>> {
        let mut kept = self.lock();
        let (at, _, thing) = kept.by_name.get(&name)?;
        if *at + self.keep > Nanos::now() {
            return Some(Arc::clone(thing));
        }
        kept.forget(name);
        None
    }

    /// Forgets what is kept under this name, and gives it back.
    pub(crate) fn delete(&self, name: u64) -> Option<Arc<T>> {
        let thing = self.get(name)?;
        self.lock().forget(name);
        Some(thing)
    }

    /// All that is kept, the oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<T>> {
        let now = Nanos::now();
        let kept = self.lock();
        let alive = |name: &u64| {
            let (at, _, thing) = kept.by_name.get(name)?;
            (*at + self.keep > now).then(|| Arc::clone(thing))
        };
        kept.order.iter().filter_map(|(name, _)| alive(name)).collect()
    }
}

impl<T: Storable> Kept<T> {
    fn put(&mut self, thing: Arc<T>, now: Nanos, keep: Duration) {
        let (name, size) = (thing.name(), thing.size());
        if self.by_name.contains_key(&name) {
            self.forget(name);
            self.order.retain(|(known, _)| *known != name);
        }
        self.bytes += size;
        self.by_name.insert(name, (now, size, thing));
        self.order.push_back((name, now));
        while let Some(&(oldest, at)) = self.order.front() {
            if self.bytes <= ROOM && at + keep > now {
                break;
            }
            self.order.pop_front();
            self.forget(oldest);
        }
        self.tidy();
    }

    /// Forgets the order of what was deleted, once that is most of it.
    fn tidy(&mut self) {
        if self.order.len() > 1024 + 2 * self.by_name.len() {
            let Self { by_name, order, .. } = self;
            order.retain(|(name, _)| by_name.contains_key(name));
        }
    }

    fn forget(&mut self, name: u64) {
        if let Some((_, size, _)) = self.by_name.remove(&name) {
            self.bytes -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(u64, usize);

    impl Storable for Thing {
        fn name(&self) -> u64 {
            self.0
        }

        fn size(&self) -> usize {
            self.1
        }
    }

    fn thing(name: u64, size: usize) -> Arc<Thing> {
        Arc::new(Thing(name, size))
    }

    #[test]
    fn what_is_kept_is_found_until_it_is_deleted() {
        let store = Store::new(Duration::from_secs(1_000));
        store.put(thing(7, 10));
        store.put(thing(5, 10));
        assert!(store.get(7).is_some() && store.get(8).is_none());
        assert_eq!(store.list().iter().map(|thing| thing.0).collect::<Vec<_>>(), [7, 5]);
        assert!(store.delete(7).is_some() && store.delete(7).is_none());
        assert_eq!(store.list().len(), 1);
        assert_eq!(store.lock().bytes, 10);
    }

    #[test]
    fn the_oldest_give_way_when_there_is_no_room() {
        let store = Store::new(Duration::from_secs(1_000_000));
        (0..5).for_each(|name| store.put(thing(name, 20 << 20)));
        let found: Vec<u64> = (0..5).filter(|name| store.get(*name).is_some()).collect();
        assert_eq!(found, [2, 3, 4]);
        assert!(store.lock().bytes <= ROOM);
    }

    #[test]
    fn what_is_put_in_the_place_of_another_is_newer_and_counts_once() {
        let store = Store::new(Duration::from_secs(1_000));
        store.put(thing(1, 10));
        store.put(thing(2, 10));
        assert!(store.update(1, |old| Ok::<_, ()>(Thing(1, old.1 + 20))).is_some_and(|done| done.is_ok()));
        assert!(store.update(3, |_| Ok::<_, ()>(Thing(3, 1))).is_none());
        assert_eq!(store.list().iter().map(|thing| thing.0).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(store.lock().bytes, 40);
    }

    #[test]
    fn what_is_too_old_is_gone() {
        let store = Store::new(Duration::ZERO);
        store.put(thing(1, 10));
        assert!(store.list().is_empty() && store.get(1).is_none());
        assert_eq!(store.lock().bytes, 0);
    }
}
