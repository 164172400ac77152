//! `pooled.json`: pooled runs for scripts, in the shape of `schema_version` 1.

use serde::Serialize;

use crate::analysis::Conclusion;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::Verdict;
use crate::analysis::stats::basic::CONFIDENCE;
use crate::analysis::trend::pool::{PoolPoint, PooledShift};
use crate::measure::metric::Metric;
use crate::report::json;
use crate::report::trend::pooled::Pooling;
use crate::run::historical::HistoricalRun;
use crate::units::Quantile;

/// Runs are named by their place in `runs`, from 0.
#[derive(Serialize)]
struct PooledDocument<'a, L> {
    left_out: L,
    notes: &'a [String],
    plan: &'a str,
    profile: &'a str,
    runs: &'a [HistoricalRun],
    schema_version: u32,
    shifts: Vec<ShiftFacts<'a>>,
    verdict: &'static str,
}

#[derive(Serialize)]
struct ShiftFacts<'a> {
    baseline: &'a str,
    baseline_ms: Option<f64>,
    candidate: &'a str,
    ci_ms: Option<(f64, f64)>,
    confidence: f64,
    #[serde(serialize_with = "Gate::or_null")]
    gate: Gate,
    joint_ci_ms: Option<(f64, f64)>,
    margin_ms: Option<f64>,
    metric: Metric,
    next_run_ms: Option<(f64, f64)>,
    points: &'a [PoolPoint],
    quantile: Quantile,
    shift_ms: Option<f64>,
    tau_ci_ms: Option<(f64, f64)>,
    tau_ms: Option<f64>,
    verdict: Verdict,
}

/// The bytes of `pooled.json`; `left_out` counts the runs that were not pooled, by the reason.
pub(crate) fn render(pooling: &Pooling, left_out: impl Serialize) -> Vec<u8> {
    json::bytes(&PooledDocument {
        left_out,
        notes: pooling.notes,
        plan: pooling.plan,
        profile: pooling.profile,
        runs: &pooling.pool.runs,
        schema_version: 1,
        shifts: pooling.pool.shifts.iter().map(facts).collect(),
        verdict: match pooling.pool.conclusion() {
            Conclusion::Missed | Conclusion::Failed => "worse",
            Conclusion::Met => "passed",
            Conclusion::Inconclusive | Conclusion::Invalid | Conclusion::Incomplete => "inconclusive",
        },
    })
}

fn facts(shift: &PooledShift) -> ShiftFacts<'_> {
    let pooled = shift.pooled.as_ref();
    ShiftFacts {
        baseline: &shift.baseline,
        baseline_ms: shift.baseline_ms,
        candidate: &shift.candidate,
        ci_ms: pooled.map(|pooled| pooled.interval(CONFIDENCE)),
        confidence: CONFIDENCE,
        gate: shift.gate,
        joint_ci_ms: shift.joint_ci_ms,
        margin_ms: shift.margin_ms,
        metric: shift.metric,
        next_run_ms: pooled.and_then(|pooled| pooled.next),
        points: &shift.points,
        quantile: shift.quantile,
        shift_ms: pooled.map(|pooled| pooled.mean),
        tau_ci_ms: pooled.map(|pooled| pooled.tau_interval),
        tau_ms: pooled.map(|pooled| pooled.tau),
        verdict: shift.verdict,
    }
}
