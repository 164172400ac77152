//! The engine: takes tickets when they are due and starts the attempt that the caller hands in.
//!
//! Knows neither sockets nor files. One worker is one thread with a runtime of its own; workers share nothing that
//! is written while a run goes on.

pub(crate) mod closed;
pub(crate) mod heartbeat;
pub(crate) mod in_flight;
pub(crate) mod open;
pub(crate) mod worker;
