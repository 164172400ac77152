//! What a run directory says of every call, whether it has a row or not: counts, and histograms added up.

use std::collections::BTreeMap;
use std::path::Path;

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::ErrorClass;
use crate::measure::recorder::Series;
use crate::path::NetPath;
use crate::plan::Plan;
use crate::run::{Run, SpanCounts, Totals};
use crate::store::bounds::Bounds;
use crate::store::file::{self, StoreError};
use crate::store::histograms::{self, LoggedInterval, metric_key, tag};
use crate::units::{PathId, Phase};

/// The metrics whose course over time is kept.
const OVER_TIME: [Metric; 2] = [Metric::Ttft, Metric::E2e];

/// What a log of histograms holds.
#[derive(Default)]
pub(crate) struct Logged {
    /// Gaps between chunks by path, nanoseconds, without the seconds that are left out.
    pub(crate) chunk_gaps: Vec<Histogram<u64>>,
    /// Whole calls by path, those of the seconds that are left out too; nothing where there is no log.
    pub(crate) whole_calls: Option<Vec<u64>>,
    values: BTreeMap<Series, Histogram<u64>>,
    over_time: BTreeMap<(u64, Series), (Option<f64>, Option<f64>)>,
    recent: BTreeMap<(u64, Series), Histogram<u64>>,
}

/// The series that counts the whole calls of a path: every one has a value in it.
fn whole_calls(path: PathId) -> Series {
    Series { path, metric: Metric::E2e, basis: Basis::Response }
}

/// What the log tells of a run every call of which has a row: the gaps between chunks.
pub(crate) fn gaps(dir: &Path, run: &Run) -> Result<Logged, StoreError> {
    let paths = run.manifest.plan.paths.iter().map(|path| path.id);
    let wanted: Vec<Series> = paths.flat_map(|path| [gaps_of(path), whole_calls(path)]).collect();
    let counts = counts(run);
    read_log(dir, run, &wanted, |logged, series, interval| {
        if series.metric == Metric::ChunkGap && counts(interval.second) {
            add(&mut logged.values, series, interval.values);
        }
    })
}

/// Whether an interval counts in figures: not if it is a second that is left out. A longer one holds good seconds too,
/// and is never left out.
fn counts(run: &Run) -> impl Fn(u64) -> bool {
    let (bad, is_second) = (run.bad_seconds(), run.manifest.plan.interval_s() == 1);
    move |second| !(is_second && bad.leave_out(second))
}

/// Everything counted and measured, and what else the log tells.
pub(crate) fn read(dir: &Path, run: &Run, spans: Vec<SpanCounts>) -> Result<(Totals, Logged), StoreError> {
    let plan = &run.manifest.plan;
    let counts = counts(run);
    let basis = run.headline_basis();
    let mut timeouts: BTreeMap<(u64, PathId), u64> = BTreeMap::new();
    for span in spans.iter().filter(|span| span.phase == Phase::Measure) {
        *timeouts.entry((span.second, span.path)).or_insert(0) += span.calls.with_class(ErrorClass::is_timeout);
    }
    let mut logged = read_log(dir, run, &series(plan), |logged, series, interval| {
        if OVER_TIME.contains(&series.metric) && series.basis == basis {
            let key = (interval.second, series);
            // An interval may stand on several lines, if a worker was late; they follow each other soon.
            add(&mut logged.recent, key, interval.values.clone());
            if let Some(sum) = logged.recent.get(&key) {
                let beyond = timeouts.get(&(interval.second, series.path)).copied().unwrap_or(0);
                let ms = |q| histogram::quantile_ms(sum, beyond, q);
                logged.over_time.insert(key, (ms(0.5), ms(0.99)));
            }
            while logged.recent.len() > LATE * OVER_TIME.len() * plan.paths.len() {
                logged.recent.pop_first();
            }
        }
        if counts(interval.second) {
            add(&mut logged.values, series, interval.values);
        }
    })?;
    let (values, over_time) = (std::mem::take(&mut logged.values), std::mem::take(&mut logged.over_time));
    Ok((Totals { spans, values, over_time }, logged))
}

/// By how many intervals a line may be late.
const LATE: usize = 8;

/// All series that a log may hold.
fn series(plan: &Plan) -> Vec<Series> {
    let of = |path: PathId, metric: Metric| {
        let bases = if metric.has_basis() { &[Basis::Response, Basis::Service][..] } else { &[Basis::Response][..] };
        bases.iter().map(move |basis| Series { path, metric, basis: *basis })
    };
    plan.paths.iter().flat_map(|path| Metric::ALL.into_iter().flat_map(move |metric| of(path.id, metric))).collect()
}

/// Reads the log, if there is one. Every interval that is wanted is taken, whole calls are counted.
fn read_log(
    dir: &Path,
    run: &Run,
    wanted: &[Series],
    mut take: impl FnMut(&mut Logged, Series, LoggedInterval),
) -> Result<Logged, StoreError> {
    let (path, plan) = (dir.join(file::HISTOGRAMS), &run.manifest.plan);
    let name = |series: &Series| tag(&plan.path(series.path).name, &metric_key(*series));
    let tags: Vec<String> = wanted.iter().map(name).collect();
    let last = Bounds::of(plan, run.manifest.origin).last_second;
    let begin = || Logged { whole_calls: Some(vec![0; plan.paths.len()]), ..Logged::default() };
    let each = |logged: &mut Logged, interval: LoggedInterval| {
        if interval.second > last {
            return Err(format!("a second up to {last} in column 'StartTimestamp', found {}", interval.second));
        }
        let series = wanted[interval.tag];
        if series == whole_calls(series.path)
            && let Some(calls) = &mut logged.whole_calls
        {
            calls[series.path.index()] += interval.values.len();
        }
        take(logged, series, interval);
        Ok(())
    };
    let mut logged = if path.exists() { histograms::read(&path, &tags, begin, each)? } else { Logged::default() };
    let gaps = |path: &NetPath| logged.values.remove(&gaps_of(path.id)).unwrap_or_else(none);
    logged.chunk_gaps = plan.paths.iter().map(gaps).collect();
    Ok(logged)
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

fn gaps_of(path: PathId) -> Series {
    Series { path, metric: Metric::ChunkGap, basis: Basis::Response }
}

/// An empty histogram; it resizes itself, so no value is ever too large for it.
fn none() -> Histogram<u64> {
    Histogram::new(3).unwrap_or_else(|_| unreachable!("3 digits are in 0..=5"))
}
