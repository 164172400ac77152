//! Objectives: whether what was promised held, as far as this run can tell.
//!
//! An objective is met only if the upper end of the 95% interval lies under its limit, and missed only if the lower
//! end lies above it. No data is never a pass.

use hdrhistogram::Histogram;

use crate::analysis::distribution::Distribution;
use crate::analysis::gaps::Gaps;
use crate::analysis::population::{Value, failed, failures, seen_ms};
use crate::analysis::stats::{design_effect, interval_needs, normal_quantile, rank_interval, wilson};
use crate::measure::counts::Counts;
use crate::measure::metric::{Basis, Metric};
use crate::measure::objective::{Comparator, Expression, Indicator, Objective};
use crate::measure::outcome::ErrorClass;
use crate::measure::quantile::quantile;
use crate::measure::sample::Sample;
use crate::run::Run;
use crate::units::{Nanos, PathId, Phase};

/// Whether an objective held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectiveVerdict {
    /// It held, with 95% confidence.
    Met,
    /// It did not, with 95% confidence.
    Missed,
    /// This run cannot tell.
    Inconclusive,
}

impl ObjectiveVerdict {
    /// The word used in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// An objective held against a run. Figures are milliseconds, or a share of 1 for rates.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveResult {
    /// The objective.
    pub objective: Objective,
    /// How many values or calls it looked at.
    pub n: usize,
    /// What was seen.
    pub observed: Option<f64>,
    /// The 95% interval; a side is `None` where there is too little data for a bound.
    pub ci: (Option<f64>, Option<f64>),
    /// Whether it held.
    pub verdict: ObjectiveVerdict,
    /// What one must know beside it.
    pub reason: Option<String>,
}

/// Holds every objective of the plan against the measured attempts.
#[must_use]
pub fn judge(run: &Run, measured: &[&Sample]) -> Vec<ObjectiveResult> {
    let plan = &run.manifest.plan;
    let one = |objective: &Objective| {
        let path = plan.path_named(&objective.path).map(|path| path.id);
        let seen =
            path.map_or_else(|| Seen::nothing("the plan has no such path"), |p| look(run, measured, p, objective));
        result(objective, seen, run.is_complete())
    };
    plan.objectives.iter().map(one).collect()
}

/// What was seen of an indicator.
struct Seen {
    n: usize,
    observed: Option<f64>,
    ci: (Option<f64>, Option<f64>),
    reason: Option<String>,
}

impl Seen {
    fn nothing(reason: &str) -> Self {
        Self { n: 0, observed: None, ci: (None, None), reason: Some(reason.to_owned()) }
    }
}

fn result(objective: &Objective, seen: Seen, complete: bool) -> ObjectiveResult {
    let verdict = if complete { verdict(&objective.expr, seen.ci) } else { ObjectiveVerdict::Inconclusive };
    let reason = if complete { seen.reason } else { Some("the run is incomplete".to_owned()) };
    ObjectiveResult { objective: objective.clone(), n: seen.n, observed: seen.observed, ci: seen.ci, verdict, reason }
}

fn verdict(expr: &Expression, (low, high): (Option<f64>, Option<f64>)) -> ObjectiveVerdict {
    let holds = |value: f64| match expr.comparator {
        Comparator::Less => value < expr.limit,
        Comparator::LessOrEqual => value <= expr.limit,
    };
    if high.is_some_and(holds) {
        ObjectiveVerdict::Met
    } else if low.is_some_and(|low| !holds(low)) {
        ObjectiveVerdict::Missed
    } else {
        ObjectiveVerdict::Inconclusive
    }
}

fn look(run: &Run, measured: &[&Sample], path: PathId, objective: &Objective) -> Seen {
    let mut own: Vec<&Sample> = measured.iter().filter(|sample| sample.path == path).copied().collect();
    own.sort_by_key(|sample| sample.stamps.intended);
    let basis = run.headline_basis();
    let counted = || run.counted(Phase::Measure).swap_remove(path.index());
    match objective.expr.indicator {
        Indicator::ErrorRate => error_rate(&own, run.census.as_ref().map(|_| counted())),
        Indicator::Quantile(Metric::ChunkGap, _)
        | Indicator::Mean(Metric::ChunkGap)
        | Indicator::Max(Metric::ChunkGap) => {
            let seen = &run.chunk_gaps[path.index()];
            chunk_gap(seen, &own, counted().stalled, objective.expr.indicator)
        }
        Indicator::Max(metric) if run.census.is_some() => largest(run, &own, (path, metric), &counted()),
        Indicator::Quantile(metric, q) => Latencies::of(&own, metric, basis).quantile(q),
        Indicator::Mean(metric) => Latencies::of(&own, metric, basis).mean(),
        Indicator::Max(metric) => Latencies::of(&own, metric, basis).max(),
    }
}

/// The largest value where not every call has a row: rows cannot tell it, the histogram of all calls can.
fn largest(run: &Run, own: &[&Sample], (path, metric): (PathId, Metric), counts: &Counts) -> Seen {
    let basis = run.headline_basis();
    let ok = run.census.as_ref().and_then(|census| census.of(path, metric, basis));
    let all = Distribution::of(ok, own, (metric, basis), counts.with_class(ErrorClass::is_timeout));
    let observed = all.least(1.0);
    let many = all.beyond;
    let reason = match (all.counted(), many) {
        (0, _) => Some("no successful call has this metric".to_owned()),
        (_, 0) => None,
        _ => Some(format!("{many} calls timed out and count as longer than the time they were given")),
    };
    Seen { n: all.counted() as usize, observed, ci: (observed, all.max()), reason }
}

fn chunk_gap(seen: &Histogram<u64>, own: &[&Sample], stalled: u64, indicator: Indicator) -> Seen {
    let gaps = Gaps::of(seen, own, stalled);
    if gaps.counted() == 0 {
        return Seen::nothing("no stream brought two events with content");
    }
    match indicator {
        Indicator::Quantile(_, q) => gap_quantile(&gaps, own, q),
        Indicator::Mean(_) => gap_mean(seen, &gaps, own),
        Indicator::Max(_) => gap_max(&gaps),
        Indicator::ErrorRate => error_rate(own, None),
    }
}

/// Over the rows, or over `all` calls if not every one has a row: then rows tell only how much they hang together.
fn error_rate(own: &[&Sample], all: Option<Counts>) -> Seen {
    let ends: Vec<(f64, f64)> =
        own.iter().filter_map(|s| Some((seconds(s), f64::from(u8::from(failed(s)?))))).collect();
    let (n, bad) = match all {
        None => (ends.len() as f64, ends.iter().map(|(_, failed)| failed).sum::<f64>()),
        Some(counts) => {
            let (bad, n) = failures(&counts);
            (n as f64, bad as f64)
        }
    };
    let effect = design_effect(&ends);
    let ci = wilson(bad / effect, n / effect);
    Seen {
        n: n as usize,
        observed: (n > 0.0).then(|| bad / n),
        ci: (ci.map(|ci| ci.0), ci.map(|ci| ci.1)),
        reason: (n == 0.0).then(|| "no call was made".to_owned()),
    }
}

fn seconds(sample: &Sample) -> f64 {
    sample.stamps.intended.since(Nanos(0)).as_secs_f64()
}

/// The values of a metric in the order of time. A call that timed out before it had the value stands among them: its
/// value is not known, only that it is longer than the time it was given.
struct Latencies {
    /// Seconds, the least that the value can be, and whether it is more.
    values: Vec<(f64, f64, bool)>,
}

impl Latencies {
    fn of(own: &[&Sample], metric: Metric, basis: Basis) -> Self {
        let value = |sample: &&Sample| match seen_ms(sample, metric, basis)? {
            Value::Known(ms) => Some((seconds(sample), ms, false)),
            Value::Beyond(ms) => Some((seconds(sample), ms, true)),
        };
        Self { values: own.iter().filter_map(value).collect() }
    }

    fn censored(&self) -> usize {
        self.values.iter().filter(|(_, _, more)| *more).count()
    }

    fn sorted(&self, of_more: fn(f64) -> f64) -> Vec<f64> {
        let value = |(_, ms, more): &(f64, f64, bool)| if *more { of_more(*ms) } else { *ms };
        let mut sorted: Vec<f64> = self.values.iter().map(value).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }

    fn quantile(&self, q: f64) -> Seen {
        let n = self.values.len();
        let (at_least, at_most) = (self.sorted(|ms| ms), self.sorted(|_| f64::INFINITY));
        let observed = quantile(&at_least, q);
        let beyond = |value: f64| f64::from(u8::from(value > observed.unwrap_or(0.0)));
        let effect = design_effect(&self.values.iter().map(|(at, ms, _)| (*at, beyond(*ms))).collect::<Vec<_>>());
        let (low, high) = rank_interval(n as f64 / effect, q);
        let low = low.and_then(|share| value_below(&at_least, share));
        let high = high.and_then(|share| value_above(&at_most, share)).filter(|value| value.is_finite());
        let needs = (interval_needs(q) as f64 * effect).ceil();
        let few = (high.is_none() && n > 0).then(|| format!("{n} calls; about {needs} are needed to confirm it"));
        Seen { n, observed, ci: (low, high), reason: self.why(few) }
    }

    fn mean(&self) -> Seen {
        let n = self.values.len();
        if n < 2 || self.censored() > 0 {
            let few = (n < 2).then(|| "fewer than two calls".to_owned());
            return Seen { n, observed: None, ci: (None, None), reason: self.why(few) };
        }
        let mean = self.values.iter().map(|(_, ms, _)| ms).sum::<f64>() / n as f64;
        let variance = self.values.iter().map(|(_, ms, _)| (ms - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
        let effect = design_effect(&self.values.iter().map(|(at, ms, _)| (*at, *ms)).collect::<Vec<_>>());
        let half = normal_quantile(0.975) * (variance * effect / n as f64).sqrt();
        Seen { n, observed: Some(mean), ci: (Some(mean - half), Some(mean + half)), reason: None }
    }

    /// The largest value is a fact of the run, not an estimate: its interval is itself.
    fn max(&self) -> Seen {
        let largest = self.sorted(|ms| ms).last().copied();
        let high = largest.filter(|_| self.censored() == 0);
        Seen { n: self.values.len(), observed: largest, ci: (largest, high), reason: self.why(None) }
    }

    fn why(&self, otherwise: Option<String>) -> Option<String> {
        match self.censored() {
            0 if self.values.is_empty() => Some("no successful call has this metric".to_owned()),
            0 => otherwise,
            many => Some(format!("{many} calls timed out and count as longer than the time they were given")),
        }
    }
}

/// The value below which at least the share lies of the sample, on the side that makes the interval longer.
fn value_below(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64 + 1e-9).floor() as usize).copied()
}

fn value_above(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64 - 1e-9).ceil() as usize).copied()
}

/// Gaps of one call resemble each other: each call counts once in the width of the interval.
fn gap_quantile(gaps: &Gaps, own: &[&Sample], q: f64) -> Seen {
    let (low, high) = rank_interval(gap_calls(gaps, own), q);
    let high = high.and_then(|share| gaps.most(share));
    let few = || format!("about {} calls are needed to confirm it", interval_needs(q));
    let reason = gaps.why().or_else(|| high.is_none().then(few));
    let ci = (low.map(|share| gaps.least(share)), high);
    Seen { n: gaps.counted() as usize, observed: Some(gaps.least(q)), ci, reason }
}

fn gap_mean(gaps: &Histogram<u64>, all: &Gaps, own: &[&Sample]) -> Seen {
    if all.stalled > 0 {
        return Seen { n: all.counted() as usize, observed: None, ci: (None, None), reason: all.why() };
    }
    let mean = gaps.mean() / 1e6;
    let half = normal_quantile(0.975) * gaps.stdev() / 1e6 / gap_calls(all, own).sqrt();
    Seen { n: gaps.len() as usize, observed: Some(mean), ci: (Some(mean - half), Some(mean + half)), reason: None }
}

fn gap_max(gaps: &Gaps) -> Seen {
    let largest = Some(gaps.least(1.0));
    Seen { n: gaps.counted() as usize, observed: largest, ci: (largest, gaps.most(1.0)), reason: gaps.why() }
}

fn gap_calls(gaps: &Gaps, own: &[&Sample]) -> f64 {
    let whole = own.iter().filter(|sample| sample.outcome.is_ok() && sample.stream).count() as u64;
    (whole + gaps.stalled).max(1).min(gaps.counted()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::outcome::Outcome;
    use crate::run::fixture::{self, World};

    fn judged(mut run: Run, path: &str, expr: &str) -> ObjectiveResult {
        run.manifest.plan.objectives =
            vec![Objective { path: path.to_owned(), expr: expr.parse().expect("expression") }];
        judge(&run, &run.measured().collect::<Vec<_>>()).remove(0)
    }

    fn verdict_of(world: &World, expr: &str) -> ObjectiveVerdict {
        judged(world.run(), "gateway", expr).verdict
    }

    #[test]
    fn a_limit_is_met_missed_or_too_close_to_tell() {
        // Median 156 ms, p95 about 251 ms, 600 calls.
        let world = World::default();
        for (expr, verdict) in [
            ("ttft.p50 < 200ms", ObjectiveVerdict::Met),
            ("ttft.p50 < 130ms", ObjectiveVerdict::Missed),
            ("ttft.p95 < 252ms", ObjectiveVerdict::Inconclusive),
            ("ttft.p99.9 < 10s", ObjectiveVerdict::Inconclusive),
            ("ttft.mean < 170ms", ObjectiveVerdict::Met),
            ("e2e.max < 10s", ObjectiveVerdict::Met),
            ("e2e.max < 400ms", ObjectiveVerdict::Missed),
            ("error_rate < 1%", ObjectiveVerdict::Met),
            ("chunk_gap.p95 < 50ms", ObjectiveVerdict::Met),
            ("chunk_gap.mean < 5ms", ObjectiveVerdict::Missed),
            ("chunk_gap.max < 50ms", ObjectiveVerdict::Met),
            ("server.p50 < 1s", ObjectiveVerdict::Inconclusive),
        ] {
            assert_eq!(verdict_of(&world, expr), verdict, "{expr}");
        }
    }

    #[test]
    fn failures_are_weighed_with_their_interval() {
        let failing = |share| World { failing: vec![0.0, 0.0, share], ..World::default() };
        assert_eq!(verdict_of(&failing(0.1), "error_rate < 1%"), ObjectiveVerdict::Missed);
        assert_eq!(verdict_of(&failing(0.1), "error_rate < 20%"), ObjectiveVerdict::Met);
        assert_eq!(verdict_of(&failing(0.1), "error_rate < 10%"), ObjectiveVerdict::Inconclusive);
    }

    #[test]
    fn a_timeout_is_longer_than_any_limit_below_it() {
        let mut run = World::default().run();
        for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2) && sample.round % 8 == 0) {
            fixture::fail(sample, ErrorClass::TimeoutTotal);
            sample.stamps.end = Some(sample.stamps.intended + std::time::Duration::from_secs(300));
            assert_eq!(sample.outcome, Outcome::Failed(ErrorClass::TimeoutTotal));
        }
        let result = judged(run.clone(), "gateway", "ttft.p95 < 400ms");
        assert_eq!(result.verdict, ObjectiveVerdict::Missed, "{result:?}");
        assert!(result.reason.expect("why").contains("timed out"));
        assert_eq!(judged(run.clone(), "gateway", "ttft.p50 < 400ms").verdict, ObjectiveVerdict::Met);
        assert_eq!(judged(run, "gateway", "ttft.max < 400s").verdict, ObjectiveVerdict::Inconclusive);
    }

    #[test]
    fn a_stream_that_stalls_after_its_first_token_has_a_first_token() {
        let mut run = World::default().run();
        for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2) && sample.round % 8 == 0) {
            sample.outcome = Outcome::Failed(ErrorClass::TimeoutGap);
            sample.stamps.done = None;
            sample.stamps.end = Some(sample.stamps.intended + std::time::Duration::from_secs(60));
        }
        for (expr, verdict) in [
            ("ttft.p95 < 400ms", ObjectiveVerdict::Met),
            ("ttfb.max < 10s", ObjectiveVerdict::Met),
            ("ttft.mean < 400ms", ObjectiveVerdict::Met),
            ("e2e.p95 < 2s", ObjectiveVerdict::Missed),
            ("e2e.max < 100s", ObjectiveVerdict::Inconclusive),
        ] {
            let result = judged(run.clone(), "gateway", expr);
            assert_eq!(result.verdict, verdict, "{expr}: {result:?}");
        }
        assert_eq!(judged(run, "gateway", "ttft.p95 < 400ms").reason, None);
    }

    #[test]
    fn half_a_body_is_no_end() {
        let mut run = World::default().run();
        for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2) && sample.round % 8 == 0) {
            sample.stream = false;
            sample.outcome = Outcome::Failed(ErrorClass::TimeoutTotal);
            // The read that brought the first half.
            sample.stamps.done = sample.stamps.first_byte;
            sample.stamps.end = Some(sample.stamps.intended + std::time::Duration::from_secs(60));
        }
        let result = judged(run, "gateway", "e2e.p95 < 2s");
        assert_eq!((result.verdict, result.observed), (ObjectiveVerdict::Missed, Some(60_000.0)), "{result:?}");
    }

    #[test]
    fn a_stalled_stream_is_a_gap_longer_than_the_wait() {
        let mut run = World::default().run();
        let stalls = |run: &mut Run, share: u64| {
            for sample in run.samples.iter_mut().filter(|s| s.path == PathId(2) && s.round.is_multiple_of(share)) {
                sample.outcome = Outcome::Failed(ErrorClass::TimeoutGap);
                sample.stamps.done = None;
                sample.stamps.end = sample.stamps.last_content.map(|last| last + std::time::Duration::from_secs(60));
            }
        };
        stalls(&mut run, 50);
        for (expr, verdict) in [
            ("chunk_gap.p50 < 50ms", ObjectiveVerdict::Met),
            ("chunk_gap.p95 < 50ms", ObjectiveVerdict::Met),
            ("chunk_gap.p99 < 50ms", ObjectiveVerdict::Inconclusive),
            ("chunk_gap.max < 50ms", ObjectiveVerdict::Missed),
            ("chunk_gap.max < 100s", ObjectiveVerdict::Inconclusive),
            ("chunk_gap.mean < 50ms", ObjectiveVerdict::Inconclusive),
        ] {
            let result = judged(run.clone(), "gateway", expr);
            assert_eq!(result.verdict, verdict, "{expr}: {result:?}");
            assert!(result.reason.expect("why").contains("ended in a timeout"), "{expr}");
        }
        assert_eq!(judged(run.clone(), "direct", "chunk_gap.max < 50ms").verdict, ObjectiveVerdict::Met);
        // Before the first chunk no gap had begun: how long the gaps would have been is not known at all.
        run.samples.iter_mut().for_each(|sample| sample.stamps.last_content = None);
        assert_eq!(judged(run, "gateway", "chunk_gap.max < 50ms").verdict, ObjectiveVerdict::Inconclusive);
    }

    #[test]
    fn nothing_and_half_a_run_pass_nothing() {
        let mut run = World::default().run();
        run.samples.retain(|sample| sample.path != PathId(2));
        for expr in ["ttft.p50 < 10s", "error_rate < 50%", "e2e.max < 10s", "e2e.mean < 10s"] {
            assert_eq!(judged(run.clone(), "gateway", expr).verdict, ObjectiveVerdict::Inconclusive, "{expr}");
        }
        let mut run = World::default().run();
        run.manifest.ending = None;
        let result = judged(run, "gateway", "ttft.p50 < 10s");
        assert_eq!(result.verdict, ObjectiveVerdict::Inconclusive);
        assert!(result.reason.expect("why").contains("incomplete"));
    }
}
