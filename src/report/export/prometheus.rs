//! `hopmark.prom`: the run as a scrape, for the textfile collector of Prometheus' node exporter.
//!
//! Times are seconds, as everywhere in Prometheus. A figure that was not measured has no line.

use std::fmt::{Display, Write};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::analysis::Analysis;
use crate::analysis::compare::shift::SHOWN;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::analysis::summary::paths::QUANTILES;
use crate::analysis::validity::ValidityVerdict;
use crate::measure::metric::Basis;
use crate::objective::objective::Severity;
use crate::run::Run;
use crate::visible::visible;

/// The bytes of `hopmark.prom`.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<u8> {
    let mut page = Page { text: String::new(), profile: &run.manifest.plan.name };
    of_run(&mut page, run, analysis);
    requests(&mut page, run, analysis);
    latencies(&mut page, run, analysis);
    shifts(&mut page, run, analysis);
    objectives(&mut page, analysis);
    expectations(&mut page, analysis);
    page.text.into_bytes()
}

/// Names and values of labels.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// A page whose every line has the profile's name.
struct Page<'a> {
    text: String,
    profile: &'a str,
}

// Writing into memory does not fail.
impl Page<'_> {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: Labels, value: impl Display) {
        let profile = [("profile", self.profile)];
        let labels: Vec<String> =
            profile.iter().chain(labels).map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        let _ = writeln!(self.text, "{name}{{{}}} {value}", labels.join(","));
    }
}

fn escape(value: &str) -> String {
    visible(value).collect::<String>().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn of_run(page: &mut Page, run: &Run, analysis: &Analysis) {
    let manifest = &run.manifest;
    page.family("hopmark_run_info", "gauge", "The run that this file describes.");
    page.line("hopmark_run_info", &[("run", &manifest.id), ("version", &manifest.tool_version)], 1);
    if let Ok(started) = OffsetDateTime::parse(&manifest.started_at, &Rfc3339) {
        page.family("hopmark_run_start_time_seconds", "gauge", "When the run started, Unix time.");
        page.line("hopmark_run_start_time_seconds", &[], started.unix_timestamp());
    }
    page.family("hopmark_run_complete", "gauge", "1 if the whole plan was carried out.");
    page.line("hopmark_run_complete", &[], u8::from(run.is_complete()));
    page.family(
        "hopmark_run_validity",
        "gauge",
        "1 at the verdict on the run itself; no figure of an invalid run holds.",
    );
    for verdict in [ValidityVerdict::Valid, ValidityVerdict::Degraded, ValidityVerdict::Invalid] {
        let is_so = u8::from(analysis.validity.verdict == verdict);
        page.line("hopmark_run_validity", &[("verdict", verdict.into())], is_so);
    }
}

fn requests(page: &mut Page, run: &Run, analysis: &Analysis) {
    page.family("hopmark_requests", "gauge", "Calls of the measured phase by outcome.");
    for summary in &analysis.paths {
        let (path, requests) = (&run.manifest.plan.path(summary.path).name, &summary.requests);
        let outcomes = [
            ("ok", requests.ok),
            ("failed", requests.failed),
            ("incomplete", requests.incomplete),
            ("dropped", requests.dropped),
        ];
        for (outcome, count) in outcomes {
            page.line("hopmark_requests", &[("path", path), ("outcome", outcome)], count);
        }
    }
}

fn latencies(page: &mut Page, run: &Run, analysis: &Analysis) {
    let help = "Latencies by metric and basis; quantiles count calls that timed out, sum and count successful ones.";
    page.family("hopmark_latency_seconds", "summary", help);
    for summary in &analysis.paths {
        let path = run.manifest.plan.path(summary.path).name.as_str();
        for metric in summary.metrics.iter().filter(|metric| metric.n > 0) {
            let basis = if metric.beside { Some(Basis::Service) } else { metric.basis };
            let basis = basis.map_or("none", Basis::into);
            let labels = [("path", path), ("metric", metric.metric.key()), ("basis", basis)];
            for q in QUANTILES {
                let quantile = q.0.to_string();
                let with: Vec<_> = labels.into_iter().chain([("quantile", quantile.as_str())]).collect();
                metric.quantile(q).into_iter().for_each(|ms| page.line("hopmark_latency_seconds", &with, seconds(ms)));
            }
            let sum = metric.mean.unwrap_or_default() * metric.n as f64;
            page.line("hopmark_latency_seconds_sum", &labels, seconds(sum));
            page.line("hopmark_latency_seconds_count", &labels, metric.n);
        }
    }
}

fn shifts(page: &mut Page, run: &Run, analysis: &Analysis) {
    let Some(comparison) = &analysis.comparison else { return };
    let name = |path| run.manifest.plan.path(path).name.as_str();
    let help = "How much slower a path is than the baseline at a quantile, with the ends of the 95% interval.";
    page.family("hopmark_shift_seconds", "gauge", help);
    for candidate in &comparison.candidates {
        for row in candidate.rows.iter().filter(|row| SHOWN.contains(&row.quantile)) {
            let q = row.quantile.0.to_string();
            let bounds = [("lower", row.ci_ms.map(|ci| ci.0)), ("upper", row.ci_ms.map(|ci| ci.1))];
            for (bound, ms) in [("estimate", row.shift_ms)].into_iter().chain(bounds) {
                let labels = [
                    ("baseline", name(comparison.baseline)),
                    ("path", name(candidate.path)),
                    ("metric", row.metric.key()),
                    ("q", &q),
                    ("bound", bound),
                ];
                ms.into_iter().for_each(|ms| page.line("hopmark_shift_seconds", &labels, seconds(ms)));
            }
        }
    }
}

fn objectives(page: &mut Page, analysis: &Analysis) {
    if analysis.objectives.is_empty() {
        return;
    }
    page.family("hopmark_objective", "gauge", "1 at the verdict on an objective.");
    for result in &analysis.objectives {
        let expression = result.objective.label();
        for verdict in [ObjectiveVerdict::Met, ObjectiveVerdict::Missed, ObjectiveVerdict::Inconclusive] {
            let labels =
                [("path", result.objective.path.as_str()), ("objective", &expression), ("verdict", verdict.into())];
            let name = result.objective.name.as_deref().map(|name| ("name", name));
            let labels: Vec<_> = labels.into_iter().chain(name).chain(severity(result)).collect();
            page.line("hopmark_objective", &labels, u8::from(result.verdict == verdict));
        }
    }
}

/// The severity where it is not the usual one.
fn severity(result: &ObjectiveResult) -> Option<(&'static str, &'static str)> {
    let severity = result.objective.severity;
    (severity != Severity::default()).then(|| ("severity", severity.into()))
}

fn expectations(page: &mut Page, analysis: &Analysis) {
    if analysis.expectations.is_empty() {
        return;
    }
    page.family("hopmark_expectation", "gauge", "1 at what a run makes of a claim.");
    for held in &analysis.expectations {
        let expression = held.expectation.slo.label();
        for verdict in [ObjectiveVerdict::Met, ObjectiveVerdict::Missed, ObjectiveVerdict::Inconclusive] {
            let labels = [
                ("path", held.expectation.slo.path.as_str()),
                ("claim", &held.expectation.claim),
                ("slo", &expression),
                ("verdict", verdict.of_claim()),
            ];
            page.line("hopmark_expectation", &labels, u8::from(held.result.verdict == verdict));
        }
    }
}

/// Milliseconds as seconds, to the nanosecond.
fn seconds(ms: f64) -> f64 {
    (ms * 1e6).round() / 1e9
}
