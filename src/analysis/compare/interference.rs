//! Whether the calls of a round get into each other's way: the check that a paired run makes of itself.
//!
//! The members of a round ask the same at nearly the same moment. If one makes the other slower, the shift depends on
//! which of them went first and on how close they were. Both are drawn at random for every round, so the shift must be
//! the same whichever it was: it is estimated apart, as the median of the differences within rounds, and the two
//! halves are held against each other by the draws that everything else stands on.

use std::collections::HashMap;

use crate::analysis::compare::resampled::{Arm, ResampledPaths, minus};
use crate::analysis::compare::shift::{Contrast, Half, Interference};
use crate::analysis::input::blocks::{FOR_INTERVAL, FOR_VERDICT};
use crate::analysis::input::population::value_ms;
use crate::analysis::input::view::View;
use crate::analysis::stats::basic::small_sample_factor;
use crate::analysis::stats::bootstrap::{Sums, Values};
use crate::analysis::stats::interval::{Shift, widening};
use crate::measure::quantile::quantile;
use crate::plan::Design;
use crate::units::{Nanos, PathId};

/// The fewest rounds in either half.
const FEWEST: usize = 50;

/// How often a run without any interference may be said to have some.
const CHANCE: f64 = 0.01;

/// The shift within one round.
struct RoundShift {
    /// Seconds from the baseline's start to the candidate's.
    apart: f64,
    /// Candidate minus baseline, milliseconds.
    ms: f64,
    block: u16,
}

/// Checks a candidate; `None` where there are no rounds, or too few. `arm_ms` is how well the shift itself is known.
pub(crate) fn check(view: &View<'_>, resampled: &ResampledPaths, candidate: &Arm, arm_ms: f64) -> Option<Interference> {
    if view.plan().load.design != Design::Paired || resampled.blocks.count < FOR_VERDICT || !resampled.blocks.shared {
        return None;
    }
    let shifts = shifts_in_rounds(view, resampled, candidate.path);
    let mut distances: Vec<f64> = shifts.iter().map(|round| round.apart.abs()).collect();
    distances.sort_by(f64::total_cmp);
    let middle = quantile(&distances, 0.5)?;
    let contrasts = 2 * (view.paths.len() - 1);
    let halves = Halves { resampled, candidate, shifts: &shifts, arm_ms, level: 1.0 - CHANCE / contrasts as f64 };
    let by_order = halves.contrast(|round| round.apart > 0.0)?;
    let by_distance = halves.contrast(|round| round.apart.abs() < middle);
    Some(Interference { by_order, by_distance, middle_ms: 1e3 * middle })
}

fn shifts_in_rounds(view: &View<'_>, resampled: &ResampledPaths, candidate: PathId) -> Vec<RoundShift> {
    let (metric, basis) = (view.headline, view.basis());
    let of = |path: PathId| {
        let own = view.kept.iter().zip(&resampled.blocks.of).filter(move |(sample, _)| sample.path == path);
        own.filter(|(sample, _)| resampled.connections.contains(sample)).filter_map(move |(sample, block)| {
            Some((sample.round, (sample.stamps.intended, value_ms(sample, metric, basis)?, *block)))
        })
    };
    let baseline: HashMap<u64, (Nanos, f64, u16)> = of(view.baseline).collect();
    let pair = |(round, (at, ms, block)): (u64, (Nanos, f64, u16))| {
        let (base_at, base_ms, _) = baseline.get(&round)?;
        let apart = (at.0 as f64 - base_at.0 as f64) / 1e9;
        Some(RoundShift { apart, ms: ms - base_ms, block })
    };
    of(candidate).filter_map(pair).collect()
}

/// The rounds of one candidate, to be halved.
struct Halves<'a> {
    resampled: &'a ResampledPaths<'a>,
    candidate: &'a Arm,
    shifts: &'a [RoundShift],
    arm_ms: f64,
    level: f64,
}

impl Halves<'_> {
    /// The shift where it is so, against the shift where it is not.
    fn contrast(&self, is_so: impl Fn(&RoundShift) -> bool) -> Option<Contrast> {
        let half = |wanted: bool| -> Option<(Half, Vec<f64>, Sums)> {
            let of = self.shifts.iter().filter(|round| is_so(round) == wanted);
            let values: Vec<(f64, u16)> = of.map(|round| (round.ms, round.block)).collect();
            let filled = Sums::new(values.iter().copied(), self.resampled.blocks.count);
            let values = Values::new(values, self.resampled.blocks.count);
            let shift_ms = values.quantile(0.5).filter(|_| values.n() >= FEWEST)?;
            let drawn = values.drawn_quantiles(&self.candidate.draws, 0.5);
            Some((Half { rounds: values.n(), shift_ms }, drawn, filled))
        };
        let ((so, drawn_so, filled_so), (not, drawn_not, filled_not)) = (half(true)?, half(false)?);
        let shift = Shift { estimate: so.shift_ms - not.shift_ms, drawn: minus(&drawn_so, &drawn_not) };
        let blocks = self.resampled.blocks.filled(&filled_so, &filled_not);
        if blocks < FOR_INTERVAL {
            return None;
        }
        let (low, high) = shift.interval(small_sample_factor(blocks) * widening(self.level, blocks));
        let sure = low > 0.0 || high < 0.0;
        // What lies within the interval of the shift anyway changes nothing that is said of it.
        let material = sure && shift.estimate.abs() > self.arm_ms;
        Some(Contrast { so, not, ms: shift.estimate, ci_ms: (low, high), material })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::analyse;
    use crate::run::Run;
    use crate::run::fixture::World;

    /// A run whose later member of a round waits `ms` longer if it starts within 0.1 s of the baseline's.
    fn queueing(ms: u64) -> Run {
        let mut run = World { rate: 40.0, sigma: 0.05, ..World::default() }.run();
        let base: HashMap<u64, _> = run
            .measured()
            .filter(|sample| sample.path == PathId(0))
            .map(|sample| (sample.round, sample.stamps.intended))
            .collect();
        for sample in run.samples.iter_mut().filter(|sample| sample.path != PathId(0)) {
            let Some(at) = base.get(&sample.round) else { continue };
            let behind = sample.stamps.intended.0.checked_sub(at.0);
            if behind.is_some_and(|behind| behind < 250_000_000) {
                let stamps = &mut sample.stamps;
                let later = Duration::from_millis(ms);
                for stamp in [&mut stamps.first_content, &mut stamps.last_content, &mut stamps.done, &mut stamps.end] {
                    *stamp = stamp.map(|at| at + later);
                }
            }
        }
        run
    }

    #[test]
    fn calls_in_each_others_way_are_noticed_and_others_are_not() {
        let analysis = analyse(&queueing(20));
        let comparison = analysis.comparison.expect("comparison");
        let found = comparison.candidates[1].interference.as_ref().expect("rounds enough");
        assert!(found.by_order.material && found.by_order.ms > 5.0, "{found:?}");
        assert!(analysis.validity.reasons.iter().any(|reason| reason.code() == "self_interference"));
        let analysis = analyse(&queueing(0));
        let comparison = analysis.comparison.expect("comparison");
        let found = comparison.candidates[1].interference.as_ref().expect("rounds enough");
        assert!(!found.is_material() && found.by_order.so.rounds > 500, "{found:?}");
        assert!(analysis.validity.reasons.is_empty());
    }

    #[test]
    fn single_calls_have_no_order() {
        let run = World { design: Design::Interleaved, rate: 30.0, ..World::default() }.run();
        let comparison = analyse(&run).comparison.expect("comparison");
        assert!(comparison.candidates.iter().all(|candidate| candidate.interference.is_none()));
    }
}
