//! Where a request finds itself: the simulated world, the worker thread that serves it, the connection it came over.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::HeaderMap;

use crate::backend::Backend;
use crate::clock::Clock;
use crate::config::{Config, Kind};
use crate::ledger::{Ledger, Sink};
use crate::link::{Route, Scratch, scratch};
use crate::tap::Tap;

/// Everything that all threads share. Only counters and the queues of backends in it ever change.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) seed: u64,
    pub(crate) key: Option<String>,
    pub(crate) any_model: bool,
    pub(crate) backends: Vec<Arc<Backend>>,
    pub(crate) listeners: Vec<Arc<Listener>>,
    pub(crate) ledger: Arc<Ledger>,
}

/// A place to connect to.
pub(crate) struct Listener {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) route: Arc<Route>,
    /// Requests that a model here has begun to answer; the number of each decides its draws.
    pub(crate) arrivals: AtomicU64,
    pub(crate) backend: Option<Arc<Backend>>,
}

impl World {
    /// The world that `config` describes.
    pub(crate) fn new(config: Config, threads: usize) -> Arc<Self> {
        let backends: Vec<Arc<Backend>> =
            config.backends.iter().map(|backend| Arc::new(Backend::new(backend.clone()))).collect();
        let listeners = config.listeners.iter().map(|listener| {
            Arc::new(Listener {
                name: Arc::from(listener.name.as_str()),
                kind: listener.kind,
                route: Route::new(listener.link.clone(), config.seed, &listener.name),
                arrivals: AtomicU64::new(0),
                backend: listener.backend.map(|place| Arc::clone(&backends[place])),
            })
        });
        Arc::new(Self {
            seed: config.seed,
            key: config.key.clone(),
            any_model: config.any_model,
            listeners: listeners.collect(),
            ledger: Ledger::new(threads, config.ledger),
            backends,
            config,
        })
    }
}

/// One worker thread.
pub(crate) struct Worker {
    pub(crate) world: Arc<World>,
    pub(crate) clock: Clock,
    pub(crate) sink: Sink,
    /// Room for reads from sockets, and for what HTTP reads from links.
    pub(crate) rooms: (Scratch, Scratch),
    named: AtomicU64,
    place: usize,
}

impl Worker {
    pub(crate) fn new(world: Arc<World>, clock: Clock, place: usize) -> Rc<Self> {
        let sink = world.ledger.sink(place);
        Rc::new(Self { world, clock, sink, rooms: (scratch(), scratch()), named: AtomicU64::new(0), place })
    }
}

/// One connection.
pub(crate) struct Visit {
    pub(crate) worker: Rc<Worker>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) tap: Tap,
}

impl Visit {
    /// The name under which a request stands in the ledger: the caller's, else one of our own.
    pub(crate) fn request_id(&self, headers: &HeaderMap) -> String {
        let theirs = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
        theirs("x-ms-client-request-id").or_else(|| theirs("x-request-id")).map_or_else(
            || {
                let number = self.worker.named.fetch_add(1, Ordering::Relaxed);
                format!("req_{:04x}{number:028x}", self.worker.place)
            },
            str::to_owned,
        )
    }
}
