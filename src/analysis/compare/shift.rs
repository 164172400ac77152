//! What a comparison says: shifts of quantiles and means, failed shares, and whether a path is faster or slower.

use crate::analysis::compare::gate::Gate;
use crate::analysis::stats::needed::Needed;
use crate::measure::metric::Metric;
use crate::objective::margin::Size;
use crate::units::{PathId, Quantile};
use schemars::JsonSchema;
use serde::Serialize;

/// The quantiles compared.
pub(crate) const QUANTILES: [f64; 8] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

/// Those of them that fit into a table for people.
pub(crate) const SHOWN: [Quantile; 4] = Quantile::each([0.5, 0.9, 0.95, 0.99]);

/// One path against the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The path.
    pub path: PathId,
    /// Shifts by metric and quantile.
    pub rows: Vec<ShiftRow>,
    /// Differences of means by metric.
    pub means: Vec<MeanShift>,
    /// The failed shares.
    pub failures: FailedShares,
    /// Good calls a second.
    pub goodput: Goodput,
    /// How often the candidate is the slower one, by metric.
    pub dominances: Vec<Dominance>,
    /// The shift of the headline's median apart by the state of the connection.
    pub connections: Vec<ConnectionShift>,
    /// Whether the calls of a round were in each other's way; `None` where there are no rounds, or too few.
    pub interference: Option<Interference>,
    /// Shifts over the whole range, by metric.
    pub curves: Vec<Curve>,
}

impl Candidate {
    /// The row that decides about the path: the median of the headline metric.
    #[must_use]
    pub(crate) fn headline(&self, metric: Metric) -> Option<&ShiftRow> {
        self.rows.iter().find(|row| row.metric == metric && row.quantile == Quantile::MEDIAN)
    }

    /// Whether any gate stands so, of a latency or of the errors.
    #[must_use]
    pub fn has(&self, gate: Gate) -> bool {
        self.failures.gate == gate || self.rows.iter().any(|row| row.gate == gate)
    }
}

/// The shift of one quantile. Milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ShiftRow {
    /// The metric.
    pub metric: Metric,
    /// 0 to 1.
    pub quantile: Quantile,
    /// Blocks with a success on both sides: what the interval stands on.
    pub blocks: usize,
    /// Successful calls of the baseline; its quantile counts those that timed out too.
    pub n_baseline: usize,
    /// Successful calls of the candidate; its quantile counts those that timed out too.
    pub n_candidate: usize,
    /// The baseline's quantile.
    #[serde(skip)]
    pub baseline_ms: Option<f64>,
    /// Candidate minus baseline.
    pub shift_ms: Option<f64>,
    /// The same in percent of the baseline.
    pub shift_pct: Option<f64>,
    /// Its own 95% interval.
    pub ci_ms: Option<(f64, f64)>,
    /// The 95% interval of the percentage.
    pub ci_pct: Option<(f64, f64)>,
    /// The interval that decides: all rows hold at once with 95%.
    pub joint_ci_ms: Option<(f64, f64)>,
    /// Rounds that a run of this kind needs for a verdict in all; null when this one gave it, or when no length would.
    pub needed_rounds: Option<Needed>,
    /// What can be said; where a margin was declared, beside that.
    pub verdict: Verdict,
    /// The margin declared for it, such as 5% or 10ms.
    #[schemars(with = "Option<String>")]
    pub margin: Option<Size>,
    /// The margin at which the gate stands, milliseconds; null where nothing is gated or the base has no figure.
    pub gate_ms: Option<f64>,
    /// Whether the margin is kept; null where none was declared.
    #[serde(serialize_with = "Gate::or_null")]
    #[schemars(with = "Option<Gate>")]
    pub gate: Gate,
    /// What leaves it open, if anything does.
    #[serde(skip)]
    pub open: Option<Open>,
    /// Why something is missing, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ShiftRow {
    /// How well the shift is known: half of its own 95% interval, milliseconds.
    #[must_use]
    pub(crate) fn arm_ms(&self) -> Option<f64> {
        self.ci_ms.map(|(low, high)| (high - low) / 2.0)
    }

    /// The smallest shift that this run would have told from none: the longer arm of the interval that decides.
    #[must_use]
    pub fn resolves_ms(&self) -> Option<f64> {
        let (shift, (low, high)) = self.shift_ms.zip(self.joint_ci_ms)?;
        Some((shift - low).max(high - shift))
    }
}

/// What leaves a shift open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// A path has no or too few calls for an interval.
    FewCalls,
    /// The run is too short for a verdict.
    FewBlocks,
    /// The run is too short for a verdict against how long its latencies resemble each other; whether a margin is kept may
    /// be known nevertheless.
    LongMemory,
    /// The interval holds zero.
    HoldsZero,
    /// The interval holds the declared margin.
    HoldsMargin,
    /// The quantile is that of a call that timed out, or too close to one: nobody knows how long it would have been.
    BeyondTimeout,
    /// The run did not carry out its plan, and nothing is decided by half a run.
    Incomplete,
    /// A path failed, and what is left of its calls says nothing of it.
    PathFailed,
    /// The paths do not fail equally often, so the calls that succeeded are different selections.
    FailuresDiffer,
    /// The run is invalid, and nothing is decided by it.
    Invalid,
}

/// What can be said about a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// The candidate is faster.
    Faster,
    /// The candidate is slower; where a margin was declared, by more than that.
    Slower,
    /// The candidate is slower than nothing at all, but perhaps by less than the declared margin.
    SlowerWithinMargin,
    /// The candidate differs by less than the declared margin, either way.
    Equivalent,
    /// Nothing of this can be said.
    Inconclusive,
}

impl Verdict {
    /// What an interval says beside a declared margin of so many milliseconds.
    #[must_use]
    pub(crate) fn beside_margin((low, high): (f64, f64), margin_ms: f64) -> Self {
        if -margin_ms < low && high < margin_ms {
            Self::Equivalent
        } else if low > 0.0 && low >= margin_ms {
            Self::Slower
        } else if low > 0.0 {
            Self::SlowerWithinMargin
        } else if high < 0.0 {
            Self::Faster
        } else {
            Self::Inconclusive
        }
    }
}

/// The difference of two means over successful calls, which is also the mean difference of pairs. Milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MeanShift {
    /// The metric.
    pub metric: Metric,
    /// Candidate minus baseline.
    pub shift_ms: Option<f64>,
    /// Its 95% interval.
    pub ci_ms: Option<(f64, f64)>,
}

/// The shares of calls that failed, 0..=1, over all connections.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FailedShares {
    /// Of the baseline.
    #[serde(rename = "baseline_share")]
    pub baseline: Option<f64>,
    /// Of the candidate.
    #[serde(rename = "candidate_share")]
    pub candidate: Option<f64>,
    /// The 95% interval of candidate minus baseline.
    pub ci: Option<(f64, f64)>,
    /// Points of 1 by which the share may rise, if that was declared.
    pub margin: Option<f64>,
    /// Whether it keeps that; null where nothing was declared.
    #[serde(serialize_with = "Gate::or_null")]
    #[schemars(with = "Option<Gate>")]
    pub gate: Gate,
}

/// Calls a second that were answered as asked and kept what goodput objectives ask of each call.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Goodput {
    /// Of the baseline.
    #[serde(rename = "baseline_per_s")]
    pub baseline: Option<f64>,
    /// Of the candidate.
    #[serde(rename = "candidate_per_s")]
    pub candidate: Option<f64>,
    /// The 95% interval of candidate minus baseline.
    pub ci: Option<(f64, f64)>,
}

/// Cliff's delta: how much likelier a call of the candidate is slower than one of the baseline than faster.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Dominance {
    /// The metric.
    pub metric: Metric,
    /// -1 to 1; 0 where neither is.
    #[serde(rename = "cliffs_delta")]
    pub delta: Option<f64>,
    /// Its 95% interval.
    pub ci: Option<(f64, f64)>,
    /// The word for its size after Romano and others (2006).
    #[schemars(extend("enum" = ["negligible", "small", "medium", "large", null]))]
    pub size: Option<&'static str>,
}

impl Dominance {
    /// The word for a size.
    pub(crate) fn word(delta: f64) -> &'static str {
        match delta.abs() {
            small if small < 0.147 => "negligible",
            small if small < 0.33 => "small",
            medium if medium < 0.474 => "medium",
            _ => "large",
        }
    }
}

/// In what state the connection of a call was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum State {
    /// Opened for the call.
    New,
    /// It had carried a call shortly before.
    Warm,
    /// It had carried calls, but none for a while.
    Idle,
}

impl State {
    /// Every state, in the order of reports.
    pub(crate) const ALL: [Self; 3] = [Self::New, Self::Warm, Self::Idle];
}

/// The shift of a median over calls whose connections were in one state. Successful calls alone.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ConnectionShift {
    /// The state.
    pub state: State,
    /// The metric.
    pub metric: Metric,
    /// Calls of the baseline.
    pub n_baseline: usize,
    /// Calls of the candidate.
    pub n_candidate: usize,
    /// Candidate minus baseline, milliseconds.
    pub shift_ms: Option<f64>,
    /// Its 95% interval; null with too few calls.
    pub ci_ms: Option<(f64, f64)>,
}

/// What a paired run found of its own calls being in each other's way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interference {
    /// The shift where the candidate went after the baseline, against that where it went before.
    pub by_order: Contrast,
    /// The shift where the two were close, against that where they were not; `None` where all were as close.
    pub by_distance: Option<Contrast>,
    /// Up to how many milliseconds apart counts as close.
    pub middle_ms: f64,
}

impl Interference {
    /// Whether any of it changes what the comparison says.
    #[must_use]
    pub(crate) fn is_material(&self) -> bool {
        self.by_order.material || self.by_distance.is_some_and(|contrast| contrast.material)
    }
}

/// A shift estimated apart in two halves of the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Contrast {
    /// Where it is so.
    #[serde(skip)]
    pub so: Half,
    /// Where it is not.
    #[serde(skip)]
    pub not: Half,
    /// The one minus the other, milliseconds.
    #[serde(rename = "difference_ms")]
    pub ms: f64,
    /// Its interval; all of a run's hold at once with 99%.
    pub ci_ms: (f64, f64),
    /// Whether it is more than chance and more than the interval of the shift leaves open anyway.
    pub material: bool,
}

/// One half of the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Half {
    /// How many.
    pub rounds: usize,
    /// The median of their differences, milliseconds.
    pub shift_ms: f64,
}

/// The shift over the whole range of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Curve {
    /// The metric.
    pub metric: Metric,
    /// Its points, from low quantiles to high.
    pub points: Vec<CurvePoint>,
}

/// One point of a curve; the band holds all points at once with 95%.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CurvePoint {
    /// 0 to 1.
    pub quantile: f64,
    /// The shift, milliseconds.
    pub shift_ms: f64,
    /// The edges of the band.
    pub band_ms: (f64, f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_held_against_a_margin() {
        for (interval, margin, verdict) in [
            ((11.0, 14.0), 10.0, Verdict::Slower),
            ((10.0, 14.0), 10.0, Verdict::Slower),
            ((4.0, 14.0), 10.0, Verdict::SlowerWithinMargin),
            ((4.0, 9.0), 10.0, Verdict::Equivalent),
            ((-4.0, 9.0), 10.0, Verdict::Equivalent),
            ((-4.0, 11.0), 10.0, Verdict::Inconclusive),
            ((-12.0, 9.0), 10.0, Verdict::Inconclusive),
            ((-14.0, -11.0), 10.0, Verdict::Faster),
            ((-14.0, -1.0), 10.0, Verdict::Faster),
            ((-14.0, 14.0), 10.0, Verdict::Inconclusive),
            ((1.0, 4.0), 0.0, Verdict::Slower),
            ((0.0, 4.0), 0.0, Verdict::Inconclusive),
        ] {
            assert_eq!(Verdict::beside_margin(interval, margin), verdict, "{interval:?} {margin}");
        }
    }
}
