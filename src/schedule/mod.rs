//! When calls start, and over which path: pure functions of the plan, its seed and a number; and the precise clock.

pub mod arrivals;
pub(crate) mod closed;
pub mod design;
pub(crate) mod load;
pub(crate) mod measured;
pub(crate) mod pacer;
pub mod tickets;
