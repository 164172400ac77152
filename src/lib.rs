//! hopmark measures what each network path to the same model costs.
//!
//! The folder tree is the house: intention (`workload`, `schedule`, `profile`, `plan`) and network (`wire`,
//! `transport`, `attempt`) meet in `command`; `measure` is what was seen, `analysis` the judgement, `report` its face.

pub mod analysis;
pub mod command;
pub mod measure;
pub mod path;
pub mod plan;
pub mod report;
pub mod run;
pub mod store;
pub mod units;
pub mod workload;
