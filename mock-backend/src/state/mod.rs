//! The running scenario, which is swapped whole, and what a thread, a connection and a request hold of it.

pub(crate) mod context;
pub(crate) mod current;
pub(crate) mod listener;
pub(crate) mod snapshot;
pub(crate) mod worker;
