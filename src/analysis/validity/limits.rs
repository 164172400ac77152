//! From where on something speaks against a run. What makes a second a bad one stands in `measure/health.rs`.
//!
//! Three limits make a run invalid, because beyond them this tool's own error could change a verdict: [`SENT_SHARE`],
//! [`LAG_ALLOWED_MS`] with [`LAG_SHARE`], and the share of bad seconds. All others are warnings.

/// The share of arrivals that must be sent.
pub(crate) const SENT_SHARE: f64 = 0.99;

/// The lag of the 0.99 quantile that is always allowed, ms.
pub(crate) const LAG_ALLOWED_MS: f64 = 10.0;

/// The lag that is allowed besides, as a share of the path's median.
pub(crate) const LAG_SHARE: f64 = 0.05;

/// The lag of the 0.99 quantile above which a run is worth a warning, ms.
pub(crate) const LAG_WARNING_MS: f64 = 2.0;

/// The share of the processors of its workers above which a run is worth a warning.
pub(crate) const CPU_WARNING: f64 = 0.8;

/// The share of a limit of the system (descriptors, ports) from which on there is too little room.
pub(crate) const HEADROOM: f64 = 0.9;

/// The share of the bundled simulator's answers that may be late.
pub(crate) const SIMULATOR_LATE: f64 = 0.01;

/// How far the index of dispersion of what was sent may lie from that of the plan: this much, and [`BUNCHED_SHARE`] of it.
pub(crate) const BUNCHED: f64 = 0.25;

/// See [`BUNCHED`].
pub(crate) const BUNCHED_SHARE: f64 = 0.1;

/// The share by which calls under way may differ from what the rows add up to.
pub(crate) const RESIDUAL: f64 = 0.1;
