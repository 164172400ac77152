//! Gaps between chunks, which are known as a histogram. Gaps of one call resemble each other: each call counts once in
//! the width of the interval.

use hdrhistogram::Histogram;

use crate::analysis::slo::observation::Observation;
use crate::analysis::stats::basic::{interval_needs, normal_quantile, rank_interval};
use crate::analysis::summary::gaps::Gaps;
use crate::measure::sample::Sample;
use crate::objective::indicator::Form;
use crate::units::Quantile;

/// A form of the gaps of a path whose calls are `own`; of which `stalled` in all, also where not every one has a row.
pub(crate) fn observe(recorded: &Histogram<u64>, own: &[&Sample], stalled: u64, form: Form) -> Observation {
    let gaps = Gaps::of(recorded, own, stalled);
    if gaps.counted() == 0 {
        return Observation::nothing("no stream brought two events with content");
    }
    match form {
        Form::Quantile(Quantile(q)) => quantile(&gaps, own, q),
        Form::Mean => mean(recorded, &gaps, own),
        Form::Max => max(&gaps),
    }
}

fn quantile(gaps: &Gaps, own: &[&Sample], q: f64) -> Observation {
    let (low, high) = rank_interval(calls(gaps, own), q);
    let high = high.and_then(|share| gaps.most(share));
    let few = || format!("about {} calls are needed to confirm it", interval_needs(q));
    let reason = gaps.why().or_else(|| high.is_none().then(few));
    let ci = (low.map(|share| gaps.least(share)), high);
    Observation::of(gaps.counted() as usize, Some(gaps.least(q)), ci).because(reason)
}

fn mean(recorded: &Histogram<u64>, gaps: &Gaps, own: &[&Sample]) -> Observation {
    if gaps.stalled > 0 {
        return Observation::of(gaps.counted() as usize, None, (None, None)).because(gaps.why());
    }
    let mean = recorded.mean() / 1e6;
    let half = normal_quantile(0.975) * recorded.stdev() / 1e6 / calls(gaps, own).sqrt();
    Observation::of(recorded.len() as usize, Some(mean), (Some(mean - half), Some(mean + half)))
}

fn max(gaps: &Gaps) -> Observation {
    let largest = Some(gaps.least(1.0));
    Observation::of(gaps.counted() as usize, largest, (largest, gaps.most(1.0))).because(gaps.why())
}

fn calls(gaps: &Gaps, own: &[&Sample]) -> f64 {
    let whole = own.iter().filter(|sample| sample.outcome.is_ok() && sample.stream).count() as u64;
    (whole + gaps.stalled).max(1).min(gaps.counted()) as f64
}
