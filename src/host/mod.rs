//! What this machine is, and how busy it and this process are.

pub(crate) mod counters;
pub(crate) mod usage;
