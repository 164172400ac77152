//! The statistics that the judgement stands on: quantiles of known distributions, intervals for one figure, and how
//! long a series remembers itself. Pure; knows nothing of runs.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

use crate::measure::quantile::quantile;

/// The confidence of every interval.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// The quantile `p` of the standard normal distribution.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// The quantile `p` of Student's t distribution with `freedom` degrees of freedom.
pub(crate) fn student_quantile(p: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or_else(|_| normal_quantile(p), |t| t.inverse_cdf(p))
}

/// How often Student's t distribution with `freedom` degrees of freedom is larger than `t`.
pub(crate) fn student_survival(t: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(0.5, |student| student.sf(t))
}

/// By how much a bootstrap interval over `blocks` blocks is widened: `t(blocks - 1) / z * sqrt(blocks / (blocks - 1))`,
/// because a bootstrap takes the spread among few blocks for the true one.
pub(crate) fn small_sample_factor(blocks: usize) -> f64 {
    let n = blocks as f64;
    let p = 0.5 + CONFIDENCE / 2.0;
    student_quantile(p, n - 1.0) / normal_quantile(p) * (n / (n - 1.0)).sqrt()
}

/// The two-sided 95% interval for a share of which `hits` of `n` were seen, after Wilson (1927); `None` for `n = 0`.
pub(crate) fn wilson(hits: f64, n: f64) -> Option<(f64, f64)> {
    if n <= 0.0 {
        return None;
    }
    let z = normal_quantile(0.5 + CONFIDENCE / 2.0);
    let (share, z2) = (hits / n, z * z);
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let low = if hits <= 0.0 { 0.0 } else { centre - half };
    let high = if hits >= n { 1.0 } else { centre + half };
    Some((low.max(0.0), high.min(1.0)))
}

/// The shares of a sample, from below, between which the true quantile `q` lies with 95% confidence, whatever the
/// distribution: ranks of the binomial distribution of `n` independent values. A side is `None` where `n` is too small
/// for a bound to exist.
pub(crate) fn rank_interval(n: f64, q: f64) -> (Option<f64>, Option<f64>) {
    let n = n.floor();
    let Ok(below) = Binomial::new(q, n as u64) else { return (None, None) };
    let tail = (1.0 - CONFIDENCE) / 2.0;
    if n < 1.0 {
        return (None, None);
    }
    // Value number l from below is under the quantile unless fewer than l values are: P(X < l) <= tail.
    let low = below.inverse_cdf(tail) as f64;
    let low_rank = if below.cdf(low as u64) <= tail { low + 1.0 } else { low };
    // Value number u is over the quantile if fewer than u values are under it: P(X >= u) <= tail.
    let high_rank = below.inverse_cdf(1.0 - tail) as f64 + 1.0;
    let share = |rank: f64| (rank - 1.0) / (n - 1.0).max(1.0);
    (Some(low_rank).filter(|rank| *rank >= 1.0).map(share), Some(high_rank).filter(|rank| *rank <= n).map(share))
}

/// The fewest independent values for which a two-sided 95% interval of the quantile `q` exists:
/// `q^n <= 0.025` and `(1 - q)^n <= 0.025`; 72 for p95, 368 (367.04) for p99.
pub(crate) fn interval_needs(q: f64) -> usize {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    (tail.ln() / q.max(1.0 - q).ln()).ceil() as usize
}

/// How long a series remembers itself: the sum of its autocorrelations from lag 1, in steps of the series, until the
/// first that is lost in noise (below `2 / sqrt(n)`). 0 for independent values, about `tau` for `exp(-t / tau)`.
pub(crate) fn autocorrelation_time(series: &[f64]) -> f64 {
    let n = series.len();
    let mean = series.iter().sum::<f64>() / n.max(1) as f64;
    let variance: f64 = series.iter().map(|x| (x - mean).powi(2)).sum();
    if n < 8 || variance <= 0.0 {
        return 0.0;
    }
    let correlation = |lag: usize| {
        series[lag..].iter().zip(series).map(|(late, early)| (late - mean) * (early - mean)).sum::<f64>() / variance
    };
    let noise = 2.0 / (n as f64).sqrt();
    (1..n / 2).map(correlation).take_while(|rho| *rho > noise).sum()
}

/// By how much values in the order of time say less than as many independent ones: the variance of means over about a
/// second against that of independent values, times `1 + 2` the memory of those means; at least 1.
///
/// `values` are seconds and values. Without spread the effect is 1.
pub(crate) fn design_effect(values: &[(f64, f64)]) -> f64 {
    means_of_seconds(values)
        .map_or(1.0, |(within, means)| (within * (1.0 + 2.0 * autocorrelation_time(&means))).max(1.0))
}

/// By how much values of the same second say less than independent ones: the first of the two factors of
/// [`design_effect`], at least 1.
pub(crate) fn effect_within_seconds(values: &[(f64, f64)]) -> f64 {
    means_of_seconds(values).map_or(1.0, |(within, _)| within.max(1.0))
}

/// The variance of means over about a second against that of independent values, and those means; `None` without spread
/// or with too few of them.
fn means_of_seconds(values: &[(f64, f64)]) -> Option<(f64, Vec<f64>)> {
    let (first, last) = (values.first()?.0, values.last()?.0);
    let n = values.len() as f64;
    let each = ((n / (last - first).max(1.0)).round() as usize).max(1);
    let spread = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0).max(1.0)
    };
    let means: Vec<f64> =
        values.chunks_exact(each).map(|chunk| chunk.iter().map(|(_, x)| x).sum::<f64>() / each as f64).collect();
    let alone = spread(&values.iter().map(|(_, x)| *x).collect::<Vec<_>>());
    (alone > 0.0 && means.len() >= 8).then(|| (spread(&means) * each as f64 / alone, means))
}

/// The difference of two means, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MeanDifference {
    /// The second mean minus the first.
    pub(crate) difference: f64,
    /// Its 95% interval.
    pub(crate) interval: (f64, f64),
    /// How often chance alone would show a difference as large, of either sign.
    pub(crate) p: f64,
}

/// Compares the means of two groups after Welch (1947): unequal variances, each with `n - 1`; `None` with fewer than
/// two values on a side.
pub(crate) fn welch(first: &[f64], second: &[f64]) -> Option<MeanDifference> {
    if first.len().min(second.len()) < 2 {
        return None;
    }
    let moments = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n, n - 1.0)
    };
    let ((mean_a, error_a, free_a), (mean_b, error_b, free_b)) = (moments(first), moments(second));
    let (difference, squared) = (mean_b - mean_a, error_a + error_b);
    if squared <= 0.0 {
        // No spread at all: any difference is one.
        let p = if difference == 0.0 { 1.0 } else { 0.0 };
        return Some(MeanDifference { difference, interval: (difference, difference), p });
    }
    let freedom = squared.powi(2) / (error_a.powi(2) / free_a + error_b.powi(2) / free_b);
    let (error, t) = (squared.sqrt(), difference / squared.sqrt());
    let reach = student_quantile(0.5 + CONFIDENCE / 2.0, freedom) * error;
    let tail = student_survival(t.abs(), freedom);
    Some(MeanDifference { difference, interval: (difference - reach, difference + reach), p: (2.0 * tail).min(1.0) })
}

/// The ranks of values, 1 for the smallest, the mean of their places for equal ones.
pub(crate) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let ties = order[from..].iter().take_while(|i| values[**i] == values[order[from]]).count();
        for i in &order[from..from + ties] {
            ranks[*i] = from as f64 + (ties as f64 + 1.0) / 2.0;
        }
        from += ties;
    }
    ranks
}

/// The quantile `q` of ascending values of which some may be infinite; `None` where it is not finite.
pub(crate) fn known_quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = sorted.len().checked_sub(1)? as f64 * q;
    // At a whole rank the next value has no weight, and nothing of infinity is still no number.
    let value = if rank.fract() == 0.0 { sorted.get(rank as usize).copied() } else { quantile(sorted, q) };
    value.filter(|value| value.is_finite())
}

/// How many of ascending values are not known.
pub(crate) fn beyond(sorted: &[f64]) -> usize {
    sorted.len() - sorted.partition_point(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-6 * expected.abs().max(1.0), "{got} is not {expected}");
    }

    #[test]
    fn agrees_with_tables() {
        // scipy.stats.norm.ppf, scipy.stats.t.ppf
        near(normal_quantile(0.975), 1.959_963_985);
        near(student_quantile(0.975, 19.0), 2.093_024_054);
        near(student_quantile(0.975, 39.0), 2.022_690_920);
        near(student_quantile(0.995, 5.0), 4.032_142_984);
        near(small_sample_factor(40), 2.022_690_920 / 1.959_963_985 * (40.0f64 / 39.0).sqrt());
    }

    #[test]
    fn wilson_is_honest_at_the_edges() {
        // statsmodels proportion_confint(5, 50, method="wilson")
        let (low, high) = wilson(5.0, 50.0).expect("n");
        near(low, 0.043_475_765);
        near(high, 0.213_602_314);
        let (low, high) = wilson(0.0, 300.0).expect("n");
        assert_eq!(low, 0.0);
        near(high, 0.012_642_971);
        assert_eq!(wilson(0.0, 0.0), None);
    }

    #[test]
    fn an_interval_of_ranks_exists_only_with_enough_values() {
        for (q, fewest) in [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)] {
            assert_eq!(interval_needs(q), fewest, "{q}");
            assert!(rank_interval(fewest as f64, q).1.is_some(), "{q}");
            assert!(rank_interval(fewest as f64 - 1.0, q).1.is_none(), "{q}");
        }
        // Ranks 40 and 61 of 100 hold the median with 96.5%.
        let (low, high) = rank_interval(100.0, 0.5);
        near(low.expect("low"), 39.0 / 99.0);
        near(high.expect("high"), 60.0 / 99.0);
        assert_eq!(rank_interval(0.0, 0.5), (None, None));
    }

    #[test]
    fn memory_is_found_and_noise_is_not() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(7);
        let noise: Vec<f64> = (0..400).map(|_| rng.random::<f64>() - 0.5).collect();
        assert!(autocorrelation_time(&noise) < 0.5);
        let mut level = 0.0;
        let memory = f64::exp(-1.0 / 8.0);
        let series: Vec<f64> = (0..20_000)
            .map(|_| {
                level = memory * level + rng.random::<f64>() - 0.5;
                level
            })
            .collect();
        let tau = autocorrelation_time(&series);
        assert!((6.0..9.0).contains(&tau), "{tau}");
    }

    #[test]
    fn welch_agrees_with_scipy() {
        // scipy.stats.ttest_ind(b, a, equal_var=False), its confidence_interval(0.95)
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0, 9.0, 11.0, 12.0]);
        let got = welch(&a, &b).expect("values");
        near(got.difference, 4.333_333_333);
        near(got.p, 0.045_682_684);
        near(got.interval.0, 0.110_811_814);
        near(got.interval.1, 8.555_854_853);
        assert_eq!(welch(&[1.0], &b), None);
        assert_eq!(welch(&[3.0, 3.0], &[3.0, 3.0]).expect("values").p, 1.0);
        assert_eq!(welch(&[3.0, 3.0], &[4.0, 4.0]).expect("values").p, 0.0);
    }

    #[test]
    fn ranks_share_ties() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }
}
