//! Which attempts a figure is made of.

use crate::measure::metric::{AtTimeout, Basis, Metric};
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::path::{ConnectionPolicy, NetPath};
use crate::units::PathId;
use schemars::JsonSchema;
use serde::Serialize;

/// Which connections a comparison looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Connections {
    /// Those that had carried a call before.
    Reused,
    /// Those that were opened for the call: every path opens one for each.
    New,
}

impl Connections {
    /// What a comparison over these paths looks at: connections used before, unless no path keeps any.
    #[must_use]
    pub fn of(paths: &[&NetPath]) -> Self {
        let keeps = |path: &&NetPath| path.connections == ConnectionPolicy::Keep;
        if paths.iter().any(keeps) { Self::Reused } else { Self::New }
    }

    /// Whether this attempt went over such a connection. One that was given up before it had any was opening one.
    #[must_use]
    pub fn contains(self, sample: &Sample) -> bool {
        let is_new = sample.conn.as_ref().map_or(timed_out(sample), |conn| conn.uses == 1);
        match self {
            Self::Reused => sample.conn.as_ref().is_some_and(|conn| conn.uses > 1),
            Self::New => is_new,
        }
    }
}

/// The value of a metric for a successful attempt in milliseconds.
///
/// Time to first token and to first output are figures of streams: without a stream the first token comes with the
/// last.
#[must_use]
pub(crate) fn value_ms(sample: &Sample, metric: Metric, basis: Basis) -> Option<f64> {
    if !sample.outcome.is_ok() || (metric.is_of_streams() && !sample.stream) {
        return None;
    }
    metric.of(sample, basis).map(|ns| ns as f64 / 1e6)
}

/// What is known of a value in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// It was seen.
    Known(f64),
    /// The call was given up before it was there: it is longer than this.
    Beyond(f64),
}

impl Value {
    /// The value, infinite where it is not known.
    #[must_use]
    pub(crate) fn or_infinite(self) -> f64 {
        match self {
            Self::Known(ms) => ms,
            Self::Beyond(_) => f64::INFINITY,
        }
    }
}

/// The value of a metric for a call that was answered or timed out: a failed call of any other kind has none.
///
/// A call that timed out keeps what was seen of it: a stream that stalls after its first token has a time to first
/// token like any other. Only what had not come when it was given up is longer than the wait. Metrics that do not
/// count from the start of the call have no such bound and stay those of successful calls.
#[must_use]
pub(crate) fn observed_ms(sample: &Sample, metric: Metric, basis: Basis) -> Option<Value> {
    if let Some(ms) = value_ms(sample, metric, basis) {
        return Some(Value::Known(ms));
    }
    if !timed_out(sample) || (metric.is_of_streams() && !sample.stream) {
        return None;
    }
    let seen = match metric.at_timeout() {
        AtTimeout::Unknown => return None,
        AtTimeout::SeenOrLonger => metric.of(sample, basis),
        // It has an end, but not that of its answer; of a body that is no stream `done` is the last read so far.
        AtTimeout::Longer => None,
    };
    match seen {
        Some(ns) => Some(Value::Known(ns as f64 / 1e6)),
        None => waited_ms(sample, basis).map(Value::Beyond),
    }
}

/// Whether the call was given up at a time limit.
#[must_use]
pub(crate) fn timed_out(sample: &Sample) -> bool {
    sample.outcome.error().is_some_and(ErrorClass::is_timeout)
}

/// How long a call was waited for.
fn waited_ms(sample: &Sample, basis: Basis) -> Option<f64> {
    let start = match basis {
        Basis::Response => sample.stamps.intended,
        Basis::Service => sample.stamps.sent.unwrap_or(sample.stamps.intended),
    };
    Some(sample.stamps.end?.ms_since(start))
}

/// The values of the successful calls of a path in milliseconds, ascending.
#[must_use]
pub(crate) fn sorted_ms(measured: &[&Sample], path: PathId, metric: Metric, basis: Basis) -> Vec<f64> {
    let of_path = measured.iter().filter(|sample| sample.path == path);
    let mut values: Vec<f64> = of_path.filter_map(|sample| value_ms(sample, metric, basis)).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// What the quantiles of a path are made of, in milliseconds, ascending: its successful calls and those that timed
/// out. Of the latter each counts with what was seen of it, or as infinity, or the path that loses its slowest calls
/// would look the faster one.
#[must_use]
pub(crate) fn quantile_ms(measured: &[&Sample], path: PathId, metric: Metric, basis: Basis) -> Vec<f64> {
    let of_path = measured.iter().filter(|sample| sample.path == path);
    let mut values: Vec<f64> =
        of_path.filter_map(|sample| Some(observed_ms(sample, metric, basis)?.or_infinite())).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Whether the attempt counts in a failed share, and whether it failed there: calls that were never sent or that the
/// end of the run cut off are nobody's failure.
#[must_use]
pub(crate) fn failed(sample: &Sample) -> Option<bool> {
    sample.outcome.counts_as_failed()
}

/// The metric on which paths are judged first: time to first token, or end to end where nothing streams.
#[must_use]
pub(crate) fn headline(measured: &[&Sample]) -> Metric {
    let streams = measured.iter().any(|s| value_ms(s, Metric::Ttft, Basis::Response).is_some());
    if streams { Metric::Ttft } else { Metric::E2e }
}
