//! The simulated model: when it starts on a request, how long its answer is, when each token is due, and its text.
//!
//! Every draw is seeded, and nothing here reads a clock: instants are handed in.

pub(crate) mod batching;
pub(crate) mod deployment;
pub(crate) mod dist;
pub(crate) mod drift;
pub(crate) mod latency;
pub(crate) mod packing;
pub(crate) mod prefix_cache;
pub(crate) mod prompt;
pub(crate) mod quantiles;
pub(crate) mod rng;
pub(crate) mod schema;
pub(crate) mod text;
pub(crate) mod trace;
