//! Token counts drawn from distributions, each by its number alone.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::random::{Purpose, below, generator};
use crate::workload::spec::{MOST_TOKENS, TokenDist};

/// The 0.99 quantile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// The prompt tokens of a round.
#[must_use]
pub(crate) fn input(dist: TokenDist, seed: u64, round: u64) -> u32 {
    draw(dist, &mut generator(seed, Purpose::InputLength, round))
}

/// The output tokens of a round.
#[must_use]
pub(crate) fn output(dist: TokenDist, seed: u64, round: u64) -> u32 {
    draw(dist, &mut generator(seed, Purpose::OutputLength, round))
}

/// A token count; at least 1.
fn draw(dist: TokenDist, generator: &mut Xoshiro256PlusPlus) -> u32 {
    match dist {
        TokenDist::Fixed { value } => value.max(1),
        TokenDist::Uniform { min, max } => {
            let width = u64::from(max.saturating_sub(min)) + 1;
            (min + below(generator.next_u64(), width) as u32).max(1)
        }
        TokenDist::Normal { mean, sd } => whole(mean + sd * normal(generator)),
        TokenDist::Lognormal { p50, p99 } => whole((p50.ln() + (p99 / p50).ln() / Z99 * normal(generator)).exp()),
    }
}

fn normal(generator: &mut Xoshiro256PlusPlus) -> f64 {
    StandardNormal.sample(generator)
}

/// The nearest count that can be asked for.
fn whole(tokens: f64) -> u32 {
    (tokens.round() as u32).clamp(1, MOST_TOKENS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(dist: TokenDist) -> Vec<u32> {
        let mut drawn: Vec<u32> = (0..20_000).map(|round| input(dist, 4, round)).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn drawn_counts_have_the_quantiles_asked_for() {
        for (word, dist, p50, p99) in [
            ("fixed", TokenDist::Fixed { value: 64 }, 64.0, 64.0),
            ("uniform", TokenDist::Uniform { min: 10, max: 110 }, 60.0, 109.0),
            ("normal", TokenDist::Normal { mean: 500.0, sd: 100.0 }, 500.0, 732.6),
            ("lognormal", TokenDist::Lognormal { p50: 1020.0, p99: 4142.0 }, 1020.0, 4142.0),
        ] {
            let drawn = sorted(dist);
            let near = |place: usize, wanted: f64| (f64::from(drawn[place]) / wanted - 1.0).abs() < 0.05;
            assert!(near(10_000, p50) && near(19_800, p99), "{word}: {} {}", drawn[10_000], drawn[19_800]);
        }
    }

    #[test]
    fn a_count_is_never_below_one_and_stays_in_its_range() {
        assert_eq!(sorted(TokenDist::Normal { mean: 2.0, sd: 50.0 })[0], 1);
        let wild = sorted(TokenDist::Lognormal { p50: 1.0, p99: 2e6 });
        assert_eq!((wild[0], wild[19_999]), (1, MOST_TOKENS), "what a tail draws can still be sent");
        let uniform = sorted(TokenDist::Uniform { min: 3, max: 5 });
        assert_eq!((uniform[0], uniform[19_999]), (3, 5));
    }

    #[test]
    fn input_and_output_are_drawn_apart() {
        let wide = TokenDist::Uniform { min: 1, max: 1000 };
        let same = (0..100).filter(|round| input(wide, 4, *round) == output(wide, 4, *round));
        assert!(same.count() < 5);
    }
}
