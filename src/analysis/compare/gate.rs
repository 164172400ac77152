//! Whether a row of a comparison keeps its margin.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Whether a row keeps its margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Gate {
    /// The whole interval lies under the margin.
    Passed,
    /// The whole interval lies at the margin or beyond.
    Failed,
    /// The margin lies within the interval, or there is none.
    Open,
    /// Margins were declared, but none for this row.
    #[serde(skip)]
    Ungated,
}

impl Gate {
    /// As files hold it: the word, or null where nothing is gated.
    pub(crate) fn or_null<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Some(self).filter(|gate| **gate != Self::Ungated).serialize(serializer)
    }

    /// Of an interval beside a margin in the same unit.
    pub(crate) fn of(interval: Option<(f64, f64)>, margin: f64) -> Self {
        match interval {
            // Nothing is no rise, also where no rise at all is allowed.
            Some((low, _)) if low > 0.0 && low >= margin => Self::Failed,
            Some((_, high)) if high < margin || high <= 0.0 => Self::Passed,
            Some(_) | None => Self::Open,
        }
    }
}
