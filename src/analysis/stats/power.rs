//! How much a number of rounds can resolve. Before a run only the spread of the latencies can be guessed: it is taken as
//! that of a lognormal distribution.

use statrs::distribution::{Continuous, Normal};

use crate::analysis::stats::basic::{CONFIDENCE, normal_quantile};

/// `k` in `k / sqrt(n)`: the standard error of the logarithm of the quantile `q` of `n` independent lognormal values
/// whose logarithms have the standard deviation `sigma`: `sqrt(q (1 - q)) sigma / phi(z_q)`.
fn error_of_log_quantile(q: f64, sigma: f64) -> f64 {
    (q * (1.0 - q)).sqrt() * sigma / Normal::standard().pdf(normal_quantile(q))
}

/// The half-width of the 95% interval of a shift of the quantile `q`, as a share of the quantile, with `rounds`
/// calls on either path: the smallest shift that such a run tells from none in about half of all cases.
///
/// `effect` is the design effect: by how much correlated values say less than independent ones, 1 for independent.
pub(crate) fn half_width(rounds: f64, q: f64, sigma: f64, effect: f64) -> f64 {
    let z = normal_quantile(0.5 + CONFIDENCE / 2.0);
    z * error_of_log_quantile(q, sigma) * (2.0 * effect / rounds).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_known_errors_of_quantiles() {
        // sigma 0.45: 0.564, 0.77, 1.68 and 4.22 over the root of n.
        for (q, k) in [(0.5, 0.564), (0.9, 0.77), (0.99, 1.68), (0.999, 4.22)] {
            let got = error_of_log_quantile(q, 0.45);
            assert!((got / k - 1.0).abs() < 0.01, "{q}: {got}");
        }
        for (q, half, rounds) in [(0.5, 0.05, 980.0), (0.99, 0.1, 2_170.0), (0.999, 0.2, 3_400.0)] {
            let got = half_width(rounds, q, 0.45, 1.0);
            assert!((got / half - 1.0).abs() < 0.01, "{q}: {got}");
            assert!((half_width(2.75 * rounds, q, 0.45, 2.75) - got).abs() < 1e-9);
        }
    }
}
