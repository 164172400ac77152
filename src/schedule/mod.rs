//! When calls start, and over which path: pure functions of the plan, its seed and a number; and the precise clock.

pub mod arrivals;
pub mod closed;
pub mod design;
pub mod load;
pub mod measured;
pub mod pacer;
pub mod tickets;
