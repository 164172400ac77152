//! Paths that failed: no call of them succeeded, or more of their calls failed than the plan allows. Such a path fails
//! the run, whatever its objectives say, and what is seen of its other calls is no basis for a comparison.
//!
//! Calls that were never sent and calls that the end of the run cut off are nobody's failure; but a path of which no
//! call was finished has shown nothing, and counts as failed too.

use crate::analysis::input::view::View;
use crate::measure::counts::Counts;
use crate::run::Ending;
use crate::units::PathId;

/// A path that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedPath {
    /// The path.
    pub path: PathId,
    /// Its name.
    pub name: String,
    /// In which way.
    pub kind: FailureKind,
    /// Calls that were finished.
    pub tried: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Arrivals that were never sent, or cut off by the end of the run.
    pub unfinished: u64,
    /// The error class that most of its failures have, and how many.
    pub most: Option<(String, u64)>,
    /// Whether these are calls of the warmup, because the run ended before it measured.
    pub in_warmup: bool,
}

/// In which way a path failed.
#[derive(Clone, Copy, Debug, PartialEq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum FailureKind {
    /// No call was finished.
    NothingFinished,
    /// No call succeeded.
    NoSuccess,
    /// More than this share of its calls failed.
    #[strum(serialize = "failure_share")]
    ShareExceeded(f64),
}

impl FailureKind {
    /// The stable name, for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

impl FailedPath {
    /// How it failed, in a sentence without its full stop and without the path's name.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { tried, failed, unfinished, .. } = self;
        let when = if self.in_warmup { " in the warmup" } else { "" };
        match self.kind {
            FailureKind::NothingFinished if *unfinished > 0 => {
                format!("no call was finished ({unfinished} were planned, but not sent or cut off)")
            }
            FailureKind::NothingFinished => "no call was made".to_owned(),
            FailureKind::NoSuccess => format!("every call failed{when} ({failed} of {tried}{})", self.mostly()),
            FailureKind::ShareExceeded(allowed) => format!(
                "{} of its calls failed{when} ({failed} of {tried}{}), limits.failure_share allows {}",
                percent(*failed as f64 / (*tried).max(1) as f64),
                self.mostly(),
                percent(allowed)
            ),
        }
    }

    /// The same with the path's name.
    #[must_use]
    pub fn message(&self) -> String {
        format!("path '{}': {}", self.name, self.describe())
    }

    fn mostly(&self) -> String {
        match &self.most {
            Some((class, count)) if *count == self.failed => format!(", {class}"),
            Some((class, count)) => format!(", {count} of them {class}"),
            None => String::new(),
        }
    }
}

fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if (percent - percent.round()).abs() < 1e-9 { format!("{percent:.0}%") } else { format!("{percent:.1}%") }
}

/// The paths of a run that failed, in the order of the plan.
pub(crate) fn find(view: &View<'_>) -> Vec<FailedPath> {
    let (run, plan) = (view.run, view.plan());
    let cut_off = run.manifest.ending.as_ref().is_none_or(Ending::ended_by_signal);
    let gave_up = run.manifest.ending.as_ref().is_some_and(Ending::ended_by_failures);
    // A run that gave up before it measured gave up because of what it saw until then.
    let all = if gave_up { run.counted_where(|_| true) } else { Vec::new() };
    let of_path = |(place, own): (usize, &Counts)| {
        let early = all.get(place).filter(|_| own.failures().1 == 0);
        let name = plan.paths[place].name.clone();
        let failed = judge(early.unwrap_or(own), plan.limits.failure_share.0)?;
        // A run that was killed or interrupted may not have come so far; that is nobody's failure.
        if failed.kind == FailureKind::NothingFinished && cut_off {
            return None;
        }
        Some(FailedPath { path: PathId(place as u16), name, in_warmup: early.is_some(), ..failed })
    };
    view.counted().iter().enumerate().filter_map(of_path).collect()
}

/// Whether these calls of a path mean that it failed; its name and place are not known here.
fn judge(calls: &Counts, allowed: f64) -> Option<FailedPath> {
    let (failed, tried) = calls.failures();
    let kind = if tried == 0 {
        FailureKind::NothingFinished
    } else if failed == tried {
        FailureKind::NoSuccess
    } else if failed as f64 > allowed * tried as f64 + 1e-9 {
        FailureKind::ShareExceeded(allowed)
    } else {
        return None;
    };
    let unfinished = calls.calls() - tried;
    let (path, name, most) = (PathId(0), String::new(), most(calls));
    Some(FailedPath { path, name, kind, tried, failed, unfinished, most, in_warmup: false })
}

/// The most frequent class among failures.
fn most(calls: &Counts) -> Option<(String, u64)> {
    let classes = calls.by_class(|outcome| outcome.counts_as_failed() == Some(true));
    let most = classes.into_iter().max_by_key(|(_, count)| *count)?;
    Some((most.0.to_string(), most.1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::{Conclusion, analyse};
    use crate::measure::outcome::{ErrorClass, Outcome};
    use crate::run::Run;
    use crate::run::fixture::World;
    use crate::units::Phase;

    const REFUSED: Outcome = Outcome::Failed(ErrorClass::Http(503));
    const CUT: Outcome = Outcome::Incomplete(ErrorClass::StreamTruncated);
    const INTERRUPTED: Outcome = Outcome::Incomplete(ErrorClass::Interrupted);
    const DROPPED: Outcome = Outcome::Dropped(ErrorClass::InFlightCap);

    /// Ten calls of one path that end like this, one after the other.
    fn run_of(outcomes: &[Outcome], allowed: f64) -> Run {
        let mut run = World { shifts_ms: vec![0.0], seconds: 60.0, ..World::default() }.run();
        run.manifest.plan.limits.failure_share = crate::units::Fraction(allowed);
        run.samples.truncate(outcomes.len());
        run.samples.iter_mut().zip(outcomes).for_each(|(sample, outcome)| sample.outcome = *outcome);
        run.manifest.ending.as_mut().expect("ending").planned = vec![outcomes.len() as u64];
        run
    }

    fn mixed(ok: usize, failed: usize, other: &[Outcome]) -> Vec<Outcome> {
        let failures = [REFUSED, CUT].into_iter().cycle().take(failed);
        std::iter::repeat_n(Outcome::Ok, ok).chain(failures).chain(other.iter().copied()).collect()
    }

    #[test]
    fn a_path_fails_without_a_success_or_above_the_share() {
        let none = |kind| (Some(kind), 3);
        let share = |allowed| (Some(FailureKind::ShareExceeded(allowed)), 3);
        for (word, outcomes, allowed, (kind, code)) in [
            ("all well", mixed(10, 0, &[]), 0.5, (None, 0)),
            ("every call failed", mixed(0, 10, &[]), 0.5, none(FailureKind::NoSuccess)),
            ("every call failed, and that is allowed", mixed(0, 10, &[]), 1.0, none(FailureKind::NoSuccess)),
            ("six of ten", mixed(4, 6, &[]), 0.5, share(0.5)),
            ("half", mixed(5, 5, &[]), 0.5, (None, 0)),
            ("four of ten", mixed(6, 4, &[]), 0.5, (None, 0)),
            ("four of ten where three are allowed", mixed(6, 4, &[]), 0.3, share(0.3)),
            ("nine of ten, and that is allowed", mixed(1, 9, &[]), 1.0, (None, 0)),
            ("one where none is allowed", mixed(9, 1, &[]), 0.0, share(0.0)),
            ("what was dropped is nobody's failure", mixed(5, 5, &[DROPPED; 6]), 0.5, (None, 0)),
            ("what was interrupted is nobody's failure", mixed(5, 5, &[INTERRUPTED; 6]), 0.5, (None, 0)),
            ("nothing was sent", mixed(0, 0, &[DROPPED; 6]), 0.5, none(FailureKind::NothingFinished)),
            ("nothing came to an end", mixed(0, 0, &[INTERRUPTED; 6]), 0.5, none(FailureKind::NothingFinished)),
            ("nothing came due", mixed(0, 0, &[]), 0.5, none(FailureKind::NothingFinished)),
            ("a failure, the rest never sent", mixed(0, 1, &[DROPPED; 6]), 0.5, none(FailureKind::NoSuccess)),
        ] {
            let run = run_of(&outcomes, allowed);
            let found = find(&View::of(&run));
            assert_eq!(found.first().map(|failed| failed.kind), kind, "{word}: {found:?}");
            let analysis = analyse(&run);
            // An invalid run is graver, and no less green.
            let invalid = analysis.conclusion == Conclusion::Invalid;
            assert_eq!(analysis.conclusion.exit_code(false), if invalid { 4 } else { code }, "{word}");
        }
    }

    #[test]
    fn what_is_said_of_a_failed_path_counts() {
        let told = |outcomes: &[Outcome], allowed| find(&View::of(&run_of(outcomes, allowed)))[0].message();
        assert_eq!(told(&[REFUSED; 4], 0.5), "path 'direct': every call failed (4 of 4, http_503)");
        let mixed = [&[REFUSED; 3][..], &[CUT, Outcome::Ok]].concat();
        let expected = "path 'direct': 80% of its calls failed (4 of 5, 3 of them http_503), limits.failure_share allows \
                        33.3%";
        assert_eq!(told(&mixed, 1.0 / 3.0), expected);
        let unsent = "path 'direct': no call was finished (2 were planned, but not sent or cut off)";
        assert_eq!(told(&[DROPPED, INTERRUPTED], 0.5), unsent);
    }

    #[test]
    fn a_run_that_gave_up_in_its_warmup_failed_and_one_that_was_killed_there_did_not() {
        let mut run = run_of(&[REFUSED; 20], 0.5);
        run.samples.iter_mut().for_each(|sample| sample.phase = Phase::Warmup);
        let ending = run.manifest.ending.as_mut().expect("ending");
        (ending.complete, ending.planned) = (false, vec![0]);
        for (ended_by, conclusion, code) in [
            (Some(crate::run::EndedBy::FailuresInARow(20)), Conclusion::Failed, 3),
            (Some(crate::run::EndedBy::Signal), Conclusion::Incomplete, 0),
            (Some(crate::run::EndedBy::SimulatorDied("signal: 9".to_owned())), Conclusion::Invalid, 4),
            // Ended by a limit before anything was measured: nothing was shown.
            (None, Conclusion::Failed, 3),
        ] {
            run.manifest.ending.as_mut().expect("ending").ended_by = ended_by.clone();
            let analysis = analyse(&run);
            assert_eq!((analysis.conclusion, analysis.conclusion.exit_code(false)), (conclusion, code), "{ended_by:?}");
        }
        run.manifest.ending = None;
        assert_eq!(analyse(&run).conclusion, Conclusion::Incomplete, "killed");
    }

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            4 => Just(Outcome::Ok),
            4 => (0..ErrorClass::plain().count()).prop_map(|place| Outcome::Failed(ErrorClass::plain().nth(place).expect("a class"))),
            1 => (400..600_u16).prop_map(|status| Outcome::Failed(ErrorClass::Http(status))),
            1 => Just(CUT),
            1 => Just(INTERRUPTED),
            1 => Just(DROPPED),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn exit_code_0_means_that_every_path_has_a_success_and_few_failures(
            outcomes in proptest::collection::vec(any_outcome(), 0..40),
            paths in 1..3_usize,
            allowed in 0.0..1.0_f64,
        ) {
            let world = World { shifts_ms: vec![0.0; paths], failing: vec![0.0; paths], seconds: 20.0, ..World::default() };
            let mut run = world.run();
            run.manifest.plan.limits.failure_share = crate::units::Fraction(allowed);
            run.samples.truncate(outcomes.len());
            run.samples.iter_mut().zip(&outcomes).for_each(|(sample, outcome)| sample.outcome = *outcome);
            let of = |path: usize| run.samples.iter().filter(move |sample| sample.path.index() == path);
            run.manifest.ending.as_mut().expect("ending").planned =
                (0..paths).map(|path| of(path).count() as u64).collect();
            // Stated anew, by the rows alone.
            let healthy = (0..paths).all(|path| {
                let ok = of(path).filter(|sample| sample.outcome == Outcome::Ok).count() as f64;
                let failed = of(path).filter(|sample| sample.outcome.counts_as_failed() == Some(true)).count() as f64;
                ok > 0.0 && failed / (ok + failed) <= allowed
            });
            let conclusion = analyse(&run).conclusion;
            let code = conclusion.exit_code(false);
            prop_assert!(code != 0 || healthy, "{conclusion:?} {outcomes:?}");
            prop_assert!(conclusion == Conclusion::Invalid || (code == 3) != healthy, "{conclusion:?} {outcomes:?}");
        }
    }
}
