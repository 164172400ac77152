//! Connections and their stamps: names, TCP, TLS, HTTP/1.1 and HTTP/2, owned so that every phase can be seen.

pub mod connect;
pub mod connection;
pub mod credential;
pub mod http1;
pub mod http2;
pub mod http2_pool;
pub mod idle;
pub mod pool;
pub mod timed_io;
pub mod tls;
