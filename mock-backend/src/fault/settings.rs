//! What befalls a place, and which of its requests.

use std::time::Duration;

use super::kind::Fault;
use super::script::Script;

/// A fault of a place, and the requests that it befalls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FaultSettings {
    pub(crate) fault: Fault,
    /// The share of requests, 0 to 1.
    pub(crate) rate: f64,
    pub(crate) script: Option<Script>,
    /// From when on, from the start of the simulator.
    pub(crate) from: Duration,
    /// Until when.
    pub(crate) to: Duration,
}
