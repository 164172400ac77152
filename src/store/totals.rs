//! What a run directory says of every call, whether it has a row or not: counts, and histograms added up.

use std::collections::BTreeMap;
use std::path::Path;

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::ErrorClass;
use crate::measure::recorder::Series;
use crate::plan::Plan;
use crate::run::{Run, Totals};
use crate::store::counts as store_counts;
use crate::store::file::{self, StoreError};
use crate::store::histograms::{self, LoggedInterval, metric_key, tag};
use crate::units::{PathId, Phase};

/// The metrics whose course over time is kept.
const OVER_TIME: [Metric; 2] = [Metric::Ttft, Metric::E2e];

/// The gaps between chunks of each path, nanoseconds.
pub(crate) fn chunk_gaps(dir: &Path, run: &Run) -> Result<Vec<Histogram<u64>>, StoreError> {
    let plan = &run.manifest.plan;
    let wanted = series(plan, |metric| metric == Metric::ChunkGap);
    let mut values = BTreeMap::new();
    let counts = counts(run);
    read_log(dir, plan, &wanted, |series, interval| {
        if counts(interval.second) {
            add(&mut values, series, interval.values);
        }
    })?;
    Ok(gaps_of(&mut values, plan))
}

/// Whether an interval counts in figures: not if it is a second that is left out. A longer one holds good seconds too,
/// and is never left out.
fn counts(run: &Run) -> impl Fn(u64) -> bool {
    let (bad, is_second) = (run.bad_seconds(), run.manifest.plan.interval_s() == 1);
    move |second| !(is_second && bad.leave_out(second))
}

/// Everything counted and measured, and the gaps between chunks of each path.
pub(crate) fn read(dir: &Path, run: &Run) -> Result<(Totals, Vec<Histogram<u64>>), StoreError> {
    let plan = &run.manifest.plan;
    let counts = counts(run);
    let mut totals = Totals { spans: store_counts::read(&dir.join(file::COUNTS), plan)?, ..Totals::default() };
    let basis = run.headline_basis();
    let mut timeouts: BTreeMap<(u64, PathId), u64> = BTreeMap::new();
    for span in totals.spans.iter().filter(|span| span.phase == Phase::Measure) {
        *timeouts.entry((span.second, span.path)).or_insert(0) += span.calls.with_class(ErrorClass::is_timeout);
    }
    // An interval may stand on several lines, if a worker was late; they follow each other soon.
    let mut recent: BTreeMap<(u64, Series), Histogram<u64>> = BTreeMap::new();
    read_log(dir, plan, &series(plan, |_| true), |series, interval| {
        if OVER_TIME.contains(&series.metric) && series.basis == basis {
            let key = (interval.second, series);
            add(&mut recent, key, interval.values.clone());
            if let Some(sum) = recent.get(&key) {
                let beyond = timeouts.get(&(interval.second, series.path)).copied().unwrap_or(0);
                let ms = |q| histogram::quantile_ms(sum, beyond, q);
                totals.over_time.insert(key, (ms(0.5), ms(0.99)));
            }
            while recent.len() > LATE * OVER_TIME.len() * plan.paths.len() {
                recent.pop_first();
            }
        }
        if counts(interval.second) {
            add(&mut totals.values, series, interval.values);
        }
    })?;
    let gaps = gaps_of(&mut totals.values, plan);
    Ok((totals, gaps))
}

/// By how many intervals a line may be late.
const LATE: usize = 8;

/// All series that a log may hold of metrics like this.
fn series(plan: &Plan, like: impl Fn(Metric) -> bool) -> Vec<Series> {
    let of = |path: PathId, metric: Metric| {
        let bases = if metric.has_basis() { &[Basis::Response, Basis::Service][..] } else { &[Basis::Response][..] };
        bases.iter().map(move |basis| Series { path, metric, basis: *basis })
    };
    let metrics = Metric::ALL.into_iter().filter(|metric| like(*metric));
    let metrics: Vec<Metric> = metrics.collect();
    plan.paths.iter().flat_map(|path| metrics.iter().flat_map(move |metric| of(path.id, *metric))).collect()
}

fn read_log(
    dir: &Path,
    plan: &Plan,
    wanted: &[Series],
    mut take: impl FnMut(Series, LoggedInterval),
) -> Result<(), StoreError> {
    let path = dir.join(file::HISTOGRAMS);
    if !path.exists() {
        return Ok(());
    }
    let tags: Vec<String> =
        wanted.iter().map(|series| tag(&plan.path(series.path).name, &metric_key(*series))).collect();
    histograms::read(&path, &tags, |interval| take(wanted[interval.tag], interval))
}

fn add<K: Ord>(sums: &mut BTreeMap<K, Histogram<u64>>, key: K, mut values: Histogram<u64>) {
    match sums.get_mut(&key) {
        // It resizes itself, so nothing is out of range.
        Some(sum) => drop(sum.add(&values)),
        None => {
            values.auto(true);
            sums.insert(key, values);
        }
    }
}

fn gaps_of(values: &mut BTreeMap<Series, Histogram<u64>>, plan: &Plan) -> Vec<Histogram<u64>> {
    let gaps = |path: PathId| Series { path, metric: Metric::ChunkGap, basis: Basis::Response };
    plan.paths.iter().map(|path| values.remove(&gaps(path.id)).unwrap_or_else(none)).collect()
}

/// An empty histogram; it resizes itself, so no value is ever too large for it.
fn none() -> Histogram<u64> {
    Histogram::new(3).unwrap_or_else(|_| unreachable!("3 digits are in 0..=5"))
}
