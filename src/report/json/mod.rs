//! `summary.json`: the judgement for scripts, in the shape of `schema_version` 1. `comparison.json` and `trend.json` are
//! made with the same parts.
//!
//! A figure that was not measured is `null`, and a key of the same name with `_reason` says why.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::Analysis;
use crate::analysis::conclusion::Conclusion;
use crate::analysis::summary::cost::Cost;
use crate::report::run::banner::banner;
use crate::report::run::notes;
use crate::run::{Aborted, RowSample, Run};
use crate::schedule::design::Design;

pub(crate) mod comparisons;
mod interference;
mod named;
pub(crate) mod number;
mod objectives;
mod paths;
mod schema;
mod validity;
mod ways;

use comparisons::{BlockFacts, ComparisonFacts};
use named::Named;
use number::Rounded;
use objectives::{ExpectationFacts, ObjectiveFacts};
use paths::{PathFacts, ReportedFacts};
use schema::Later;
use validity::ValidityFacts;

/// The judgement on a run. Times are milliseconds. A figure that was not measured is null and never 0.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "summary.json of hopmark", transform = Later("conclusion"))]
struct Summary<'a> {
    #[schemars(extend("const" = 1))]
    schema_version: u32,
    run: RunFacts<'a>,
    /// Which calls have rows; there only if not all have.
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<SampleFacts<'a>>,
    /// Summaries of earlier versions have none.
    conclusion: ConclusionFacts,
    validity: ValidityFacts,
    /// By the path's name, in the order of the plan.
    paths: Named<PathFacts<'a>>,
    #[serde(flatten)]
    comparisons: ComparisonFacts<'a>,
    reported: Vec<ReportedFacts<'a>>,
    /// Null where nothing was compared.
    blocks: Option<BlockFacts>,
    objectives: Vec<ObjectiveFacts<'a>>,
    /// Claims beside what was seen; they never decide how a run ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expectations: Vec<ExpectationFacts<'a>>,
    notes: Vec<String>,
}

/// How a run was made, and how it ended.
#[derive(Serialize, JsonSchema)]
#[schemars(extend(
    "if" = {"properties": {"complete": {"const": false}}},
    "then" = {"required": ["incomplete_reason"]}
))]
struct RunFacts<'a> {
    id: &'a str,
    profile: &'a str,
    /// RFC 3339, UTC.
    #[schemars(extend("pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"))]
    started_at: &'a str,
    /// The measured phase that was carried out, seconds.
    #[schemars(extend("minimum" = 0))]
    duration_s: f64,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete_reason: Option<&'a str>,
    tool_version: &'a str,
    seed: u64,
    design: Design,
    /// What the profile asked for and was reached before the plan's end; such a run is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_early: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aborted_by: Option<&'a Aborted>,
    /// Of every call, warmup included; absent without prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<&'a Cost>,
}

/// Which calls have rows.
#[derive(Serialize, JsonSchema)]
struct SampleFacts<'a> {
    /// Those of them that have rows.
    rows_kept: u64,
    /// Calls that ended or were dropped, warmup included.
    rows_seen: u64,
    rule: &'a str,
    /// Of the rounds, 0 to 1.
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    share: f64,
}

/// What the run comes to, and the exit code that says it without --strict.
#[derive(Serialize, JsonSchema)]
struct ConclusionFacts {
    verdict: Conclusion,
    #[schemars(extend("enum" = [0, 3, 4]))]
    exit_code: u8,
    message: String,
}

/// The bytes of `summary.json`.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<u8> {
    bytes(&Summary {
        schema_version: 1,
        run: run_facts(run, analysis),
        sampled: run.manifest.rows.as_ref().map(sample_facts),
        conclusion: ConclusionFacts {
            verdict: analysis.conclusion,
            exit_code: analysis.conclusion.exit_code(false),
            message: banner(run, analysis).1,
        },
        validity: validity::validity(run, &analysis.validity),
        paths: paths::paths(run, analysis),
        comparisons: comparisons::comparisons(run, analysis),
        reported: paths::reported(run, analysis),
        blocks: analysis.comparison.as_ref().map(comparisons::blocks),
        objectives: analysis.objectives.iter().map(objectives::objective).collect(),
        expectations: analysis.expectations.iter().map(objectives::expectation).collect(),
        notes: notes(run, analysis),
    })
}

/// The JSON Schema of `summary.json`.
pub(crate) fn schema() -> String {
    crate::schema::text(&crate::schema::written::<Summary>())
}

/// A document as the bytes of a file.
pub(crate) fn bytes(document: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ = document.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Rounded::default()));
    bytes.push(b'\n');
    bytes
}

fn run_facts<'a>(run: &'a Run, analysis: &'a Analysis) -> RunFacts<'a> {
    let manifest = &run.manifest;
    let ending = manifest.ending.as_ref();
    RunFacts {
        id: &manifest.id,
        profile: &manifest.plan.name,
        started_at: &manifest.started_at,
        duration_s: run.measured_s(),
        complete: run.is_complete(),
        incomplete_reason: match ending {
            None => Some("the run was killed, or is still under way"),
            Some(ending) => ending.reason.as_deref().filter(|_| !ending.complete),
        },
        tool_version: &manifest.tool_version,
        seed: manifest.plan.seed,
        design: manifest.plan.load.design,
        ended_early: ending.and_then(|ending| ending.reached.as_deref()),
        aborted_by: ending.and_then(|ending| ending.aborted_by.as_ref()),
        cost: analysis.cost.as_ref(),
    }
}

fn sample_facts(rows: &RowSample) -> SampleFacts<'_> {
    SampleFacts { rows_kept: rows.kept, rows_seen: rows.calls, rule: &rows.rule, share: rows.share }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::report::fixture::published;
    use crate::run::fixture::World;

    fn schema() -> jsonschema::Validator {
        let schema = serde_json::from_str(&super::schema()).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    }

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        for (file, schema) in [("summary", super::schema()), ("profile", crate::profile::schema())] {
            let published = published(&format!("docs/schema/{file}.json"), schema.as_bytes());
            assert_eq!(published, schema, "HOPMARK_BLESS=1 cargo test --lib report writes {file}.json again");
        }
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
