//! `comparison.json`: a comparison of two runs for scripts, in the shape of `schema_version` 1.
//!
//! Rows have the keys of `comparisons` in `summary.json`, and two more: `gate_ms` and `gate`.

use serde_json::{Value, json};

use crate::analysis::Conclusion;
use crate::analysis::FailedPath;
use crate::analysis::compare::needed::Needed;
use crate::analysis::compare::shift::{MeanShift, ShiftRow};
use crate::analysis::runs::{Kind, PathPair};
use crate::analysis::stats::basic::CONFIDENCE;
use crate::analysis::validity::Validity;
use crate::report::comparison::document::Compared;
use crate::report::json_effects::gate;
use crate::report::json_number::{ms, pair, rounded};
use crate::run::Run;

impl Compared<'_> {
    /// The bytes of `comparison.json`.
    pub(crate) fn json(&self) -> Vec<u8> {
        let between = self.between;
        let side = |place: usize| side(self.names[place], self.runs[place], &between.validity[place]);
        let of_pairs = |of: &dyn Fn(&PathPair) -> Vec<Value>| between.pairs.iter().flat_map(of).collect::<Vec<_>>();
        let document = json!({
            "schema_version": 1,
            "kind": kind(between.kind),
            "verdict": verdict(between.conclusion()),
            "base": side(0),
            "candidate": side(1),
            "weakness": self.weakness(),
            "differences": between.differences.iter().map(|difference| json!({
                "what": difference.what, "base": difference.base, "candidate": difference.candidate,
            })).collect::<Vec<_>>(),
            "comparisons": of_pairs(&|pair| pair.rows.iter().map(|row| self.row(pair, row)).collect()),
            "mean_shifts": of_pairs(&|pair| pair.judged.means.iter().map(|mean| mean_shift(pair, mean)).collect()),
            "failed_shares": of_pairs(&|pair| vec![failed_shares(pair)]),
            "failed_paths": failed_paths(&between.failing),
            "notes": between.notes,
        });
        let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    fn row(&self, of: &PathPair, row: &ShiftRow) -> Value {
        let mut value = json!({
            "baseline": of.base,
            "candidate": of.candidate,
            "metric": row.metric.key(),
            "quantile": row.quantile,
            "basis": self.between.basis.as_str(),
            "connections": self.between.connections.as_str(),
            "n_baseline": row.n_baseline,
            "n_candidate": row.n_candidate,
            "baseline_ms": ms(row.baseline_ms),
            "shift_ms": ms(row.shift_ms),
            "ci_ms": pair(row.ci_ms),
            "joint_ci_ms": pair(row.joint_ci_ms),
            "shift_pct": ms(row.shift_pct),
            "confidence": CONFIDENCE,
            "blocks": row.blocks,
            "margin": row.margin.map(|size| size.to_string()),
            "needed_rounds": row.needed_rounds.map(Needed::total),
            "verdict": row.verdict.as_str(),
            "gate_ms": ms(row.gate_ms),
            "gate": gate(row.gate),
        });
        if let Some(reason) = &row.reason {
            value["reason"] = json!(reason);
        }
        value
    }
}

/// The paths that failed, of the base and of the candidate.
fn failed_paths([base, candidate]: &[Vec<FailedPath>; 2]) -> Vec<Value> {
    let of = |side: &'static str| move |failed: &FailedPath| json!({"side": side, "path": failed.name, "code": failed.kind.code(), "message": failed.seen()});
    base.iter().map(of("base")).chain(candidate.iter().map(of("candidate"))).collect()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::OneRun => "one_run",
        Kind::TwoRuns => "two_runs",
    }
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

fn side(name: &str, run: &Run, validity: &Validity) -> Value {
    let manifest = &run.manifest;
    json!({
        "name": name, "id": manifest.id, "profile": manifest.plan.name, "started_at": manifest.started_at,
        "duration_s": rounded(run.measured_s()), "complete": run.is_complete(), "validity": validity.verdict.as_str(),
        "tool_version": manifest.tool_version,
    })
}

fn mean_shift(of: &PathPair, mean: &MeanShift) -> Value {
    json!({
        "baseline": of.base, "candidate": of.candidate, "metric": mean.metric.key(), "shift_ms": ms(mean.shift_ms),
        "ci_ms": pair(mean.ci_ms),
    })
}

fn failed_shares(of: &PathPair) -> Value {
    let shares = &of.judged.failures;
    json!({
        "baseline": of.base, "candidate": of.candidate, "baseline_share": ms(shares.baseline),
        "candidate_share": ms(shares.candidate), "ci": pair(shares.ci), "margin": rounded(of.error_margin),
        "gate": gate(of.error_gate),
    })
}
