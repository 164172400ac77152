//! Where a request finds itself: the simulated world, the worker thread that serves it, the connection it came over.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use hyper::HeaderMap;

use crate::backend::Backend;
use crate::clock::Clock;
use crate::config::{Config, ListenerConfig};
use crate::describe;
use crate::distance::{Distance, Route};
use crate::fault::Faults;
use crate::gateway::Gateway;
use crate::hyper_io::{Scratch, scratch};
use crate::ledger::{Ledger, Sink};
use crate::tap::Tap;
use crate::twin::Twins;
use crate::upstream::Pool;
use crate::watch::Watch;

/// Everything that all threads share. Only counters and the queues of backends in it ever change.
pub(crate) struct World {
    pub(crate) config: Config,
    /// Connections from gateways to backends, both ours.
    pub(crate) twins: Arc<Twins>,
    description: OnceLock<String>,
    pub(crate) seed: u64,
    pub(crate) key: Option<String>,
    pub(crate) any_model: bool,
    pub(crate) strict: bool,
    pub(crate) backends: Vec<Arc<Backend>>,
    pub(crate) listeners: Vec<Arc<Listener>>,
    pub(crate) ledger: Arc<Ledger>,
}

/// A place to connect to.
pub(crate) struct Listener {
    pub(crate) name: Arc<str>,
    /// Its place in [`World::listeners`].
    pub(crate) place: usize,
    pub(crate) route: Arc<Route>,
    /// Requests that a model here has begun to answer; the number of each decides its draws.
    pub(crate) arrivals: AtomicU64,
    /// The model, also the one behind a gateway.
    pub(crate) backend: Option<Arc<Backend>>,
    pub(crate) gateway: Option<Gateway>,
    /// Whether the callers are gateways of ours, who are told the plan of each answer.
    pub(crate) tells_plan: bool,
    /// What goes wrong with connections to it.
    pub(crate) connection_faults: Option<Faults>,
    /// What goes wrong with requests to it.
    pub(crate) faults: Option<Faults>,
    /// Whether nobody listens.
    pub(crate) refuses: bool,
}

impl World {
    /// The world that `config` describes. Behind each gateway to a backend of ours stands a listener of its own, at the
    /// address that `inner` gives for it.
    pub(crate) fn new(config: Config, threads: usize, inner: &[SocketAddr]) -> Arc<Self> {
        let backends: Vec<Arc<Backend>> =
            config.backends.iter().map(|backend| Arc::new(Backend::new(backend.clone(), config.seed))).collect();
        let backend = |listener: &ListenerConfig| listener.backend.map(|place| Arc::clone(&backends[place]));
        let mut addresses = inner.iter();
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            listeners.push(Listener {
                name: Arc::from(listener.name.as_str()),
                place: listeners.len(),
                route: Route::new(listener.link.clone(), config.seed, &listener.name),
                arrivals: AtomicU64::new(0),
                backend: backend(listener),
                gateway: Gateway::new(listener, config.seed, &mut addresses),
                tells_plan: false,
                connection_faults: Faults::new(&listener.faults, true, config.seed, &listener.name),
                faults: Faults::new(&listener.faults, false, config.seed, &listener.name),
                refuses: listener.refuses(),
            });
        }
        for (name, place) in config.inner() {
            listeners.push(Listener {
                name: Arc::from(name),
                place: listeners.len(),
                route: Route::new(Distance::NONE, config.seed, ""),
                arrivals: AtomicU64::new(0),
                backend: backends.get(place).cloned(),
                gateway: None,
                tells_plan: true,
                connection_faults: None,
                faults: None,
                refuses: false,
            });
        }
        Arc::new(Self {
            seed: config.seed,
            key: config.key.clone(),
            any_model: config.any_model,
            strict: config.strict,
            listeners: listeners.into_iter().map(Arc::new).collect(),
            ledger: Ledger::new(threads, config.ledger),
            twins: Arc::default(),
            description: OnceLock::new(),
            backends,
            config,
        })
    }
}

impl World {
    /// The planned truth, as JSON.
    pub(crate) fn description(&self) -> &str {
        self.description.get_or_init(|| describe::as_json(&self.config).to_string())
    }
}

/// One worker thread.
pub(crate) struct Worker {
    pub(crate) world: Arc<World>,
    pub(crate) clock: Clock,
    pub(crate) sink: Sink,
    /// Room for reads from sockets, and for what HTTP reads from links.
    pub(crate) rooms: (Scratch, Scratch),
    /// Idle connections to each upstream of each listener.
    pub(crate) pools: Vec<Vec<Rc<Pool>>>,
    /// The connections.
    pub(crate) watch: Watch,
    named: Cell<u64>,
    place: usize,
}

impl Worker {
    pub(crate) fn new(world: Arc<World>, clock: Clock, place: usize) -> Rc<Self> {
        let sink = world.ledger.sink(place);
        let upstreams = |listener: &Arc<Listener>| listener.gateway.as_ref().map_or(0, |gateway| gateway.members.len());
        let pools = world.listeners.iter().map(|l| (0..upstreams(l)).map(|_| Rc::default()).collect()).collect();
        Rc::new(Self {
            world,
            clock,
            sink,
            rooms: (scratch(), scratch()),
            pools,
            watch: Watch::default(),
            named: Cell::new(0),
            place,
        })
    }
}

impl Worker {
    /// A name for a request that has none.
    pub(crate) fn name_request(&self) -> String {
        let number = self.named.get();
        self.named.set(number + 1);
        format!("req_{:04x}{number:028x}", self.place)
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
        theirs("x-ms-client-request-id")
            .or_else(|| theirs("x-request-id"))
            .map_or_else(|| self.worker.name_request(), str::to_owned)
    }
}
