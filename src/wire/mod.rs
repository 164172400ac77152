//! Bytes of the APIs, without I/O and without a clock: requests are encoded, streams decoded.

pub mod api;
pub(crate) mod body;
pub(crate) mod chat;
pub(crate) mod delta;
pub(crate) mod error;
pub mod filter;
pub mod form;
pub(crate) mod json_scan;
pub(crate) mod messages;
pub(crate) mod responses;
mod secret_index;
mod secrets;
pub mod sse;
pub(crate) mod text;
pub(crate) mod usage;
pub(crate) mod words;
