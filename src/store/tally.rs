//! What has been seen while a run goes on, for the live view and for the limits. Its size does not depend on the run's.

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::units::{PathId, Phase};

/// What has been seen so far, for the live view and for the limits.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// By path.
    pub paths: Vec<PathTally>,
    /// Tokens of the prompts of every call.
    pub input: Spent,
    /// Tokens of their answers.
    pub output: Spent,
    /// Calls whose server did not report all tokens although they may have cost something.
    pub unreported: u64,
    /// Calls that ended or were dropped, warmup included.
    pub ended: u64,
}

/// Tokens that were spent. Sums that no number holds stay at the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// As servers counted them.
    pub reported: u64,
    /// As planned, of calls whose server reported none.
    pub planned: u64,
}

impl Spent {
    /// Both.
    #[must_use]
    pub(crate) fn all(self) -> u64 {
        self.reported.saturating_add(self.planned)
    }

    fn add(&mut self, reported: Option<u64>, planned: u64) {
        match reported {
            Some(reported) => self.reported = self.reported.saturating_add(reported),
            None => self.planned = self.planned.saturating_add(planned),
        }
    }
}

/// What has been seen of one path, warmup included.
#[derive(Clone, Debug)]
pub(crate) struct PathTally {
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
    pub(crate) fn tokens(&self) -> u64 {
        self.input.all().saturating_add(self.output.all())
    }

    /// Those of them that are planned figures.
    #[must_use]
    pub(crate) fn planned_tokens(&self) -> u64 {
        self.input.planned.saturating_add(self.output.planned)
    }

    /// Nothing seen yet.
    pub(crate) fn new(paths: usize) -> Self {
        let path = || PathTally { ok: 0, errors: 0, refused_in_a_row: 0, failed_in_a_row: 0, ttft: histogram::empty() };
        let paths = std::iter::repeat_with(path).take(paths).collect();
        Self { paths, input: Spent::default(), output: Spent::default(), unreported: 0, ended: 0 }
    }

    /// Counts a call.
    pub(crate) fn count(&mut self, sample: &Sample) {
        self.ended += 1;
        self.spend(sample);
        let path = &mut self.paths[sample.path.index()];
        match sample.status {
            Some(401 | 403) => path.refused_in_a_row += 1,
            Some(_) => path.refused_in_a_row = 0,
            None if sample.outcome.error() == Some(ErrorClass::Credential) => path.refused_in_a_row += 1,
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

    /// A limit must hold also where servers tell nothing: such a call counts with what was planned for it.
    fn spend(&mut self, sample: &Sample) {
        let unreported = sample.is_charged_unknown();
        self.unreported += u64::from(unreported);
        let planned = sample.planned_tokens.filter(|_| unreported).unwrap_or_default();
        self.input.add(sample.input_tokens, planned.input);
        self.output.add(sample.output_tokens, planned.output);
    }
}

impl PathTally {
    /// A quantile of the time to first token in milliseconds, once there is a value.
    #[must_use]
    pub(crate) fn ttft_ms(&self, q: f64) -> Option<f64> {
        (!self.ttft.is_empty()).then(|| self.ttft.value_at_quantile(q) as f64 / 1e6)
    }
}

impl Tally {
    /// The path whose calls are refused for want of a valid secret, if `limit` in a row were.
    #[must_use]
    pub(crate) fn refused(&self, limit: u32) -> Option<PathId> {
        let place = self.paths.iter().position(|path| path.refused_in_a_row >= limit)?;
        Some(PathId(place as u16))
    }

    /// Whether every path failed `limit` times in a row and none ever succeeded; 0 is no limit.
    #[must_use]
    pub(crate) fn keeps_failing(&self, limit: u64) -> bool {
        limit > 0 && self.paths.iter().all(|path| path.ok == 0 && path.failed_in_a_row >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::outcome::Outcome;
    use crate::measure::sample::PlannedTokens;
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

    #[test]
    fn what_a_server_does_not_tell_counts_as_planned() {
        let plan = fixture::plan(&["direct"]);
        let call = |input: Option<u64>, output: Option<u64>| {
            let mut sample = fixture::sample(&plan, 0, 0, 0, fixture::ORIGIN);
            (sample.input_tokens, sample.output_tokens) = (input, output);
            sample.planned_tokens = Some(PlannedTokens { input: 20, output: 8 });
            sample
        };
        let mut refused = call(None, None);
        fixture::fail(&mut refused, ErrorClass::Http(429));
        let mut unsent = call(None, None);
        fixture::fail(&mut unsent, ErrorClass::ConnectRefused);
        unsent.stamps.sent = None;
        let mut cut = call(None, None);
        fixture::fail(&mut cut, ErrorClass::TimeoutTotal);
        for (what, sample, reported, planned, unreported) in [
            ("told", call(Some(19), Some(5)), 24, 0, 0),
            ("nothing told", call(None, None), 0, 28, 1),
            ("input told", call(Some(19), None), 19, 8, 1),
            ("output told", call(None, Some(5)), 5, 20, 1),
            ("refused", refused, 0, 0, 0),
            ("never sent", unsent, 0, 0, 0),
            ("cut", cut, 0, 28, 1),
            ("more than there can be", call(Some(u64::MAX), Some(u64::MAX)), u64::MAX, 0, 0),
        ] {
            let mut tally = Tally::new(1);
            tally.count(&sample);
            let seen =
                (tally.input.reported.saturating_add(tally.output.reported), tally.planned_tokens(), tally.unreported);
            assert_eq!(seen, (reported, planned, unreported), "{what}");
            assert_eq!(tally.tokens(), reported.saturating_add(planned), "{what}");
        }
    }
}
