//! The present world, and how another one takes its place: at once, for every request that begins after it.
//!
//! A change is checked whole, built whole, and then put in place of the old world with one store. Requests under way end
//! in the world in which they began; connections stay, with the distance and the certificate that they began with.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::config::ConfigError;
use crate::visit::{Listener, Visit, Worker, World};

/// The present world, for all threads.
pub(crate) struct Stage {
    world: Mutex<Arc<World>>,
    version: AtomicU64,
    /// Whether requests under way may end when the simulator does.
    gentle: AtomicBool,
}

impl Stage {
    pub(crate) fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self { world: Mutex::new(world), version: AtomicU64::new(0), gentle: AtomicBool::new(false) })
    }

    /// Lets requests under way end when the simulator does.
    pub(crate) fn be_gentle(&self) {
        self.gentle.store(true, Ordering::Relaxed);
    }

    /// How long requests under way may take when the simulator ends.
    pub(crate) fn drain(&self) -> Duration {
        if self.gentle.load(Ordering::Relaxed) { self.world().config.drain } else { Duration::ZERO }
    }

    /// The present world.
    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the scenario by a JSON merge patch.
    pub(crate) fn patch(&self, patch: &Value) -> Result<(), ConfigError> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let config = world.config.patched(patch)?;
        *world = world.changed(config);
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Begins anew: time, draws, queues, ledger and counters.
    pub(crate) fn reset(&self) {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        *world = world.reset();
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// One thread's view of the stage.
pub(crate) struct Desk {
    stage: Arc<Stage>,
    seen: RefCell<(u64, Rc<Worker>)>,
}

impl Desk {
    pub(crate) fn new(stage: Arc<Stage>, worker: Rc<Worker>) -> Rc<Self> {
        // Whatever changes from now on is a later version.
        Rc::new(Self { seen: RefCell::new((0, worker)), stage })
    }

    /// This thread's worker, in the present world.
    pub(crate) fn worker(&self) -> Rc<Worker> {
        let version = self.stage.version.load(Ordering::Acquire);
        let mut seen = self.seen.borrow_mut();
        if seen.0 != version {
            *seen = (version, seen.1.moved_to(self.stage.world()));
        }
        Rc::clone(&seen.1)
    }
}

/// A connection's view of its listener.
pub(crate) struct Seat {
    desk: Rc<Desk>,
    visit: RefCell<Rc<Visit>>,
}

impl Seat {
    pub(crate) fn new(desk: Rc<Desk>, visit: Visit) -> Self {
        Self { desk, visit: RefCell::new(Rc::new(visit)) }
    }

    /// The connection's visit, in the present world.
    pub(crate) fn visit(&self) -> Rc<Visit> {
        let worker = self.desk.worker();
        let mut visit = self.visit.borrow_mut();
        if !Rc::ptr_eq(&visit.worker, &worker) {
            let listener: Arc<Listener> = Arc::clone(&worker.world.listeners[visit.listener.place]);
            *visit = Rc::new(Visit { worker, listener, tap: visit.tap.clone() });
        }
        Rc::clone(&visit)
    }
}
