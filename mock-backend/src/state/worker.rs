//! One worker thread: its clock, its ledger, its connections to upstreams, and its view of the present state.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::current::Current;
use super::listener::Listener;
use super::snapshot::State;
use crate::gateway::Pool;
use crate::net::clock::Clock;
use crate::net::connection::{Connection, RequestIds};
use crate::net::exchange::Exchange;
use crate::net::hyper_io::{Scratch, scratch};
use crate::net::idle::IdleWatch;
use crate::observe::ledger::Sink;

/// One worker thread.
pub(crate) struct Worker {
    pub(crate) current: Arc<Current>,
    pub(crate) clock: Clock,
    sink: Sink,
    ids: RequestIds,
    /// Room for reads from sockets, and for what HTTP reads from links.
    pub(crate) scratch: (Scratch, Scratch),
    /// Idle connections to each upstream of each listener.
    pub(crate) pools: Vec<Vec<Rc<Pool>>>,
    /// The connections whose callers may be silent too long.
    pub(crate) idle: Rc<IdleWatch>,
    /// The state that was present last, and its version.
    cached: RefCell<(u64, Arc<State>)>,
}

impl Worker {
    /// Worker thread number `thread`.
    pub(crate) fn new(current: Arc<Current>, clock: Clock, thread: usize) -> Rc<Self> {
        // Whatever changes from now on is a later version.
        let cached = (current.version(), current.state());
        let members = |listener: &Arc<Listener>| listener.gateway.as_ref().map_or(0, |gateway| gateway.members.len());
        Rc::new(Self {
            clock,
            sink: cached.1.ground.ledger.sink(thread),
            ids: RequestIds::new(thread),
            scratch: (scratch(), scratch()),
            pools: cached.1.listeners.iter().map(members).map(pools).collect(),
            idle: Rc::default(),
            cached: RefCell::new(cached),
            current,
        })
    }

    /// The present state.
    pub(crate) fn state(&self) -> Arc<State> {
        self.look();
        Arc::clone(&self.cached.borrow().1)
    }

    /// Whether `state` is the present one.
    pub(crate) fn is_present(&self, state: &Arc<State>) -> bool {
        self.look();
        Arc::ptr_eq(&self.cached.borrow().1, state)
    }

    /// Looks whether another state has taken the place of the last one.
    fn look(&self) {
        let version = self.current.version();
        let mut cached = self.cached.borrow_mut();
        if cached.0 != version {
            *cached = (version, self.current.state());
        }
    }

    /// A new connection to the listener of this name.
    pub(crate) fn connection(&self, listener: Arc<str>) -> Connection {
        let (clock, sink, ids) = (self.clock.clone(), self.sink.clone(), self.ids.clone());
        Connection { listener, exchange: Exchange::default(), clock, sink, ids }
    }
}

/// An empty pool for each of `n` members.
fn pools(n: usize) -> Vec<Rc<Pool>> {
    (0..n).map(|_| Rc::default()).collect()
}
