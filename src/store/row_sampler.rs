//! Which calls have a row when there are too many for all: a seeded sample of whole rounds.
//!
//! The rows of a round are kept if a hash of the seed and the round's number lies below a limit. So members of a round
//! stay together, a smaller limit keeps a part of what a larger one kept, and whoever knows the limit can tell from a
//! row alone whether it belongs to the sample. No outcome is preferred: a sample with every failure in it would make
//! the failed share, and all that counts timeouts, wrong. How many failed, and how, is counted over all calls.

use crate::measure::sample::Sample;
use crate::plan::{Design, Plan};
use crate::random::{Purpose, hash};
use crate::run::RowSample;

/// The limit that keeps everything.
const ALL: u64 = 1 << 32;

/// How much room a limit chosen in advance leaves for arrivals that scatter.
const ROOM: f64 = 0.95;

/// The rule, and how far it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSampler {
    seed: u64,
    /// Neighbours that count as one round.
    group: u64,
    /// The first round that is measured, where groups begin anew.
    from: u64,
    below: u64,
}

impl RowSampler {
    /// For a plan whose measured phase begins with the round `from`, and this many rows at most: closed in advance if the
    /// plan tells that there will be more.
    #[must_use]
    pub fn of(plan: &Plan, from: u64, most: u64) -> Self {
        let share = plan.expected_calls().filter(|calls| *calls > most as f64).map(|calls| ROOM * most as f64 / calls);
        let below = share.map_or(ALL, |share| ((share * ALL as f64) as u64).max(1));
        Self { below, from, ..Self::open(plan) }
    }

    /// As a manifest states it.
    #[must_use]
    pub(crate) fn stated(plan: &Plan, rows: &RowSample) -> Self {
        Self { below: rows.below, from: rows.from, ..Self::open(plan) }
    }

    /// One that keeps everything.
    #[must_use]
    pub fn open(plan: &Plan) -> Self {
        // Under an open interleaved load neighbours on different paths are compared; they are kept together.
        let is_open = plan.load.model.is_open();
        let group = if is_open && plan.load.design == Design::Interleaved { plan.paths.len() as u64 } else { 1 };
        Self { seed: plan.seed, group: group.max(1), from: 0, below: ALL }
    }

    /// Whether it keeps everything.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        self.below >= ALL
    }

    /// The share of rounds that it keeps.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.below as f64 / ALL as f64
    }

    /// Keeps half as much from now on.
    pub(crate) fn halve(&mut self) {
        self.below = (self.below / 2).max(1);
    }

    /// Whether it keeps this call.
    #[must_use]
    pub fn keeps(&self, sample: &Sample) -> bool {
        self.keeps_round(sample.round)
    }

    /// Whether it keeps the calls of this round.
    #[must_use]
    pub(crate) fn keeps_round(&self, round: u64) -> bool {
        self.is_open() || hash(self.seed, Purpose::Row, self.group_of(round)) >> 32 < self.below
    }

    /// The number of a round's group: those of the warmup, then those of the measured phase.
    fn group_of(&self, round: u64) -> u64 {
        match round.checked_sub(self.from) {
            Some(measured) => self.from.div_ceil(self.group) + measured / self.group,
            None => round / self.group,
        }
    }

    /// What the manifest says of it.
    #[must_use]
    pub(crate) fn statement(&self, calls: u64, kept: u64) -> Option<RowSample> {
        let rule = "a row is kept if the upper half of a hash of the run's seed and the number of its round lies below \
                    `below`, whatever the outcome; counts and histograms are of all calls";
        (!self.is_open()).then(|| RowSample {
            calls,
            kept,
            share: self.share(),
            below: self.below,
            from: self.from,
            rule: rule.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;
    use crate::units::{Rate, Span};

    #[test]
    fn a_smaller_sieve_keeps_a_part_of_what_a_larger_one_kept() {
        let mut sampler = RowSampler::of(&fixture::plan(&["direct"]), 0, 1_000_000);
        assert!(sampler.is_open() && sampler.statement(5, 5).is_none());
        let mut kept: Vec<u64> = (0..40_000).collect();
        for halved in 1..=4 {
            sampler.halve();
            let fewer: Vec<u64> = (0..40_000).filter(|round| sampler.keeps_round(*round)).collect();
            assert!(fewer.iter().all(|round| kept.binary_search(round).is_ok()));
            let expected = 40_000.0 / f64::from(1 << halved);
            assert!((fewer.len() as f64 - expected).abs() < 5.0 * expected.sqrt(), "{} of {expected}", fewer.len());
            kept = fewer;
        }
    }

    #[test]
    fn a_long_plan_is_sampled_from_its_first_row() {
        let mut plan = fixture::plan(&["direct", "gateway"]);
        plan.load.duration = Span::from_secs(86_400);
        plan.load.model =
            crate::plan::LoadModel::Open { arrivals: crate::plan::Arrivals::Poisson, rate: Some(Rate(100.0)) };
        let share = RowSampler::of(&plan, 0, 2_000_000).share();
        assert!((share - 0.95 * 2e6 / (2.0 * 100.0 * 86_405.0)).abs() < 1e-6, "{share}");
        plan.limits.requests = Some(1_000_000);
        assert!(RowSampler::of(&plan, 0, 2_000_000).is_open());
        let stated = RowSampler::of(&plan, 7, 10_000);
        assert_eq!(RowSampler::stated(&plan, &stated.statement(1, 1).expect("closed")), stated);
    }

    #[test]
    fn neighbours_that_are_compared_stay_together() {
        let mut plan = fixture::plan(&["direct", "private", "gateway"]);
        plan.load.design = Design::Interleaved;
        // A warmup of four calls: its groups are 0..3 and 3, those of the measured phase begin at 4.
        let sampler = RowSampler::of(&plan, 4, 100);
        let first = |group: u64| 4 + 3 * group;
        assert!(
            (0..300)
                .all(|group| (1..3).all(|i| sampler.keeps_round(first(group)) == sampler.keeps_round(first(group) + i)))
        );
        let kept = (0..300).filter(|group| sampler.keeps_round(first(*group))).count();
        assert!((1..299).contains(&kept), "{kept}");
        let groups: Vec<u64> = (0..9).map(|round| sampler.group_of(round)).collect();
        assert_eq!(groups, [0, 0, 0, 1, 2, 2, 2, 3, 3]);
    }
}
