//! What happened over time on every path, by the interval in which a call was intended to start. An interval is a second,
//! and longer in longer runs ([`Plan::interval_s`](crate::plan::Plan::interval_s)).
//!
//! Where rows are a sample, everything comes from what was counted and measured of all calls: latencies are then those
//! of the calls that ended in the interval, to three digits, and every call that timed out counts as longer than all.

use crate::analysis::input::population::{Value, observed_ms};
use crate::analysis::summary::timeline::median_and_p99;
use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::Outcome;
use crate::measure::recorder::Series;
use crate::measure::sample::Sample;
use crate::run::{Run, Totals};
use crate::units::{CallCounts, Nanos, PathId};

/// One interval of one path. Latencies are milliseconds of the calls that were answered or timed out; `None` where there
/// are none, or where the quantile is one of a call that timed out before it had a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct IntervalRow {
    /// The interval's first second, from the run's start.
    pub second: u64,
    /// The path.
    pub path: usize,
    /// The calls intended in this interval.
    pub calls: CallCounts,
    /// Calls under way at the end of this interval.
    pub in_flight: i64,
    /// Time to first token, median.
    pub ttft_p50: Option<f64>,
    /// Time to first token, 0.99 quantile: the largest values decide it, as a second holds few calls.
    pub ttft_p99: Option<f64>,
    /// End to end, median.
    pub e2e_p50: Option<f64>,
    /// End to end, 0.99 quantile.
    pub e2e_p99: Option<f64>,
}

/// Every interval of a run from its start until its last call ended, path by path within an interval.
#[must_use]
pub(crate) fn series(run: &Run) -> Vec<IntervalRow> {
    run.totals.as_ref().map_or_else(|| from_rows(run), |totals| from_totals(run, totals))
}

fn from_rows(run: &Run) -> Vec<IntervalRow> {
    let (origin, width) = (run.manifest.origin, run.manifest.plan.interval_s());
    let basis = run.headline_basis();
    let interval_of = |at: Nanos| (at.since(origin).as_secs() / width) as usize;
    let paths = run.manifest.plan.paths.len();
    let last = run.samples.iter().map(|s| s.stamps.end.unwrap_or(s.stamps.intended)).max();
    let length = last.map_or(0, |last| interval_of(last) + 1);
    let mut tallies: Vec<Tally> = (0..length * paths).map(|_| Tally::default()).collect();
    for sample in &run.samples {
        let place = |at: Nanos| interval_of(at).min(length - 1) * paths + sample.path.index();
        tallies[place(sample.stamps.intended)].count(sample, basis);
        if let Some(taken) = sample.stamps.dequeued.or(sample.stamps.sent) {
            tallies[place(taken)].begun += 1;
            tallies[place(sample.stamps.end.unwrap_or(Nanos(u64::MAX)))].ended += 1;
        }
    }
    rows(tallies, paths, width)
}

fn from_totals(run: &Run, totals: &Totals) -> Vec<IntervalRow> {
    let (basis, width) = (run.headline_basis(), run.manifest.plan.interval_s());
    let paths = run.manifest.plan.paths.len();
    let length = totals.spans.iter().map(|span| (span.second / width) as usize + 1).max().unwrap_or(0);
    let mut tallies: Vec<Tally> = (0..length * paths).map(|_| Tally::default()).collect();
    for span in &totals.spans {
        let tally = &mut tallies[(span.second / width) as usize * paths + span.path.index()];
        let (calls, row) = (&span.calls, &mut tally.row);
        row.calls += calls.by_outcome();
        tally.begun += span.begun as i64;
        tally.ended += span.over as i64;
    }
    let mut rows = rows(tallies, paths, width);
    for row in &mut rows {
        let of = |metric| {
            let series = Series { path: PathId(row.path as u16), metric, basis };
            totals.over_time.get(&(row.second, series)).copied().unwrap_or_default()
        };
        (row.ttft_p50, row.ttft_p99) = of(Metric::Ttft);
        (row.e2e_p50, row.e2e_p99) = of(Metric::E2e);
    }
    rows
}

fn rows(tallies: Vec<Tally>, paths: usize, width: u64) -> Vec<IntervalRow> {
    let mut under_way = vec![0i64; paths];
    let row = |(place, mut tally): (usize, Tally)| {
        let path = place % paths;
        under_way[path] += tally.begun - tally.ended;
        let (ttft, e2e) = (median_and_p99(&mut tally.ttft), median_and_p99(&mut tally.e2e));
        IntervalRow {
            second: (place / paths) as u64 * width,
            path,
            in_flight: under_way[path],
            ttft_p50: ttft.0,
            ttft_p99: ttft.1,
            e2e_p50: e2e.0,
            e2e_p99: e2e.1,
            ..tally.row
        }
    };
    tallies.into_iter().enumerate().map(row).collect()
}

/// What one interval of one path adds up.
#[derive(Default)]
struct Tally {
    row: IntervalRow,
    begun: i64,
    ended: i64,
    ttft: Vec<f64>,
    e2e: Vec<f64>,
}

impl Tally {
    fn count(&mut self, sample: &Sample, basis: Basis) {
        let calls = &mut self.row.calls;
        calls.planned += 1;
        match sample.outcome {
            Outcome::Ok => calls.ok += 1,
            Outcome::Failed(_) => calls.failed += 1,
            Outcome::Incomplete(_) => calls.incomplete += 1,
            Outcome::Dropped(_) => calls.dropped += 1,
        }
        let ms = |metric: Metric| observed_ms(sample, metric, basis).map(Value::or_infinite);
        self.ttft.extend(ms(Metric::Ttft));
        self.e2e.extend(ms(Metric::E2e));
    }
}
