//! Gates: a shift held against the margin that was declared for it.

use crate::analysis::shift::{Open, ShiftRow, Verdict};
use crate::measure::margin::{Margin, Scope, Size, declared};

/// The gate of quantiles up to the median when no margin is declared, as a share of the base's figure.
pub const DEFAULT_AT_MEDIAN: f64 = 0.05;

/// The gate of quantiles above the median when no margin is declared, as a share of the base's figure.
pub const DEFAULT_AT_TAIL: f64 = 0.10;

/// Whether a row keeps its margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The whole interval lies under the margin.
    Passed,
    /// The whole interval lies at the margin or beyond.
    Failed,
    /// The margin lies within the interval, or there is none.
    Open,
    /// Margins were declared, but none for this row.
    Ungated,
}

impl Gate {
    /// The word used in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Open => "open",
            Self::Ungated => "ungated",
        }
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

/// A row with its margin.
#[derive(Clone, Debug, PartialEq)]
pub struct GatedRow {
    /// The shift; its verdict knows of the declared margin.
    pub row: ShiftRow,
    /// The margin declared for it.
    pub declared: Option<Size>,
    /// The margin at which the gate stands, milliseconds; `None` where nothing is gated or the base has no figure.
    pub gate_ms: Option<f64>,
    /// Whether it is kept.
    pub gate: Gate,
}

/// Where the margins stand.
pub(crate) struct Gates<'a> {
    /// What was declared.
    pub(crate) margins: &'a [Margin],
}

impl Gates<'_> {
    /// Whether any latency has a declared margin.
    pub(crate) fn are_declared(&self) -> bool {
        self.margins.iter().any(|margin| margin.scope != Scope::ErrorRate)
    }

    /// A row beside its margin.
    pub(crate) fn gated(&self, mut row: ShiftRow) -> GatedRow {
        let declared = declared(self.margins, row.metric, row.quantile);
        let default = || Size::Share(if row.quantile <= 0.5 { DEFAULT_AT_MEDIAN } else { DEFAULT_AT_TAIL });
        let size = if self.are_declared() { declared } else { Some(default()) };
        let gate_ms = size.zip(row.baseline_ms).map(|(size, base)| size.in_ms(base));
        let decided = matches!(row.open, None | Some(Open::HoldsZero));
        let interval = row.joint_ci_ms.filter(|_| decided);
        if let Some(((low, high), margin)) = interval.zip(gate_ms.filter(|_| declared.is_some())) {
            row.verdict = Verdict::beside_margin((low, high), margin);
            if row.verdict != Verdict::Inconclusive {
                (row.open, row.reason, row.needed_rounds) = (None, None, None);
            }
        }
        let gate = match (size, gate_ms) {
            (None, _) => Gate::Ungated,
            (Some(_), None) => Gate::Open,
            (Some(_), Some(margin)) => Gate::of(interval, margin),
        };
        GatedRow { row, declared, gate_ms, gate }
    }
}
