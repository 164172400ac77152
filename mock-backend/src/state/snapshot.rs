//! One state of the running scenario. Another one takes its place whole; only counters, queues and the state of limits
//! and policies in it ever change.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::listener::{Listener, Placed};
use crate::api::backend::{Backend, BackendSettings};
use crate::config::{Config, ListenerSettings, describe};
use crate::gateway::Recorder;
use crate::net::tls::Identity;
use crate::net::virtual_time::VirtualTime;
use crate::observe::gauges::Gauges;
use crate::observe::ledger::Ledger;
use crate::units::Nanos;

/// Everything that all threads share.
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) backends: Vec<Arc<Backend>>,
    pub(crate) listeners: Vec<Arc<Listener>>,
    description: OnceLock<String>,
    pub(crate) ground: Ground,
}

/// What stays when a state gives way to the next.
#[derive(Clone)]
pub(crate) struct Ground {
    /// What each listener shows of itself.
    identities: Vec<Option<Identity>>,
    /// Where each listener records.
    recorders: Vec<Option<Arc<Recorder>>>,
    /// Where the listeners behind gateways are.
    inner: Vec<SocketAddr>,
    /// Connections from gateways to backends, both ours.
    pub(crate) virtual_time: Arc<VirtualTime>,
    pub(crate) ledger: Arc<Ledger>,
    /// What is open at this moment.
    pub(crate) gauges: Arc<Gauges>,
    /// When the simulator started, and when the time of the backends began.
    started: Nanos,
    began: Nanos,
}

impl State {
    /// The state that `config` describes. Behind each gateway to a backend of ours stands a listener of its own, at the
    /// address that `inner` gives for it. `identities` are those of the listeners.
    pub(crate) fn new(
        config: Config,
        identities: Vec<Option<Identity>>,
        threads: usize,
        inner: &[SocketAddr],
    ) -> io::Result<Arc<Self>> {
        let record = |listener: &ListenerSettings| Some(Recorder::open(listener.gateway.as_ref()?.record.as_ref()?));
        let recorders = config.listeners.iter().map(|listener| record(listener).transpose());
        let recorders = recorders.collect::<io::Result<_>>()?;
        let ledger = Ledger::new(threads, config.ledger, config.ledger_chunks);
        let (inner, now) = (inner.to_vec(), Nanos::now());
        let gauges = Gauges::new(config.listeners.len() + inner.len());
        let virtual_time = Arc::default();
        let ground = Ground { identities, recorders, inner, virtual_time, ledger, gauges, started: now, began: now };
        Ok(Self::build(config, ground, None))
    }

    /// When it says that it is ready.
    pub(crate) fn ready_at(&self) -> Nanos {
        self.ground.started + self.config.ready_after
    }

    /// How long ago it began.
    pub(crate) fn elapsed(&self) -> Duration {
        Nanos::now().since(self.ground.began)
    }

    /// This state with another scenario. Whatever that leaves as it was goes on.
    pub(crate) fn changed(&self, config: Config) -> Arc<Self> {
        Self::build(config, self.ground.clone(), Some(self))
    }

    /// This state as it was in the beginning.
    pub(crate) fn reset(&self) -> Arc<Self> {
        self.ground.ledger.clear();
        Self::build(self.config.clone(), Ground { began: Nanos::now(), ..self.ground.clone() }, None)
    }

    /// The state of `config`, with what goes on of `old`.
    fn build(config: Config, ground: Ground, old: Option<&Self>) -> Arc<Self> {
        let backend = |(place, settings): (usize, &BackendSettings)| {
            let old = old.map(|old| &old.backends[place]).filter(|old| old.settings == *settings);
            old.map_or_else(|| Arc::new(Backend::new(settings.clone(), config.seed, ground.began)), Arc::clone)
        };
        let backends: Vec<Arc<Backend>> = config.backends.iter().enumerate().map(backend).collect();
        let listeners = listeners(&config, &ground, &backends, old);
        Arc::new(Self { listeners, description: OnceLock::new(), ground, backends, config })
    }

    /// The listener at `place`: the one of this state if `new` is no other, so that its counters and the state of its
    /// policies go on.
    fn keep_listener(&self, config: &Config, new: Listener) -> Arc<Listener> {
        let before = &self.listeners[new.place];
        let same = self.config.listeners.get(new.place) == config.listeners.get(new.place)
            && before.backend.as_ref().map(Arc::as_ptr) == new.backend.as_ref().map(Arc::as_ptr);
        if same { Arc::clone(before) } else { Arc::new(new) }
    }

    /// The planned truth, as JSON.
    pub(crate) fn description(&self) -> &str {
        self.description.get_or_init(|| describe::as_json(&self.config).to_string())
    }

    /// What was counted and what is open, as text for Prometheus.
    pub(crate) fn metrics(&self) -> String {
        self.ground.ledger.metrics() + &self.ground.gauges.text(self.listeners.iter().map(|listener| &*listener.name))
    }
}

/// The listeners of the scenario, and behind them those between gateways and backends.
fn listeners(config: &Config, ground: &Ground, backends: &[Arc<Backend>], old: Option<&State>) -> Vec<Arc<Listener>> {
    let placed = |place: usize, backend: Option<usize>| Placed {
        place,
        seed: config.seed,
        backend: backend.and_then(|backend| backends.get(backend).cloned()),
        arrivals: old.map_or(0, |old| old.listeners[place].arrivals.load(Ordering::Relaxed)),
    };
    let mut new = Vec::new();
    let mut inner = ground.inner.iter();
    for ((settings, tls), recorder) in config.listeners.iter().zip(&ground.identities).zip(&ground.recorders) {
        let placed = placed(new.len(), settings.backend);
        new.push(Listener::new(settings, placed, tls.clone(), &mut inner, recorder.clone()));
    }
    for (name, backend) in config.inner() {
        new.push(Listener::behind_gateway(&name, placed(new.len(), Some(backend))));
    }
    match old {
        Some(old) => new.into_iter().map(|new| old.keep_listener(config, new)).collect(),
        None => new.into_iter().map(Arc::new).collect(),
    }
}
