//! Several runs of one experiment as one estimate: random effects.
//!
//! Each run measured a shift of its own, with an error of its own. The true shifts of the runs are taken as drawn around a
//! mean with the standard deviation `tau`, which is estimated after Paule and Mandel (1982): the `tau` with which the weighted
//! squares are as large as `k - 1` runs let expect. The interval of the mean is that of Hartung, Knapp, Sidik and Jonkman in
//! its guarded form (never narrower than the weights allow); with this estimate of `tau` the two are one formula, Student's
//! `t(k - 1)` times `1 / sqrt(sum of weights)`. How often it holds the truth: `docs/statistics.md`.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use crate::analysis::stats::basic::{CONFIDENCE, student_quantile};

/// The fewest runs of which a range for the next one is told.
pub(crate) const FOR_NEXT: usize = 3;

/// What one run measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The shift.
    pub(crate) value: f64,
    /// Its standard error within the run.
    pub(crate) error: f64,
}

/// What several runs measured together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pooled {
    /// How many runs.
    pub(crate) runs: usize,
    /// The mean shift.
    pub(crate) mean: f64,
    /// Its standard error.
    pub(crate) error: f64,
    /// By how much the true shift varies from run to run: a standard deviation.
    pub(crate) tau: f64,
    /// The 95% interval of that, by the profile of the weighted squares.
    pub(crate) tau_interval: (f64, f64),
    /// Between which values the next run measures with 95%; `None` with fewer than [`FOR_NEXT`] runs.
    pub(crate) next: Option<(f64, f64)>,
}

impl Pooled {
    /// The two-sided interval of the mean at a confidence.
    pub(crate) fn interval(&self, confidence: f64) -> (f64, f64) {
        let reach = student_quantile(0.5 + confidence / 2.0, self.runs as f64 - 1.0) * self.error;
        (self.mean - reach, self.mean + reach)
    }
}

/// Pools runs; `None` with fewer than two, which cannot tell how runs vary.
pub(crate) fn pool(estimates: &[Estimate]) -> Option<Pooled> {
    let runs = estimates.len();
    if runs < 2 {
        return None;
    }
    let variances = variances(estimates);
    let squares = Squares { estimates, variances: &variances };
    let freedom = runs as f64 - 1.0;
    let tau = squares.tau_at(freedom);
    let (mean, weight) = squares.mean(tau * tau);
    let error = weight.sqrt().recip();
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let chi = |p: f64| ChiSquared::new(freedom).map_or(freedom, |chi| chi.inverse_cdf(p));
    let tau_interval = (squares.tau_at(chi(1.0 - tail)), squares.tau_at(chi(tail)));
    let next = (runs >= FOR_NEXT).then(|| {
        let spread = (tau * tau + error * error + typical(&variances)).sqrt();
        let reach = student_quantile(1.0 - tail, freedom) * spread;
        (mean - reach, mean + reach)
    });
    Some(Pooled { runs, mean, error, tau, tau_interval, next })
}

/// The variances within runs. One that its run could not see (all draws alike) counts as a hundredth of the middle one's
/// error, or that run would have all the weight.
fn variances(estimates: &[Estimate]) -> Vec<f64> {
    let mut errors: Vec<f64> = estimates.iter().map(|estimate| estimate.error).collect();
    errors.sort_by(f64::total_cmp);
    let least = (0.01 * errors[errors.len() / 2]).max(1e-9);
    estimates.iter().map(|estimate| estimate.error.max(least).powi(2)).collect()
}

/// The middle one.
fn typical(variances: &[f64]) -> f64 {
    let mut sorted = variances.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The weighted squares of runs around their mean, as a function of `tau`.
struct Squares<'a> {
    estimates: &'a [Estimate],
    variances: &'a [f64],
}

impl Squares<'_> {
    /// The weighted mean, and the sum of the weights.
    fn mean(&self, tau2: f64) -> (f64, f64) {
        let weights = self.variances.iter().map(|variance| (variance + tau2).recip());
        let (sum, weight) = self
            .estimates
            .iter()
            .zip(weights)
            .fold((0.0, 0.0), |(sum, all), (estimate, weight)| (sum + weight * estimate.value, all + weight));
        (sum / weight, weight)
    }

    fn at(&self, tau2: f64) -> f64 {
        let (mean, _) = self.mean(tau2);
        let each = self.estimates.iter().zip(self.variances);
        each.map(|(estimate, variance)| (estimate.value - mean).powi(2) / (variance + tau2)).sum()
    }

    /// The `tau` at which they are `wanted`; 0 where they are smaller even so. They fall as `tau` grows.
    fn tau_at(&self, wanted: f64) -> f64 {
        if self.at(0.0) <= wanted {
            return 0.0;
        }
        let mut high = self.variances.iter().copied().fold(1e-12, f64::max);
        while self.at(high) > wanted && high < 1e30 {
            high *= 4.0;
        }
        let mut low = 0.0;
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if self.at(middle) > wanted { low = middle } else { high = middle }
        }
        (0.5 * (low + high)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::{Distribution, LogNormal, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::analysis::stats::basic::normal_quantile;

    fn of(pairs: &[(f64, f64)]) -> Vec<Estimate> {
        pairs.iter().map(|(value, error)| Estimate { value: *value, error: *error }).collect()
    }

    #[test]
    fn equal_runs_have_their_mean_and_no_variance_between_them() {
        let pooled = pool(&of(&[(5.0, 1.0), (5.0, 1.0), (5.0, 1.0), (5.0, 1.0)])).expect("four");
        assert_eq!((pooled.mean, pooled.tau, pooled.error), (5.0, 0.0, 0.5));
        let (low, high) = pooled.interval(0.95);
        assert!((low - (5.0 - 3.182 * 0.5)).abs() < 1e-3 && (high - (5.0 + 3.182 * 0.5)).abs() < 1e-3);
        assert!(pooled.tau_interval.1 == 0.0, "{pooled:?}");
    }

    #[test]
    fn runs_that_differ_by_more_than_their_errors_have_a_variance_between_them() {
        let values = [2.0, 4.0, 6.0, 8.0, 10.0];
        let pooled = pool(&of(&values.map(|value| (value, 0.1)))).expect("five");
        // Equal errors: tau^2 is the variance of the values less that within a run.
        assert!((pooled.mean - 6.0).abs() < 1e-9 && (pooled.tau - (10.0f64 - 0.01).sqrt()).abs() < 1e-6, "{pooled:?}");
        assert!((pooled.error - (10.0f64 / 5.0).sqrt()).abs() < 1e-6);
        let (low, high) = pooled.next.expect("range");
        assert!(low < 2.0 && high > 10.0);
        assert!(pooled.tau_interval.0 > 1.5 && pooled.tau_interval.1 > 2.0 * pooled.tau, "{pooled:?}");
    }

    #[test]
    fn few_runs_say_less_and_one_says_nothing() {
        assert_eq!(pool(&[]), None);
        assert_eq!(pool(&of(&[(5.0, 1.0)])), None);
        let two = pool(&of(&[(5.0, 1.0), (6.0, 1.0)])).expect("two");
        assert!(two.next.is_none() && two.interval(0.95).1 - two.interval(0.95).0 > 15.0, "{two:?}");
        // A run without any error of its own does not take all the weight.
        let blind = pool(&of(&[(5.0, 0.0), (9.0, 1.0), (9.0, 1.0), (9.0, 1.0)])).expect("four");
        assert!(blind.tau > 0.5 && blind.mean > 5.5, "{blind:?}");
    }

    /// `k` runs around 5 with this `tau`, in units of the typical error within a run. Errors differ from run to run, and each
    /// is known only as well as 40 blocks tell it.
    fn simulated(rng: &mut Xoshiro256PlusPlus, k: usize, tau: f64) -> Vec<Estimate> {
        let spread = LogNormal::new(0.0, 0.3).expect("spread");
        let normal = |rng: &mut Xoshiro256PlusPlus| rng.sample::<f64, _>(StandardNormal);
        let one = |_| {
            let sigma = spread.sample(rng);
            let seen = ((0..39).map(|_| normal(rng).powi(2)).sum::<f64>() / 39.0).sqrt() * sigma;
            Estimate { value: 5.0 + tau * normal(rng) + sigma * normal(rng), error: seen }
        };
        (0..k).map(one).collect()
    }

    /// DerSimonian and Laird (1986) with a normal interval, as it is often done: for the table of the documentation alone.
    fn dersimonian_laird(estimates: &[Estimate]) -> (f64, f64) {
        let variances = variances(estimates);
        let squares = Squares { estimates, variances: &variances };
        let weights: Vec<f64> = variances.iter().map(|variance| variance.recip()).collect();
        let (sum, sum2) = (weights.iter().sum::<f64>(), weights.iter().map(|weight| weight * weight).sum::<f64>());
        let tau2 = ((squares.at(0.0) - (estimates.len() as f64 - 1.0)) / (sum - sum2 / sum)).max(0.0);
        let (mean, weight) = squares.mean(tau2);
        let reach = normal_quantile(0.975) / weight.sqrt();
        (mean - reach, mean + reach)
    }

    /// Shares of simulations in which the interval of the mean, the usual one, the range of the next run and the interval of
    /// `tau` hold what they should.
    fn coverage(k: usize, tau: f64, times: u32) -> [f64; 4] {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1_000 * k as u64 + (10.0 * tau) as u64);
        let mut held = [0u32; 4];
        for _ in 0..times {
            let runs = simulated(&mut rng, k + 1, tau);
            let (next, past) = runs.split_last().expect("runs");
            let pooled = pool(past).expect("several");
            let holds = |(low, high): (f64, f64), value: f64| u32::from((low..=high).contains(&value));
            held[0] += holds(pooled.interval(CONFIDENCE), 5.0);
            held[1] += holds(dersimonian_laird(past), 5.0);
            held[2] += holds(pooled.next.expect("three runs"), next.value);
            held[3] += holds(pooled.tau_interval, tau);
        }
        held.map(|held| f64::from(held) / f64::from(times))
    }

    #[test]
    fn the_interval_of_the_mean_holds_the_truth() {
        for (k, tau) in [(3, 0.0), (3, 3.0), (7, 1.0), (30, 2.0)] {
            let [mean, _, next, _] = coverage(k, tau, 600);
            assert!(mean >= 0.92 && next >= 0.92, "{k} runs, tau {tau}: {mean} {next}");
        }
    }

    #[test]
    #[ignore = "a long simulation, whose figures stand in docs/statistics.md: run in release"]
    fn pooled_shifts_keep_their_promise() {
        eprintln!("runs, tau: the mean, DerSimonian-Laird with a normal interval, the next run, tau");
        for k in [3, 5, 10, 20, 30] {
            for tau in [0.0, 0.5, 1.0, 2.0, 3.0] {
                let [mean, usual, next, of_tau] = coverage(k, tau, 10_000);
                let percent = |share: f64| format!("{:.1}%", 100.0 * share);
                eprintln!(
                    "| {k} | {tau} | {} | {} | {} | {} |",
                    percent(mean),
                    percent(usual),
                    percent(next),
                    percent(of_tau)
                );
                assert!(mean >= 0.93 && next >= 0.93 && of_tau >= 0.9, "{k} runs, tau {tau}");
            }
        }
    }
}
