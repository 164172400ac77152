//! The arrival processes: how the starts of an open load are spaced, all fixed before the run.
//!
//! Each process stands here whole: its name, its description and its times. Knows neither paths nor workers.

use std::time::Duration;

use rand::Rng;
use rand_distr::{Distribution, Poisson};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::{Purpose, below, generator};
use crate::units::Rate;

const SECOND: u64 = 1_000_000_000;

/// A bin of a Poisson process holds about this many arrivals at most, so that computing one between two sends is short.
const BIN_ARRIVALS: f64 = 512.0;

/// An arrival process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// A Poisson process.
    Poisson,
    /// The trace's own times.
    Trace,
}

impl Arrivals {
    /// What a report says of the spacing.
    #[must_use]
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Constant => "evenly spaced",
            Self::Poisson => "Poisson",
            Self::Trace => "at a trace's times",
        }
    }

    /// Whether it takes its times from the trace, and so has no rate of its own.
    #[must_use]
    pub(crate) fn follows_trace(self) -> bool {
        self == Self::Trace
    }

    /// Its times; none without the rate or the trace that it needs.
    #[must_use]
    pub fn times(self, seed: u64, rate: Option<Rate>, trace: Option<&[Duration]>, until: u64) -> ArrivalTimes<'_> {
        match (self, rate) {
            (Self::Constant, Some(Rate(rate))) => ArrivalTimes::constant(rate, until),
            (Self::Poisson, Some(Rate(rate))) => ArrivalTimes::poisson(seed, rate, until),
            (Self::Trace, _) => ArrivalTimes::trace(trace.unwrap_or(&[]), until),
            (Self::Constant | Self::Poisson, None) => ArrivalTimes::trace(&[], until),
        }
    }
}

/// Arrivals in nanoseconds from the run's start, in order, each before `until`.
#[derive(Clone, Debug)]
pub struct ArrivalTimes<'trace> {
    kind: Kind<'trace>,
    until: u64,
}

#[derive(Clone, Debug)]
enum Kind<'trace> {
    Constant { rate: f64, next: u64 },
    Poisson(PoissonBins),
    Trace(std::slice::Iter<'trace, Duration>),
}

impl<'trace> ArrivalTimes<'trace> {
    /// One arrival every `1 / rate` seconds, the first at 0.
    #[must_use]
    pub fn constant(rate: f64, until: u64) -> Self {
        Self { kind: Kind::Constant { rate, next: 0 }, until }
    }

    /// A Poisson process of `rate` arrivals a second.
    #[must_use]
    pub fn poisson(seed: u64, rate: f64, until: u64) -> Self {
        Self { kind: Kind::Poisson(PoissonBins::new(seed, rate)), until }
    }

    /// The times of a trace, of which the first is 0.
    #[must_use]
    pub fn trace(times: &'trace [Duration], until: u64) -> Self {
        Self { kind: Kind::Trace(times.iter()), until }
    }
}

impl Iterator for ArrivalTimes<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let until = self.until;
        let time = match &mut self.kind {
            Kind::Constant { rate, next } => {
                *next += 1;
                constant_time(*rate, *next - 1)
            }
            Kind::Poisson(bins) => bins.next_before(until)?,
            Kind::Trace(times) => nanos(*times.next()?),
        };
        (time < until).then_some(time)
    }
}

/// When arrival `number` of an even load is due.
fn constant_time(rate: f64, number: u64) -> u64 {
    (number as f64 / rate * SECOND as f64).round() as u64
}

/// A Poisson process, bin after bin. The number in a bin is Poisson distributed and the places inside are uniform and
/// independent, which is the process itself and not a likeness of it; each bin has a generator of its own.
#[derive(Clone, Debug)]
struct PoissonBins {
    seed: u64,
    rate: f64,
    width: u64,
    bin: u64,
    /// What is left of the bin before `bin`, latest first.
    left: Vec<u64>,
}

impl PoissonBins {
    fn new(seed: u64, rate: f64) -> Self {
        let mut width = SECOND;
        while rate * width as f64 / SECOND as f64 > BIN_ARRIVALS && width > 1_000 {
            width /= 2;
        }
        Self { seed, rate, width, bin: 0, left: Vec::new() }
    }

    fn next_before(&mut self, until: u64) -> Option<u64> {
        while self.left.is_empty() {
            if self.bin * self.width >= until {
                return None;
            }
            self.fill();
        }
        self.left.pop()
    }

    fn fill(&mut self) {
        let (start, width) = (self.bin * self.width, self.width);
        let mut generator = generator(self.seed, Purpose::ArrivalBin, self.bin);
        let expected = self.rate * width as f64 / SECOND as f64;
        let count = Poisson::new(expected).map_or(0, |poisson| poisson.sample(&mut generator) as usize);
        self.left.extend((0..count).map(|_| start + below(generator.next_u64(), width)));
        self.left.sort_unstable_by(|a, b| b.cmp(a));
        self.bin += 1;
    }
}

/// When a replayed trace is over: one mean gap after its last arrival.
#[must_use]
pub(crate) fn trace_end(times: &[Duration]) -> Duration {
    match (times.last(), times.len()) {
        (None, _) => Duration::ZERO,
        (Some(last), 1) => *last + Duration::from_secs(1),
        (Some(last), count) => *last + (*last / (count as u32 - 1)).max(Duration::from_nanos(1)),
    }
}

/// A span in nanoseconds.
#[must_use]
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_arrivals_are_counted_out() {
        for (rate, seconds, count, last) in [
            (20.0, 60, 1200, 59_950_000_000),
            (1.0 / 3.0, 60, 20, 57_000_000_000),
            (1.5, 3, 5, 2_666_666_667),
            (0.1, 5, 1, 0),
        ] {
            let times: Vec<u64> = ArrivalTimes::constant(rate, seconds * SECOND).collect();
            assert_eq!((times.len(), times.last().copied()), (count, Some(last)), "{rate}/s for {seconds} s");
        }
    }

    #[test]
    fn a_trace_ends_with_its_rows_or_with_the_run() {
        let times = [0, 10, 10, 30].map(Duration::from_millis);
        let count = |until| ArrivalTimes::trace(&times, until).count();
        assert_eq!([count(SECOND), count(30_000_000), count(1), count(0)], [4, 3, 1, 0]);
        assert_eq!(trace_end(&times), Duration::from_millis(40));
        assert_eq!(trace_end(&times[..1]), Duration::from_secs(1));
        assert_eq!(trace_end(&[]), Duration::ZERO);
    }

    #[test]
    fn a_bin_of_a_poisson_process_can_be_computed_alone() {
        let all: Vec<u64> = ArrivalTimes::poisson(3, 40.0, 100 * SECOND).collect();
        let mut alone = PoissonBins::new(3, 40.0);
        alone.bin = 57;
        let bin: Vec<u64> = std::iter::from_fn(|| alone.next_before(58 * SECOND)).collect();
        let same: Vec<u64> = all.iter().copied().filter(|time| time / SECOND == 57).collect();
        assert!(!bin.is_empty());
        assert_eq!(bin, same);
    }

    #[test]
    fn gaps_of_a_poisson_process_are_exponential() {
        for rate in [0.5, 20.0, 5_000.0] {
            let times: Vec<u64> = ArrivalTimes::poisson(11, rate, (50_000.0 / rate) as u64 * SECOND).collect();
            let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e9 * rate).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let below_one = gaps.iter().filter(|gap| **gap < 1.0).count() as f64 / gaps.len() as f64;
            assert!((mean - 1.0).abs() < 0.03, "{rate}/s: mean gap {mean}");
            assert!((below_one - 0.632).abs() < 0.01, "{rate}/s: {below_one} of the gaps are below the mean");
        }
    }
}
