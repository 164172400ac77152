//! `summary.json`: the judgement for scripts, in the shape of `schema_version` 1.
//!
//! A figure that was not measured is `null`, and a key of the same name with `_reason` says why.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::needed::Needed;
use crate::analysis::compare::shift::{Candidate, MeanShift, ShiftRow};
use crate::analysis::slo::{ExpectationResult, ObjectiveResult};
use crate::analysis::stats::basic::CONFIDENCE;
use crate::analysis::summary::cost;
use crate::analysis::summary::paths::{ConnectionCounts, MetricSummary, PathSummary, QUANTILES};
use crate::analysis::{Analysis, FailedPath, Finding};
use crate::report::figure::percent_key;
use crate::report::json_effects::{
    connection_states, curves, dominance, gate, goodput, interference, of_candidates, reported,
};
use crate::report::json_errors;
use crate::report::json_number::{ms, pair, rounded};
use crate::report::json_tokens::{CostFacts, ThroughputFacts, TokenFacts, of_cost, throughput, tokens};
use crate::report::json_validity::{ValidityFacts, validity};
use crate::report::run::banner::banner;
use crate::report::run::notes;
use crate::run::{Aborted, RowSample, Run};

/// The bytes of `summary.json`.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<u8> {
    let document = Document {
        schema_version: 1,
        run: run_facts(run),
        sampled: run.manifest.rows.as_ref().map(sampled),
        conclusion: conclusion(run, analysis),
        validity: validity(run, &analysis.validity),
        paths: Named(paths(run, analysis)),
        comparisons: comparisons(run, analysis),
        mean_shifts: mean_shifts(run, analysis),
        failed_shares: failed_shares(run, analysis),
        goodput: of_candidates(run, analysis, goodput),
        dominance: of_candidates(run, analysis, dominance),
        curves: of_candidates(run, analysis, curves),
        interference: of_candidates(run, analysis, interference),
        connection_states: of_candidates(run, analysis, connection_states),
        reported: reported(run, analysis),
        blocks: analysis.comparison.as_ref().map(blocks),
        objectives: analysis.objectives.iter().map(objective).collect(),
        expectations: analysis.expectations.iter().map(expectation).collect(),
        notes: notes(run, analysis),
    };
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[derive(Serialize)]
struct Document {
    schema_version: u32,
    run: RunFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<Value>,
    conclusion: ConclusionFacts,
    validity: ValidityFacts,
    paths: Named<PathFacts>,
    comparisons: Vec<ComparisonFacts>,
    mean_shifts: Vec<Value>,
    failed_shares: Vec<Value>,
    goodput: Vec<Value>,
    dominance: Vec<Value>,
    curves: Vec<Value>,
    interference: Vec<Value>,
    connection_states: Vec<Value>,
    reported: Vec<Value>,
    blocks: Option<Value>,
    objectives: Vec<ObjectiveFacts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expectations: Vec<ExpectationFacts>,
    notes: Vec<String>,
}

/// What the run comes to.
#[derive(Serialize)]
struct ConclusionFacts {
    verdict: &'static str,
    exit_code: u8,
    message: String,
}

fn conclusion(run: &Run, analysis: &Analysis) -> ConclusionFacts {
    let verdict = analysis.conclusion;
    ConclusionFacts { verdict: verdict.as_str(), exit_code: verdict.exit_code(false), message: banner(run, analysis).1 }
}

/// A map that keeps the order of its entries.
struct Named<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct RunFacts {
    id: String,
    profile: String,
    started_at: String,
    duration_s: f64,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete_reason: Option<String>,
    tool_version: String,
    seed: u64,
    design: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_early: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aborted_by: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostFacts>,
}

fn run_facts(run: &Run) -> RunFacts {
    let manifest = &run.manifest;
    let killed = || "the run was killed, or is still under way".to_owned();
    RunFacts {
        id: manifest.id.clone(),
        profile: manifest.plan.name.clone(),
        started_at: manifest.started_at.clone(),
        duration_s: rounded(run.measured_s()),
        complete: run.is_complete(),
        incomplete_reason: match &manifest.ending {
            None => Some(killed()),
            Some(ending) => ending.reason.clone().filter(|_| !ending.complete),
        },
        tool_version: manifest.tool_version.clone(),
        seed: manifest.plan.seed,
        design: manifest.plan.load.design.as_str(),
        ended_early: manifest.ending.as_ref().and_then(|ending| ending.reached.clone()),
        aborted_by: manifest.ending.as_ref().and_then(|ending| ending.aborted_by.as_ref()).map(aborted),
        cost: cost::of_run(run).map(of_cost),
    }
}

/// Which calls have rows, if not all have.
fn sampled(rows: &RowSample) -> Value {
    json!({"share": rounded(rows.share), "rows_seen": rows.seen, "rows_kept": rows.kept, "rule": rows.rule})
}

fn aborted(aborted: &Aborted) -> Value {
    json!({
        "path": aborted.path, "expression": aborted.expression, "at_s": rounded(aborted.at_s),
        "observed": ms(aborted.observed), "ci": [ms(aborted.ci.0), ms(aborted.ci.1)],
    })
}

#[derive(Serialize)]
struct PathFacts {
    kind: &'static str,
    requests: RequestFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Value>,
    errors: BTreeMap<String, u64>,
    errors_seen: BTreeMap<String, Value>,
    connections: ConnectionFacts,
    tokens: TokenFacts,
    throughput: ThroughputFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostFacts>,
    findings: Vec<Value>,
    metrics: Named<Named<Value>>,
}

#[derive(Serialize)]
struct RequestFacts {
    planned: u64,
    ok: u64,
    failed: u64,
    incomplete: u64,
    dropped: u64,
    timeouts: u64,
}

#[derive(Serialize)]
struct ConnectionFacts {
    opened: u64,
    reused: u64,
    failed: u64,
    opened_in_warmup: u64,
}

/// Why a path failed.
fn failure(failed: &FailedPath) -> Value {
    json!({"code": failed.kind.code(), "message": failed.seen(), "failed": failed.failed, "tried": failed.tried})
}

fn paths(run: &Run, analysis: &Analysis) -> Vec<(String, PathFacts)> {
    let one = |(summary, findings): (&PathSummary, &Vec<Finding>)| {
        let path = run.manifest.plan.path(summary.path);
        let requests = &summary.requests;
        let facts = PathFacts {
            kind: path.kind.as_str(),
            requests: RequestFacts {
                planned: requests.planned,
                ok: requests.ok,
                failed: requests.failed,
                incomplete: requests.incomplete,
                dropped: requests.dropped,
                timeouts: requests.timeouts,
            },
            failure: analysis.failing.iter().find(|failed| failed.path == summary.path).map(failure),
            errors: summary.errors.clone(),
            errors_seen: json_errors::errors_seen(run, summary.path),
            connections: connections(summary.connections),
            tokens: tokens(summary.tokens),
            throughput: throughput(&summary.throughput),
            cost: cost::of_path(run, summary.path).map(of_cost),
            findings: findings.iter().map(finding).collect(),
            metrics: Named(summary.metrics.iter().map(|m| (m.key(), metric(m))).collect()),
        };
        (path.name.clone(), facts)
    };
    analysis.paths.iter().zip(&analysis.findings).map(one).collect()
}

fn connections(counts: ConnectionCounts) -> ConnectionFacts {
    let ConnectionCounts { opened, reused, failed, opened_in_warmup } = counts;
    ConnectionFacts { opened, reused, failed, opened_in_warmup }
}

fn finding(finding: &Finding) -> Value {
    json!({
        "code": finding.code, "message": finding.message, "remedy": finding.remedy, "evidence": finding.evidence
    })
}

fn metric(metric: &MetricSummary) -> Named<Value> {
    let mut entries = vec![
        ("unit".to_owned(), json!("ms")),
        ("basis".to_owned(), json!(metric.basis.map(|basis| basis.as_str()))),
        ("n".to_owned(), json!(metric.n)),
        ("mean".to_owned(), ms(metric.mean)),
        ("min".to_owned(), ms(metric.min)),
        ("max".to_owned(), ms(metric.max)),
    ];
    for (q, value) in QUANTILES.iter().zip(metric.quantiles) {
        let key = percent_key(*q);
        let reason = metric.why_missing(*q).filter(|_| metric.reason.is_none());
        entries.push((key.clone(), ms(value)));
        entries.extend(reason.map(|reason| (format!("{key}_reason"), json!(reason))));
    }
    let no_max = metric.why_beyond().filter(|_| metric.reason.is_none() && metric.max.is_none());
    entries.extend(no_max.map(|reason| ("max_reason".to_owned(), json!(reason))));
    entries.extend(metric.reason.as_ref().map(|reason| ("reason".to_owned(), json!(reason))));
    Named(entries)
}

#[derive(Serialize)]
struct ComparisonFacts {
    baseline: String,
    candidate: String,
    metric: &'static str,
    quantile: f64,
    basis: &'static str,
    connections: &'static str,
    n_baseline: usize,
    n_candidate: usize,
    shift_ms: Value,
    ci_ms: Value,
    joint_ci_ms: Value,
    shift_pct: Value,
    confidence: f64,
    blocks: usize,
    margin: Option<String>,
    gate_ms: Value,
    gate: Value,
    ci_pct: Value,
    resolves_ms: Value,
    needed_rounds: Option<u64>,
    needed_s: Value,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn comparisons(run: &Run, analysis: &Analysis) -> Vec<ComparisonFacts> {
    let Some(comparison) = &analysis.comparison else { return Vec::new() };
    let rows =
        comparison.candidates.iter().flat_map(|candidate| candidate.rows.iter().map(move |row| (candidate, row)));
    rows.map(|(candidate, row)| compared(run, comparison, candidate, row)).collect()
}

fn compared(run: &Run, comparison: &Comparison, candidate: &Candidate, row: &ShiftRow) -> ComparisonFacts {
    let name = |path| run.manifest.plan.path(path).name.clone();
    ComparisonFacts {
        baseline: name(comparison.baseline),
        candidate: name(candidate.path),
        metric: row.metric.key(),
        quantile: row.quantile,
        basis: comparison.basis.as_str(),
        connections: comparison.connections.as_str(),
        n_baseline: row.n_baseline,
        n_candidate: row.n_candidate,
        shift_ms: ms(row.shift_ms),
        ci_ms: pair(row.ci_ms),
        joint_ci_ms: pair(row.joint_ci_ms),
        shift_pct: ms(row.shift_pct),
        confidence: CONFIDENCE,
        blocks: row.blocks,
        margin: row.margin.map(|size| size.to_string()),
        gate_ms: ms(row.gate_ms),
        gate: gate(row.gate),
        ci_pct: pair(row.ci_pct),
        resolves_ms: ms(row.resolves_ms()),
        needed_rounds: row.needed_rounds.map(Needed::total),
        needed_s: ms(row.needed_rounds.map(|needed| needed.total() as f64 / comparison.blocks.rate.max(1e-9))),
        verdict: row.verdict.as_str(),
        reason: row.reason.clone(),
    }
}

fn mean_shifts(run: &Run, analysis: &Analysis) -> Vec<Value> {
    let of = |comparison: &Comparison, candidate: &Candidate| -> Vec<Value> {
        let name = |path| run.manifest.plan.path(path).name.as_str();
        let one = |mean: &MeanShift| {
            json!({
                "baseline": name(comparison.baseline), "candidate": name(candidate.path),
                "metric": mean.metric.key(), "shift_ms": ms(mean.shift_ms), "ci_ms": pair(mean.ci_ms),
            })
        };
        candidate.means.iter().map(one).collect()
    };
    let comparison = analysis.comparison.iter();
    comparison.flat_map(|c| c.candidates.iter().flat_map(move |candidate| of(c, candidate))).collect()
}

fn failed_shares(run: &Run, analysis: &Analysis) -> Vec<Value> {
    let of = |comparison: &Comparison, candidate: &Candidate| {
        let name = |path| run.manifest.plan.path(path).name.as_str();
        let shares = &candidate.failures;
        json!({
            "baseline": name(comparison.baseline), "candidate": name(candidate.path),
            "baseline_share": ms(shares.baseline), "candidate_share": ms(shares.candidate), "ci": pair(shares.ci),
            "margin": ms(shares.margin), "gate": gate(shares.gate),
        })
    };
    let comparison = analysis.comparison.iter();
    comparison.flat_map(|c| c.candidates.iter().map(move |candidate| of(c, candidate))).collect()
}

fn blocks(comparison: &Comparison) -> Value {
    let blocks = &comparison.blocks;
    json!({
        "count": comparison.filled(), "length_s": rounded(blocks.length_s), "memory_s": rounded(blocks.memory_s),
        "rounds": blocks.rounds, "shared": blocks.shared, "joint_level": rounded(comparison.levels.others),
        "first_level": rounded(comparison.levels.first),
    })
}

#[derive(Serialize)]
struct ObjectiveFacts {
    path: String,
    expression: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    per_call: Vec<String>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    unit: &'static str,
    n: usize,
    observed: Value,
    ci: [Value; 2],
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn objective(result: &ObjectiveResult) -> ObjectiveFacts {
    ObjectiveFacts {
        path: result.objective.path.clone(),
        expression: result.objective.expr.to_string(),
        name: result.objective.name.clone(),
        api: result.objective.calls.api.map(|api| api.as_str()),
        stream: result.objective.calls.stream,
        per_call: result.objective.per_call.iter().map(|condition| condition.text.clone()).collect(),
        severity: result.objective.severity.as_str(),
        source: result.objective.source.clone(),
        unit: result.objective.expr.unit().as_str(),
        n: result.n,
        observed: ms(result.observed),
        ci: [ms(result.ci.0), ms(result.ci.1)],
        verdict: result.verdict.as_str(),
        reason: result.reason.clone(),
    }
}

#[derive(Serialize)]
struct ExpectationFacts {
    claim: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    path: String,
    slo: String,
    unit: &'static str,
    n: usize,
    observed: Value,
    ci: [Value; 2],
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn expectation(held: &ExpectationResult) -> ExpectationFacts {
    let ExpectationResult { expectation, result } = held;
    ExpectationFacts {
        claim: expectation.claim.clone(),
        reference: expectation.reference.clone(),
        path: expectation.slo.path.clone(),
        slo: expectation.slo.label(),
        unit: expectation.slo.expr.unit().as_str(),
        n: result.n,
        observed: ms(result.observed),
        ci: [ms(result.ci.0), ms(result.ci.1)],
        verdict: result.verdict.of_claim(),
        reason: result.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::run::fixture::World;

    fn schema() -> jsonschema::Validator {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/summary.json");
        let schema = serde_json::from_slice(&std::fs::read(path).expect("the schema")).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    }

    /// The document of a run with objectives on its first path.
    fn document(mut run: Run) -> Value {
        let objective = |expr: &str| Objective::new("direct", expr.parse().expect("expression"));
        let plan = &mut run.manifest.plan;
        let forms = [
            "ttft.p99.9 < 800ms",
            "error_rate < 1%",
            "tls.max < 1s",
            "tokens_per_second.p50 > 50",
            "ttft.p95 over 1s < 800ms in 99%",
            "ttft.p95 < 1.1 * private.ttft.p95",
            "ttft.p95 - private.ttft.p95 < 15ms",
            "error_rate - private.error_rate < 1%",
        ];
        plan.objectives = forms.map(objective).to_vec();
        plan.objectives[0].severity = crate::objective::objective::Severity::Warning;
        plan.objectives[0].name = Some("slow".to_owned());
        plan.objectives[1].calls.stream = Some(true);
        plan.expectations = vec![crate::objective::objective::Expectation {
            claim: "it is fast".to_owned(),
            reference: Some("page 3".to_owned()),
            slo: objective("ttft.p50 < 1s"),
        }];
        plan.prices = Some(crate::measure::prices::Prices { input: 1.0, output: 2.0, currency: "EUR".to_owned() });
        serde_json::from_slice(&render(&run, &analyse(&run))).expect("JSON")
    }

    #[test]
    fn every_kind_of_run_keeps_the_schema() {
        let base = || World { seconds: 12.0, ..World::default() };
        let mut killed = base().run();
        killed.manifest.ending = None;
        killed.lost.unattributed = 2;
        let mut empty = base().run();
        empty.samples.clear();
        let mut stalled = base().run();
        for sample in stalled.samples.iter_mut().step_by(3) {
            crate::run::fixture::fail(sample, crate::measure::outcome::ErrorClass::TimeoutTotal);
        }
        let mut whole = base().run();
        whole.samples.iter_mut().for_each(|sample| sample.stream = false);
        let mut aborted = base().run();
        let ending = aborted.manifest.ending.as_mut().expect("ending");
        (ending.complete, ending.reason) = (false, Some("stopped".to_owned()));
        ending.aborted_by = Some(Aborted {
            path: "direct".to_owned(),
            expression: "ttft.p50 < 1ms".to_owned(),
            at_s: 12.0,
            observed: Some(150.0),
            ci: (Some(140.0), None),
        });
        let mut reached = base().run();
        reached.manifest.ending.as_mut().expect("ending").reached = Some("precise enough".to_owned());
        let schema = schema();
        for (word, run) in [
            ("aborted", aborted),
            ("narrow enough", reached),
            ("paired", World::default().run()),
            ("one path", World { shifts_ms: vec![0.0], ..base() }.run()),
            ("sequential", World { design: crate::plan::Design::Sequential, ..base() }.run()),
            ("closed", World { callers: Some(6), design: crate::plan::Design::Interleaved, ..base() }.run()),
            ("failing", World { failing: vec![0.0, 1.0, 0.5], ..base() }.run()),
            ("a second", World { seconds: 1.0, ..base() }.run()),
            ("killed", killed),
            ("empty", empty),
            ("stalled", stalled),
            ("no stream", whole),
            ("sampled", crate::run::fixture::sampled(base().run(), 3)),
        ] {
            let document = document(run);
            let faults: Vec<_> =
                schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(faults.is_empty(), "{word}: {faults:#?}");
        }
    }

    /// The places of all objects in a document, as JSON pointers.
    fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.push(at.to_owned());
                map.iter().for_each(|(key, value)| objects(value, &format!("{at}/{key}"), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| objects(item, &format!("{at}/{i}"), found))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn a_wrong_or_a_missing_key_breaks_the_schema() {
        let (schema, whole) = (schema(), document(World { failing: vec![0.0, 0.5, 0.0], ..World::default() }.run()));
        assert!(schema.is_valid(&whole));
        let mut places = Vec::new();
        objects(&whole, "", &mut places);
        let free = |place: &str| {
            place == "/paths"
                || place.ends_with("/errors")
                || place.ends_with("/errors_seen")
                || place.ends_with("/evidence")
        };
        for place in places.iter().filter(|place| !free(place)) {
            let mut wrong = whole.clone();
            let object = wrong.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
            object.insert("wrnog".to_owned(), json!(1));
            assert!(!schema.is_valid(&wrong), "{place}/wrnog is let pass");
        }
        let mut unexplained = whole.clone();
        let metric = unexplained.pointer_mut("/paths/direct/metrics/server").and_then(Value::as_object_mut);
        metric.expect("a metric").remove("reason");
        assert!(!schema.is_valid(&unexplained), "a null without a reason");
        for key in ["validity", "paths", "objectives"] {
            let mut less = whole.clone();
            less.as_object_mut().expect("an object").remove(key);
            assert!(!schema.is_valid(&less), "without {key}");
        }
    }

    #[test]
    fn the_document_has_the_shape_of_the_contract() {
        let mut run = World { seconds: 20.0, ..World::default() }.run();
        run.manifest.plan.objectives = vec![Objective::new("gateway", "ttft.p95 < 800ms".parse().expect("expression"))];
        let bytes = render(&run, &analyse(&run));
        let document: Value = serde_json::from_slice(&bytes).expect("JSON");
        for pointer in [
            "/schema_version",
            "/run/id",
            "/run/profile",
            "/run/duration_s",
            "/run/complete",
            "/validity/verdict",
            "/validity/send_lag_ms/p99",
            "/validity/own_lag_ms/p99",
            "/validity/lag_parts_ms/timer/p99",
            "/validity/lag_parts_ms/dispatch/p99",
            "/validity/lag_parts_ms/connection/max",
            "/validity/lag_parts_ms/in_flight_limit/dropped",
            "/validity/arrivals/share",
            "/validity/arrivals/dispersion/planned",
            "/validity/littles_law/residual",
            "/validity/health/seconds",
            "/validity/health/hiccup_ms/max",
            "/validity/health/files/limit",
            "/validity/left_out/calls",
            "/paths/direct/kind",
            "/paths/gateway/requests/ok",
            "/paths/gateway/connections/reused",
            "/paths/gateway/metrics/ttft/p95",
            "/paths/gateway/metrics/ttft_service/basis",
            "/comparisons/0/shift_ms",
            "/comparisons/0/ci_ms/1",
            "/comparisons/0/verdict",
            "/objectives/0/observed",
            "/objectives/0/ci/0",
        ] {
            assert!(!document.pointer(pointer).unwrap_or(&Value::Null).is_null(), "{pointer}");
        }
        assert!(document["validity"]["health"]["simulator"].is_null(), "it was not used");
        assert_eq!(document["comparisons"].as_array().expect("rows").len(), 2 * 3 * 7);
        assert_eq!(document["objectives"][0]["verdict"], "met");
        assert_eq!(document["comparisons"][0]["margin"], Value::Null);
        let tail = &document["paths"]["direct"]["metrics"]["ttft"];
        assert!(tail["p99_9"].is_null() && tail["p99_9_reason"].as_str().expect("why").contains("1000 are needed"));
        let order: Vec<_> = ["\"direct\": {", "\"private\": {", "\"gateway\": {"]
            .map(|key| String::from_utf8_lossy(&bytes).find(key).expect(key))
            .to_vec();
        assert!(order.is_sorted(), "paths keep the order of the plan");
    }
}
