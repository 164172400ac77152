//! `summary.csv`: every metric of every path, a line each, for spreadsheets.

use crate::analysis::Analysis;
use crate::analysis::summary::paths::QUANTILES;
use crate::analysis::summary::throughput::Throughput;
use crate::run::Run;
use crate::store::file;

/// The bytes of `summary.csv`. A figure that was not measured is an empty field.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let head =
        ["path", "kind", "ok", "failed", "incomplete", "dropped", "metric", "basis", "unit", "n", "mean", "min", "max"];
    let quantiles = QUANTILES.map(|q| q.key());
    // Columns of later versions stand at the end.
    let later = ["requests_per_s", "output_tokens_per_s"];
    // Writing into memory does not fail.
    let _ = out.write_record(head.into_iter().chain(quantiles.iter().map(String::as_str)).chain(later));
    for summary in &analysis.paths {
        let path = run.manifest.plan.path(summary.path);
        let requests = &summary.requests;
        for metric in &summary.metrics {
            let mut record = vec![file::printable(&path.name), path.kind.to_string()];
            let counts = [requests.ok, requests.failed, requests.incomplete, requests.dropped];
            record.extend(counts.map(|count| count.to_string()));
            let basis = metric.basis.map_or("", |basis| basis.into());
            record.extend([metric.key(), basis.to_owned(), "ms".to_owned(), metric.n.to_string()]);
            record.extend([metric.mean, metric.min, metric.max].into_iter().chain(metric.quantiles).map(number));
            let Throughput { requests, output_tokens } = summary.throughput.clone();
            record.extend([requests.ok(), output_tokens.ok()].map(number));
            let _ = out.write_record(record);
        }
    }
    out.into_inner().unwrap_or_default()
}

fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:.6}"))
}
