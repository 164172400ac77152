//! When: arrivals, designs and the precise clock.

pub mod pacer;
