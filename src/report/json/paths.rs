//! What `summary.json` says of each path by itself. A figure that was not measured is null, with a reason beside it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::summary::calls::{ConnectionCounts, Tokens};
use crate::analysis::summary::cost::Cost;
use crate::analysis::summary::errors_seen;
use crate::analysis::summary::paths::{MetricSummary, PathSummary, QUANTILES};
use crate::analysis::summary::reported::Reported;
use crate::analysis::summary::throughput::Throughput;
use crate::analysis::{Analysis, FailedPath, Finding};
use crate::measure::errors_seen::ErrorSeen;
use crate::measure::metric::Basis;
use crate::measure::sign_in::{SignIn, SignInFigures};
use crate::path::PathKind;
use crate::report::json::named::Named;
use crate::report::json::schema::{Explained, Later};
use crate::report::json::ways::{self, WayFacts};
use crate::run::Run;
use crate::units::{CallCounts, Nanos, PathId};

/// What was seen of a path.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Later("errors_seen"), transform = Later("way"))]
pub(super) struct PathFacts<'a> {
    kind: PathKind,
    requests: RequestFacts,
    /// Why the path failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureFacts>,
    /// How many calls went wrong, by stable code.
    errors: BTreeMap<&'a str, u64>,
    /// What was said of each of these errors, and when they came.
    errors_seen: BTreeMap<&'a str, ErrorFacts>,
    /// How its tokens were got; absent where it has none that are renewed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sign_in: Vec<SignInFigures>,
    connections: ConnectionCounts,
    /// Where the calls went; summaries of earlier versions have none.
    way: WayFacts<'a>,
    tokens: TokenFacts,
    throughput: ThroughputFacts,
    /// Of the measured calls; absent without prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<&'a Cost>,
    /// What the path did wrong beyond being slow.
    findings: &'a [Finding],
    #[schemars(extend("minProperties" = 1))]
    metrics: Named<MetricFacts<'a>>,
}

/// Calls by outcome: planned = ok + failed + incomplete + dropped.
#[derive(Serialize, JsonSchema)]
struct RequestFacts {
    #[serde(flatten)]
    counts: CallCounts,
    /// Failed calls that were given up at a time limit.
    timeouts: u64,
}

/// Why a path failed.
#[derive(Serialize, JsonSchema)]
struct FailureFacts {
    #[schemars(extend("enum" = ["nothing_finished", "no_success", "failure_share"]))]
    code: &'static str,
    failed: u64,
    message: String,
    tried: u64,
}

/// One class of errors.
#[derive(Serialize, JsonSchema)]
struct ErrorFacts {
    count: u64,
    /// When the first of them ended, in milliseconds from the run's start, as in requests.csv.
    first_ms: Option<f64>,
    /// When the last of them ended.
    last_ms: Option<f64>,
    /// A sample: the server's own words (or this machine's, where no answer came), on one line, short, without secrets;
    /// otherwise what the code means.
    message: String,
    /// What helps, where that is known.
    remedy: Option<&'static str>,
    /// Why the times are null.
    #[serde(skip_serializing_if = "Option::is_none")]
    times_reason: Option<&'static str>,
}

/// Tokens as the server counted them, over the calls of which it did.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["input", "output"]))]
struct TokenFacts {
    input: Option<u64>,
    output: Option<u64>,
    /// Calls that may have had any: sent and not refused.
    calls: u64,
    /// Those of which the server told the input tokens.
    input_calls: u64,
    /// Those of which the server told the output tokens.
    output_calls: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_reason: Option<String>,
}

/// Successful calls of the measured phase a second of it, and their output tokens.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["requests", "output_tokens"]))]
struct ThroughputFacts {
    #[schemars(extend("minimum" = 0))]
    requests: Option<f64>,
    #[schemars(extend("minimum" = 0))]
    output_tokens: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_reason: Option<String>,
}

/// The distribution of a metric over successful calls. A figure that was not measured is null, and a reason stands
/// beside it.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["mean", "min", "max", "p50", "p90", "p95", "p99", "p99_9"]))]
struct MetricFacts<'a> {
    #[schemars(extend("const" = "ms"))]
    unit: &'static str,
    /// From which instant it counts; null where it has no choice.
    basis: Option<Basis>,
    /// Values of successful calls.
    n: u64,
    mean: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_reason: Option<String>,
    p90: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p90_reason: Option<String>,
    p95: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_reason: Option<String>,
    p99: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_reason: Option<String>,
    p99_9: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_9_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_reason: Option<String>,
    /// Why there is no value at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Medians of the time to the first byte as the services split it.
#[derive(Serialize, JsonSchema)]
pub(super) struct ReportedFacts<'a> {
    path: &'a str,
    #[serde(flatten)]
    medians: &'a Reported,
    #[schemars(extend("const" = SOURCE))]
    source: &'static str,
}

const SOURCE: &str = "reported by the services, not measured";

/// Every path, by name, in the order of the plan.
pub(super) fn paths<'a>(run: &'a Run, analysis: &'a Analysis) -> Named<PathFacts<'a>> {
    let of_path = |(summary, findings): (&'a PathSummary, &'a Vec<Finding>)| {
        let path = run.manifest.plan.path(summary.path);
        let errors = summary.errors.iter();
        let facts = PathFacts {
            kind: path.kind,
            requests: RequestFacts { counts: summary.requests, timeouts: summary.timeouts },
            failure: analysis.failing.iter().find(|failed| failed.path == summary.path).map(failure),
            errors: errors.clone().map(|(class, seen)| (class.as_str(), seen.count)).collect(),
            errors_seen: errors.map(|(class, seen)| (class.as_str(), error(run, seen))).collect(),
            sign_in: sign_in(run, summary.path),
            connections: summary.connections,
            way: ways::way(run, &analysis.ways[summary.path.index()]),
            tokens: tokens(summary.tokens),
            throughput: throughput(&summary.throughput),
            cost: summary.cost.as_ref(),
            findings,
            metrics: Named(summary.metrics.iter().map(|one| (one.key(), metric(one))).collect()),
        };
        (path.name.clone(), facts)
    };
    Named(analysis.paths.iter().zip(&analysis.findings).map(of_path).collect())
}

fn sign_in(run: &Run, path: PathId) -> Vec<SignInFigures> {
    run.manifest.sign_in.iter().filter(|one| one.path == path).map(SignIn::figures).collect()
}

fn failure(failed: &FailedPath) -> FailureFacts {
    FailureFacts { code: failed.kind.code(), failed: failed.failed, message: failed.describe(), tried: failed.tried }
}

fn error(run: &Run, seen: &ErrorSeen) -> ErrorFacts {
    let ms = |at: Nanos| (at.ms_since(run.manifest.origin) * 1e3).round() / 1e3;
    let reason = "its rows are a sample, and there is no errors.jsonl next to them";
    ErrorFacts {
        count: seen.count,
        first_ms: seen.between.map(|(first, _)| ms(first)),
        last_ms: seen.between.map(|(_, last)| ms(last)),
        message: errors_seen::explained(seen),
        remedy: errors_seen::remedy(seen),
        times_reason: seen.between.is_none().then_some(reason),
    }
}

fn tokens(tokens: Tokens) -> TokenFacts {
    let Tokens { input, output, calls } = tokens;
    TokenFacts {
        input: input.known_sum(),
        output: output.known_sum(),
        calls,
        input_calls: input.calls,
        output_calls: output.calls,
        input_reason: tokens.why_none(input, "input"),
        output_reason: tokens.why_none(output, "output"),
    }
}

fn throughput(throughput: &Throughput) -> ThroughputFacts {
    let Throughput { requests, output_tokens } = throughput.clone();
    ThroughputFacts {
        requests: requests.as_ref().ok().copied(),
        output_tokens: output_tokens.as_ref().ok().copied(),
        requests_reason: requests.err(),
        output_tokens_reason: output_tokens.err(),
    }
}

fn metric(metric: &MetricSummary) -> MetricFacts<'_> {
    let [p50, p90, p95, p99, p99_9] = metric.quantiles;
    let why = |q| metric.why_missing(q).filter(|_| metric.reason.is_none());
    let [p50_reason, p90_reason, p95_reason, p99_reason, p99_9_reason] = QUANTILES.map(why);
    MetricFacts {
        unit: "ms",
        basis: metric.basis,
        n: metric.n,
        mean: metric.mean,
        min: metric.min,
        max: metric.max,
        p50,
        p50_reason,
        p90,
        p90_reason,
        p95,
        p95_reason,
        p99,
        p99_reason,
        p99_9,
        p99_9_reason,
        max_reason: metric.why_beyond().filter(|_| metric.reason.is_none() && metric.max.is_none()),
        reason: metric.reason.as_deref(),
    }
}

/// How services split the time to the first byte.
pub(super) fn reported<'a>(run: &'a Run, analysis: &'a Analysis) -> Vec<ReportedFacts<'a>> {
    let one = |(path, reported): (&PathSummary, &'a Option<Reported>)| {
        let (path, medians) = (&run.manifest.plan.path(path.path).name, reported.as_ref()?);
        Some(ReportedFacts { path, medians, source: SOURCE })
    };
    analysis.paths.iter().zip(&analysis.reported).filter_map(one).collect()
}
