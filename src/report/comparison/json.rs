//! `comparison.json`: a comparison of two runs for scripts, in the shape of `schema_version` 1.
//!
//! Rows have the keys of `comparisons` in `summary.json`, without `ci_pct`, `resolves_ms` and `needed_s`, and with
//! `baseline_ms`.

use serde::Serialize;

use crate::analysis::compare::comparability::Difference;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{ShiftRow, Verdict};
use crate::analysis::input::population::Connections;
use crate::analysis::runs::{Kind, PathPair};
use crate::analysis::stats::basic::CONFIDENCE;
use crate::analysis::stats::needed::Needed;
use crate::analysis::validity::{Validity, ValidityVerdict};
use crate::analysis::{Conclusion, FailedPath};
use crate::measure::metric::{Basis, Metric};
use crate::report::comparison::document::Compared;
use crate::report::json;
use crate::report::json::comparisons::{FailedFacts, MeanFacts, failed, held_gate, means};
use crate::report::json::number::{ms, pair, rounded};
use crate::run::Run;

#[derive(Serialize)]
struct ComparisonDocument<'a> {
    base: SideFacts<'a>,
    candidate: SideFacts<'a>,
    comparisons: Vec<RowFacts<'a>>,
    differences: &'a [Difference],
    failed_paths: Vec<FailedPathFacts<'a>>,
    failed_shares: Vec<FailedFacts<'a>>,
    kind: Kind,
    mean_shifts: Vec<MeanFacts<'a>>,
    notes: &'a [String],
    schema_version: u32,
    verdict: &'static str,
    weakness: Option<&'static str>,
}

#[derive(Serialize)]
struct SideFacts<'a> {
    complete: bool,
    duration_s: f64,
    id: &'a str,
    name: &'a str,
    profile: &'a str,
    started_at: &'a str,
    tool_version: &'a str,
    validity: ValidityVerdict,
}

#[derive(Serialize)]
struct RowFacts<'a> {
    baseline: &'a str,
    baseline_ms: Option<f64>,
    basis: Basis,
    blocks: usize,
    candidate: &'a str,
    ci_ms: Option<[f64; 2]>,
    confidence: f64,
    connections: Connections,
    gate: Option<Gate>,
    gate_ms: Option<f64>,
    joint_ci_ms: Option<[f64; 2]>,
    margin: Option<String>,
    metric: Metric,
    n_baseline: usize,
    n_candidate: usize,
    needed_rounds: Option<u64>,
    quantile: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    shift_ms: Option<f64>,
    shift_pct: Option<f64>,
    verdict: Verdict,
}

#[derive(Serialize)]
struct FailedPathFacts<'a> {
    code: &'static str,
    message: String,
    path: &'a str,
    side: &'static str,
}

impl Compared<'_> {
    /// The bytes of `comparison.json`.
    pub(crate) fn json(&self) -> Vec<u8> {
        let comparison = self.comparison;
        let pairs = &comparison.pairs;
        json::bytes(&ComparisonDocument {
            base: side(self.names[0], self.runs[0], &comparison.validity[0]),
            candidate: side(self.names[1], self.runs[1], &comparison.validity[1]),
            comparisons: pairs.iter().flat_map(|pair| pair.rows.iter().map(|row| self.row(pair, row))).collect(),
            differences: &comparison.differences,
            failed_paths: failed_paths(&comparison.failing),
            failed_shares: pairs.iter().map(failed_calls).collect(),
            kind: comparison.kind,
            mean_shifts: pairs.iter().flat_map(|pair| means(&pair.base, &pair.candidate, &pair.judged.means)).collect(),
            notes: &comparison.notes,
            schema_version: 1,
            verdict: verdict(comparison.conclusion()),
            weakness: self.weakness(),
        })
    }

    fn row<'r>(&self, of: &'r PathPair, row: &'r ShiftRow) -> RowFacts<'r> {
        RowFacts {
            baseline: &of.base,
            baseline_ms: ms(row.baseline_ms),
            basis: self.comparison.basis,
            blocks: row.blocks,
            candidate: &of.candidate,
            ci_ms: pair(row.ci_ms),
            confidence: CONFIDENCE,
            connections: self.comparison.connections,
            gate: held_gate(row.gate),
            gate_ms: ms(row.gate_ms),
            joint_ci_ms: pair(row.joint_ci_ms),
            margin: row.margin.map(|size| size.to_string()),
            metric: row.metric,
            n_baseline: row.n_baseline,
            n_candidate: row.n_candidate,
            needed_rounds: row.needed_rounds.map(Needed::total),
            quantile: row.quantile,
            reason: row.reason.as_deref(),
            shift_ms: ms(row.shift_ms),
            shift_pct: ms(row.shift_pct),
            verdict: row.verdict,
        }
    }
}

fn failed_calls(pair: &PathPair) -> FailedFacts<'_> {
    failed(&pair.base, &pair.candidate, &pair.judged.failures).with_margin(pair.error_margin, pair.error_gate)
}

/// The paths that failed, of the base and of the candidate.
fn failed_paths([base, candidate]: &[Vec<FailedPath>; 2]) -> Vec<FailedPathFacts<'_>> {
    let sides = base.iter().map(|failed| ("base", failed)).chain(candidate.iter().map(|failed| ("candidate", failed)));
    let facts = sides.map(|(side, failed)| FailedPathFacts {
        code: failed.kind.code(),
        message: failed.describe(),
        path: &failed.name,
        side,
    });
    facts.collect()
}

/// The word for what a comparison comes to.
fn verdict(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Invalid => "invalid",
        Conclusion::Incomplete => "incomplete",
        Conclusion::Failed => "failed",
        Conclusion::Missed => "worse",
        Conclusion::Inconclusive => "inconclusive",
        Conclusion::Met => "passed",
    }
}

fn side<'a>(name: &'a str, run: &'a Run, validity: &Validity) -> SideFacts<'a> {
    let manifest = &run.manifest;
    SideFacts {
        complete: run.is_complete(),
        duration_s: rounded(run.measured_s()),
        id: &manifest.id,
        name,
        profile: &manifest.plan.name,
        started_at: &manifest.started_at,
        tool_version: &manifest.tool_version,
        validity: validity.verdict,
    }
}
