//! Whether a run may be judged at all: was this tool itself on time, and did it do all that it planned?

use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::shift::Interference;
use crate::analysis::input::view::View;
use crate::analysis::summary::way::Way;
use crate::measure::counts::Counts;
use crate::measure::health::BadSeconds;
use crate::run::Run;
use crate::units::CallCounts;

pub(crate) mod accounting;
pub(crate) mod arrivals;
pub(crate) mod host;
pub(crate) mod lag;
mod limits;
pub(crate) mod little;
mod message;
pub(crate) mod reason;
#[cfg(test)]
mod tests;
pub(crate) mod verdict;

pub(crate) use crate::analysis::validity::host::Vitals;
pub(crate) use arrivals::Arrivals;
pub(crate) use lag::{Lag, Lags};
pub(crate) use little::Little;
pub(crate) use reason::Reason;
pub(crate) use verdict::ValidityVerdict;

/// The least share of the processors that other programs must use to be named as what kept a machine busy.
const BUSY_SHARE: f64 = 0.25;

/// Whether a run may be judged, and why not.
#[derive(Clone, Debug, PartialEq)]
pub struct Validity {
    /// What may be made of it.
    pub verdict: ValidityVerdict,
    /// What speaks against it.
    pub reasons: Vec<Reason>,
    /// Arrivals due in the measured phase.
    pub planned: u64,
    /// Those that were taken up.
    pub sent: u64,
    /// Those that were never sent.
    pub dropped: u64,
    /// Those that left no row and whose path is not known; among `planned`, not among any path's.
    pub unattributed: u64,
    /// How late calls were sent, over all of them.
    pub lags: Lags,
    /// What became of the arrivals.
    pub arrivals: Arrivals,
    /// Calls under way, counted in two ways; or why they could not be.
    pub little: Result<Little, &'static str>,
    /// The health of the host.
    pub vitals: Vitals,
    /// The seconds in which this tool could not measure faithfully.
    pub bad: BadSeconds,
    /// Calls that are left out of every figure because their round was due in such a second, as far as they have rows.
    pub left_out: u64,
}

/// Examines a run whose calls by outcome are `requests`. What is counted is counted over all attempts.
pub(crate) fn examine(view: &View<'_>, requests: &[CallCounts]) -> Validity {
    let (run, bad) = (view.run, &view.bad);
    let planned = requests.iter().map(|path| path.planned).sum::<u64>() + run.lost.unattributed;
    let dropped = requests.iter().map(|path| path.dropped).sum();
    let vitals = Vitals::of(run);
    let arrivals = Arrivals::of(view, planned);
    let little = Little::of(view);
    let mut all = Counts::default();
    view.counted().iter().for_each(|counts| all.add(counts));
    let failures = host::own_failures(&all);
    let unsent = 1.0 - arrivals.share() + (failures.0 + failures.1) as f64 / planned.max(1) as f64;

    let mut reasons = lag::lateness(view);
    reasons.extend(arrivals::dropped(&all, planned, unsent));
    reasons.extend(arrivals.reasons());
    reasons.extend(host::reasons(run, &vitals, bad, failures, unsent));
    reasons.extend(accounting::reasons(run, &all, requests));
    if let Ok(little) = little
        && little.is_off(limits::RESIDUAL)
    {
        reasons.push(Reason::LittlesLaw { counted: little.counted, expected: little.expected });
    }
    // The gravest first; among equals the order above.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.weight()));
    Validity {
        verdict: reasons.first().map_or(ValidityVerdict::Valid, Reason::weight),
        reasons,
        planned,
        sent: all.calls() - dropped + lost(run),
        dropped,
        unattributed: run.lost.unattributed,
        lags: Lags::of(&view.measured, &view.plan().paths),
        arrivals,
        little,
        vitals,
        bad: bad.clone(),
        left_out: (view.measured.len() - view.kept.len()) as u64,
    }
}

impl Validity {
    /// Takes up which paths were declared private and were not.
    pub(crate) fn note_ways(&mut self, run: &Run, ways: &[Way]) {
        let found = ways.iter().filter_map(|way| {
            let failed = way.failed_rung()?;
            Some(Reason::NotPrivate {
                path: run.manifest.plan.path(way.path).name.clone(),
                rung: failed.rung,
                evidence: failed.evidence.clone(),
                remedy: failed.remedy,
            })
        });
        self.take_up(found.collect());
    }

    /// How many processors other programs used while this tool was held up, if they and not this tool or its simulator
    /// were what kept the machine busy: they used more than both together, and at least a quarter of what there is.
    pub(crate) fn busy_others(&self, cpus: usize) -> Option<f64> {
        let held_up = self.reasons.iter().any(Reason::is_of_waiting);
        let mean = |used: Option<(f64, f64)>| used.map_or(0.0, |(mean, _)| mean);
        let then = |reason: &Reason| if let Reason::Hiccups { others, .. } = reason { *others } else { None };
        let in_bad_seconds = self.reasons.iter().find_map(then);
        let others = in_bad_seconds.or(self.vitals.others.map(|(mean, _)| mean)).filter(|_| held_up)?;
        let own = mean(self.vitals.cpu) + mean(self.vitals.sim_cpu);
        (others > own && others >= BUSY_SHARE * cpus as f64).then_some(others)
    }

    fn take_up(&mut self, reasons: Vec<Reason>) {
        self.reasons.extend(reasons);
        self.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.weight()));
        self.verdict = self.reasons.first().map_or(ValidityVerdict::Valid, Reason::weight);
    }

    /// Takes up what a comparison found of calls in each other's way.
    pub(crate) fn note_interference(&mut self, run: &Run, comparison: Option<&Comparison>) {
        let Some(comparison) = comparison else { return };
        let name = |path| run.manifest.plan.path(path).name.clone();
        let found = comparison.candidates.iter().filter_map(|candidate| {
            let found = candidate.interference.filter(Interference::is_material)?;
            Some(Reason::SelfInterference { path: name(candidate.path), baseline: name(comparison.baseline), found })
        });
        self.take_up(found.collect());
    }
}

fn lost(run: &Run) -> u64 {
    run.lost.by_path.iter().sum::<u64>() + run.lost.unattributed
}
