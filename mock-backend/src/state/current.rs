//! The present state, and how another one takes its place: at once, for every request that begins after it.
//!
//! A change is checked whole, built whole, and then put in place of the old state with one store. Requests under way end
//! in the state in which they began; connections stay, with the distance and the certificate that they began with.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::snapshot::State;
use crate::config::ConfigError;

/// The present state, for all threads.
pub(crate) struct Current {
    state: Mutex<Arc<State>>,
    version: AtomicU64,
    /// Whether requests under way may end when the simulator does.
    drains: AtomicBool,
}

impl Current {
    pub(crate) fn new(state: Arc<State>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), version: AtomicU64::new(0), drains: AtomicBool::new(false) })
    }

    /// Lets requests under way end when the simulator does.
    pub(crate) fn let_drain(&self) {
        self.drains.store(true, Ordering::Relaxed);
    }

    /// How long requests under way may take when the simulator ends.
    pub(crate) fn drain(&self) -> Duration {
        if self.drains.load(Ordering::Relaxed) { self.state().config.drain } else { Duration::ZERO }
    }

    /// The present state.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often the state has been replaced.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Changes the scenario by a JSON merge patch.
    pub(crate) fn patch(&self, patch: &Value) -> Result<(), ConfigError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let config = state.config.patched(patch)?;
        *state = state.changed(config);
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Begins anew: time, draws, queues, ledger and counters.
    pub(crate) fn reset(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.reset();
        self.version.fetch_add(1, Ordering::Release);
    }
}
