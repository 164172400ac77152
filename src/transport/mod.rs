//! Connections and their stamps: names, TCP, TLS and HTTP/1.1, owned so that every phase can be seen.

pub mod connect;
pub mod connection;
pub mod pool;
pub mod stamped;
pub mod tls;
