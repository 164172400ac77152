//! One run carried out: from a plan to a run directory. Where the two wings meet.
//!
//! Called by the verbs `run`, `probe` and `selftest`. Knows no exit codes: it tells whose fault a failure was and why a run ended.

pub(crate) mod coordinator;
pub(crate) mod dry_run;
pub(crate) mod ending;
pub(crate) mod environment;
pub(crate) mod event_loop;
pub(crate) mod execution;
pub(crate) mod failure;
pub(crate) mod health_monitor;
pub(crate) mod live;
pub(crate) mod preflight;
pub(crate) mod probe;
pub(crate) mod selftest;
pub(crate) mod sign_in;
pub(crate) mod signals;
pub(crate) mod simulator_process;
pub(crate) mod sized;
pub(crate) mod stage;
pub(crate) mod stopping;
pub(crate) mod worker;
