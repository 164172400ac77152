//! What was seen: stamps, outcomes, metrics and the recorder that keeps them.

pub(crate) mod advice;
pub mod certificate;
pub(crate) mod counts;
pub(crate) mod errors_seen;
pub mod health;
pub(crate) mod heard;
pub(crate) mod histogram;
pub mod ledger;
pub mod metric;
pub mod network;
pub mod outcome;
pub(crate) mod prices;
pub(crate) mod quantile;
pub mod recorder;
pub mod resolution;
pub mod sample;
pub(crate) mod selftest;
pub(crate) mod token_pace;
