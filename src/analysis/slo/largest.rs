//! The largest value where not every call has a row: the histogram of all calls can tell it to three digits, rows only
//! that it is no smaller than theirs.

use crate::analysis::slo::observation::Observation;
use crate::analysis::summary::distribution::Distribution;
use crate::measure::counts::Counts;
use crate::measure::metric::Metric;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::run::Run;
use crate::units::{Estimate, PathId};

/// Of all calls of a path, of which `own` have rows and `counts` are all.
pub(crate) fn observe(run: &Run, own: &[&Sample], (path, metric): (PathId, Metric), counts: &Counts) -> Observation {
    let basis = run.headline_basis();
    let ok = run.totals.as_ref().and_then(|totals| totals.of(path, metric, basis));
    let all = Distribution::of(ok, own, (metric, basis), counts.with_class(ErrorClass::is_timeout));
    let observed = all.least(1.0);
    let many = all.beyond;
    let reason = match (all.counted(), many) {
        (0, _) => Some("no successful call has this metric".to_owned()),
        (_, 0) => None,
        _ => Some(format!("{many} calls timed out and count as longer than the time they were given")),
    };
    Observation::of(all.counted() as usize, observed, (observed, all.max())).because(reason)
}

/// Of calls that have rows, where others have none: how large the largest of all is, is not known.
pub(crate) fn at_least(rows: Observation) -> Observation {
    let reason = rows.reason.clone().or_else(|| Some("the largest of the calls that have rows".to_owned()));
    Observation { estimate: Estimate { high: None, ..rows.estimate }, ..rows }.because(reason)
}
