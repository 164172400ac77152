//! How much two paths differ beside their quantiles: in how often one is slower than the other, and in how much of the
//! asked-for work they got done. Uncertain by the same draws of blocks as everything else.

use crate::analysis::compare::resampled::{Arm, Pair, ResampledPaths, minus};
use crate::analysis::compare::shift::{Dominance, Goodput};
use crate::analysis::input::blocks::FOR_INTERVAL;
use crate::analysis::stats::basic::{interval_needs, small_sample_factor};
use crate::analysis::stats::bootstrap::Values;
use crate::analysis::stats::interval::Shift;

impl ResampledPaths<'_> {
    /// Cliff's delta (1993) of a metric: how much likelier a call of the candidate is slower than one of the baseline
    /// than faster, -1 to 1.
    pub(crate) fn dominance(&self, pair: &Pair, metric: usize) -> Dominance {
        let (base, cand) = (&pair.baseline.metrics[metric], &pair.candidate.metrics[metric]);
        let (own, other) = (&base.values, &cand.values);
        let wins = Wins::of(own, other);
        let all = |values: &Values| vec![1; values.blocks()];
        let delta = wins.delta((own, &all(own)), (other, &all(other)));
        let enough = pair.filled[metric].min(self.blocks.fit) >= FOR_INTERVAL
            && base.ok.n().min(cand.ok.n()) >= interval_needs(0.5);
        let interval = |estimate: f64| {
            let draws = pair.baseline.draws.iter().zip(pair.candidate.draws.iter());
            let drawn = draws.map(|(a, b)| wins.delta((own, a), (other, b)).unwrap_or(estimate)).collect();
            let (low, high) = Shift { estimate, drawn }.interval(small_sample_factor(pair.filled[metric]));
            (low.max(-1.0), high.min(1.0))
        };
        let (ci, size) = (delta.filter(|_| enough).map(interval), delta.map(Dominance::word));
        Dominance { metric: self.metrics[metric], delta, ci, size }
    }

    /// Good calls a second on either side.
    pub(crate) fn goodput(&self, pair: &Pair) -> Goodput {
        let seconds = self.blocks.count as f64 * self.blocks.length_s;
        let rate = |arm: &Arm, weights: &[u32]| {
            arm.good.iter().zip(weights).map(|(good, weight)| good * f64::from(*weight)).sum::<f64>() / seconds
        };
        let measured = |arm: &Arm| (seconds > 0.0).then(|| rate(arm, &vec![1; arm.tries.len()]));
        let (baseline, candidate) = (measured(pair.baseline), measured(pair.candidate));
        let drawn = |arm: &Arm| arm.draws.iter().map(|weights| rate(arm, weights)).collect::<Vec<_>>();
        let estimate = candidate.zip(baseline).map(|(candidate, baseline)| candidate - baseline);
        let ci = estimate.filter(|_| self.blocks.count.min(self.blocks.fit) >= FOR_INTERVAL).map(|estimate| {
            let shift = Shift { estimate, drawn: minus(&drawn(pair.candidate), &drawn(pair.baseline)) };
            shift.interval(small_sample_factor(self.blocks.count))
        });
        Goodput { baseline, candidate, ci }
    }
}

/// By block of the baseline and block of the candidate: how often a call of the latter was slower, less how often it
/// was faster.
struct Wins(Vec<Vec<f64>>);

impl Wins {
    fn of(base: &Values, cand: &Values) -> Self {
        let mut wins = vec![vec![0.0; cand.blocks()]; base.blocks()];
        let totals = base.counts();
        let (mut less, mut to) = (vec![0.0; base.blocks()], vec![0.0; base.blocks()]);
        let (mut below, mut upto) = (base.iter().peekable(), base.iter().peekable());
        for (value, block) in cand.iter() {
            while let Some((_, own)) = below.next_if(|(own, _)| *own < value) {
                less[own] += 1.0;
            }
            while let Some((_, own)) = upto.next_if(|(own, _)| *own <= value) {
                to[own] += 1.0;
            }
            for (own, wins) in wins.iter_mut().enumerate() {
                wins[block] += less[own] - (totals[own] - to[own]);
            }
        }
        Self(wins)
    }

    /// Of a draw of either side; `None` when one drew nothing.
    fn delta(&self, (base, own): (&Values, &[u32]), (cand, other): (&Values, &[u32])) -> Option<f64> {
        let total = |values: &Values, weights: &[u32]| -> f64 {
            values.counts().iter().zip(weights).map(|(count, weight)| count * f64::from(*weight)).sum()
        };
        let pairs = total(base, own) * total(cand, other);
        let row = |wins: &Vec<f64>| wins.iter().zip(other).map(|(wins, weight)| wins * f64::from(*weight)).sum::<f64>();
        let wins: f64 = self.0.iter().zip(own).map(|(wins, weight)| row(wins) * f64::from(*weight)).sum();
        (pairs > 0.0).then(|| wins / pairs)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::run::fixture::World;

    #[test]
    fn good_calls_keep_what_objectives_ask_of_each() {
        let mut run = World { shifts_ms: vec![0.0, 100.0], failing: vec![0.2, 0.0], ..World::default() }.run();
        let goodput = |run: &crate::run::Run| analyse(run).comparison.expect("two paths").candidates[0].goodput.clone();
        let all = goodput(&run);
        let (base, cand) = all.baseline.zip(all.candidate).expect("rates");
        assert!((0.7..0.9).contains(&(base / cand)) && all.ci.expect("interval").0 > 0.0, "{all:?}");
        let mut objective = Objective::new("direct", "goodput >= 0.1".parse().expect("expression"));
        objective.per_call = vec!["ttft < 200ms".parse().expect("a condition")];
        run.manifest.plan.objectives = vec![objective];
        let fast = goodput(&run);
        assert!(fast.candidate < all.candidate && fast.ci.expect("interval").1 < 0.0, "{fast:?}");
    }

    proptest! {
        #[test]
        fn wins_are_counted_pair_by_pair(
            base in proptest::collection::vec((0..20u8, 0..4u16), 1..60),
            cand in proptest::collection::vec((0..20u8, 0..4u16), 1..60),
            weights in proptest::array::uniform4(0..3u32),
        ) {
            let times = |block: u16| f64::from(weights[usize::from(block)]);
            let (mut wins, mut pairs) = (0.0, 0.0);
            for (a, i) in &base {
                for (b, j) in &cand {
                    pairs += times(*i) * times(*j);
                    wins += times(*i) * times(*j) * f64::from(i8::from(b > a) - i8::from(b < a));
                }
            }
            let of = |values: &[(u8, u16)]| Values::new(values.iter().map(|(v, b)| (f64::from(*v), *b)).collect(), 4);
            let (base, cand) = (of(&base), of(&cand));
            let got = Wins::of(&base, &cand).delta((&base, &weights), (&cand, &weights));
            match got {
                Some(delta) => prop_assert!((delta - wins / pairs).abs() < 1e-9),
                None => prop_assert_eq!(pairs, 0.0),
            }
        }
    }
}
