//! What a connection and a request on it carry.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::listener::Listener;
use super::snapshot::State;
use super::worker::Worker;
use crate::api::{Access, Service};
use crate::config::Key;
use crate::fault::FaultSource;
use crate::gateway;
use crate::net::connection::Connection;

/// One request: the state in which it began, where it came in, and over which connection.
pub(crate) struct Context {
    pub(crate) worker: Rc<Worker>,
    pub(crate) state: Arc<State>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) connection: Connection,
}

/// A connection, whose next request is served in the state that is present then.
pub(crate) struct ConnState(RefCell<Rc<Context>>);

impl ConnState {
    /// A new connection to the listener at `place`.
    pub(crate) fn new(worker: Rc<Worker>, place: usize) -> Self {
        let state = worker.state();
        let listener = Arc::clone(&state.listeners[place]);
        let connection = worker.connection(Arc::clone(&listener.name));
        Self(RefCell::new(Rc::new(Context { worker, state, listener, connection })))
    }

    /// What the next request on it carries.
    pub(crate) fn context(&self) -> Rc<Context> {
        let mut last = self.0.borrow_mut();
        if !last.worker.is_present(&last.state) {
            *last = Rc::new(last.moved_on());
        }
        Rc::clone(&last)
    }

    /// What the next request on it carries, as one of several streams.
    pub(crate) fn stream_context(&self) -> Rc<Context> {
        let whole = self.context();
        Rc::new(whole.with(Arc::clone(&whole.state), whole.connection.stream()))
    }
}

impl Context {
    /// The same over the same connection, in the present state.
    fn moved_on(&self) -> Self {
        self.with(self.worker.state(), self.connection.clone())
    }

    fn with(&self, state: Arc<State>, connection: Connection) -> Self {
        let listener = Arc::clone(&state.listeners[self.listener.place]);
        Self { worker: Rc::clone(&self.worker), state, listener, connection }
    }

    /// Where the faults of the request come from.
    pub(crate) fn faults(&self) -> FaultSource<'_> {
        let Listener { name, gateway, backend, faults, .. } = &*self.listener;
        let model = backend.as_ref().filter(|_| gateway.is_none()).and_then(|backend| backend.faults.as_ref());
        FaultSource { listener: name, is_gateway: gateway.is_some(), own: faults.as_ref(), model }
    }

    /// The way through the gateway that the listener is, if it is one.
    pub(crate) fn gateway(&self) -> Option<gateway::Route<'_>> {
        Some(gateway::Route {
            connection: &self.connection,
            gateway: self.listener.gateway.as_ref()?,
            pools: &self.worker.pools[self.listener.place],
            scratch: &self.worker.scratch,
            virtual_time: &self.state.ground.virtual_time,
            gauges: &self.state.ground.gauges,
            key: self.state.config.key.as_ref().map(Key::reveal),
            seed: self.state.config.seed,
        })
    }

    /// The API that the listener serves, if it has a backend.
    pub(crate) fn service(&self) -> Option<Service<'_>> {
        let State { config, backends, .. } = &*self.state;
        let backend = self.listener.backend.as_ref()?;
        Some(Service {
            connection: &self.connection,
            backend,
            backends,
            access: Access {
                key: config.key.as_ref().map(Key::reveal),
                auth: &backend.settings.auth,
                any_model: config.any_model,
                strict: config.strict,
            },
            arrivals: &self.listener.arrivals,
            tells_plan: self.listener.tells_plan,
            seed: config.seed,
        })
    }
}
