//! Bytes of the two APIs, without I/O and without a clock: requests are encoded, streams decoded.

pub mod api;
pub mod body;
pub mod chat;
pub mod delta;
pub mod error;
pub(crate) mod json_scan;
pub mod redact;
pub mod responses;
pub mod sse;
pub(crate) mod text;
pub mod usage;
pub mod words;
