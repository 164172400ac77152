//! Gates: a shift held against the margin that was declared for it.

use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{Open, SHOWN, ShiftRow, Verdict};
use crate::analysis::stats::needed::{Needed, rounds_to_tell};
use crate::measure::metric::Metric;
use crate::objective::margin::{Margin, Scope, declared};
use crate::plan::Plan;
use crate::units::Quantile;

/// The gate of quantiles up to the median when no margin is declared, as a share of the base's figure.
pub(crate) const DEFAULT_AT_MEDIAN: f64 = 0.05;

/// The gate of quantiles above the median when no margin is declared, as a share of the base's figure.
pub(crate) const DEFAULT_AT_TAIL: f64 = 0.10;

/// The least gate when no margin is declared, in milliseconds: what this tool itself may be wrong by at the median of
/// TTFT under 1,000 streams (a bar of `hopmark selftest`). Less than that is no news of a path.
pub(crate) const DEFAULT_LEAST_MS: f64 = 1.0;

/// The metrics that are gated when no margin is declared: those that a caller waits for. Time per token is among them
/// because it is compared only where answers differ in length, in the place of end-to-end times.
pub(crate) const DEFAULT_METRICS: [Metric; 3] = [Metric::Ttft, Metric::E2e, Metric::Tpot];

/// The gate of a figure for which no margin is declared, in milliseconds; `None` where it has none.
fn default_ms(metric: Metric, quantile: Quantile, base_ms: f64) -> Option<f64> {
    let share = if quantile <= Quantile::MEDIAN { DEFAULT_AT_MEDIAN } else { DEFAULT_AT_TAIL };
    // The error of a whole answer is spread over its tokens.
    let least = if metric == Metric::Tpot { 0.0 } else { DEFAULT_LEAST_MS };
    is_default(metric, quantile).then_some((share * base_ms).max(least))
}

fn is_default(metric: Metric, quantile: Quantile) -> bool {
    DEFAULT_METRICS.contains(&metric) && SHOWN.contains(&quantile)
}

/// Where the margins stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gates<'a> {
    /// What was declared.
    pub(crate) margins: &'a [Margin],
    /// Whether gates stand at the quantiles of [`SHOWN`] of [`DEFAULT_METRICS`] where nothing was declared.
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
        let by_default = self.default && !self.are_declared();
        let gated = row.margin.is_some() || (by_default && is_default(row.metric, row.quantile));
        row.gate_ms = row.baseline_ms.filter(|_| gated).and_then(|base| match row.margin {
            Some(size) => Some(size.in_ms(base)),
            None => default_ms(row.metric, row.quantile, base),
        });
        let is_short = row.open == Some(Open::LongMemory);
        let decided = is_short || matches!(row.open, None | Some(Open::HoldsZero));
        let interval = row.joint_ci_ms.filter(|_| decided);
        row.gate = match row.gate_ms {
            Some(margin) => Gate::of(interval, margin),
            None if gated => Gate::Open,
            None => Gate::Ungated,
        };
        if is_short {
            return keep_within(row, interval);
        }
        if let Some((interval, margin)) = interval.zip(row.gate_ms.filter(|_| row.margin.is_some())) {
            row.verdict = Verdict::beside_margin(interval, margin);
            (row.open, row.reason, row.needed_rounds) = match (row.verdict, row.gate) {
                (Verdict::Inconclusive, _) | (_, Gate::Open) => still_open(row, interval, margin, rounds),
                _ => (None, None, None),
            };
        }
    }
}

/// What is known of a row whose run is too short for a verdict: that it keeps its margin, or nothing.
fn keep_within(row: &mut ShiftRow, interval: Option<(f64, f64)>) {
    if row.gate == Gate::Failed {
        row.gate = Gate::Open;
    }
    if row.gate == Gate::Passed {
        row.needed_rounds = None;
    }
    let declared = interval.zip(row.gate_ms.filter(|_| row.margin.is_some()));
    if declared.is_some_and(|((low, high), margin)| -margin < low && high < margin) {
        (row.verdict, row.open, row.reason) = (Verdict::Equivalent, None, None);
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
    (Some(Open::HoldsMargin), Some("the interval contains the margin".to_owned()), needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_margin_only_what_a_caller_waits_for_is_gated_and_never_by_less_than_the_floor() {
        for (metric, quantile, base, gate) in [
            (Metric::Ttft, 0.5, 200.0, Some(10.0)),
            (Metric::Ttft, 0.9, 200.0, Some(20.0)),
            (Metric::E2e, 0.5, 0.3, Some(1.0)),
            (Metric::Ttft, 0.95, 0.3, Some(1.0)),
            (Metric::Tpot, 0.5, 10.0, Some(0.5)),
            (Metric::Ttft, 0.999, 200.0, None),
        ] {
            let found = default_ms(metric, Quantile(quantile), base);
            assert_eq!(found.is_some(), gate.is_some(), "{metric} {quantile}");
            assert!((found.unwrap_or(0.0) - gate.unwrap_or(0.0)).abs() < 1e-9, "{metric} {quantile}: {found:?}");
        }
        for metric in Metric::ALL.into_iter().filter(|metric| !DEFAULT_METRICS.contains(metric)) {
            assert_eq!(default_ms(metric, Quantile::MEDIAN, 200.0), None, "{metric}");
        }
    }
}
