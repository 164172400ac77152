//! Paths beside each other.

pub(crate) mod arms;
pub(crate) mod baseline;
#[cfg(test)]
pub(crate) mod calibration;
pub(crate) mod comparability;
pub(crate) mod connection_state;
pub(crate) mod effect;
pub(crate) mod gate;
pub(crate) mod gates;
pub(crate) mod interference;
pub(crate) mod multiplicity;
pub(crate) mod resampled;
pub(crate) mod shift;
pub(crate) mod survivors;
pub(crate) mod unlike;
pub(crate) mod verdict;
