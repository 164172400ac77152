//! The distribution of a metric from the histogram of all calls, to three digits, with exact numbers: where only a sample
//! of the calls has rows, and of gaps between chunks always.
//!
//! A histogram holds successful calls. How many calls timed out is counted exactly; what was seen of them is known from
//! those that have rows, which stand for the others. A gap is recorded when the chunk after it comes: that in which a
//! stream was given up is in no histogram, and the stamps of the call tell only that it is longer than the wait.

use hdrhistogram::Histogram;

use crate::analysis::input::population::{Value, observed_ms, timed_out};
use crate::measure::histogram;
use crate::measure::metric::{AtTimeout, Basis, Metric};
use crate::measure::sample::Sample;

/// A metric of one path over all calls. Inside are nanoseconds, outside milliseconds.
pub(crate) struct Distribution {
    /// Successful calls, or gaps that a chunk ended.
    ok: Histogram<u64>,
    /// The same, and what was seen of calls that timed out.
    known: Histogram<u64>,
    /// The same, and the least that the values of the others can be.
    at_least: Histogram<u64>,
    /// Calls that timed out before they had their value, or streams that stalled until they were given up.
    pub(crate) beyond: u64,
}

impl Distribution {
    /// Of successful calls, of the path's attempts that have rows, and of the number of all that timed out.
    pub(crate) fn of(
        ok: Option<&Histogram<u64>>,
        own: &[&Sample],
        (metric, basis): (Metric, Basis),
        timeouts: u64,
    ) -> Self {
        let ok = ok.cloned().unwrap_or_else(histogram::empty);
        let mut all = Self { known: ok.clone(), at_least: ok.clone(), ok, beyond: 0 };
        let seen: Vec<Option<Value>> =
            own.iter().filter(|s| timed_out(s)).map(|sample| observed_ms(sample, metric, basis)).collect();
        if seen.is_empty() && metric.at_timeout() != AtTimeout::Unknown {
            all.count(Value::Beyond(0.0), timeouts);
        }
        // Each stands for as many as there are in all for each that has a row; the first for those left over.
        let (each, more) = (timeouts / seen.len().max(1) as u64, timeouts % seen.len().max(1) as u64);
        for (place, value) in (0..).zip(&seen) {
            value.iter().for_each(|value| all.count(*value, each + u64::from(place < more)));
        }
        all
    }

    /// Of the gaps of a path whose attempts with a row are `own`, and of which so many streams `stalled` in all.
    pub(crate) fn of_gaps(recorded: &Histogram<u64>, own: &[&Sample], stalled: u64) -> Self {
        let [ok, known, mut at_least] = [(); 3].map(|()| recorded.clone());
        let waits: Vec<u64> = own.iter().filter(|sample| sample.stalled()).map(|sample| waited(sample)).collect();
        waits.iter().for_each(|wait| at_least.saturating_record(*wait));
        // How long those without a row waited is not known.
        let others = stalled.saturating_sub(waits.len() as u64);
        if others > 0 {
            at_least.saturating_record_n(0, others);
        }
        Self { ok, known, at_least, beyond: stalled }
    }

    fn count(&mut self, value: Value, times: u64) {
        let ns = |ms: f64| (ms.max(0.0) * 1e6) as u64;
        match value {
            _ if times == 0 => {}
            Value::Known(ms) => {
                self.known.saturating_record_n(ns(ms), times);
                self.at_least.saturating_record_n(ns(ms), times);
            }
            Value::Beyond(ms) => {
                self.beyond += times;
                self.at_least.saturating_record_n(ns(ms), times);
            }
        }
    }

    /// How many successful calls have the metric.
    pub(crate) fn n(&self) -> u64 {
        self.ok.len()
    }

    /// How many values its quantiles are made of.
    pub(crate) fn counted(&self) -> u64 {
        self.at_least.len()
    }

    /// The mean of successful calls.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.n() > 0).then(|| self.ok.mean() / 1e6)
    }

    /// The smallest value of a successful call.
    pub(crate) fn min(&self) -> Option<f64> {
        (self.n() > 0).then(|| ms(self.ok.min()))
    }

    /// The largest value of all; `None` if a call timed out before it had its value.
    pub(crate) fn max(&self) -> Option<f64> {
        (self.n() > 0 && self.beyond == 0).then(|| ms(self.known.max()))
    }

    /// The quantile `q`; `None` where it is beyond a timeout.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        histogram::quantile_ms(&self.known, self.beyond, q)
    }

    /// How many values are not known to keep a limit.
    pub(crate) fn beyond_limit(&self, is_kept: impl Fn(f64) -> bool) -> u64 {
        let whole = |value| [self.known.lowest_equivalent(value), self.known.highest_equivalent(value)];
        let is_broken = |value| !whole(value).into_iter().all(|end| is_kept(ms(end)));
        let broken = self.known.iter_recorded().filter(|bucket| is_broken(bucket.value_iterated_to()));
        broken.map(|bucket| bucket.count_since_last_iteration()).sum::<u64>() + self.beyond
    }

    /// The least that the quantile `q` can be.
    pub(crate) fn least(&self, q: f64) -> Option<f64> {
        (self.counted() > 0).then(|| ms(self.at_least.value_at_quantile(q)))
    }
}

/// How long after its last chunk a stream was given up, nanoseconds; 0 if no gap had begun.
fn waited(sample: &Sample) -> u64 {
    let span = sample.stamps.last_content.zip(sample.stamps.end);
    span.map_or(0, |(last, end)| end.0.saturating_sub(last.0))
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}
