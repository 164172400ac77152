//! The simulator: Azure OpenAI and OpenAI with exact shapes and planned times, the distances and gateways on the way to
//! them, and a ledger of what was really sent, and when.
//!
//! It shares no types with the tool that measures: two independent readings of the API make each the test of the other.

#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod config;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod latency;

mod admin;
mod api;
mod backend;
mod census;
mod chats_store;
mod clock;
mod console;
mod describe;
mod dist;
mod distance;
mod fault;
mod forward;
mod gamma;
mod gateway;
mod generate;
mod hyper_io;
mod identity;
mod ledger;
mod limits;
mod link;
mod load;
mod metrics;
mod packing;
mod prefix;
mod protocol;
mod quantiles;
mod recorder;
mod region;
mod reply;
mod responses_store;
mod schema;
mod season;
mod serve;
mod server;
mod stage;
mod store;
mod stream;
mod tamper;
mod tap;
mod tls;
mod trace;
mod twin;
mod upstream;
mod visit;
mod watch;

pub use clock::now_ns;
pub use config::Config;
pub use dist::Table;
pub use distance::Distance;
pub use ledger::{Planned, Record};
pub use load::{Batch, Load};
pub use packing::{HeadAt, Packing, Split};
pub use season::Season;
pub use server::{Simulator, StartError};
pub use tls::{Authorities, TlsConfig};
pub use trace::Trace;
