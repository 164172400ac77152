//! What was seen: stamps, outcomes, metrics and the recorder that keeps them.

pub mod advice;
pub mod counts;
pub mod errors_seen;
pub mod health;
pub mod heard;
pub mod histogram;
pub mod ledger;
pub mod metric;
pub mod outcome;
pub mod prices;
pub mod quantile;
pub mod recorder;
pub mod sample;
pub mod selftest;
pub mod token_pace;
