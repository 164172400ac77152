//! One request on its way through a gateway: what all that happens to it has to know.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Parts;

use super::state::Gateway;
use super::upstream::Pool;
use crate::model::rng::seeded_rng;
use crate::net::connection::Connection;
use crate::net::entry::Entry;
use crate::net::exchange::Arrival;
use crate::net::hyper_io::Scratch;
use crate::net::virtual_time::VirtualTime;
use crate::observe::gauges::Gauges;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A gateway, and how a worker thread gets through it.
#[derive(Clone, Copy)]
pub(crate) struct Route<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) gateway: &'a Arc<Gateway>,
    /// The worker's idle connections to each member.
    pub(crate) pools: &'a [Rc<Pool>],
    pub(crate) scratch: &'a (Scratch, Scratch),
    /// The ideal times of connections between parts of the simulator.
    pub(crate) virtual_time: &'a VirtualTime,
    pub(crate) gauges: &'a Arc<Gauges>,
    /// The key that the backends of the scenario want.
    pub(crate) key: Option<&'a str>,
    /// The seed of every draw.
    pub(crate) seed: u64,
}

/// One request on its way through.
pub(super) struct Passage<'a> {
    pub(super) route: Route<'a>,
    pub(super) head: &'a Parts,
    pub(super) arrival: Arrival,
    pub(super) id: String,
    pub(super) entry: Rc<Entry>,
}

impl Passage<'_> {
    /// The gateway's own time on this request.
    pub(super) fn own_time(&self) -> Duration {
        let place = format!("{}/own", self.route.connection.listener);
        let number = self.route.gateway.requests.fetch_add(1, Ordering::Relaxed);
        let own = self.route.gateway.own.draw(&mut seeded_rng(self.route.seed, &place, number));
        Duration::from_nanos(own.round() as u64)
    }
}

/// Whether an answer with these headers is a stream of events.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/event-stream")
}
