//! The objectives and claims of a run in `summary.json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::slo::{Exceedances, ExpectationResult, ObjectiveResult, ObjectiveVerdict};
use crate::objective::indicator::Unit;
use crate::objective::objective::Severity;
use crate::report::json::number::rounded;
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
    /// What was counted, of quantiles, shares and windows: it decides where the interval does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    beyond: Option<BeyondFacts>,
    verdict: ObjectiveVerdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Calls, gaps between chunks, or windows, of which a share may lie beyond the limit.
#[derive(Serialize, JsonSchema)]
struct BeyondFacts {
    /// How many did not keep the limit.
    count: u64,
    /// Of how many.
    of: u64,
    /// The share beyond the limit at most, with 95% confidence (one-sided, exact binomial).
    share_at_most: Option<f64>,
    /// The share that the objective allows.
    allowed: f64,
}

impl From<Exceedances> for BeyondFacts {
    fn from(seen: Exceedances) -> Self {
        let Exceedances { beyond, of, allowed, .. } = seen;
        Self { count: beyond, of, share_at_most: seen.at_most().map(rounded), allowed: rounded(allowed) }
    }
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
        beyond: result.exceedances.map(BeyondFacts::from),
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
