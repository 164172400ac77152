//! What opening a connection took, and how it can fail: what the rooms that open one share.

use std::net::SocketAddr;
use std::time::Duration;

use crate::measure::outcome::ErrorClass;

/// How long each step of opening took; `None` means that the step was not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Name resolution; of the proxy's name, where there is one.
    pub dns: Option<Duration>,
    /// The TCP handshake.
    pub tcp: Option<Duration>,
    /// The exchange with a proxy until it has opened the way.
    pub proxy: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// The address reached; the proxy's, where there is one.
    pub peer: Option<SocketAddr>,
}

/// A connection that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConnectError {
    /// Its class.
    pub class: ErrorClass,
    /// What happened, for a person.
    pub message: String,
}
