//! Gaps between chunks, with those that no chunk ended.
//!
//! A gap is recorded when the chunk after it comes. The gap in which a stream was given up is in no histogram: it is
//! known from the stamps of the call, and only to be longer than the wait.

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::measure::sample::Sample;

/// The gaps of one path.
pub(crate) struct Gaps<'a> {
    /// Those that a chunk ended, nanoseconds.
    observed: &'a Histogram<u64>,
    /// The same and the least that the others can be.
    at_least: Histogram<u64>,
    /// How many streams stalled until they were given up.
    pub(crate) stalled: u64,
}

impl<'a> Gaps<'a> {
    /// Of the path whose measured attempts with a row are `own`, and of which so many streams `stalled` in all.
    pub(crate) fn of(observed: &'a Histogram<u64>, own: &[&Sample], stalled: u64) -> Self {
        let mut gaps = Self { observed, at_least: observed.clone(), stalled };
        let waits: Vec<u64> = own.iter().filter(|sample| sample.stalled()).map(|sample| waited(sample)).collect();
        waits.iter().for_each(|wait| gaps.at_least.saturating_record(*wait));
        // How long those without a row waited is not known.
        let others = stalled.saturating_sub(waits.len() as u64);
        if others > 0 {
            gaps.at_least.saturating_record_n(0, others);
        }
        gaps
    }

    /// How many there are in all, a stalled stream with one.
    pub(crate) fn counted(&self) -> u64 {
        self.at_least.len()
    }

    /// The least that the quantile `q` can be, milliseconds.
    pub(crate) fn least(&self, q: f64) -> f64 {
        ms(self.at_least.value_at_quantile(q))
    }

    /// The most that the quantile `q` can be, milliseconds; `None` where a stalled stream could be it.
    pub(crate) fn most(&self, q: f64) -> Option<f64> {
        histogram::quantile_ms(self.observed, self.stalled, q)
    }

    /// What a stalled stream keeps from being known.
    pub(crate) fn why(&self) -> Option<String> {
        let of = self.counted();
        (self.stalled > 0)
            .then(|| format!("{} of {of} gaps ended in a timeout and count as longer than the wait", self.stalled))
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
