//! `series.csv`: what happened over time on every path, by the interval in which a call was intended to start. An
//! interval is a second, and longer in longer runs ([`Plan::interval_s`](crate::plan::Plan::interval_s)). `bad` is 1 where
//! it holds a second of the measured phase in which this tool could not measure faithfully.
//!
//! Where rows are a sample, everything comes from what was counted and measured of all calls: latencies are then those
//! of the calls that ended in the interval, to three digits.

use std::fmt::Write;
use std::path::Path;

use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::Outcome;
use crate::measure::quantile::quantile;
use crate::measure::recorder::Series;
use crate::measure::sample::Sample;
use crate::run::{Run, Totals};
use crate::store::file::{self, StoreError};
use crate::units::{Nanos, PathId};

/// One interval of one path. Latencies are milliseconds of successful calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// The interval's first second, from the run's start.
    pub second: u64,
    /// The path.
    pub path: usize,
    /// Calls intended in this interval.
    pub planned: u64,
    /// Those that were taken up, so all but the dropped ones.
    pub sent: u64,
    /// Those that ended well.
    pub ok: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were cut.
    pub incomplete: u64,
    /// Those that were never sent.
    pub dropped: u64,
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

/// Writes `series.csv`.
///
/// # Errors
/// When the disk or the folder refuses.
pub fn write(path: &Path, run: &Run) -> Result<(), StoreError> {
    file::write_whole(path, text(run).as_bytes())
}

fn text(run: &Run) -> String {
    let mut text =
        "second,path,planned,sent,ok,failed,incomplete,dropped,in_flight,ttft_p50,ttft_p99,e2e_p50,e2e_p99,bad\n"
            .to_owned();
    let (bad, width) = (run.bad_seconds(), run.manifest.plan.interval_s());
    let ms = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.3}"));
    for row in seconds(run) {
        let name = run.manifest.plan.paths[row.path].name.as_str();
        let name = file::field(name);
        // Writing into a String does not fail.
        let _ = writeln!(
            text,
            "{},{name},{},{},{},{},{},{},{},{},{},{},{},{}",
            row.second,
            row.planned,
            row.sent,
            row.ok,
            row.failed,
            row.incomplete,
            row.dropped,
            row.in_flight,
            ms(row.ttft_p50),
            ms(row.ttft_p99),
            ms(row.e2e_p50),
            ms(row.e2e_p99),
            u8::from(bad.seconds.range(row.second..row.second + width).next().is_some())
        );
    }
    text
}

/// Every interval of a run from its start until its last call ended, path by path within an interval.
#[must_use]
pub fn seconds(run: &Run) -> Vec<Second> {
    run.totals.as_ref().map_or_else(|| from_rows(run), |totals| from_census(run, totals))
}

fn from_rows(run: &Run) -> Vec<Second> {
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

fn from_census(run: &Run, totals: &Totals) -> Vec<Second> {
    let (basis, width) = (run.headline_basis(), run.manifest.plan.interval_s());
    let paths = run.manifest.plan.paths.len();
    let length = totals.spans.iter().map(|span| (span.second / width) as usize + 1).max().unwrap_or(0);
    let mut tallies: Vec<Tally> = (0..length * paths).map(|_| Tally::default()).collect();
    for span in &totals.spans {
        let tally = &mut tallies[(span.second / width) as usize * paths + span.path.index()];
        let (calls, row) = (&span.calls, &mut tally.row);
        row.planned += calls.calls();
        row.sent += calls.calls() - calls.dropped();
        row.ok += calls.ok;
        row.failed += calls.failed();
        row.incomplete += calls.incomplete();
        row.dropped += calls.dropped();
        tally.begun += span.begun as i64;
        tally.ended += span.over as i64;
    }
    let mut rows = rows(tallies, paths, width);
    for row in &mut rows {
        let of = |metric| {
            let series = Series { path: PathId(row.path as u16), metric, basis };
            totals.over_time.get(&(row.second, series)).copied().unzip()
        };
        (row.ttft_p50, row.ttft_p99) = of(Metric::Ttft);
        (row.e2e_p50, row.e2e_p99) = of(Metric::E2e);
    }
    rows
}

fn rows(tallies: Vec<Tally>, paths: usize, width: u64) -> Vec<Second> {
    let mut under_way = vec![0i64; paths];
    let row = |(place, mut tally): (usize, Tally)| {
        let path = place % paths;
        under_way[path] += tally.begun - tally.ended;
        tally.ttft.sort_unstable_by(f64::total_cmp);
        tally.e2e.sort_unstable_by(f64::total_cmp);
        Second {
            second: (place / paths) as u64 * width,
            path,
            in_flight: under_way[path],
            ttft_p50: quantile(&tally.ttft, 0.5),
            ttft_p99: quantile(&tally.ttft, 0.99),
            e2e_p50: quantile(&tally.e2e, 0.5),
            e2e_p99: quantile(&tally.e2e, 0.99),
            ..tally.row
        }
    };
    tallies.into_iter().enumerate().map(row).collect()
}

/// What one interval of one path adds up.
#[derive(Default)]
struct Tally {
    row: Second,
    begun: i64,
    ended: i64,
    ttft: Vec<f64>,
    e2e: Vec<f64>,
}

impl Tally {
    fn count(&mut self, sample: &Sample, basis: Basis) {
        self.row.planned += 1;
        self.row.sent += 1;
        match sample.outcome {
            Outcome::Ok => {
                self.row.ok += 1;
                let ms = |metric: Metric| metric.of(sample, basis).map(|ns| ns as f64 / 1e6);
                self.ttft.extend(ms(Metric::Ttft));
                self.e2e.extend(ms(Metric::E2e));
            }
            Outcome::Failed(_) => self.row.failed += 1,
            Outcome::Incomplete(_) => self.row.incomplete += 1,
            Outcome::Dropped(_) => {
                self.row.dropped += 1;
                self.row.sent -= 1;
            }
        }
    }
}

/// The rows of one path.
pub fn of_path(rows: &[Second], path: PathId) -> impl Iterator<Item = &Second> {
    rows.iter().filter(move |row| row.path == path.index())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::outcome::ErrorClass;
    use crate::run::fixture::{self, ORIGIN, World};

    #[test]
    fn a_second_counts_what_was_intended_in_it() {
        let mut run = World { seconds: 3.0, ..World::default() }.run();
        let plan = run.manifest.plan.clone();
        let at = |ms| ORIGIN + Duration::from_millis(ms);
        let mut dropped = fixture::sample(&plan, 3, 3, 1, at(1_900));
        dropped.outcome = Outcome::Dropped(ErrorClass::InFlightCap);
        (dropped.stamps.dequeued, dropped.stamps.sent) = (None, None);
        let mut failed = fixture::sample(&plan, 2, 2, 0, at(1_300));
        fixture::fail(&mut failed, ErrorClass::Http(500));
        run.samples =
            vec![fixture::sample(&plan, 0, 0, 0, at(100)), fixture::sample(&plan, 1, 1, 0, at(1_800)), failed, dropped];
        let table: Vec<_> = seconds(&run)
            .iter()
            .filter(|r| r.planned > 0 || r.in_flight > 0)
            .map(|r| (r.second, r.path, r.planned, r.sent, r.ok, r.failed, r.dropped, r.in_flight))
            .collect();
        assert_eq!(table, [(0, 0, 1, 1, 1, 0, 0, 0), (1, 0, 2, 2, 1, 1, 0, 1), (1, 1, 1, 0, 0, 0, 1, 0)]);
        let text = text(&run);
        assert!(text.contains("\n0,direct,1,1,1,0,0,0,0,110.000,110.000,401.000,401.000,0\n"), "{text}");
        assert!(text.contains("\n1,private,1,0,0,0,0,1,0,,,,,0\n"), "{text}");
    }

    #[test]
    fn a_bad_second_is_marked_on_every_path() {
        let mut run = World::default().run();
        run.health[6].hiccup_ms = 40.0;
        // A second of the warmup is not judged.
        run.health[2].hiccup_ms = 40.0;
        let text = text(&run);
        let marked = text.lines().filter_map(|line| line.strip_suffix(",1")).map(|line| line.split(',').next());
        assert_eq!(marked.collect::<Vec<_>>(), [Some("6"); 3]);
    }
}
