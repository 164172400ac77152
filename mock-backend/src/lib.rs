//! The simulator: Azure OpenAI and OpenAI with exact shapes and planned times, the distances and gateways on the way to
//! them, and a ledger of what was really sent, and when.
//!
//! It shares no types with the tool that measures: two independent readings of the API make each the test of the other.

#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod config;

mod api;
mod fault;
mod gateway;
mod limits;
mod model;
mod net;
mod observe;
mod server;
mod state;
mod units;

pub use config::Config;
pub use fault::defects;
pub use net::clock::now_ns;
pub use observe::record::{Planned, Record};
#[cfg(any(test, fuzzing))]
pub use server::fuzz;
pub use server::simulator::{Simulator, StartError};
pub use units::bounds;
