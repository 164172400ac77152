//! How long things take: the latency of a model, and the seeded draws from it.
//!
//! A draw depends on the seed, on where it is made and on the number of the arrival, never on the prompt or on what
//! was drawn for another arrival. So the same seed gives the same times, however the work falls on threads.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

pub use crate::dist::Dist;
pub(crate) use crate::dist::trim;

/// The generator of every draw.
pub(crate) type Dice = Xoshiro256PlusPlus;

/// Nanoseconds of a millisecond.
pub(crate) const MS: f64 = 1e6;

/// The longest time there is, an hour in nanoseconds: sums over the longest answer stay within 64 bits.
pub(crate) const LONGEST: f64 = 3_600e9;

/// The dice of one arrival at one place (a listener's model, a link).
pub(crate) fn dice(seed: u64, place: &str, index: u64) -> Dice {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in place.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    Dice::seed_from_u64(mix(seed ^ mix(hash)) ^ mix(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// When a model answers: first token, gaps between tokens, and the price of each prompt token.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// From the arrival to the first token.
    pub first: Dist,
    /// From one token to the next.
    pub gap: Dist,
    /// Added to the first token for each token of the prompt, in nanoseconds.
    pub per_prompt_token: f64,
}

impl Latency {
    /// The times of one answer of `tokens` tokens, relative to its start. All draws are made here, before the first
    /// byte is sent.
    pub(crate) fn draw(&self, dice: &mut Dice, prompt_tokens: usize, tokens: usize) -> Times {
        let first = self.first.draw(dice) + self.per_prompt_token * prompt_tokens as f64;
        let later = tokens.saturating_sub(1);
        let gaps = match self.gap {
            Dist::Fixed(gap) => Gaps::Even(gap.round() as u64),
            Dist::Normal { .. } | Dist::LogNormal { .. } | Dist::Gamma { .. } | Dist::Quantiles(_) => {
                let mut sum = 0.0;
                Gaps::Drawn((0..later).map(|_| add(&mut sum, self.gap.draw(dice))).collect())
            }
        };
        Times { first: first.min(LONGEST).round() as u64, gaps }
    }
}

fn add(sum: &mut f64, gap: f64) -> u64 {
    *sum += gap;
    sum.round() as u64
}

/// The planned times of one answer, in nanoseconds from its start.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    first: u64,
    gaps: Gaps,
}

#[derive(Clone, Debug)]
enum Gaps {
    Even(u64),
    /// Sums of the gaps before token 1, 2, ...
    Drawn(Box<[u64]>),
}

impl Times {
    /// When token `k` (from 0) is due.
    pub(crate) fn token(&self, k: usize) -> u64 {
        let later = match &self.gaps {
            _ if k == 0 => 0,
            Gaps::Even(gap) => gap * k as u64,
            Gaps::Drawn(sums) => sums.get(k - 1).or(sums.last()).copied().unwrap_or(0),
        };
        self.first + later
    }
}

/// A whole number in `0..n`, for choices that need no distribution of their own.
pub(crate) fn pick(dice: &mut Dice, n: usize) -> usize {
    dice.random_range(0..n.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTS: [Dist; 3] =
        [Dist::Fixed(5e6), Dist::Normal { mean: 150e6, sd: 5e6 }, Dist::LogNormal { p50: 28e6, sigma: 0.118_036 }];

    #[test]
    fn nothing_is_longer_than_an_hour() {
        let latency = Latency {
            first: Dist::LogNormal { p50: 1e9, sigma: 50.0 },
            gap: Dist::Fixed(3600e9),
            per_prompt_token: 1e12,
        };
        let times = latency.draw(&mut dice(1, "x", 0), 16_000_000, 1_000_000);
        assert_eq!(times.token(0), 3_600_000_000_000);
        assert_eq!(times.token(999_999), 3_600_000_000_000 * 1_000_000);
    }

    #[test]
    fn the_same_seed_place_and_arrival_give_the_same_times() {
        let latency = Latency { first: DISTS[1], gap: DISTS[2], per_prompt_token: 0.0 };
        let times = |seed, place, index| {
            let times = latency.draw(&mut dice(seed, place, index), 10, 5);
            (0..5).map(|k| times.token(k)).collect::<Vec<_>>()
        };
        assert_eq!(times(1, "direct", 3), times(1, "direct", 3));
        assert_ne!(times(1, "direct", 3), times(2, "direct", 3));
        assert_ne!(times(1, "direct", 3), times(1, "gateway", 3));
        assert_ne!(times(1, "direct", 3), times(1, "direct", 4));
    }

    #[test]
    fn tokens_follow_each_other_by_their_gaps_and_the_prompt_delays_the_first() {
        let latency = Latency { first: Dist::Fixed(200e6), gap: Dist::Fixed(20e6), per_prompt_token: 1e5 };
        let times = latency.draw(&mut dice(1, "x", 0), 100, 64);
        assert_eq!((times.token(0), times.token(1), times.token(63)), (210_000_000, 230_000_000, 1_470_000_000));
    }
}
