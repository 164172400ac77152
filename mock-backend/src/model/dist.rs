//! Distributions of times: constant, normal, lognormal, gamma, or a table of quantiles.

use std::fmt;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use statrs::distribution::{ContinuousCDF, Gamma, Normal};

use crate::units::{LONGEST, MS};

/// The quantile of the standard normal at 0.95: how P50 and P95 of a lognormal give its sigma.
pub(crate) const Z95: f64 = 1.644_853_626_951_472_7;

/// A distribution of times, in nanoseconds. What would fall below 0 is 0, what would be longer than an hour is an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dist {
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
    /// Gamma, by its mean and its standard deviation.
    Gamma {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        sd: f64,
    },
    /// A table of quantiles, with straight lines between them.
    Quantiles(Table),
}

/// The quantiles of a measured distribution. Below the median it falls as steeply as it rises from there to the 90th
/// percentile (but not below 0), above the 99th percentile it ends as far away as the 95th is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Table {
    /// The median.
    pub(crate) p50: f64,
    /// The 90th percentile.
    pub(crate) p90: f64,
    /// The 95th percentile.
    pub(crate) p95: f64,
    /// The 99th percentile.
    pub(crate) p99: f64,
}

impl Table {
    fn quantile(&self, q: f64) -> f64 {
        let Self { p50, p90, p95, p99 } = *self;
        let least = (p50 - (p90 - p50)).max(0.0);
        let points = [(0.0, least), (0.5, p50), (0.9, p90), (0.95, p95), (0.99, p99), (1.0, p99 + (p99 - p95))];
        let right = points.partition_point(|(at, _)| *at < q).clamp(1, points.len() - 1);
        let ((from, low), (to, high)) = (points[right - 1], points[right]);
        low + (high - low) * ((q - from) / (to - from)).clamp(0.0, 1.0)
    }
}

impl Dist {
    /// A lognormal through its median and its 95th percentile; fixed where both are one.
    #[must_use]
    pub(crate) fn through(p50: f64, p95: f64) -> Self {
        if p95 > p50 && p50 > 0.0 { Self::LogNormal { p50, sigma: (p95 / p50).ln() / Z95 } } else { Self::Fixed(p50) }
    }

    /// A gamma by its mean and standard deviation; fixed where one of them is 0.
    #[must_use]
    pub(crate) fn gamma(mean: f64, sd: f64) -> Self {
        if mean > 0.0 && sd > 0.0 { Self::Gamma { mean, sd } } else { Self::Fixed(mean) }
    }

    /// Whether it is always 0.
    #[must_use]
    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::Fixed(0.0)
    }

    /// One value, in nanoseconds.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Normal { .. } | Self::LogNormal { .. } => self.at(StandardNormal.sample(rng)),
            // The shape and the scale are more than 0, or it would be a fixed value.
            Self::Gamma { mean, sd } => {
                let drawn = rand_distr::Gamma::new(shape(*mean, *sd), sd * sd / mean);
                drawn.map_or(*mean, |gamma| gamma.sample(rng)).min(LONGEST)
            }
            Self::Quantiles(table) => table.quantile(rng.random()),
        }
    }

    /// The value below which the share `q` (0..1) of the draws lie, in nanoseconds.
    #[must_use]
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let inner = q.clamp(1e-12, 1.0 - 1e-12);
        match self {
            // The shape and the rate are more than 0, or it would be a fixed value.
            Self::Gamma { mean, sd } => Gamma::new(shape(*mean, *sd), mean / (sd * sd))
                .map_or(*mean, |gamma| gamma.inverse_cdf(inner))
                .min(LONGEST),
            Self::Quantiles(table) => table.quantile(q),
            Self::Fixed(_) | Self::Normal { .. } | Self::LogNormal { .. } => {
                self.at(Normal::standard().inverse_cdf(inner))
            }
        }
    }

    /// The value at `z` standard deviations of the normal from which it is made; the mean where it is made otherwise.
    fn at(&self, z: f64) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Normal { mean, sd } => (mean + sd * z).max(0.0),
            Self::LogNormal { p50, sigma } => p50 * (sigma * z).exp(),
            Self::Gamma { mean, .. } => *mean,
            Self::Quantiles(table) => table.p50,
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
            Self::Gamma { mean, sd } => write!(f, "{} +- {} ms (gamma)", trim(mean / MS), trim(sd / MS)),
            Self::Quantiles(Table { p50, p90, p95, p99 }) => {
                let [p50, p90, p95, p99] = [p50, p90, p95, p99].map(|ns| trim(ns / MS));
                write!(f, "p50 {p50} ms, p90 {p90} ms, p95 {p95} ms, p99 {p99} ms (table)")
            }
        }
    }
}

/// The shape of a gamma.
fn shape(mean: f64, sd: f64) -> f64 {
    (mean / sd) * (mean / sd)
}

/// A number without trailing zeros, to the microsecond.
pub(crate) fn trim(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rng::seeded_rng;

    const DISTS: [Dist; 5] = [
        Dist::Fixed(5e6),
        Dist::Normal { mean: 150e6, sd: 5e6 },
        Dist::LogNormal { p50: 28e6, sigma: 0.118_036 },
        Dist::Gamma { mean: 100e6, sd: 10e6 },
        Dist::Quantiles(Table { p50: 100e6, p90: 130e6, p95: 140e6, p99: 150e6 }),
    ];

    #[test]
    fn draws_have_the_quantiles_of_their_distribution() {
        for dist in DISTS {
            let mut draws: Vec<f64> = (0..20_000).map(|i| dist.draw(&mut seeded_rng(7, "test", i))).collect();
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
        assert!((0..1000).all(|i| dist.draw(&mut seeded_rng(1, "cut", i)) >= 0.0));
    }

    #[test]
    fn a_table_has_straight_lines_between_its_quantiles() {
        let table = Dist::Quantiles(Table { p50: 100.0, p90: 180.0, p95: 200.0, p99: 400.0 });
        for (q, expected) in [
            (0.0, 20.0),
            (0.25, 60.0),
            (0.5, 100.0),
            (0.7, 140.0),
            (0.95, 200.0),
            (0.97, 300.0),
            (0.99, 400.0),
            (1.0, 600.0),
        ] {
            assert!((table.quantile(q) - expected).abs() < 1e-9, "{q}");
        }
    }

    #[test]
    fn the_quantiles_of_a_gamma_are_those_of_the_published_tables() {
        // A gamma of shape k/2 and scale 2 is a chi square with k degrees of freedom; shape 1 is an exponential.
        let table = [
            (0.5, 0.95, 3.841_459 / 2.0),
            (1.0, 0.5, std::f64::consts::LN_2),
            (1.0, 0.99, 100f64.ln()),
            (5.0, 0.95, 18.307_038 / 2.0),
            (5.0, 0.5, 9.341_818 / 2.0),
            (50.0, 0.99, 135.806_723 / 2.0),
        ];
        for (shape, q, expected) in table {
            let found = Dist::gamma(shape, f64::sqrt(shape)).quantile(q);
            assert!((found / expected - 1.0).abs() < 1e-6, "shape {shape} at {q}: {found}, not {expected}");
        }
    }
}
