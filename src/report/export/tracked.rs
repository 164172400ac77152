//! The few figures of a run that tools which follow numbers from run to run are given.
//!
//! A figure that was not measured is not in the list.

use crate::analysis::Analysis;
use crate::analysis::compare::shift::ShiftRow;
use crate::analysis::input::population::failed;
use crate::analysis::summary::paths::MetricSummary;
use crate::measure::metric::Metric;
use crate::measure::sample::Sample;
use crate::report::export::values::kept;
use crate::report::json::number::rounded;
use crate::run::Run;
use crate::units::{PathId, Phase, Quantile};

/// The metrics that are followed.
pub(crate) const METRICS: [Metric; 3] = [Metric::Ttft, Metric::E2e, Metric::Tpot];

/// The quantiles that are followed.
const QUANTILES: [Quantile; 3] = Quantile::each([0.5, 0.95, 0.99]);

/// One figure; smaller is better.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tracked {
    /// The path's name.
    pub(crate) path: String,
    /// `ttft_p50`, or `failed_share`.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// `ms`, or `%`.
    pub(crate) unit: &'static str,
    /// Of how many calls.
    pub(crate) n: u64,
}

/// A shift against the baseline, with its 95% interval. Milliseconds, of either sign.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrackedShift {
    /// The candidate's name.
    pub(crate) path: String,
    /// `ttft_p50_shift`.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// The interval.
    pub(crate) ci: (f64, f64),
}

/// What each path did, in the order of the plan.
pub(crate) fn levels(run: &Run, analysis: &Analysis) -> Vec<Tracked> {
    let kept = kept(run);
    let of_path = |id: PathId, metrics: &[MetricSummary]| {
        let path = run.manifest.plan.path(id).name.clone();
        let headlines = metrics.iter().filter(|metric| METRICS.contains(&metric.metric) && !metric.beside);
        let mut figures: Vec<Tracked> = headlines.flat_map(|metric| quantiles(&path, metric)).collect();
        figures.extend(failed_share(run, &kept, id, path));
        figures
    };
    analysis.paths.iter().flat_map(|summary| of_path(summary.path, &summary.metrics)).collect()
}

fn quantiles(path: &str, metric: &MetricSummary) -> impl Iterator<Item = Tracked> {
    QUANTILES.into_iter().filter_map(move |q| {
        let (name, value) = (format!("{}_{}", metric.metric, q.key()), rounded(metric.quantile(q)?));
        Some(Tracked { path: path.to_owned(), name, value, unit: "ms", n: metric.counted })
    })
}

/// Failed calls of a path among those that ended by themselves, percent.
fn failed_share(run: &Run, kept: &[&Sample], id: PathId, path: String) -> Option<Tracked> {
    let (bad, n) = if run.totals.is_some() {
        run.counted(Phase::Measure)[id.index()].failures()
    } else {
        let own = kept.iter().filter(|sample| sample.path == id);
        own.filter_map(|sample| failed(sample)).fold((0, 0), |(bad, n), failed| (bad + u64::from(failed), n + 1))
    };
    let value = rounded(100.0 * bad as f64 / n.max(1) as f64);
    (n > 0).then(|| Tracked { path, name: "failed_share".to_owned(), value, unit: "%", n })
}

/// What each path adds to the baseline; a shift without an interval is left out.
pub(crate) fn shifts(run: &Run, analysis: &Analysis) -> Vec<TrackedShift> {
    let one = |path: PathId, row: &ShiftRow| {
        let name = format!("{}_{}_shift", row.metric, row.quantile.key());
        let (path, (low, high)) = (run.manifest.plan.path(path).name.clone(), row.ci_ms?);
        Some(TrackedShift { path, name, value: rounded(row.shift_ms?), ci: (rounded(low), rounded(high)) })
    };
    let candidates = analysis.comparison.iter().flat_map(|comparison| &comparison.candidates);
    let rows = candidates.flat_map(|candidate| candidate.rows.iter().map(|row| (candidate.path, row)));
    let followed = rows.filter(|(_, row)| METRICS.contains(&row.metric) && QUANTILES.contains(&row.quantile));
    followed.filter_map(|(path, row)| one(path, row)).collect()
}
