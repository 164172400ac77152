//! Latency over time: quantiles of successive bins, wide enough to hold something.

use crate::analysis::input::population::{Value, observed_ms};
use crate::analysis::input::view::View;
use crate::analysis::stats::basic::known_quantile;
use crate::measure::metric::Metric;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::run::{Run, Totals};
use crate::units::{PathId, Phase};

/// The number of bins aimed at.
const BINS: f64 = 60.0;

/// Widths that people read easily, seconds.
const WIDTHS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 900.0];

/// A metric of one path over the time of the measured phase.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timeline {
    /// The path.
    pub path: PathId,
    /// The metric.
    pub metric: Metric,
    /// The width of a bin, seconds.
    pub width_s: f64,
    /// The bins that hold a call that was answered or timed out.
    pub bins: Vec<Bin>,
    /// The bins in which calls failed.
    pub failures: Vec<Failures>,
}

/// A bin in which calls failed, by the intended time of its calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Failures {
    /// Its middle, seconds from the beginning of measuring.
    pub at_s: f64,
    /// Calls that were due, those of which nothing can be said left out.
    pub calls: u64,
    /// Calls that were refused because of a limit on requests or tokens.
    pub throttled: u64,
    /// Calls that failed otherwise.
    pub failed: u64,
}

/// One bin, by the intended time of its calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bin {
    /// Its middle, seconds from the beginning of measuring.
    pub at_s: f64,
    /// Calls that were answered or timed out.
    pub n: usize,
    /// The median, ms; `None` where it is beyond a timeout.
    pub p50: Option<f64>,
    /// The 0.99 quantile, ms; close to the largest value where a bin holds fewer than 100 calls; `None` where it is
    /// beyond a timeout.
    pub p99: Option<f64>,
}

/// The headline metric of every path over time; nothing is left out.
pub(crate) fn timelines(view: &View<'_>) -> Vec<Timeline> {
    let wanted = view.measured_s / BINS;
    let width_s = WIDTHS.into_iter().find(|width| *width >= wanted).unwrap_or(wanted);
    view.paths.iter().map(|path| timeline(view, path.id, width_s)).collect()
}

fn timeline(view: &View<'_>, path: PathId, width_s: f64) -> Timeline {
    let (run, metric) = (view.run, view.headline);
    let start = run.manifest.origin + run.manifest.plan.measure_from();
    let count = (run.measured_s() / width_s).ceil().max(1.0) as usize;
    let mut values = vec![Vec::new(); count];
    let middle = |bin: usize| (bin as f64 + 0.5) * width_s;
    let nothing = |bin| Failures { at_s: middle(bin), calls: 0, throttled: 0, failed: 0 };
    let mut failures: Vec<Failures> = (0..count).map(nothing).collect();
    for sample in view.measured.iter().filter(|sample| sample.path == path) {
        let bin = (sample.stamps.intended.since(start).as_secs_f64() / width_s) as usize;
        let bin = bin.min(count - 1);
        values[bin].extend(observed_ms(sample, metric, run.headline_basis()).map(Value::or_infinite));
        let Some(failed) = crate::analysis::input::population::failed(sample) else { continue };
        failures[bin].calls += 1;
        failures[bin].throttled += u64::from(failed && throttled(sample));
        failures[bin].failed += u64::from(failed && !throttled(sample));
    }
    if let Some(totals) = &run.totals {
        count_all(&mut failures, run, totals, path, width_s);
    }
    let bins = values.into_iter().enumerate().filter_map(|(place, values)| bin(middle(place), values));
    failures.retain(|bin| bin.throttled + bin.failed > 0);
    Timeline { path, metric, width_s, bins: bins.collect(), failures }
}

fn throttled(sample: &Sample) -> bool {
    sample.outcome.error().is_some_and(ErrorClass::is_throttled)
}

/// Counts all calls anew where not every call has a row: by the middle of the interval in which they were counted, and
/// refused ones by their class.
fn count_all(bins: &mut [Failures], run: &Run, totals: &Totals, path: PathId, width_s: f64) {
    bins.iter_mut().for_each(|bin| *bin = Failures { at_s: bin.at_s, calls: 0, throttled: 0, failed: 0 });
    let (from, last) = (run.manifest.plan.measure_from().as_secs_f64(), bins.len() - 1);
    for span in totals.spans.iter().filter(|span| span.path == path && span.phase == Phase::Measure) {
        let middle = span.second as f64 + 0.5 * span.length as f64;
        let bin = &mut bins[(((middle - from).max(0.0) / width_s) as usize).min(last)];
        let (failed, tried) = span.calls.failures();
        let throttled = span.calls.with_class(ErrorClass::is_throttled);
        bin.calls += tried;
        bin.throttled += throttled;
        bin.failed += failed.saturating_sub(throttled);
    }
}

fn bin(at_s: f64, mut values: Vec<f64>) -> Option<Bin> {
    let (p50, p99) = median_and_p99(&mut values);
    (!values.is_empty()).then_some(Bin { at_s, n: values.len(), p50, p99 })
}

/// The quantiles that are shown over time, of values of which those that a timeout cut off are infinite: a timeout is
/// longer than every value that was seen, and a quantile that is one of a timeout is `None`.
pub(crate) fn median_and_p99(values: &mut [f64]) -> (Option<f64>, Option<f64>) {
    values.sort_unstable_by(f64::total_cmp);
    (known_quantile(values, 0.5), known_quantile(values, 0.99))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::World;

    #[test]
    fn a_minute_has_a_bin_a_second() {
        let run = World { failing: vec![0.0, 0.5, 0.0], ..World::default() }.run();
        let lines = timelines(&View::of(&run));
        assert_eq!((lines[0].width_s, lines[0].failures.len()), (1.0, 0));
        assert!(lines[0].bins.len() > 55 && lines[0].bins.iter().all(|bin| bin.p50 <= bin.p99));
        assert!(lines[1].failures.len() > 40);
        let calls: usize = lines[0].bins.iter().map(|bin| bin.n).sum();
        assert_eq!(calls, run.measured().filter(|sample| sample.path == PathId(0)).count());
    }

    #[test]
    fn an_hour_has_bins_of_a_minute() {
        let run = World { seconds: 3_600.0, rate: 0.2, ..World::default() }.run();
        let lines = timelines(&View::of(&run));
        assert_eq!(lines[0].width_s, 60.0);
    }
}
