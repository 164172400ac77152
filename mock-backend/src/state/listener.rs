//! A place to connect to, as it runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::api::backend::Backend;
use crate::config::ListenerSettings;
use crate::fault::{Defects, Faults};
use crate::gateway::{Gateway, Recorder};
use crate::net::distance::{Distance, Route};
use crate::net::tls::Identity;

/// A place to connect to.
pub(crate) struct Listener {
    pub(crate) name: Arc<str>,
    /// Its place in [`State::listeners`](super::snapshot::State::listeners).
    pub(crate) place: usize,
    pub(crate) route: Arc<Route>,
    /// Requests that a model here has begun to answer; the number of each decides its draws.
    pub(crate) arrivals: AtomicU64,
    /// The model, also the one behind a gateway.
    pub(crate) backend: Option<Arc<Backend>>,
    pub(crate) gateway: Option<Arc<Gateway>>,
    /// What it shows of itself; none is without TLS.
    pub(crate) tls: Option<Identity>,
    /// Whether the callers are gateways of ours, who are told the plan of each answer.
    pub(crate) tells_plan: bool,
    /// What goes wrong with connections to it.
    pub(crate) connection_faults: Option<Faults>,
    /// What goes wrong with requests to it.
    pub(crate) faults: Option<Faults>,
    /// What it lacks, drops or changes of every request and answer.
    pub(crate) defects: Defects,
}

/// What a listener has that its settings do not say.
pub(super) struct Placed {
    pub(super) place: usize,
    pub(super) seed: u64,
    pub(super) backend: Option<Arc<Backend>>,
    /// Requests that its predecessor has counted.
    pub(super) arrivals: u64,
}

impl Listener {
    /// The listener of the scenario that `settings` describe; `inner` has the addresses of those behind gateways.
    pub(super) fn new(
        settings: &ListenerSettings,
        placed: Placed,
        tls: Option<Identity>,
        inner: &mut std::slice::Iter<'_, SocketAddr>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        let Placed { place, seed, backend, arrivals } = placed;
        let name = &settings.name;
        let gateway = |gateway| Gateway::new(name, gateway, settings.backend, seed, inner, recorder);
        Self {
            name: Arc::from(name.as_str()),
            place,
            route: Route::new(settings.link.clone(), seed, name),
            arrivals: AtomicU64::new(arrivals),
            backend,
            gateway: settings.gateway.as_ref().and_then(gateway),
            tls,
            tells_plan: false,
            connection_faults: Faults::new(&settings.faults, true, seed, name),
            faults: Faults::new(&settings.faults, false, seed, name),
            defects: settings.defects.clone(),
        }
    }

    /// The listener `name` that stands between a gateway and its backend.
    pub(super) fn behind_gateway(name: &str, placed: Placed) -> Self {
        Self {
            name: Arc::from(name),
            place: placed.place,
            route: Route::new(Distance::NONE, placed.seed, ""),
            arrivals: AtomicU64::new(placed.arrivals),
            backend: placed.backend,
            gateway: None,
            tls: None,
            tells_plan: true,
            connection_faults: None,
            faults: None,
            defects: Defects::default(),
        }
    }
}
