//! `vllm/*.json`: one file a path with the field names of `vllm bench serve --save-result`.
//!
//! That tool counts from the moment a request is sent, so these are service times. Its inter-token latency (`itl`) is
//! left out, because a chunk is not a token; so are standard deviations, and every figure that was not measured.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::analysis::Analysis;
use crate::analysis::summary::paths::{MetricSummary, PathSummary, QUANTILES};
use crate::measure::metric::{Basis, Metric};
use crate::plan::{Arrivals, Design};
use crate::report::export::values::file_name;
use crate::report::json;
use crate::run::Run;

/// A file for every path.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<(PathBuf, Vec<u8>)> {
    let one = |summary: &PathSummary| {
        let name = file_name(run, summary.path);
        (PathBuf::from(format!("vllm/{name}.json")), json::bytes(&document(run, summary)))
    };
    analysis.paths.iter().map(one).collect()
}

fn document(run: &Run, summary: &PathSummary) -> Map<String, Value> {
    let plan = &run.manifest.plan;
    let requests = &summary.requests;
    let mut fields = Map::new();
    let mut put = |key: String, value: Value| _ = fields.insert(key, value);
    if let Some(date) = date(&run.manifest.started_at) {
        put("date".to_owned(), json!(date));
    }
    put("label".to_owned(), json!(plan.path(summary.path).name));
    put("model_id".to_owned(), json!(plan.workload.model));
    put("num_prompts".to_owned(), json!(requests.planned - requests.dropped.min(requests.planned)));
    put("completed".to_owned(), json!(requests.ok));
    put("failed".to_owned(), json!(requests.failed + requests.incomplete));
    put("request_goodput".to_owned(), Value::Null);
    for (key, value) in traffic(run) {
        put(key.to_owned(), value);
    }
    for (key, value) in throughput(run, summary) {
        put(key.to_owned(), value);
    }
    for (metric, name) in [(Metric::Ttft, "ttft"), (Metric::Tpot, "tpot"), (Metric::E2e, "e2el")] {
        let service = |found: &&MetricSummary| {
            found.metric == metric && (!metric.has_basis() || found.basis == Some(Basis::Service) || found.beside)
        };
        for (key, value) in summary.metrics.iter().find(service).into_iter().flat_map(statistics) {
            put(format!("{key}_{name}_ms"), json!(value));
        }
    }
    fields
}

fn statistics(metric: &MetricSummary) -> impl Iterator<Item = (&'static str, f64)> {
    let quantiles = ["median", "p90", "p95", "p99", "p99.9"].into_iter().zip(QUANTILES.map(|q| metric.quantile(q)));
    let known = [("mean", metric.mean)].into_iter().chain(quantiles);
    known.filter_map(|(key, value)| Some((key, value?)))
}

/// How calls came to this one path.
fn traffic(run: &Run) -> Vec<(&'static str, Value)> {
    let plan = &run.manifest.plan;
    let model = &plan.load.model;
    if !model.is_open() {
        // Callers are shared by the paths: one of several has no number of its own.
        let callers = (plan.paths.len() == 1).then(|| ("max_concurrency", json!(model.concurrency())));
        return [("request_rate", json!("inf"))].into_iter().chain(callers).collect();
    }
    let share = if plan.load.design == Design::Interleaved { plan.paths.len() as f64 } else { 1.0 };
    let rate = model.rate().map(|rate| ("request_rate", json!(rate.0 / share)));
    let burstiness = (model.arrivals() == Some(Arrivals::Poisson)).then(|| ("burstiness", json!(1.0)));
    rate.into_iter().chain(burstiness).chain([("max_concurrency", Value::Null)]).collect()
}

/// Counts, and counts a second over the measured phase; each is left out where it is not known of every call.
fn throughput(run: &Run, summary: &PathSummary) -> Vec<(&'static str, Value)> {
    let tokens = summary.tokens;
    let sums = [("total_input_tokens", tokens.input), ("total_output_tokens", tokens.output)];
    let sums = sums.into_iter().filter_map(|(key, count)| Some((key, json!(count.known_sum()?))));
    let mut fields: Vec<_> = sums.collect();
    let Ok(requests) = summary.throughput.requests else { return fields };
    fields.push(("duration", json!(run.measured_s())));
    fields.push(("request_throughput", json!(requests)));
    let Ok(output) = summary.throughput.output_tokens else { return fields };
    fields.push(("output_throughput", json!(output)));
    if tokens.input.calls == tokens.calls {
        let input = tokens.input.sum as f64 / run.measured_s();
        fields.push(("total_token_throughput", json!(input + output)));
    }
    fields
}

/// `20261001-120000`, UTC.
fn date(started_at: &str) -> Option<String> {
    let clock = OffsetDateTime::parse(started_at, &Rfc3339).ok()?;
    let format = time::macros::format_description!("[year][month][day]-[hour][minute][second]");
    clock.to_offset(time::UtcOffset::UTC).format(&format).ok()
}
