//! What each path did, taken by itself.

pub(crate) mod breakdown;
pub(crate) mod calls;
pub(crate) mod cost;
pub(crate) mod distribution;
pub(crate) mod errors_seen;
pub(crate) mod failing;
pub(crate) mod finding;
pub(crate) mod findings;
pub(crate) mod paths;
pub(crate) mod reported;
pub(crate) mod series;
pub(crate) mod throughput;
pub(crate) mod timeline;
pub(crate) mod waterfall;
pub(crate) mod way;
