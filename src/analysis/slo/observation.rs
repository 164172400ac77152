//! What was seen of the subject of an objective.

use crate::units::Estimate;

/// What was seen of the subject of an objective.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observation {
    /// How many values, calls or windows it stands on.
    pub(crate) n: usize,
    /// What was seen, with its interval.
    pub(crate) estimate: Estimate,
    /// What one must know beside it.
    pub(crate) reason: Option<String>,
    /// Whether the interval may decide.
    pub(crate) decides: bool,
}

impl Observation {
    /// A figure with its interval, which decides.
    pub(crate) fn of(n: usize, value: Option<f64>, (low, high): (Option<f64>, Option<f64>)) -> Self {
        Self { n, estimate: Estimate { value, low, high }, reason: None, decides: true }
    }

    /// No data.
    pub(crate) fn nothing(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::of(0, None, (None, None)) }
    }

    /// The same with what one must know, if there is anything.
    pub(crate) fn because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }
}
