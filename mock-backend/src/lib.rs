//! The simulator: Azure OpenAI and OpenAI with exact shapes and planned times, the distances and gateways on the way to
//! them, and a ledger of what was really sent, and when.
//!
//! It shares no types with the tool that measures: two independent readings of the API make each the test of the other.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod config;
pub mod latency;

mod admin;
mod api;
mod backend;
mod clock;
mod describe;
mod distance;
mod fault;
mod forward;
mod gateway;
mod generate;
mod hyper_io;
mod ledger;
mod limits;
mod link;
mod reply;
mod responses_store;
mod schema;
mod serve;
mod server;
mod tap;
mod twin;
mod upstream;
mod visit;
mod watch;

pub use clock::now_ns;
pub use config::Config;
pub use distance::Distance;
pub use ledger::{Planned, Record};
pub use server::{Simulator, StartError};
