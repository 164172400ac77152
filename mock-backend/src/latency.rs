//! How long things take: distributions, the latency of a model, and the seeded draws from both.
//!
//! A draw depends on the seed, on where it is made and on the number of the arrival, never on the prompt or on what
//! was drawn for another arrival. So the same seed gives the same times, however the work falls on threads.

use std::fmt;

use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The generator of every draw.
pub(crate) type Dice = Xoshiro256PlusPlus;

/// The quantile of the standard normal at 0.95: how P50 and P95 of a lognormal give its sigma.
pub(crate) const Z95: f64 = 1.644_853_626_951_472_7;

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

/// A distribution of times, in nanoseconds. What would fall below 0 is 0, what would be longer than an hour is an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Fixed(f64),
    /// Normal, cut at 0.
    Normal {
        /// The mean before the cut.
        mean: f64,
        /// The standard deviation.
        sd: f64,
    },
    /// Lognormal, by its median and the standard deviation of its logarithm.
    LogNormal {
        /// The median.
        p50: f64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
}

impl Dist {
    /// A lognormal through its median and its 95th percentile; fixed where both are one.
    #[must_use]
    pub fn through(p50: f64, p95: f64) -> Self {
        if p95 > p50 && p50 > 0.0 { Self::LogNormal { p50, sigma: (p95 / p50).ln() / Z95 } } else { Self::Fixed(p50) }
    }

    /// Whether it is always 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::Fixed(0.0)
    }

    /// One value, in nanoseconds.
    pub fn draw(&self, dice: &mut impl Rng) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Normal { .. } | Self::LogNormal { .. } => self.at(StandardNormal.sample(dice)),
        }
    }

    /// The value below which the share `q` (0..1) of the draws lie, in nanoseconds.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        self.at(normal_quantile(q))
    }

    /// The value at `z` standard deviations.
    fn at(&self, z: f64) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Normal { mean, sd } => (mean + sd * z).max(0.0),
            Self::LogNormal { p50, sigma } => p50 * (sigma * z).exp(),
        }
        .min(LONGEST)
    }
}

impl fmt::Display for Dist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "{} ms", trim(value / MS)),
            Self::Normal { mean, sd } => write!(f, "{} +- {} ms (normal)", trim(mean / MS), trim(sd / MS)),
            Self::LogNormal { p50, sigma } => {
                let p95 = p50 * (sigma * Z95).exp();
                write!(f, "p50 {} ms, p95 {} ms (lognormal)", trim(p50 / MS), trim(p95 / MS))
            }
        }
    }
}

/// A number without trailing zeros, to the microsecond.
pub(crate) fn trim(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The quantile of the standard normal, by Acklam's rational approximation (relative error below 1.2e-9).
pub(crate) fn normal_quantile(q: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let poly = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let q = q.clamp(1e-12, 1.0 - 1e-12);
    let tail = |p: f64| {
        let x = (-2.0 * p.ln()).sqrt();
        poly(&C, x) / (poly(&D, x) * x + 1.0)
    };
    if q < 0.024_25 {
        tail(q)
    } else if q > 1.0 - 0.024_25 {
        -tail(1.0 - q)
    } else {
        let x = q - 0.5;
        let r = x * x;
        poly(&A, r) * x / (poly(&B, r) * r + 1.0)
    }
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
            Dist::Normal { .. } | Dist::LogNormal { .. } => {
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
    fn draws_have_the_quantiles_of_their_distribution() {
        for dist in DISTS {
            let mut draws: Vec<f64> = (0..20_000).map(|i| dist.draw(&mut dice(7, "test", i))).collect();
            draws.sort_by(f64::total_cmp);
            for q in [0.5, 0.9, 0.95, 0.99] {
                let (drawn, meant) = (draws[(q * 20_000.0) as usize], dist.quantile(q));
                assert!((drawn / meant - 1.0).abs() < 0.01, "{dist} at {q}: {drawn} for {meant}");
            }
        }
    }

    #[test]
    fn a_lognormal_goes_through_its_two_percentiles() {
        let dist = Dist::through(28e6, 34e6);
        assert!((dist.quantile(0.5) - 28e6).abs() < 1.0);
        assert!((dist.quantile(0.95) - 34e6).abs() < 1.0);
        assert_eq!(Dist::through(1e6, 1e6), Dist::Fixed(1e6));
    }

    #[test]
    fn a_normal_is_cut_at_zero() {
        let dist = Dist::Normal { mean: 1.0, sd: 100.0 };
        assert!((0..1000).all(|i| dist.draw(&mut dice(1, "cut", i)) >= 0.0));
    }

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
