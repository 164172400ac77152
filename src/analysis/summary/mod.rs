//! What each path did, taken by itself.

pub mod breakdown;
pub mod calls;
pub mod cost;
pub(crate) mod distribution;
pub mod errors_seen;
pub mod failing;
pub mod findings;
pub(crate) mod gaps;
pub mod paths;
pub mod reported;
pub mod series;
pub mod throughput;
pub mod timeline;
pub mod waterfall;
