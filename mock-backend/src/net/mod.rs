//! The simulated network: clocks, distances, TLS, and the exchange that joins HTTP with its socket.
//!
//! It knows bytes and instants, no API.

pub(crate) mod clock;
pub(crate) mod connection;
pub(crate) mod distance;
pub(crate) mod entry;
pub(crate) mod exchange;
pub(crate) mod hyper_io;
pub(crate) mod idle;
pub(crate) mod link;
pub(crate) mod region;
pub(crate) mod reply;
pub(crate) mod tamper;
pub(crate) mod tls;
pub(crate) mod virtual_time;
