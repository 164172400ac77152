//! With how much confidence each row of a comparison is judged, so that all verdicts of a run hold at once.
//!
//! The rows that were named in advance come first: those with a declared margin or, where none was declared, the median
//! of the headline metric of every candidate. They share [`FIRST`] of the 5% that chance may have in a whole run; the
//! other rows share the rest, or all of it once every one of the first is decided (the fallback procedure of Wiens,
//! 2003, which keeps the 5%). Margins are held against each other after Holm (1979); rows without one by the draws
//! themselves, which know how the rows hang together.

use crate::analysis::stats::basic::{CONFIDENCE, small_sample_factor, student_survival};
use crate::analysis::stats::interval::{Shift, farthest, widening};
use crate::measure::metric::Metric;
use crate::measure::quantile::quantile;
use crate::objective::margin::{Margin, Scope, declared};

/// The share of the chance of a whole run that the rows named in advance have.
pub(crate) const FIRST: f64 = 0.8;

/// A row before it is judged.
pub(crate) struct Hypothesis<'a> {
    /// Which pair, metric and place on the curve it is.
    pub(crate) key: Key,
    /// Its shift.
    pub(crate) shift: &'a Shift,
    /// How many blocks it stands on.
    pub(crate) blocks: usize,
    /// Whether it was named in advance.
    pub(crate) rank: Rank,
}

/// Pair, metric and place on the curve.
pub(crate) type Key = (usize, usize, usize);

/// Whether a row was named in advance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rank {
    /// It has a declared margin of so many milliseconds.
    Gated(f64),
    /// It is the headline's median, and nothing has a margin.
    Headline,
    /// It is looked at besides.
    Other,
}

/// What was named in advance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Primary<'a> {
    /// The margins that were declared.
    pub(crate) margins: &'a [Margin],
    /// The headline metric, whose median it is where no latency has a margin.
    pub(crate) headline: Metric,
}

impl Primary<'_> {
    /// Of a quantile whose figure on the baseline is `base_ms`.
    pub(crate) fn rank(&self, metric: Metric, quantile: f64, base_ms: Option<f64>) -> Rank {
        let any = self.margins.iter().any(|margin| margin.scope != Scope::ErrorRate);
        let size = declared(self.margins, metric, quantile);
        match size.zip(base_ms) {
            Some((size, base)) => Rank::Gated(size.in_ms(base)),
            None if !any && metric == self.headline && quantile == 0.5 => Rank::Headline,
            None => Rank::Other,
        }
    }
}

/// The confidence at which each row is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    /// Of the rows named in advance: the highest of them.
    pub first: f64,
    /// Of the others.
    pub others: f64,
    /// Of each row named in advance.
    named: Vec<(Key, f64)>,
}

impl Levels {
    /// Of all rows of a run.
    pub(crate) fn of(hypotheses: &[Hypothesis]) -> Self {
        let chance = 1.0 - CONFIDENCE;
        let (others, first): (Vec<&Hypothesis>, Vec<&Hypothesis>) =
            hypotheses.iter().partition(|m| m.rank == Rank::Other);
        let (gated, plain): (Vec<&Hypothesis>, Vec<&Hypothesis>) =
            first.iter().partition(|hypothesis| matches!(hypothesis.rank, Rank::Gated(_)));
        let mut named = holm(&gated, FIRST * chance);
        let at_once = level_of(&farthest(&shifts(&plain)), 1.0 - FIRST * chance);
        named.extend(plain.iter().map(|hypothesis| (hypothesis.key, at_once)));
        let level = |hypothesis: &Hypothesis| {
            named.iter().find(|(key, _)| *key == hypothesis.key).map_or(at_once, |found| found.1)
        };
        let decided = first.iter().all(|hypothesis| hypothesis.is_decided(level(hypothesis)));
        let others = shifts(&others);
        let others = if first.is_empty() || decided {
            level_of(&farthest(&others), CONFIDENCE)
        } else {
            let beyond = |hypothesis: &&Hypothesis| -> Vec<f64> {
                let level = level(hypothesis);
                farthest(&[hypothesis.shift]).into_iter().map(|out| if out > level { 1.0 } else { 0.0 }).collect()
            };
            left_over(&first.iter().map(beyond).collect::<Vec<_>>(), &farthest(&others))
        };
        let first = named.iter().map(|(_, level)| *level).fold(CONFIDENCE, f64::max);
        Self { first, others: others.max(CONFIDENCE), named }
    }

    /// Of one row.
    pub(crate) fn at(&self, key: Key) -> f64 {
        self.named.iter().find(|(named, _)| *named == key).map_or(self.others, |(_, level)| *level)
    }
}

impl Hypothesis<'_> {
    /// Where the question is: at its margin, or at no shift at all.
    fn limit(&self) -> f64 {
        match self.rank {
            Rank::Gated(margin) => margin,
            Rank::Headline | Rank::Other => 0.0,
        }
    }

    /// Whether its interval of this confidence lies on one side of the question.
    fn is_decided(&self, level: f64) -> bool {
        let (low, high) = self.shift.interval(small_sample_factor(self.blocks) * widening(level, self.blocks));
        low > self.limit() || high < self.limit()
    }

    /// How often chance alone would be as far from the question, of either side: the confidence at which the interval
    /// just touches it.
    fn chance(&self) -> f64 {
        let (low, high) = self.shift.interval(small_sample_factor(self.blocks));
        let away = self.shift.estimate - self.limit();
        let arm = if away >= 0.0 { self.shift.estimate - low } else { high - self.shift.estimate };
        let freedom = self.blocks as f64 - 1.0;
        if arm <= 0.0 {
            return if away == 0.0 { 1.0 } else { 0.0 };
        }
        let t = away.abs() / arm * crate::analysis::stats::basic::student_quantile(0.5 + CONFIDENCE / 2.0, freedom);
        2.0 * student_survival(t, freedom)
    }
}

/// The level of each gated row: the surest is held against `chance` by as many as there are, the next by one fewer,
/// until one does not pass; that one and the rest keep its level.
fn holm(gated: &[&Hypothesis], chance: f64) -> Vec<(Key, f64)> {
    let mut order: Vec<(&Hypothesis, f64)> =
        gated.iter().map(|hypothesis| (*hypothesis, hypothesis.chance())).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut share = chance / order.len().max(1) as f64;
    let mut open = false;
    let mut levels = Vec::new();
    for (place, (hypothesis, p)) in order.iter().enumerate() {
        if !open {
            share = chance / (order.len() - place) as f64;
        }
        open |= *p > share;
        levels.push((hypothesis.key, 1.0 - share));
    }
    levels
}

fn shifts<'a>(hypotheses: &[&Hypothesis<'a>]) -> Vec<&'a Shift> {
    hypotheses.iter().map(|hypothesis| hypothesis.shift).collect()
}

/// The level beyond which only the share `1 - confidence` of draws have any hypothesis.
fn level_of(farthest: &[f64], confidence: f64) -> f64 {
    let mut sorted = farthest.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, confidence).unwrap_or(confidence).max(confidence)
}

/// The level of the others when the first may miss too: so that only 5% of draws have anything beyond its level.
fn left_over(first: &[Vec<f64>], others: &[f64]) -> f64 {
    let missed = |draw: usize| first.iter().any(|beyond| beyond[draw] > 0.0);
    let mut rest: Vec<f64> =
        others.iter().enumerate().filter(|(draw, _)| !missed(*draw)).map(|(_, out)| *out).collect();
    let spent = others.len() - rest.len();
    let left = ((1.0 - CONFIDENCE) * others.len() as f64 - spent as f64).max(0.0);
    rest.sort_by(f64::total_cmp);
    let keep = 1.0 - left / rest.len().max(1) as f64;
    quantile(&rest, keep).unwrap_or(CONFIDENCE)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    use super::*;

    fn shift(seed: u64, estimate: f64) -> Shift {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
        let drawn = (0..20_000).map(|_| estimate + rng.sample::<f64, _>(StandardNormal)).collect();
        Shift { estimate, drawn }
    }

    fn levels(shifts: &[(Shift, Rank)]) -> Levels {
        let rows = shifts.iter().enumerate();
        let hypotheses =
            rows.map(|(place, (shift, rank))| Hypothesis { key: (0, 0, place), shift, blocks: 10_000, rank: *rank });
        Levels::of(&hypotheses.collect::<Vec<_>>())
    }

    /// The share of draws, moved to nought, in which any row would be called different.
    fn alarms(shifts: &[(Shift, Rank)], levels: &Levels) -> f64 {
        let outs: Vec<Vec<f64>> = shifts.iter().map(|(shift, _)| farthest(&[shift])).collect();
        let draws = outs[0].len();
        let any = |draw: &usize| outs.iter().enumerate().any(|(place, out)| out[*draw] > levels.at((0, 0, place)));
        (0..draws).filter(any).count() as f64 / draws as f64
    }

    #[test]
    fn the_first_have_most_of_the_chance_and_all_together_one_in_twenty() {
        let mut rows = vec![(shift(1, 0.0), Rank::Headline)];
        rows.extend((2..12).map(|seed| (shift(seed, 0.0), Rank::Other)));
        let levels = levels(&rows);
        assert!((levels.first - 0.96).abs() < 0.001 && levels.others > 0.997, "{levels:?}");
        let alarms = alarms(&rows, &levels);
        assert!((alarms - 0.05).abs() < 0.001, "{alarms}");
    }

    #[test]
    fn what_the_first_no_longer_need_falls_to_the_others() {
        let mut rows = vec![(shift(1, 9.0), Rank::Headline)];
        rows.extend((2..10).map(|seed| (shift(seed, 0.0), Rank::Other)));
        let levels = levels(&rows);
        // 0.95^(1/8) = 0.9936
        assert!((levels.others - 0.9936).abs() < 0.001, "{levels:?}");
    }

    #[test]
    fn margins_are_held_one_after_the_other() {
        // 3.0, 2.2 and 1.0 standard errors from their margin: chances 0.0027, 0.028 and 0.32.
        let rows: Vec<_> = [(1, 5.0), (2, 4.2), (3, 3.0)].map(|(s, e)| (shift(s, e), Rank::Gated(2.0))).into();
        let first = |levels: &Levels, place| 1.0 - levels.at((0, 0, place));
        let levels_of = levels(&rows);
        for (place, chance) in [(0, 0.04 / 3.0), (1, 0.04 / 2.0), (2, 0.04 / 2.0)] {
            assert!((first(&levels_of, place) - chance).abs() < 1e-9, "{place}: {levels_of:?}");
        }
        let one = levels(&rows[1..2]);
        assert!((first(&one, 0) - 0.04).abs() < 1e-9);
    }

    #[test]
    fn rows_that_nobody_named_share_what_there_is() {
        let rows: Vec<_> = (1..9).map(|seed| (shift(seed, 0.0), Rank::Other)).collect();
        let levels = levels(&rows);
        assert!((levels.others - 0.9936).abs() < 0.001, "{levels:?}");
        assert!((alarms(&rows, &levels) - 0.05).abs() < 0.001);
        assert!((Levels::of(&[]).others - CONFIDENCE).abs() < 1e-12);
    }
}
