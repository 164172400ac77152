//! Connections and their stamps: names, TCP, TLS, HTTP/1.1 and HTTP/2, owned so that every phase can be seen.

pub(crate) mod certificates;
pub mod connect;
pub(crate) mod connection;
pub mod credential;
pub mod dial;
pub mod dns;
pub mod fixed_headers;
pub mod handshake;
pub(crate) mod history;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod http2_pool;
pub(crate) mod idle;
pub mod look_up;
pub(crate) mod pool;
pub(crate) mod runtime;
pub(crate) mod shown;
pub(crate) mod tickets;
pub(crate) mod timed_io;
pub(crate) mod tls;
pub(crate) mod trust;
