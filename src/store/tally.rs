//! What has been seen while a run goes on, for the live view and for the limits. Its size does not depend on the run's.

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::units::{PathId, Phase};

/// What has been seen so far, for the live view and for the limits.
#[derive(Clone, Debug)]
pub struct Tally {
    /// By path.
    pub paths: Vec<PathTally>,
    /// Tokens of the prompts of every call.
    pub input_tokens: u64,
    /// Tokens of their answers.
    pub output_tokens: u64,
    /// Calls that ended or were dropped, warmup included.
    pub ended: u64,
}

/// What has been seen of one path, warmup included.
#[derive(Clone, Debug)]
pub struct PathTally {
    /// Calls that were ok.
    pub ok: u64,
    /// Calls that were not.
    pub errors: u64,
    /// Answers 401 or 403 since the last other one.
    pub refused_in_a_row: u32,
    /// Calls that count as failed since the last success, those that broke on this machine left out.
    pub failed_in_a_row: u64,
    /// Time to first token (first byte where nothing streams), response time in nanoseconds, measured and ok.
    pub ttft: Histogram<u32>,
}

impl Tally {
    /// Tokens, prompt and output.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input_tokens + self.output_tokens
    }

    /// Nothing seen yet.
    pub(crate) fn new(paths: usize) -> Self {
        let path = || PathTally { ok: 0, errors: 0, refused_in_a_row: 0, failed_in_a_row: 0, ttft: histogram::empty() };
        Self { paths: std::iter::repeat_with(path).take(paths).collect(), input_tokens: 0, output_tokens: 0, ended: 0 }
    }

    /// Counts a call.
    pub(crate) fn count(&mut self, sample: &Sample) {
        self.ended += 1;
        self.input_tokens += sample.input_tokens.unwrap_or(0);
        self.output_tokens += sample.output_tokens.unwrap_or(0);
        let path = &mut self.paths[sample.path.index()];
        match sample.status {
            Some(401 | 403) => path.refused_in_a_row += 1,
            Some(_) => path.refused_in_a_row = 0,
            None => {}
        }
        // What breaks on this machine says nothing of the path.
        let own = sample.outcome.error().is_some_and(ErrorClass::is_of_this_machine);
        path.failed_in_a_row += u64::from(sample.outcome.counts_as_failed() == Some(true) && !own);
        if !sample.outcome.is_ok() {
            path.errors += 1;
            return;
        }
        path.ok += 1;
        path.failed_in_a_row = 0;
        if sample.phase == Phase::Measure {
            let first = Metric::Ttft.of(sample, Basis::Response).or_else(|| Metric::Ttfb.of(sample, Basis::Response));
            first.into_iter().for_each(|value| path.ttft.saturating_record(value));
        }
    }
}

impl PathTally {
    /// A quantile of the time to first token in milliseconds, once there is a value.
    #[must_use]
    pub fn ttft_ms(&self, q: f64) -> Option<f64> {
        (!self.ttft.is_empty()).then(|| self.ttft.value_at_quantile(q) as f64 / 1e6)
    }
}

impl Tally {
    /// The path whose calls are refused for want of a valid secret, if `limit` in a row were.
    #[must_use]
    pub fn refused(&self, limit: u32) -> Option<PathId> {
        let place = self.paths.iter().position(|path| path.refused_in_a_row >= limit)?;
        Some(PathId(place as u16))
    }

    /// Whether every path failed `limit` times in a row and none ever succeeded; 0 is no limit.
    #[must_use]
    pub fn keeps_failing(&self, limit: u64) -> bool {
        limit > 0 && self.paths.iter().all(|path| path.ok == 0 && path.failed_in_a_row >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::outcome::Outcome;
    use crate::run::fixture;
    use crate::units::Nanos;

    #[test]
    fn only_paths_that_all_fail_and_never_succeeded_keep_failing() {
        let plan = fixture::plan(&["direct", "gateway"]);
        let tally_of = |outcomes: &[(u16, Outcome)]| {
            let mut tally = Tally::new(2);
            for (seq, (path, outcome)) in (0..).zip(outcomes) {
                let sample = fixture::sample(&plan, seq, seq, *path, Nanos(1_000_000));
                tally.count(&Sample { outcome: *outcome, ..sample });
            }
            tally
        };
        let failed = Outcome::Failed(ErrorClass::ConnectRefused);
        let dropped = Outcome::Dropped(ErrorClass::InFlightCap);
        let starved = Outcome::Failed(ErrorClass::NoDescriptor);
        let many = |path: u16, outcome| vec![(path, outcome); 20];
        for (word, outcomes, expected) in [
            ("both fail", [many(0, failed), many(1, failed)].concat(), true),
            ("one is alive", [many(0, failed), many(1, Outcome::Ok)].concat(), false),
            ("an outage after a success", [vec![(0, Outcome::Ok)], many(0, failed), many(1, failed)].concat(), false),
            ("one has not begun", many(0, failed), false),
            ("too few", [many(0, failed), vec![(1, failed); 19]].concat(), false),
            ("what this machine lacks is no failure", [many(0, failed), many(1, starved)].concat(), false),
            ("what was never sent is no failure", [many(0, failed), many(1, dropped)].concat(), false),
        ] {
            assert_eq!(tally_of(&outcomes).keeps_failing(20), expected, "{word}");
        }
        assert!(!tally_of(&[many(0, failed), many(1, failed)].concat()).keeps_failing(0), "0 never ends a run");
    }
}
