//! hopmark measures what each network path to the same model costs.
//!
//! The folder tree is the house: intention (`workload`, `schedule`, `profile`, `plan`) and network (`wire`,
//! `transport`, `attempt`) meet in `command`; `measure` is what was seen, `analysis` the judgement, `report` its face.

pub mod cli;
pub mod command;
pub mod measure;
pub mod path;
pub mod plan;
pub mod profile;
pub mod progress;
pub mod random;
pub mod run;
pub mod schedule;
pub mod units;
pub mod workload;
