//! `comparison.json`: a comparison of two runs for scripts, in the shape of `schema_version` 1.
//!
//! Rows have the keys of `comparisons` in `summary.json`, and `baseline_ms`.

use serde::Serialize;

use crate::analysis::compare::comparability::Difference;
use crate::analysis::compare::shift::{FailedShares, MeanShift, ShiftRow};
use crate::analysis::runs::{Kind, PathPair};
use crate::analysis::validity::{Validity, ValidityVerdict};
use crate::analysis::{Conclusion, FailedPath};
use crate::report::comparison::document::Compared;
use crate::report::json;
use crate::report::json::comparisons::{Between, ShiftFacts};
use crate::run::Run;

#[derive(Serialize)]
struct ComparisonDocument<'a> {
    base: SideFacts<'a>,
    candidate: SideFacts<'a>,
    comparisons: Vec<Between<'a, RowFacts<'a>>>,
    differences: &'a [Difference],
    failed_paths: Vec<FailedPathFacts<'a>>,
    failed_shares: Vec<Between<'a, FailedShares>>,
    kind: Kind,
    mean_shifts: Vec<Between<'a, &'a MeanShift>>,
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
    baseline_ms: Option<f64>,
    #[serde(flatten)]
    shift: ShiftFacts<'a>,
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
        json::bytes(&ComparisonDocument {
            base: side(self.names[0], self.runs[0], &comparison.validity[0]),
            candidate: side(self.names[1], self.runs[1], &comparison.validity[1]),
            comparisons: self.each(|pair| pair.rows.iter().map(|row| self.row(pair, row))),
            differences: &comparison.differences,
            failed_paths: failed_paths(&comparison.failing),
            failed_shares: self.each(|pair| [failed_shares(pair)]),
            kind: comparison.kind,
            mean_shifts: self.each(|pair| &pair.judged.means),
            notes: &comparison.notes,
            schema_version: 1,
            verdict: verdict(comparison.conclusion()),
            weakness: self.weakness(),
        })
    }

    /// Something of every pair of paths.
    fn each<'a, T, I: IntoIterator<Item = T>>(&'a self, of: impl Fn(&'a PathPair) -> I) -> Vec<Between<'a, T>> {
        let pairs = self.comparison.pairs.iter();
        pairs.flat_map(|pair| Between::each(&pair.base, &pair.candidate, of(pair))).collect()
    }

    fn row<'a>(&self, pair: &PathPair, row: &'a ShiftRow) -> RowFacts<'a> {
        let (basis, connections) = (self.comparison.basis, self.comparison.connections);
        RowFacts { baseline_ms: row.baseline_ms, shift: ShiftFacts::of(row, basis, connections, pair.blocks.rate) }
    }
}

/// With the margin of a comparison of two runs.
fn failed_shares(pair: &PathPair) -> FailedShares {
    FailedShares { margin: Some(pair.error_margin), gate: pair.error_gate, ..pair.judged.failures.clone() }
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
        duration_s: run.measured_s(),
        id: &manifest.id,
        name,
        profile: &manifest.plan.name,
        started_at: &manifest.started_at,
        tool_version: &manifest.tool_version,
        validity: validity.verdict,
    }
}
