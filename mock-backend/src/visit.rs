//! Where a request finds itself: the simulated world, the worker thread that serves it, the connection it came over.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use hyper::HeaderMap;

use crate::backend::Backend;
use crate::census::Census;
use crate::clock::{Clock, now_ns};
use crate::config::{BackendConfig, Config, ListenerConfig};
use crate::describe;
use crate::distance::{Distance, Route};
use crate::fault::Faults;
use crate::gateway::Gateway;
use crate::hyper_io::{Scratch, scratch};
use crate::ledger::{Ledger, Sink};
use crate::recorder::Recorder;
use crate::stage::Stage;
use crate::tap::Tap;
use crate::tls::Identity;
use crate::twin::Twins;
use crate::upstream::Pool;
use crate::watch::Watch;

/// Everything that all threads share, until another world takes its place. Only counters, queues and the state of limits
/// and policies in it ever change.
pub(crate) struct World {
    pub(crate) config: Config,
    /// Connections from gateways to backends, both ours.
    pub(crate) twins: Arc<Twins>,
    description: OnceLock<String>,
    ground: Ground,
    pub(crate) seed: u64,
    pub(crate) key: Option<String>,
    pub(crate) any_model: bool,
    pub(crate) strict: bool,
    pub(crate) backends: Vec<Arc<Backend>>,
    pub(crate) listeners: Vec<Arc<Listener>>,
    pub(crate) ledger: Arc<Ledger>,
    /// What is open at this moment.
    pub(crate) census: Arc<Census>,
}

/// What stays when a world gives way to the next.
#[derive(Clone)]
struct Ground {
    /// What each listener shows of itself.
    identities: Vec<Option<Identity>>,
    /// Where each listener records.
    recorders: Vec<Option<Arc<Recorder>>>,
    /// Where the listeners behind gateways are.
    inner: Vec<SocketAddr>,
    twins: Arc<Twins>,
    ledger: Arc<Ledger>,
    census: Arc<Census>,
    /// When the simulator started, and when the time of the backends began.
    started: u64,
    began: u64,
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
    /// What it shows of itself; none is without TLS.
    pub(crate) tls: Option<Identity>,
    /// Whether the callers are gateways of ours, who are told the plan of each answer.
    pub(crate) tells_plan: bool,
    /// What goes wrong with connections to it.
    pub(crate) connection_faults: Option<Faults>,
    /// What goes wrong with requests to it.
    pub(crate) faults: Option<Faults>,
}

impl World {
    /// The world that `config` describes. Behind each gateway to a backend of ours stands a listener of its own, at the
    /// address that `inner` gives for it. `identities` are those of the listeners.
    pub(crate) fn new(
        config: Config,
        identities: Vec<Option<Identity>>,
        threads: usize,
        inner: &[SocketAddr],
    ) -> io::Result<Arc<Self>> {
        let record = |listener: &ListenerConfig| Some(Recorder::open(listener.gateway.as_ref()?.record.as_ref()?));
        let recorders = config.listeners.iter().map(|listener| record(listener).transpose());
        let recorders = recorders.collect::<io::Result<_>>()?;
        let ledger = Ledger::new(threads, config.ledger, config.ledger_chunks);
        let (inner, now) = (inner.to_vec(), now_ns());
        let census = Census::new(config.listeners.len() + inner.len());
        let twins = Arc::default();
        let ground = Ground { identities, recorders, inner, twins, ledger, census, started: now, began: now };
        Ok(Self::build(config, ground, None))
    }

    /// When it says that it is ready, in nanoseconds of `CLOCK_MONOTONIC`.
    pub(crate) fn ready_at(&self) -> u64 {
        self.ground.started + self.config.ready_after.as_nanos() as u64
    }

    /// This world with another scenario. Whatever that leaves as it was goes on.
    pub(crate) fn changed(&self, config: Config) -> Arc<Self> {
        Self::build(config, self.ground.clone(), Some(self))
    }

    /// This world as it was in the beginning.
    pub(crate) fn reset(&self) -> Arc<Self> {
        self.ledger.clear();
        Self::build(self.config.clone(), Ground { began: now_ns(), ..self.ground.clone() }, None)
    }

    fn build(config: Config, ground: Ground, old: Option<&Self>) -> Arc<Self> {
        let seed = config.seed;
        let backend = |(place, config): (usize, &BackendConfig)| {
            let old = old.map(|old| &old.backends[place]).filter(|old| old.config == *config);
            old.map_or_else(|| Arc::new(Backend::new(config.clone(), seed, ground.began)), Arc::clone)
        };
        let backends: Vec<Arc<Backend>> = config.backends.iter().enumerate().map(backend).collect();
        let backend = |listener: &ListenerConfig| listener.backend.map(|place| Arc::clone(&backends[place]));
        let mut addresses = ground.inner.iter();
        let mut listeners = Vec::new();
        let arrivals =
            |place: usize| AtomicU64::new(old.map_or(0, |old| old.listeners[place].arrivals.load(Ordering::Relaxed)));
        // A listener that is as it was goes on, with its counters and the state of its policies.
        let kept = |place: usize, new: Listener| {
            let same = |old: &&Self| {
                let before = &old.listeners[place];
                old.config.listeners.get(place) == config.listeners.get(place)
                    && before.backend.as_ref().map(Arc::as_ptr) == new.backend.as_ref().map(Arc::as_ptr)
            };
            old.filter(same).map_or_else(|| Arc::new(new), |old| Arc::clone(&old.listeners[place]))
        };
        for ((listener, tls), recorder) in config.listeners.iter().zip(&ground.identities).zip(&ground.recorders) {
            let place = listeners.len();
            let new = Listener {
                name: Arc::from(listener.name.as_str()),
                place,
                route: Route::new(listener.link.clone(), config.seed, &listener.name),
                arrivals: arrivals(place),
                backend: backend(listener),
                gateway: Gateway::new(listener, config.seed, &mut addresses, recorder.clone()),
                tls: tls.clone(),
                tells_plan: false,
                connection_faults: Faults::new(&listener.faults, true, config.seed, &listener.name),
                faults: Faults::new(&listener.faults, false, config.seed, &listener.name),
            };
            listeners.push(kept(place, new));
        }
        for (name, backend) in config.inner() {
            let place = listeners.len();
            let new = Listener {
                name: Arc::from(name),
                place,
                route: Route::new(Distance::NONE, config.seed, ""),
                arrivals: arrivals(place),
                backend: backends.get(backend).cloned(),
                gateway: None,
                tls: None,
                tells_plan: true,
                connection_faults: None,
                faults: None,
            };
            listeners.push(kept(place, new));
        }
        Arc::new(Self {
            seed: config.seed,
            key: config.key.clone(),
            any_model: config.any_model,
            strict: config.strict,
            listeners,
            ledger: Arc::clone(&ground.ledger),
            census: Arc::clone(&ground.census),
            twins: Arc::clone(&ground.twins),
            description: OnceLock::new(),
            ground,
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

    /// What was counted and what is open, as text for Prometheus.
    pub(crate) fn metrics(&self) -> String {
        self.ledger.metrics() + &self.census.text(self.listeners.iter().map(|listener| &*listener.name))
    }
}

/// One worker thread.
pub(crate) struct Worker {
    pub(crate) stage: Arc<Stage>,
    pub(crate) world: Arc<World>,
    pub(crate) clock: Clock,
    pub(crate) sink: Sink,
    /// Room for reads from sockets, and for what HTTP reads from links.
    pub(crate) rooms: (Scratch, Scratch),
    /// Idle connections to each upstream of each listener.
    pub(crate) pools: Vec<Vec<Rc<Pool>>>,
    /// The connections.
    pub(crate) watch: Rc<Watch>,
    named: Rc<Cell<u64>>,
    place: usize,
}

impl Worker {
    pub(crate) fn new(stage: Arc<Stage>, clock: Clock, place: usize) -> Rc<Self> {
        let world = stage.world();
        let sink = world.ledger.sink(place);
        let upstreams = |listener: &Arc<Listener>| listener.gateway.as_ref().map_or(0, |gateway| gateway.members.len());
        let pools = world.listeners.iter().map(|l| (0..upstreams(l)).map(|_| Rc::default()).collect()).collect();
        Rc::new(Self {
            stage,
            world,
            clock,
            sink,
            rooms: (scratch(), scratch()),
            pools,
            watch: Rc::default(),
            named: Rc::default(),
            place,
        })
    }

    /// The same thread in another world.
    pub(crate) fn moved_to(&self, world: Arc<World>) -> Rc<Self> {
        Rc::new(Self {
            sink: world.ledger.sink(self.place),
            stage: Arc::clone(&self.stage),
            clock: self.clock.clone(),
            rooms: self.rooms.clone(),
            pools: self.pools.clone(),
            watch: Rc::clone(&self.watch),
            named: Rc::clone(&self.named),
            place: self.place,
            world,
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
