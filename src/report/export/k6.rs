//! `k6-summary.json`: the object that k6 hands to `handleSummary`, with this tool's metrics under their own names.
//!
//! Each path is a sub-metric by the tag `path`. Of k6's built-in names only those stand here that mean the same:
//! `http_reqs` and `dropped_iterations`. A figure that was not measured is absent.

use serde_json::{Map, Value, json};

use crate::analysis::Analysis;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::analysis::summary::paths::{MetricSummary, PathSummary, QUANTILES};
use crate::objective::expression::Subject;
use crate::objective::indicator::{Indicator, Quantity, Share};
use crate::report::export::tracked::levels;
use crate::report::json;
use crate::run::Run;

/// The bytes of `k6-summary.json`.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<u8> {
    let mut metrics = Map::new();
    for summary in &analysis.paths {
        let path = run.manifest.plan.path(summary.path).name.as_str();
        for metric in summary.metrics.iter().filter(|metric| metric.n > 0) {
            metrics.insert(sub_metric(&metric.key(), path), trend(metric));
        }
        let (counts, seconds) = (counts(summary), run.measured_s());
        for (name, count) in counts.into_iter().filter(|_| seconds > 0.0) {
            let values = json!({"count": count, "rate": count as f64 / seconds});
            metrics.insert(sub_metric(name, path), json!({"type": "counter", "contains": "default", "values": values}));
        }
    }
    for level in levels(run, analysis).into_iter().filter(|level| level.name == "failed_share") {
        let fails = (level.value / 100.0 * level.n as f64).round() as u64;
        let values = json!({"rate": level.value / 100.0, "passes": fails, "fails": level.n - fails});
        let rate = json!({"type": "rate", "contains": "default", "values": values});
        metrics.insert(sub_metric("calls_failed", &level.path), rate);
    }
    for result in &analysis.objectives {
        let name = sub_metric(&subject(result), &result.objective.path);
        let metric = metrics.entry(name).or_insert_with(|| empty(result));
        metric["thresholds"][result.objective.label()] = threshold(result);
    }
    let document = json!({
        "root_group": {"name": "", "path": "", "id": ROOT_ID, "groups": [], "checks": []},
        "options": {"summaryTrendStats": ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)"],
            "summaryTimeUnit": "", "noColor": false},
        "state": {"isStdOutTTY": false, "isStdErrTTY": false, "testRunDurationMs": 1e3 * run.measured_s()},
        "metrics": metrics,
    });
    json::bytes(&document)
}

/// The MD5 of nothing, by which k6 knows the root.
const ROOT_ID: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn sub_metric(name: &str, path: &str) -> String {
    format!("{name}{{path:{path}}}")
}

fn trend(metric: &MetricSummary) -> Value {
    let stats = [("avg", metric.mean), ("min", metric.min), ("max", metric.max)];
    let percents = ["med", "p(90)", "p(95)", "p(99)", "p(99.9)"].into_iter().zip(QUANTILES.map(|q| metric.quantile(q)));
    let known = stats.into_iter().chain(percents).filter_map(|(key, value)| Some((key.to_owned(), json!(value?))));
    json!({"type": "trend", "contains": "time", "values": known.collect::<Map<_, _>>()})
}

fn counts(summary: &PathSummary) -> [(&'static str, u64); 2] {
    let requests = &summary.requests;
    [("http_reqs", requests.planned - requests.dropped.min(requests.planned)), ("dropped_iterations", requests.dropped)]
}

/// The metric at which an objective looks.
fn subject(result: &ObjectiveResult) -> String {
    match result.objective.expr.indicator() {
        Indicator::Figure(Quantity::Time(metric), _) => metric.key().to_owned(),
        Indicator::Figure(Quantity::TokensPerSecond, _) => "tokens_per_second".to_owned(),
        Indicator::Share(Share::Errors) => "calls_failed".to_owned(),
        Indicator::Share(share) => Indicator::Share(share).to_string(),
    }
}

/// A metric without values, of the type that its objective makes it.
fn empty(result: &ObjectiveResult) -> Value {
    let is_share = matches!(result.objective.expr.indicator(), Indicator::Share(_));
    let windows = matches!(result.objective.expr.subject, Subject::Windows { .. });
    let (kind, contains) = if is_share && !windows { ("rate", "default") } else { ("trend", "time") };
    json!({"type": kind, "contains": contains, "values": {}})
}

/// k6 knows yes and no alone; what could not be decided is neither, and no reader takes `null` for a pass.
fn threshold(result: &ObjectiveResult) -> Value {
    match result.verdict {
        ObjectiveVerdict::Met => json!({"ok": true}),
        ObjectiveVerdict::Missed => json!({"ok": false}),
        ObjectiveVerdict::Inconclusive => json!({"ok": null, "reason": result.reason}),
    }
}
