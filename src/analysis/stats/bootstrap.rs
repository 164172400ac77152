//! Drawing blocks again, and the quantiles of what was drawn: exact, and fast for any number of values.
//!
//! The values of a path are sorted once. A draw gives every block a weight, how often it was drawn; the quantile of
//! the draw is that of the values repeated by their blocks' weights. Checkpoints hold, every `STEP` values, how many
//! values of each block lie below, so that a quantile is found by bisection and a short walk instead of a walk over
//! all values.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::analysis::stats::basic::{beyond, known_quantile};

/// How often blocks are drawn again.
pub(crate) const DRAWS: usize = if cfg!(test) { 200 } else { DRAWS_IN_FULL };

/// How often blocks are drawn again outside of tests.
pub(crate) const DRAWS_IN_FULL: usize = 2_000;

/// Values between two checkpoints.
const STEP: usize = 64;

/// How often each block was drawn, draw after draw.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    weights: Vec<u32>,
    blocks: usize,
}

impl Draws {
    /// `count` draws of `blocks` blocks with replacement. The same seed draws the same.
    pub(crate) fn new(seed: u64, blocks: usize, count: usize) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut weights = vec![0; blocks * count];
        for draw in weights.chunks_mut(blocks.max(1)) {
            for _ in 0..blocks {
                draw[rng.random_range(0..blocks)] += 1;
            }
        }
        Self { weights, blocks }
    }

    /// The weights of every block, draw after draw.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.weights.chunks(self.blocks.max(1))
    }
}

/// The values of one path and metric with the block of each. Infinite is one that is only known to be longer than the
/// call was waited for.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    sorted: Vec<f64>,
    block_of: Vec<u16>,
    blocks: usize,
    /// How many values of each block lie below value number `STEP * i`.
    checkpoints: Vec<u32>,
}

impl Values {
    /// Sorts values with their blocks, each below `blocks`.
    pub(crate) fn new(mut values: Vec<(f64, u16)>, blocks: usize) -> Self {
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (sorted, block_of): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        let mut below = vec![0; blocks];
        let mut checkpoints = Vec::with_capacity((sorted.len() / STEP + 2) * blocks);
        for (i, block) in block_of.iter().enumerate() {
            if i % STEP == 0 {
                checkpoints.extend_from_slice(&below);
            }
            below[usize::from(*block)] += 1;
        }
        checkpoints.extend_from_slice(&below);
        Self { sorted, block_of, blocks, checkpoints }
    }

    /// How many values there are.
    pub(crate) fn n(&self) -> usize {
        self.sorted.len()
    }

    /// How many blocks they may lie in.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    /// How many there are in each block.
    pub(crate) fn counts(&self) -> Vec<f64> {
        let all = &self.checkpoints[self.checkpoints.len() - self.blocks..];
        all.iter().map(|count| f64::from(*count)).collect()
    }

    /// Each value with its block, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (f64, usize)> {
        self.sorted.iter().zip(&self.block_of).map(|(value, block)| (*value, usize::from(*block)))
    }

    /// How many of them are infinite.
    pub(crate) fn beyond(&self) -> usize {
        beyond(&self.sorted)
    }

    /// The quantile `q`; `None` without values, and where it is not finite.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        known_quantile(&self.sorted, q)
    }

    /// What each draw saw of the quantile `q`: not finite where a value that it stands on is not; the measured quantile,
    /// or no number without one, where it drew no value.
    pub(crate) fn drawn_quantiles(&self, draws: &Draws, q: f64) -> Vec<f64> {
        let measured = self.quantile(q).unwrap_or(f64::NAN);
        draws.iter().map(|weights| self.drawn_quantile(weights, q).unwrap_or(measured)).collect()
    }

    fn drawn_quantile(&self, weights: &[u32], q: f64) -> Option<f64> {
        let total = self.drawn(self.last(), weights);
        let rank = total.checked_sub(1)? as f64 * q;
        let below = rank.floor() as u64;
        let (low, high) = self.at(weights, below);
        let part = rank - below as f64;
        Some(if part > 0.0 { low + (high - low) * part } else { low })
    }

    fn last(&self) -> usize {
        self.checkpoints.len() / self.blocks.max(1) - 1
    }

    /// How many drawn values lie below a checkpoint.
    fn drawn(&self, checkpoint: usize, weights: &[u32]) -> u64 {
        let counts = &self.checkpoints[checkpoint * self.blocks..][..self.blocks];
        counts.iter().zip(weights).map(|(count, weight)| u64::from(*count) * u64::from(*weight)).sum()
    }

    /// The drawn values number `rank` and `rank + 1`, from 0; the last one twice at the end.
    fn at(&self, weights: &[u32], rank: u64) -> (f64, f64) {
        let (mut under, mut over) = (0, self.last());
        while over - under > 1 {
            let middle = usize::midpoint(under, over);
            if self.drawn(middle, weights) <= rank {
                under = middle;
            } else {
                over = middle;
            }
        }
        let mut seen = self.drawn(under, weights);
        let mut low = None;
        for (value, block) in self.sorted[under * STEP..].iter().zip(&self.block_of[under * STEP..]) {
            seen += u64::from(weights[usize::from(*block)]);
            if seen > rank && low.is_none() {
                low = Some(*value);
            }
            if seen > rank + 1 {
                return (low.unwrap_or(*value), *value);
            }
        }
        let low = low.unwrap_or(f64::NAN);
        (low, low)
    }
}

/// What the means of one path and metric are made of.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    /// The sum of the values of each block.
    sums: Vec<f64>,
    /// How many they are.
    counts: Vec<u64>,
}

impl Sums {
    /// Of values with their blocks, each below `blocks`.
    pub(crate) fn new(values: impl Iterator<Item = (f64, u16)>, blocks: usize) -> Self {
        let mut held = Self { sums: vec![0.0; blocks], counts: vec![0; blocks] };
        for (value, block) in values {
            held.sums[usize::from(block)] += value;
            held.counts[usize::from(block)] += 1;
        }
        held
    }

    /// Whether each block has any value.
    pub(crate) fn filled(&self) -> impl Iterator<Item = bool> {
        self.counts.iter().map(|count| *count > 0)
    }

    /// How many values there are.
    pub(crate) fn n(&self) -> usize {
        self.counts.iter().sum::<u64>() as usize
    }

    /// The mean; `None` without values.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.n() > 0).then(|| self.sums.iter().sum::<f64>() / self.n() as f64)
    }

    /// What each draw saw of the mean: the measured mean, or no number without one, where it drew no value.
    pub(crate) fn drawn_means(&self, draws: &Draws) -> Vec<f64> {
        let measured = self.mean().unwrap_or(f64::NAN);
        draws.iter().map(|weights| self.drawn_mean(weights).unwrap_or(measured)).collect()
    }

    fn drawn_mean(&self, weights: &[u32]) -> Option<f64> {
        let total: u64 = self.counts.iter().zip(weights).map(|(count, weight)| count * u64::from(*weight)).sum();
        let sum: f64 = self.sums.iter().zip(weights).map(|(sum, weight)| sum * f64::from(*weight)).sum();
        (total > 0).then(|| sum / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::measure::quantile::quantile;

    use super::*;

    proptest! {
        #[test]
        fn a_draw_has_the_quantile_of_its_values_repeated(
            values in proptest::collection::vec((0.0..100.0f64, 0..5u16), 1..400),
            weights in proptest::collection::vec(0..4u32, 5), q in 0.0..1.0f64,
        ) {
            let mut repeated: Vec<f64> = values
                .iter()
                .flat_map(|(value, block)| std::iter::repeat_n(*value, weights[usize::from(*block)] as usize))
                .collect();
            repeated.sort_by(f64::total_cmp);
            let sums = Sums::new(values.iter().copied(), 5);
            let held = Values::new(values, 5);
            let same = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            prop_assert!(same(held.drawn_quantile(&weights, q), quantile(&repeated, q)));
            let mean = (!repeated.is_empty()).then(|| repeated.iter().sum::<f64>() / repeated.len() as f64);
            prop_assert!(same(sums.drawn_mean(&weights), mean));
        }
    }

    #[test]
    fn a_quantile_on_an_unknown_value_is_unknown() {
        let held = Values::new(vec![(1.0, 0), (2.0, 0), (3.0, 0), (f64::INFINITY, 0), (f64::INFINITY, 1)], 2);
        assert_eq!((held.n(), held.beyond()), (5, 2));
        assert_eq!([0.25, 0.5, 0.6, 1.0].map(|q| held.quantile(q)), [Some(2.0), Some(3.0), None, None]);
        let drawn = |weights: [u32; 2], q| held.drawn_quantile(&weights, q).filter(|value| value.is_finite());
        assert_eq!((drawn([1, 1], 0.5), drawn([1, 1], 0.6), drawn([0, 2], 0.5)), (Some(3.0), None, None));
    }

    #[test]
    fn draws_repeat_with_their_seed_and_keep_the_number_of_blocks() {
        let draws = Draws::new(42, 30, 50);
        assert_eq!(draws.iter().count(), 50);
        assert!(draws.iter().all(|weights| weights.iter().sum::<u32>() == 30));
        assert!(draws.iter().eq(Draws::new(42, 30, 50).iter()));
        assert!(!draws.iter().eq(Draws::new(43, 30, 50).iter()));
    }
}
