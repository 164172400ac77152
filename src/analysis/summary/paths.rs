//! What each path did in the measured phase: counts, and the distribution of every metric.
//!
//! Counts are exact. Where every call has a row, distributions are those of the rows; otherwise those of the histograms,
//! to three digits, which hold all calls. Numbers, means and smallest values are of successful calls. Quantiles and largest values count the calls that timed
//! out too: with what was seen of them, or as longer than anything, and a figure that falls there is missing.

use std::collections::BTreeMap;

use crate::analysis::input::population::{Value, observed_ms, quantile_ms, sorted_ms, timed_out};
use crate::analysis::input::view::View;
use crate::analysis::stats::basic::{beyond, known_quantile};
use crate::analysis::summary::breakdown::Breakdown;
use crate::analysis::summary::calls::{ConnectionCounts, Tokens};
use crate::analysis::summary::cost::{self, Cost};
use crate::analysis::summary::distribution::Distribution;
use crate::analysis::summary::errors_seen;
use crate::analysis::summary::throughput::Throughput;
use crate::measure::counts::Counts;
use crate::measure::errors_seen::ErrorSeen;
use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::ErrorClass;
use crate::measure::quantile::{is_supported, needed, quantile};
use crate::measure::sample::Sample;
use crate::measure::token_pace::{Unpaced, time_per_token};
use crate::path::NetPath;
use crate::run::Run;
use crate::units::{CallCounts, PathId, Phase, Quantile};

/// The quantiles of a summary.
pub(crate) const QUANTILES: [Quantile; 5] = Quantile::each([0.5, 0.9, 0.95, 0.99, 0.999]);

/// Points of a spectrum for each factor of ten in 1 / (1 - q).
const POINTS_A_DECADE: f64 = 50.0;

/// What one path did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathSummary {
    /// The path.
    pub path: PathId,
    /// Calls by outcome.
    pub requests: CallCounts,
    /// Failed calls that were given up at a time limit; how long they would have taken is not known.
    pub timeouts: u64,
    /// What went wrong, by stable code.
    pub errors: BTreeMap<String, ErrorSeen>,
    /// The connections of its calls.
    pub connections: ConnectionCounts,
    /// Tokens as the server counted them.
    pub tokens: Tokens,
    /// Calls and output tokens a second.
    pub throughput: Throughput,
    /// What its calls cost; `None` without prices.
    pub cost: Option<Cost>,
    /// Every metric, in its headline form, then as service time where that is another.
    pub metrics: Vec<MetricSummary>,
    /// Time to first token and end to end over the whole range of quantiles.
    pub spectra: Vec<Spectrum>,
    /// Where the time goes.
    pub breakdown: Breakdown,
}

/// The distribution of a metric. Milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricSummary {
    /// The metric.
    pub metric: Metric,
    /// From which instant it counts; `None` where it has no choice.
    pub basis: Option<Basis>,
    /// Whether this is the service form beside a headline in response time.
    pub beside: bool,
    /// How many values of successful calls.
    pub n: u64,
    /// Their mean.
    pub mean: Option<f64>,
    /// The smallest of them.
    pub min: Option<f64>,
    /// The largest of all; `None` if a call timed out before it had its value.
    pub max: Option<f64>,
    /// [`QUANTILES`] of all; `None` where there are too few values for one, or where it is beyond a timeout.
    pub quantiles: [Option<f64>; QUANTILES.len()],
    /// The least that a quantile beyond a timeout can be.
    pub at_least: [Option<f64>; QUANTILES.len()],
    /// How many values the quantiles are made of: those of successful calls, and of calls that timed out.
    pub counted: u64,
    /// How many of these timed out before they had their value.
    pub beyond: u64,
    /// Why there is no value at all.
    pub reason: Option<String>,
}

impl MetricSummary {
    /// The key used in files.
    #[must_use]
    pub(crate) fn key(&self) -> String {
        let suffix = if self.beside { "_service" } else { "" };
        format!("{}{suffix}", self.metric)
    }

    /// The quantile `q` if it is one of [`QUANTILES`] and `n` supports it.
    #[must_use]
    pub(crate) fn quantile(&self, q: Quantile) -> Option<f64> {
        QUANTILES.iter().position(|known| *known == q).and_then(|place| self.quantiles[place])
    }

    /// The least that the quantile `q` can be if it is one of [`QUANTILES`] and beyond a timeout.
    #[must_use]
    pub(crate) fn least(&self, q: Quantile) -> Option<f64> {
        QUANTILES.iter().position(|known| *known == q).and_then(|place| self.at_least[place])
    }

    /// Why the quantile `q` is missing.
    #[must_use]
    pub(crate) fn why_missing(&self, q: Quantile) -> Option<String> {
        match &self.reason {
            Some(reason) => Some(reason.clone()),
            None if !is_supported(self.counted as usize, q.0) => {
                Some(format!("{} values, {} are needed", self.counted, needed(q.0)))
            }
            None if self.quantile(q).is_some() => None,
            None => self.why_beyond(),
        }
    }

    /// Why a figure that stands on the longest values is missing.
    #[must_use]
    pub(crate) fn why_beyond(&self) -> Option<String> {
        let what = if self.metric == Metric::ChunkGap { "gaps ended in a timeout" } else { "calls timed out" };
        (self.beyond > 0).then(|| format!("beyond the timeout: {} of {} {what}", self.beyond, self.counted))
    }
}

/// A metric over the whole range of quantiles.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spectrum {
    /// The metric.
    pub metric: Metric,
    /// How many values, those of calls that timed out included.
    pub n: u64,
    /// Quantiles, ascending up to 1 - 1/n or to where they are beyond a timeout, with their milliseconds.
    pub points: Vec<(f64, f64)>,
}

/// Summarizes every path, in the order of the plan: counts are of all measured attempts, figures of those that are kept,
/// and of all if not every one has a row. `requests` are those of each path.
pub(crate) fn summarize(view: &View<'_>, requests: &[CallCounts]) -> Vec<PathSummary> {
    let before = view.run.counted(Phase::Warmup);
    let of_path = |path: &&NetPath| {
        let place = path.id.index();
        of_path(view, path.id, requests[place], &before[place])
    };
    view.paths.iter().map(of_path).collect()
}

fn of_path(view: &View<'_>, path: PathId, requests: CallCounts, before: &Counts) -> PathSummary {
    let (kept, counts) = (view.kept_of(path), &view.counted()[path.index()]);
    let subject = Subject { run: view.run, own: &kept, path, counts };
    PathSummary {
        path,
        requests,
        timeouts: counts.with_class(ErrorClass::is_timeout),
        errors: errors_seen::of_path(view.run, path),
        connections: ConnectionCounts::of(counts, before),
        tokens: Tokens { input: counts.input, output: counts.output, calls: counts.charged },
        throughput: Throughput::of(view, counts),
        cost: cost::of_path(view.run, path),
        metrics: subject.metrics(),
        spectra: [Metric::Ttft, Metric::E2e].into_iter().map(|metric| subject.spectrum(metric)).collect(),
        breakdown: Breakdown::of(view, &kept, path),
    }
}

/// One path with what is known of it.
struct Subject<'a> {
    run: &'a Run,
    /// Its measured attempts that have rows.
    own: &'a [&'a Sample],
    path: PathId,
    /// All its measured attempts counted.
    counts: &'a Counts,
}

impl Subject<'_> {
    fn metrics(&self) -> Vec<MetricSummary> {
        let headline = self.run.headline_basis();
        let mut metrics = Vec::new();
        for metric in Metric::ALL {
            if metric == Metric::ChunkGap {
                let kept = || self.own.iter().filter(|sample| sample.stalled()).count() as u64;
                let stalled = if self.run.totals.is_some() { self.counts.stalled } else { kept() };
                let gaps = Distribution::of_gaps(&self.run.chunk_gaps[self.path.index()], self.own, stalled);
                metrics.push(of_distribution(&gaps, self.own, (metric, headline)));
                continue;
            }
            let basis = metric.has_basis().then_some(headline);
            metrics.push(MetricSummary { basis, ..self.metric(metric, headline) });
            if basis == Some(Basis::Response) {
                metrics.push(MetricSummary { beside: true, ..self.metric(metric, Basis::Service) });
            }
        }
        metrics
    }

    fn metric(&self, metric: Metric, basis: Basis) -> MetricSummary {
        match self.distribution(metric, basis) {
            Some(all) => of_distribution(&all, self.own, (metric, basis)),
            None => of_values(self.own, self.path, metric, basis),
        }
    }

    fn spectrum(&self, metric: Metric) -> Spectrum {
        let basis = self.run.headline_basis();
        match self.distribution(metric, basis) {
            Some(all) => spectrum(metric, all.counted(), |q| all.quantile(q)),
            None => {
                let sorted = quantile_ms(self.own, self.path, metric, basis);
                spectrum(metric, sorted.len() as u64, |q| known_quantile(&sorted, q))
            }
        }
    }

    /// The metric over all calls, where not all have rows.
    fn distribution(&self, metric: Metric, basis: Basis) -> Option<Distribution> {
        let totals = self.run.totals.as_ref()?;
        let ok = totals.of(self.path, metric, basis);
        let timeouts = self.counts.with_class(ErrorClass::is_timeout);
        Some(Distribution::of(ok, self.own, (metric, basis), timeouts))
    }
}

fn of_distribution(all: &Distribution, own: &[&Sample], (metric, basis): (Metric, Basis)) -> MetricSummary {
    let supported = |q| is_supported(all.counted() as usize, q);
    let quantile_of = |q| all.quantile(q).filter(|_| supported(q));
    MetricSummary {
        metric,
        basis: Some(basis).filter(|_| metric.has_basis()),
        beside: false,
        n: all.n(),
        mean: all.mean(),
        min: all.min(),
        max: all.max(),
        quantiles: QUANTILES.map(|Quantile(q)| quantile_of(q).filter(|_| all.n() > 0)),
        at_least: QUANTILES.map(|Quantile(q)| all.least(q).filter(|_| supported(q) && quantile_of(q).is_none())),
        counted: all.counted(),
        beyond: all.beyond,
        reason: (all.n() == 0).then(|| why_none(metric, own).to_owned()),
    }
}

fn of_values(own: &[&Sample], path: PathId, metric: Metric, basis: Basis) -> MetricSummary {
    let all = quantile_ms(own, path, metric, basis);
    // Without a timeout all are successful calls.
    let any_timed_out = own.iter().any(|sample| timed_out(sample));
    let ok = if any_timed_out { sorted_ms(own, path, metric, basis) } else { all.clone() };
    let least = if any_timed_out { at_least_ms(own, metric, basis) } else { Vec::new() };
    let n = ok.len();
    let supported = |q| is_supported(all.len(), q);
    let quantile_of = |q| known_quantile(&all, q).filter(|_| supported(q));
    MetricSummary {
        metric,
        basis: Some(basis),
        beside: false,
        n: n as u64,
        mean: (n > 0).then(|| ok.iter().sum::<f64>() / n as f64),
        min: ok.first().copied(),
        max: all.last().copied().filter(|max| n > 0 && max.is_finite()),
        quantiles: QUANTILES.map(|Quantile(q)| quantile_of(q).filter(|_| n > 0)),
        at_least: QUANTILES.map(|Quantile(q)| quantile(&least, q).filter(|_| supported(q) && quantile_of(q).is_none())),
        counted: all.len() as u64,
        beyond: beyond(&all) as u64,
        reason: (n == 0).then(|| why_none(metric, own).to_owned()),
    }
}

/// The least that each value can be, ascending.
fn at_least_ms(own: &[&Sample], metric: Metric, basis: Basis) -> Vec<f64> {
    let least = |sample: &&Sample| match observed_ms(sample, metric, basis)? {
        Value::Known(ms) | Value::Beyond(ms) => Some(ms),
    };
    let mut values: Vec<f64> = own.iter().filter_map(least).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Why no call has the metric; `own` are those of the path that have rows.
fn why_none(metric: Metric, own: &[&Sample]) -> &'static str {
    let unpaced = if metric == Metric::Tpot { why_unpaced(own) } else { None };
    unpaced.map_or(metric.why_none(), Unpaced::reason)
}

/// Why no stream has a time per token: what holds for most of them.
fn why_unpaced(own: &[&Sample]) -> Option<Unpaced> {
    let mut whys: BTreeMap<Unpaced, usize> = BTreeMap::new();
    let streams = own.iter().filter(|sample| sample.stream && sample.outcome.is_ok());
    streams.filter_map(|sample| time_per_token(sample).err()).for_each(|why| *whys.entry(why).or_insert(0) += 1);
    whys.into_iter().max_by_key(|(_, count)| *count).map(|(why, _)| why)
}

fn spectrum(metric: Metric, n: u64, quantile: impl Fn(f64) -> Option<f64>) -> Spectrum {
    let decades = (n.max(1) as f64).log10();
    let steps = (decades * POINTS_A_DECADE).ceil().max(1.0);
    let at = |step: f64| 1.0 - 10f64.powf(-decades * step / steps);
    let points = (0..=steps as usize).filter_map(|step| {
        let q = at(step as f64);
        Some((q, quantile(q)?))
    });
    Spectrum { metric, n, points: points.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::summary::calls::requests;
    use crate::measure::outcome::Outcome;
    use crate::run::fixture::{self, World};

    fn summary(run: &Run) -> Vec<PathSummary> {
        let view = View::of(run);
        summarize(&view, &requests(&view))
    }

    fn metric(path: &PathSummary, key: &str) -> MetricSummary {
        path.metrics.iter().find(|metric| metric.key() == key).expect(key).clone()
    }

    #[test]
    fn every_arrival_is_accounted_for() {
        let mut run = World { failing: vec![0.0, 0.2, 0.0], ..World::default() }.run();
        run.samples[2].outcome = Outcome::Dropped(ErrorClass::InFlightCap);
        run.samples[4].outcome = Outcome::Failed(ErrorClass::TimeoutTotal);
        let paths = summary(&run);
        assert!(paths.iter().all(|path| path.requests.adds_up()));
        assert_eq!((paths[2].requests.dropped, paths[1].timeouts), (1, 1));
        assert_eq!(paths[1].errors["http_429"].count + 1, paths[1].requests.failed);
        assert_eq!(paths[0].connections.opened, 2);
        assert_eq!(paths[0].tokens.output.known_sum(), Some(30 * paths[0].requests.ok));
    }

    #[test]
    fn metrics_have_their_headline_and_their_service_form() {
        let run = World::default().run();
        let paths = summary(&run);
        let (response, service) = (metric(&paths[0], "ttft"), metric(&paths[0], "ttft_service"));
        assert_eq!((response.basis, service.basis), (Some(Basis::Response), Some(Basis::Service)));
        let p50 = |metric: &MetricSummary| metric.quantile(Quantile::MEDIAN).expect("p50");
        // The fixture sends 50 us after the intended time.
        assert!((p50(&response) - p50(&service) - 0.05).abs() < 1e-6);
        let keys: Vec<_> = paths[0].metrics.iter().map(MetricSummary::key).collect();
        assert_eq!(keys.len(), 17, "{keys:?}");
        assert_eq!(metric(&paths[0], "chunk_gap").n, 2_000);
    }

    #[test]
    fn a_figure_that_was_not_measured_is_missing_with_its_reason() {
        let run = World { seconds: 3.0, ..World::default() }.run();
        let ttft = metric(&summary(&run)[0], "ttft");
        assert!(ttft.quantile(Quantile::MEDIAN).is_some() && ttft.quantile(Quantile(0.99)).is_none());
        assert!(ttft.why_missing(Quantile(0.99)).expect("why").contains("100 are needed"));
        let server = metric(&summary(&run)[0], "server");
        assert_eq!((server.n, server.mean, server.why_missing(Quantile(0.5)).is_some()), (0, None, true));
    }

    #[test]
    fn a_quantile_among_timeouts_is_missing_with_its_reason() {
        let mut run = World::default().run();
        let mut own: Vec<_> = run.samples.iter_mut().filter(|sample| sample.path == PathId(0)).collect();
        let (lost, calls) = (own.len() / 20, own.len());
        own.sort_by_key(|sample| std::cmp::Reverse(Metric::Ttft.of(sample, Basis::Response)));
        for sample in own.into_iter().take(lost) {
            fixture::fail(sample, ErrorClass::TimeoutTotal);
            sample.stamps.end = Some(sample.stamps.intended + std::time::Duration::from_secs(60));
        }
        let (whole, path) = (summary(&World::default().run()).remove(0), summary(&run).remove(0));
        let (before, ttft) = (metric(&whole, "ttft"), metric(&path, "ttft"));
        assert_eq!(ttft.n as usize, calls - lost);
        assert_eq!(ttft.quantile(Quantile(0.9)), before.quantile(Quantile(0.9)));
        assert_eq!((ttft.quantile(Quantile(0.99)), ttft.max), (None, None));
        assert_eq!(
            ttft.why_missing(Quantile(0.99)),
            Some(format!("beyond the timeout: {lost} of {calls} calls timed out"))
        );
        assert_eq!((ttft.at_least[0], ttft.at_least[3]), (None, Some(60_000.0)));
        // The first byte had come.
        assert!(metric(&path, "ttfb").quantile(Quantile(0.99)).is_some());
        let (last, _) = path.spectra[0].points.last().expect("points");
        assert!((0.93..0.951).contains(last) && path.spectra[0].n as usize == calls, "{last}");
    }

    #[test]
    fn the_largest_gap_is_not_known_where_a_stream_stalled() {
        let mut run = World::default().run();
        let first = run.samples.iter_mut().find(|sample| sample.path == PathId(0)).expect("calls");
        first.outcome = Outcome::Failed(ErrorClass::TimeoutGap);
        first.stamps.done = None;
        let gap = metric(&summary(&run)[0], "chunk_gap");
        assert_eq!((gap.n, gap.max, gap.quantile(Quantile(0.99)).is_some()), (2_000, None, true));
        assert_eq!(gap.why_beyond(), Some("beyond the timeout: 1 of 2001 gaps ended in a timeout".to_owned()));
    }

    #[test]
    fn without_a_stream_there_is_no_first_token() {
        let mut run = World { seconds: 3.0, ..World::default() }.run();
        run.samples.iter_mut().for_each(|sample| sample.stream = false);
        let paths = summary(&run);
        assert_eq!(metric(&paths[0], "ttft").n, 0);
        assert!(metric(&paths[0], "e2e").n > 0);
    }

    #[test]
    fn closed_load_has_service_times_alone() {
        let mut run = World { seconds: 3.0, ..World::default() }.run();
        run.manifest.plan.load.model =
            crate::plan::LoadModel::Closed { concurrency: 3, think_time: crate::units::Span::default() };
        let paths = summary(&run);
        assert_eq!(metric(&paths[0], "ttft").basis, Some(Basis::Service));
        assert!(paths[0].metrics.iter().all(|metric| !metric.beside));
    }

    #[test]
    fn a_spectrum_climbs_to_its_last_value() {
        let run = World::default().run();
        let spectrum = &summary(&run)[0].spectra[0];
        assert!(spectrum.points.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        let (last, _) = spectrum.points.last().expect("points");
        assert!((last - (1.0 - 1.0 / spectrum.n as f64)).abs() < 1e-9);
        let _ = fixture::ORIGIN;
    }
}
