//! The objectives and claims of a run in `summary.json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::slo::{ExpectationResult, ObjectiveResult, ObjectiveVerdict};
use crate::objective::indicator::Unit;
use crate::objective::objective::Severity;
use crate::report::json::schema::Explained;
use crate::units::Api;

/// An objective.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["observed"]))]
pub(super) struct ObjectiveFacts<'a> {
    path: &'a str,
    expression: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<Api>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    per_call: Vec<&'a str>,
    /// A missed warning does not end a run with exit code 3.
    severity: Severity,
    /// The rules file that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    /// Of observed and ci.
    unit: Unit,
    n: usize,
    observed: Option<f64>,
    ci: [Option<f64>; 2],
    verdict: ObjectiveVerdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// A claim beside what was seen.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["observed"]))]
pub(super) struct ExpectationFacts<'a> {
    claim: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    path: &'a str,
    slo: String,
    /// Of observed and ci.
    unit: Unit,
    n: usize,
    observed: Option<f64>,
    ci: [Option<f64>; 2],
    #[schemars(extend("enum" = ["holds", "fails", "unproven"]))]
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

pub(super) fn objective(result: &ObjectiveResult) -> ObjectiveFacts<'_> {
    let objective = &result.objective;
    ObjectiveFacts {
        path: &objective.path,
        expression: objective.expr.to_string(),
        name: objective.name.as_deref(),
        api: objective.calls.api,
        stream: objective.calls.stream,
        per_call: objective.per_call.iter().map(|condition| condition.text.as_str()).collect(),
        severity: objective.severity,
        source: objective.source.as_deref(),
        unit: objective.expr.unit(),
        n: result.n,
        observed: result.estimate.value,
        ci: [result.estimate.low, result.estimate.high],
        verdict: result.verdict,
        reason: result.reason.as_deref(),
    }
}

pub(super) fn expectation(held: &ExpectationResult) -> ExpectationFacts<'_> {
    let ExpectationResult { expectation, result } = held;
    ExpectationFacts {
        claim: &expectation.claim,
        reference: expectation.reference.as_deref(),
        path: &expectation.slo.path,
        slo: expectation.slo.label(),
        unit: expectation.slo.expr.unit(),
        n: result.n,
        observed: result.estimate.value,
        ci: [result.estimate.low, result.estimate.high],
        verdict: result.verdict.of_claim(),
        reason: result.reason.as_deref(),
    }
}
