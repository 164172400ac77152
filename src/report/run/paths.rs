//! What is measured of each path by itself.

use crate::analysis::Analysis;
use crate::analysis::summary::paths::{self, MetricSummary, PathSummary};
use crate::measure::metric::Metric;
use crate::report::amounts;
use crate::report::basis::describe_basis;
use crate::report::figure;
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::run::Run;
use crate::units::Quantile;

/// Counts, throughput and headline quantiles, a row a path.
pub(super) fn overview(run: &Run, analysis: &Analysis) -> Table {
    let mut columns = vec![word_column("path"), word_column("kind").spare(), figures("ok"), figures("failed")];
    columns.extend([figures("req/s"), figures("tokens/s").yielding()]);
    columns.extend([figures("TTFT p50 ms"), figures("p95 ms").yielding(), figures("p99 ms").yielding()]);
    columns.extend([figures("E2E p50 ms"), figures("p95 ms").yielding(), figures("per token p50 ms").spare()]);
    Table::new("Paths", columns, analysis.paths.iter().map(|path| overview_row(run, path))).noted(format!(
        "Calls on all connections; successful calls and their output tokens a second of the measured time; E2E is end to end; ≥ \
         stands where calls timed out; {}. A dash is a figure that was not measured.",
        describe_basis(analysis.basis)
    ))
}

fn overview_row(run: &Run, summary: &PathSummary) -> Vec<Cell> {
    let path = run.manifest.plan.path(summary.path);
    let requests = &summary.requests;
    let bad = requests.failed + requests.incomplete + requests.dropped;
    let tone = if bad > 0 { Tone::Warn } else { Tone::Plain };
    let quantile = |metric, q| headline(summary, metric).map_or_else(Cell::missing, |m| quantile(m, Quantile(q)));
    vec![
        path.name.as_str().into(),
        Cell::toned(path.kind.to_string(), Tone::Quiet),
        figure::count(requests.ok).into(),
        Cell::toned(figure::count(bad), tone),
        Cell::figure(summary.throughput.requests.clone().ok()),
        Cell::figure(summary.throughput.output_tokens.clone().ok()),
        quantile(Metric::Ttft, 0.5),
        quantile(Metric::Ttft, 0.95),
        quantile(Metric::Ttft, 0.99),
        quantile(Metric::E2e, 0.5),
        quantile(Metric::E2e, 0.95),
        quantile(Metric::Tpot, 0.5),
    ]
}

fn headline(summary: &PathSummary, metric: Metric) -> Option<&MetricSummary> {
    summary.metrics.iter().find(|found| found.metric == metric && !found.beside)
}

/// The median of a metric in its headline form.
pub(super) fn median(summary: &PathSummary, metric: Metric) -> Option<f64> {
    headline(summary, metric)?.quantile(Quantile::MEDIAN)
}

/// Every metric of a path.
pub(super) fn metrics(run: &Run, summary: &PathSummary) -> Table {
    let mut columns = vec![word_column("milliseconds"), figures("n"), figures("mean")];
    columns.extend(["p50", "p90", "p95", "p99", "p99.9", "max"].map(figures));
    let row = |metric: &MetricSummary| -> Vec<Cell> {
        let label = metric.metric.short();
        let label = if metric.beside { format!("{label}, service") } else { label.to_owned() };
        let mut cells: Vec<Cell> = vec![label.into(), figure::count(metric.n).into(), Cell::figure(metric.mean)];
        cells.extend(paths::QUANTILES.map(|q| quantile(metric, q)));
        cells.push(Cell::figure(metric.max));
        cells
    };
    let connections = summary.connections;
    Table::new(
        run.manifest.plan.path(summary.path).name.clone(),
        columns,
        summary.metrics.iter().filter(|metric| metric.n > 0 && !repeats_another(summary, metric)).map(row),
    )
    .noted(format!(
        "{} calls on connections used before, {} on new ones; {}. A service time or a TTFO within 1% of the row above \
         it is left out.",
        figure::count(connections.reused),
        figure::count(connections.opened),
        amounts::describe_tokens(&summary.tokens)
    ))
}

/// Whether a row would say once more what another says: the service time that of the headline, the first visible output
/// that of the first token.
fn repeats_another(summary: &PathSummary, metric: &MetricSummary) -> bool {
    let other = match (metric.beside, metric.metric) {
        (true, same) => headline(summary, same),
        (false, Metric::Ttfo) => headline(summary, Metric::Ttft),
        (false, _) => None,
    };
    let is_same = |(own, other): (Option<f64>, Option<f64>)| match (own, other) {
        (Some(own), Some(other)) => (own - other).abs() <= 0.01 * other.abs(),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    other.is_some_and(|other| {
        let quantiles = metric.quantiles.into_iter().zip(other.quantiles);
        metric.n == other.n && quantiles.chain([(metric.mean, other.mean), (metric.max, other.max)]).all(is_same)
    })
}

/// A quantile, or the least that it can be where it is beyond a timeout.
fn quantile(metric: &MetricSummary, q: Quantile) -> Cell {
    match metric.least(q) {
        Some(least) => Cell::toned(format!("≥ {}", figure::bare(least)), Tone::Warn),
        None => Cell::figure(metric.quantile(q)),
    }
}
