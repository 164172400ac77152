//! Figures that histograms of all calls tell: those of the gaps between chunks, and the largest value where not every
//! call has a row.

use hdrhistogram::Histogram;

use crate::analysis::slo::exceedance::Exceedances;
use crate::analysis::slo::observation::{Limit, Observation};
use crate::analysis::stats::basic::{normal_quantile, rank_interval};
use crate::analysis::summary::distribution::Distribution;
use crate::measure::counts::Counts;
use crate::measure::metric::Metric;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::objective::indicator::Form;
use crate::run::Run;
use crate::units::{Estimate, PathId, Quantile};

/// A form of the gaps of a path whose calls are `own`; of which `stalled` in all, also where not every one has a row.
/// Gaps of one call resemble each other: each call counts once in the width of the interval.
pub(crate) fn gaps(
    recorded: &Histogram<u64>,
    own: &[&Sample],
    stalled: u64,
    (form, limit): (Form, Limit),
) -> Observation {
    let gaps = Distribution::of_gaps(recorded, own, stalled);
    let n = gaps.counted();
    if n == 0 {
        return Observation::nothing("no stream brought two events with content");
    }
    let whole = own.iter().filter(|sample| sample.outcome.is_ok() && sample.stream).count() as u64;
    let calls = (whole + stalled).max(1).min(n) as f64;
    let why =
        (stalled > 0).then(|| format!("{stalled} of {n} gaps ended in a timeout and count as longer than the wait"));
    let observed = |value, ci, reason| Observation::of(n as usize, value, ci).because(reason);
    match form {
        Form::Quantile(Quantile(q)) => {
            let (low, high) = rank_interval(calls, q);
            let high = high.and_then(|share| gaps.quantile(share));
            let beyond = gaps.beyond_limit(|ms| limit.is_met(ms));
            let exceedances = Exceedances { beyond, of: n, allowed: limit.allowed(q), effect: n as f64 / calls };
            observed(gaps.least(q), (low.and_then(|share| gaps.least(share)), high), why).counting(exceedances)
        }
        Form::Mean if stalled > 0 => observed(None, (None, None), why),
        Form::Mean => {
            let mean = recorded.mean() / 1e6;
            let half = normal_quantile(0.975) * recorded.stdev() / 1e6 / calls.sqrt();
            observed(Some(mean), (Some(mean - half), Some(mean + half)), None)
        }
        Form::Max => observed(gaps.least(1.0), (gaps.least(1.0), gaps.max()), why),
    }
}

/// The largest value of all calls of a path, of which `own` have rows and `counts` are all: to three digits.
pub(crate) fn largest(run: &Run, own: &[&Sample], (path, metric): (PathId, Metric), counts: &Counts) -> Observation {
    let basis = run.headline_basis();
    let ok = run.totals.as_ref().and_then(|totals| totals.of(path, metric, basis));
    let all = Distribution::of(ok, own, (metric, basis), counts.with_class(ErrorClass::is_timeout));
    let observed = all.least(1.0);
    let reason = match (all.counted(), all.beyond) {
        (0, _) => Some("no successful call has this metric".to_owned()),
        (_, 0) => None,
        (_, many) => Some(format!("{many} calls timed out and count as longer than the time they were given")),
    };
    Observation::of(all.counted() as usize, observed, (observed, all.max())).because(reason)
}

/// Of calls that have rows, where others have none: how large the largest of all is, is not known.
pub(crate) fn at_least(rows: Observation) -> Observation {
    let reason = rows.reason.clone().or_else(|| Some("the largest of the calls that have rows".to_owned()));
    Observation { estimate: Estimate { high: None, ..rows.estimate }, ..rows }.because(reason)
}
