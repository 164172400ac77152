//! What was seen of the subject of an objective.

use crate::analysis::slo::exceedance::Exceedances;
use crate::objective::expression::Comparator;
use crate::units::Estimate;

/// On which side of what a value must lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    /// The side.
    pub(crate) comparator: Comparator,
    /// The limit, in the unit of the value.
    pub(crate) value: f64,
}

impl Limit {
    /// Whether a value keeps it.
    pub(crate) fn is_met(self, value: f64) -> bool {
        self.comparator.is_met(value, self.value)
    }

    /// Which share of values may lie beyond it if the quantile `q` of them must keep it.
    pub(crate) fn allowed(self, q: f64) -> f64 {
        if self.comparator.is_upper() { 1.0 - q } else { q }
    }
}

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
    /// How many did not keep the limit, where that may decide too.
    pub(crate) exceedances: Option<Exceedances>,
}

impl Observation {
    /// A figure with its interval, which decides.
    pub(crate) fn of(n: usize, value: Option<f64>, (low, high): (Option<f64>, Option<f64>)) -> Self {
        Self { n, estimate: Estimate { value, low, high }, reason: None, decides: true, exceedances: None }
    }

    /// No data.
    pub(crate) fn nothing(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::of(0, None, (None, None)) }
    }

    /// The same with what one must know, if there is anything.
    pub(crate) fn because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }

    /// The same with how many did not keep the limit.
    pub(crate) fn counting(self, exceedances: Exceedances) -> Self {
        Self { exceedances: Some(exceedances), ..self }
    }
}
