//! Paths beside each other.

pub(crate) mod arms;
pub mod baseline;
#[cfg(test)]
pub(crate) mod calibration;
pub mod comparability;
pub mod connection_state;
pub(crate) mod effect;
pub mod gate;
pub mod gates;
pub(crate) mod interference;
pub mod multiplicity;
pub(crate) mod resampled;
pub mod shift;
pub(crate) mod survivors;
pub(crate) mod verdict;
