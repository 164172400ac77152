//! Gates: a shift held against the margin that was declared for it.

use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{Open, SHOWN, ShiftRow, Verdict};
use crate::analysis::stats::needed::{Needed, rounds_to_tell};
use crate::objective::margin::{Margin, Scope, Size, declared};
use crate::plan::Plan;
use crate::units::Quantile;

/// The gate of quantiles up to the median when no margin is declared, as a share of the base's figure.
pub(crate) const DEFAULT_AT_MEDIAN: f64 = 0.05;

/// The gate of quantiles above the median when no margin is declared, as a share of the base's figure.
pub(crate) const DEFAULT_AT_TAIL: f64 = 0.10;

/// Where the margins stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gates<'a> {
    /// What was declared.
    pub(crate) margins: &'a [Margin],
    /// Whether gates stand at the quantiles of [`SHOWN`] where nothing was declared.
    pub(crate) default: bool,
}

impl<'a> Gates<'a> {
    /// Those of a plan: at its margins alone.
    pub(crate) fn of(plan: &'a Plan) -> Self {
        Self { margins: &plan.margins, default: false }
    }
}

impl Gates<'_> {
    /// Whether any latency has a declared margin.
    pub(crate) fn are_declared(&self) -> bool {
        self.margins.iter().any(|margin| margin.scope != Scope::ErrorRate)
    }

    /// Holds a row against its margin; `rounds` are those of the run.
    pub(crate) fn judge_row(&self, row: &mut ShiftRow, rounds: usize) {
        row.margin = declared(self.margins, row.metric, row.quantile);
        let default = || {
            (self.default && SHOWN.contains(&row.quantile)).then_some(Size::Share(
                if row.quantile <= Quantile::MEDIAN { DEFAULT_AT_MEDIAN } else { DEFAULT_AT_TAIL },
            ))
        };
        let size = if self.are_declared() { row.margin } else { default() };
        row.gate_ms = size.zip(row.baseline_ms).map(|(size, base)| size.in_ms(base));
        let decided = matches!(row.open, None | Some(Open::HoldsZero));
        let interval = row.joint_ci_ms.filter(|_| decided);
        row.gate = match (size, row.gate_ms) {
            (None, _) => Gate::Ungated,
            (Some(_), None) => Gate::Open,
            (Some(_), Some(margin)) => Gate::of(interval, margin),
        };
        if let Some((interval, margin)) = interval.zip(row.gate_ms.filter(|_| row.margin.is_some())) {
            row.verdict = Verdict::beside_margin(interval, margin);
            (row.open, row.reason, row.needed_rounds) = match (row.verdict, row.gate) {
                (Verdict::Inconclusive, _) | (_, Gate::Open) => still_open(row, interval, margin, rounds),
                _ => (None, None, None),
            };
        }
    }
}

/// What a row lacks whose margin lies within its interval.
fn still_open(
    row: &ShiftRow,
    (low, high): (f64, f64),
    margin: f64,
    rounds: usize,
) -> (Option<Open>, Option<String>, Option<Needed>) {
    let shift = row.shift_ms.unwrap_or(0.0);
    let arm = if shift >= margin { shift - low } else { high - shift };
    let needed = rounds_to_tell(rounds, arm, margin - shift);
    (Some(Open::HoldsMargin), Some("the interval holds the margin".to_owned()), needed)
}
