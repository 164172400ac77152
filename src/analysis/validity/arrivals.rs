//! Whether the arrivals of the plan were made: how many, in time, and with the plan's own unevenness.

use std::time::Duration;

use crate::analysis::input::view::View;
use crate::analysis::validity::lag::achieved;
use crate::analysis::validity::limits::{BUNCHED, BUNCHED_SHARE, LAG_ALLOWED_MS, SENT_SHARE};
use crate::analysis::validity::reason::{Dispersion, Reason};
use crate::analysis::validity::verdict::ValidityVerdict;
use crate::measure::counts::Counts;
use crate::measure::outcome::Outcome;
use crate::measure::sample::Sample;
use crate::units::Nanos;

/// The arrivals in a bin, on average, that its unevenness is judged by.
const A_BIN: f64 = 10.0;

/// The narrowest bin, seconds.
const NARROWEST_S: f64 = 0.1;

/// The fewest bins that show anything.
const FEWEST_BINS: usize = 20;

/// What became of the arrivals of the measured phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrivals {
    /// Those that the plan wanted.
    pub planned: u64,
    /// Those that this tool made before the measured phase was over.
    pub achieved: u64,
    /// Those that it made later.
    pub behind: u64,
    /// How unevenly they came; or why that cannot be told.
    pub dispersion: Result<Dispersion, &'static str>,
}

impl Arrivals {
    /// Of a run with that many planned arrivals.
    pub(crate) fn of(view: &View<'_>, planned: u64) -> Self {
        let (run, bad) = (view.run, &view.bad);
        let is_open = run.manifest.plan.load.model.is_open();
        // What came after the end of the measured phase by no more than any call may be late was in time.
        let grace = Duration::from_secs_f64(LAG_ALLOWED_MS / 1e3);
        let end = run.manifest.origin + run.manifest.plan.measure_from() + Duration::from_secs_f64(view.measured_s);
        // A bad second is judged as such, and not once more here.
        let behind = |sample: &Sample| {
            let intended = sample.stamps.intended;
            let is_late = achieved(sample, &run.manifest.plan.paths).is_some_and(|at| at > end.max(intended) + grace);
            is_open && is_late && !bad.leave_out(run.second_of(intended))
        };
        let dropped: u64 = view.counted().iter().map(Counts::dropped).sum();
        let late = view.measured.iter().filter(|sample| !is_dropped(sample.outcome) && behind(sample)).count();
        // Where not every call has a row, those that have stand for the others.
        let behind = (late as f64 * view.calls_a_row()).round() as u64;
        let dispersion = if is_open {
            Dispersion::of(view).ok_or("fewer than 200 arrivals, or less than 2 s")
        } else {
            Err("under closed load no plan says when calls come")
        };
        Self { planned, achieved: planned.saturating_sub(dropped + behind), behind, dispersion }
    }

    /// The share that was made.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.achieved as f64 / self.planned.max(1) as f64
    }

    /// Those that came after the end, and unevenness that is not the plan's.
    pub(crate) fn reasons(&self) -> Vec<Reason> {
        let late = (self.behind > 0 && self.share() < SENT_SHARE)
            .then_some(Reason::BehindPlan { behind: self.behind, planned: self.planned });
        let bunched = self.dispersion.ok().filter(Dispersion::is_off).map(Reason::Bunched);
        late.into_iter().chain(bunched).collect()
    }
}

impl Dispersion {
    fn of(view: &View<'_>) -> Option<Self> {
        let (run, paths) = (view.run, &view.plan().paths);
        let sent: Vec<(Nanos, Nanos)> = view
            .measured
            .iter()
            .filter_map(|sample| Some((sample.stamps.intended, achieved(sample, paths)?)))
            .collect();
        let seconds = view.measured_s;
        let bin_s = NARROWEST_S.max(A_BIN * seconds / sent.len().max(1) as f64);
        let bins = (seconds / bin_s) as usize;
        let start = run.manifest.origin + run.manifest.plan.measure_from();
        let index = |of: fn(&(Nanos, Nanos)) -> Nanos| {
            let mut counts = vec![0.0_f64; bins];
            for at in sent.iter().map(of) {
                if let Some(count) = counts.get_mut((at.since(start).as_secs_f64() / bin_s) as usize) {
                    *count += 1.0;
                }
            }
            let mean = counts.iter().sum::<f64>() / bins as f64;
            counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (bins - 1) as f64 / mean
        };
        (bins >= FEWEST_BINS).then(|| Self { planned: index(|pair| pair.0), achieved: index(|pair| pair.1), bin_s })
    }

    fn is_off(&self) -> bool {
        (self.achieved - self.planned).abs() > BUNCHED + BUNCHED_SHARE * self.planned
    }
}

fn is_dropped(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Dropped(_))
}

/// Arrivals that were never sent; with `unsent` of all that is so, calls that failed on this machine included.
pub(crate) fn dropped(all: &Counts, planned: u64, unsent: f64) -> Option<Reason> {
    let classes = all.by_class(is_dropped);
    let weight = ValidityVerdict::invalid_if(unsent > 1.0 - SENT_SHARE);
    (!classes.is_empty()).then_some(Reason::Dropped { classes, planned, weight })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::run::fixture::World;

    fn arrivals(run: &Run) -> Arrivals {
        Arrivals::of(&View::of(run), run.planned().iter().sum())
    }

    #[test]
    fn a_plan_that_is_kept_has_its_own_unevenness() {
        let seen = arrivals(&World { rate: 30.0, ..World::default() }.run());
        let dispersion = seen.dispersion.expect("arrivals");
        assert_eq!(seen.share(), 1.0);
        // Rounds of three come spread over half a second; bins are a little over a tenth.
        assert!(dispersion.planned > 0.5 && (dispersion.achieved - dispersion.planned).abs() < 0.1, "{dispersion:?}");
        assert!(seen.reasons().is_empty());
    }

    #[test]
    fn arrivals_that_wait_for_the_next_second_are_bunched() {
        let mut run = World { rate: 30.0, ..World::default() }.run();
        for sample in &mut run.samples {
            let wait = Duration::from_nanos(1_000_000_000 - sample.stamps.intended.0 % 1_000_000_000);
            sample.stamps.sent = Some(sample.stamps.intended + wait);
        }
        let seen = arrivals(&run);
        assert!(matches!(seen.reasons()[..], [.., Reason::Bunched(_)]), "{seen:?}");
    }

    #[test]
    fn what_is_sent_after_the_end_was_not_achieved() {
        let mut run = World::default().run();
        let late = Duration::from_secs(2);
        for sample in &mut run.samples {
            sample.stamps.dequeued = sample.stamps.dequeued.map(|at| at + late);
            sample.stamps.begun = sample.stamps.begun.map(|at| at + late);
            sample.stamps.conn_ready = sample.stamps.conn_ready.map(|at| at + late);
            sample.stamps.sent = sample.stamps.sent.map(|at| at + late);
        }
        let seen = arrivals(&run);
        assert!((0.93..0.99).contains(&seen.share()), "{}", seen.share());
        assert!(matches!(seen.reasons()[..], [Reason::BehindPlan { .. }, ..]), "{:?}", seen.reasons());
    }
}
