//! The latency of a model: first token, gaps between tokens, the price of a prompt.

use std::time::Duration;

use super::dist::Dist;
use super::rng::{SeededRng, pick};
use super::trace::Trace;
use crate::units::{LONGEST, nanos};

/// When a model answers: first token, gaps between tokens, and the price of each prompt token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Latency {
    /// From the start to the first token.
    pub(crate) first: Dist,
    /// From one token to the next.
    pub(crate) gap: Dist,
    /// Added to the first token for each token of the prompt that is not cached.
    pub(crate) per_prompt_token: Dist,
    /// Recorded times, instead of first token and gaps.
    pub(crate) trace: Option<Trace>,
}

impl Latency {
    /// A model whose prompts cost nothing.
    #[must_use]
    pub(crate) fn of(first: Dist, gap: Dist) -> Self {
        Self { first, gap, per_prompt_token: Dist::Fixed(0.0), trace: None }
    }

    /// The times of one answer of `tokens` tokens, relative to its start, all `factor` times as long. All draws are made
    /// here, before the first byte is sent.
    pub(crate) fn draw(&self, rng: &mut SeededRng, factor: f64, prompt_tokens: usize, tokens: usize) -> Times {
        let prefill = self.per_prompt_token.draw(rng) * prompt_tokens as f64 * factor;
        if let Some(trace) = &self.trace {
            return Times::from_trace(trace, pick(rng, trace.len()), factor, prefill, tokens);
        }
        let first = self.first.draw(rng) * factor + prefill;
        let later = tokens.saturating_sub(1);
        let gaps = match self.gap {
            Dist::Fixed(gap) => Gaps::Even(whole_ns(gap * factor)),
            Dist::Normal { .. } | Dist::LogNormal { .. } | Dist::Gamma { .. } | Dist::Quantiles(_) => {
                let mut sum = 0.0;
                Gaps::Drawn((0..later).map(|_| add_gap(&mut sum, self.gap.draw(rng) * factor)).collect())
            }
        };
        Times { prefill: span(prefill), first: span(first), gaps }
    }
}

impl Latency {
    /// How long the recorded answer is that this generator will choose, in tokens.
    pub(crate) fn recorded_length(&self, mut rng: SeededRng) -> usize {
        let Some(trace) = &self.trace else { return 0 };
        self.per_prompt_token.draw(&mut rng);
        trace.answer(pick(&mut rng, trace.len())).len()
    }
}

/// A time that is a number of nanoseconds, to the whole one.
pub(super) fn span(ns: f64) -> Duration {
    Duration::from_nanos(whole_ns(ns))
}

fn whole_ns(ns: f64) -> u64 {
    ns.min(LONGEST).round() as u64
}

fn add_gap(sum: &mut f64, gap: f64) -> u64 {
    *sum += gap.min(LONGEST);
    sum.round() as u64
}

/// The planned times of one answer, from its start.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// When the prompt has been read.
    pub(crate) prefill: Duration,
    first: Duration,
    gaps: Gaps,
}

/// The gaps between tokens, in nanoseconds: a [`Duration`] a token would be twice as large.
#[derive(Clone, Debug)]
enum Gaps {
    Even(u64),
    /// Sums of the gaps before token 1, 2, ...
    Drawn(Box<[u64]>),
}

impl Times {
    /// The first token at `first`, and one every `gap` after it.
    pub(crate) fn evenly_spaced(prefill: Duration, first: Duration, gap: Duration) -> Self {
        Self { prefill, first, gaps: Gaps::Even(nanos(gap)) }
    }

    /// Answer `number` of a trace; what is longer than it goes on at its mean gap.
    fn from_trace(trace: &Trace, number: usize, factor: f64, prefill: f64, tokens: usize) -> Self {
        let offsets: Vec<f64> = trace.answer(number).map(|at| at * factor).collect();
        let (first, last) = (offsets.first().copied().unwrap_or(0.0), offsets.last().copied().unwrap_or(0.0));
        let mean = (last - first) / offsets.len().saturating_sub(1).max(1) as f64;
        let later = |k: usize| offsets.get(k).copied().unwrap_or_else(|| last + mean * (k + 1 - offsets.len()) as f64);
        // However slowly it is played, time does not end.
        let sums = (1..tokens).map(|k| (later(k) - first).min(LONGEST * 1e6).round() as u64).collect();
        Self { prefill: span(prefill), first: span(first + prefill), gaps: Gaps::Drawn(sums) }
    }

    /// When token `k` (from 0) is due.
    pub(crate) fn token(&self, k: usize) -> Duration {
        let later = match &self.gaps {
            _ if k == 0 => 0,
            Gaps::Even(gap) => gap * k as u64,
            Gaps::Drawn(sums) => sums.get(k - 1).or(sums.last()).copied().unwrap_or(0),
        };
        self.first + Duration::from_nanos(later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rng::seeded_rng;

    const DISTS: [Dist; 3] =
        [Dist::Fixed(5e6), Dist::Normal { mean: 150e6, sd: 5e6 }, Dist::LogNormal { p50: 28e6, sigma: 0.118_036 }];

    #[test]
    fn nothing_is_longer_than_an_hour() {
        let latency = Latency {
            per_prompt_token: Dist::Fixed(1e12),
            ..Latency::of(Dist::LogNormal { p50: 1e9, sigma: 50.0 }, Dist::Fixed(3600e9))
        };
        let times = latency.draw(&mut seeded_rng(1, "x", 0), 1e9, 16_000_000, 1_000_000);
        assert_eq!(times.token(0), Duration::from_secs(3_600));
        assert_eq!(times.token(999_999), Duration::from_secs(3_600) * 1_000_000);
    }

    #[test]
    fn the_same_seed_place_and_arrival_give_the_same_times() {
        let latency = Latency::of(DISTS[1], DISTS[2]);
        let times = |seed, place, index| {
            let times = latency.draw(&mut seeded_rng(seed, place, index), 1.0, 10, 5);
            (0..5).map(|k| times.token(k)).collect::<Vec<_>>()
        };
        assert_eq!(times(1, "direct", 3), times(1, "direct", 3));
        assert_ne!(times(1, "direct", 3), times(2, "direct", 3));
        assert_ne!(times(1, "direct", 3), times(1, "gateway", 3));
        assert_ne!(times(1, "direct", 3), times(1, "direct", 4));
    }

    #[test]
    fn tokens_follow_each_other_by_their_gaps_and_the_prompt_delays_the_first() {
        let latency =
            Latency { per_prompt_token: Dist::Fixed(1e5), ..Latency::of(Dist::Fixed(200e6), Dist::Fixed(20e6)) };
        let times = latency.draw(&mut seeded_rng(1, "x", 0), 1.0, 100, 64);
        assert_eq!(times.prefill, Duration::from_millis(10));
        assert_eq!([0, 1, 63].map(|k| times.token(k)), [210, 230, 1_470].map(Duration::from_millis));
    }
}
