//! What was really sent, and when: the ledger, the counters, and what is open at this moment; and what is said on
//! standard error.

pub(crate) mod console;
pub(crate) mod gauges;
pub(crate) mod ledger;
pub(crate) mod metrics;
pub(crate) mod record;
pub(crate) mod scan;
