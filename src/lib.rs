//! hopmark measures what each network path to the same model costs.
//!
//! The folder tree is the house: intention (`workload`, `schedule`, `profile`, `plan`) and network (`wire`,
//! `transport`, `attempt`) meet in `runner`; `measure` is what was seen, `analysis` the judgement, `report` its face.

#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::print_stdout, clippy::print_stderr))]

pub(crate) mod analysis;
pub mod attempt;
pub mod cli;
pub mod command;
pub mod console;
pub(crate) mod driver;
pub mod evidence;
pub mod fuzz;
pub(crate) mod host;
pub mod limits;
pub mod lint;
pub mod measure;
pub mod objective;
pub mod path;
pub mod plan;
pub mod probe;
pub mod profile;
pub(crate) mod progress;
pub(crate) mod random;
pub(crate) mod report;
pub mod run;
pub(crate) mod runner;
pub mod schedule;
pub(crate) mod schema;
pub(crate) mod screen;
pub(crate) mod spelling;
pub mod store;
pub(crate) mod text_file;
pub mod transport;
pub mod units;
pub(crate) mod visible;
pub mod wire;
pub mod workload;
