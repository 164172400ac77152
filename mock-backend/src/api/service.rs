//! What the API is given to answer with: a backend, a connection, and who may ask.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::auth::settings::AuthSettings;
use super::backend::Backend;
use crate::net::connection::Connection;

/// Who may ask, and for what.
#[derive(Clone, Copy)]
pub(crate) struct Access<'a> {
    /// The only key that passes; none lets any pass that is not empty.
    pub(crate) key: Option<&'a str>,
    /// What else is wanted of a caller.
    pub(crate) auth: &'a AuthSettings,
    /// Whether every model exists.
    pub(crate) any_model: bool,
    /// Whether parameters that the interface does not have are refused; none is as the service of the address does.
    pub(crate) strict: Option<bool>,
}

/// The API at one listener.
#[derive(Clone, Copy)]
pub(crate) struct Service<'a> {
    pub(crate) connection: &'a Connection,
    /// The backend of the listener.
    pub(crate) backend: &'a Arc<Backend>,
    /// All of the scenario, of which another may take what this one refuses.
    pub(crate) backends: &'a [Arc<Backend>],
    pub(crate) access: Access<'a>,
    /// Requests that have begun to be answered here; the number of each decides its draws.
    pub(crate) arrivals: &'a AtomicU64,
    /// Whether the callers are gateways of ours, who are told the plan of each answer.
    pub(crate) tells_plan: bool,
    /// The seed of every draw.
    pub(crate) seed: u64,
}
