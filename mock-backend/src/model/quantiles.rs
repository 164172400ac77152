//! Quantiles of sums of independent times, computed and not sampled: on a low-discrepancy lattice of 2^17 points through
//! the quantile function of each time.

use serde_json::{Value, json};

use super::dist::Dist;
use crate::units::MS;

/// Points of the lattice: quantiles to about a hundredth of a standard deviation.
const POINTS: u32 = 1 << 17;

/// One of the times of which a sum is made.
pub(crate) enum Part {
    /// A time as drawn.
    Time(Dist),
    /// A time in whole steps of so many nanoseconds, one at least.
    Steps(Dist, f64),
    /// One of these times, sorted.
    OneOf(Vec<f64>),
}

impl Part {
    fn is_fixed(&self) -> bool {
        match self {
            Self::Time(dist) | Self::Steps(dist, _) => matches!(dist, Dist::Fixed(_)),
            Self::OneOf(times) => times.len() < 2,
        }
    }

    fn quantile(&self, q: f64) -> f64 {
        match self {
            Self::Time(dist) => dist.quantile(q),
            Self::Steps(dist, step) => (dist.quantile(q) / step).ceil().max(1.0) * step,
            Self::OneOf(times) => times.get((q * times.len() as f64) as usize).copied().unwrap_or(0.0),
        }
    }
}

/// Quantiles of a time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantiles(pub(crate) [f64; 4]);

pub(crate) const QS: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

impl Quantiles {
    /// Those of the sum of independent times.
    pub(crate) fn of(parts: &[Part]) -> Self {
        let sums = sums(parts);
        Self(QS.map(|(_, q)| sums[(q * sums.len() as f64) as usize] / MS))
    }

    /// Those of one of several such sums, each as often as its weight says; nothing if there are none.
    pub(crate) fn mix(ways: &[(u32, Vec<Part>)]) -> Option<Self> {
        let mut all: Vec<(f64, f64)> = Vec::new();
        for (weight, parts) in ways {
            let sums = sums(parts);
            let each = f64::from(*weight) / sums.len() as f64;
            all.extend(sums.into_iter().map(|sum| (sum, each)));
        }
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let last = all.last()?.0;
        let total: f64 = all.iter().map(|(_, weight)| weight).sum();
        Some(Self(QS.map(|(_, q)| {
            let mut below = 0.0;
            let found = all.iter().find(|(_, weight)| {
                below += weight;
                below > q * total
            });
            found.map_or(last, |(sum, _)| *sum) / MS
        })))
    }

    pub(crate) fn minus(self, base: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - base.0[i]))
    }

    pub(crate) fn json(self) -> Value {
        let members = QS.iter().zip(self.0).map(|((name, _), ms)| ((*name).to_owned(), round(ms)));
        Value::Object(members.collect())
    }

    pub(crate) fn text(self) -> String {
        let parts: Vec<String> = QS.iter().zip(self.0).map(|((name, _), ms)| format!("{name} {ms:.1}")).collect();
        format!("{} ms", parts.join("  "))
    }
}

/// The sums of independent times, sorted.
fn sums(parts: &[Part]) -> Vec<f64> {
    let fixed: f64 = parts.iter().filter(|part| part.is_fixed()).map(|part| part.quantile(0.5)).sum();
    let varying: Vec<&Part> = parts.iter().filter(|part| !part.is_fixed()).collect();
    if varying.is_empty() {
        return vec![fixed];
    }
    let steps = lattice(varying.len());
    let sum = |i: u32| {
        let at = |step: &f64| (0.5 + f64::from(i) * step).fract();
        fixed + varying.iter().zip(&steps).map(|(part, step)| part.quantile(at(step))).sum::<f64>()
    };
    let mut sums: Vec<f64> = (0..POINTS).map(sum).collect();
    sums.sort_unstable_by(f64::total_cmp);
    sums
}

/// The steps of an additive lattice of `dimensions` (M. Roberts' R sequence): powers of the root of x^(d+1) = x + 1.
fn lattice(dimensions: usize) -> Vec<f64> {
    let power = dimensions as f64 + 1.0;
    let root = (0..64).fold(2.0f64, |x, _| (1.0 + x).powf(1.0 / power));
    (1..=dimensions).map(|k| root.powi(-(k as i32))).collect()
}

pub(crate) fn round(ms: f64) -> Value {
    json!((ms * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rng::seeded_rng;

    #[test]
    fn the_quantiles_are_those_of_the_draws() {
        let parts = [
            Dist::through(28e6, 34e6),
            Dist::Normal { mean: 150e6, sd: 5e6 },
            Dist::gamma(10e6, 2e6),
            Dist::Fixed(1e6),
        ];
        let mut draws: Vec<f64> = (0..40_000)
            .map(|i| {
                let mut rng = seeded_rng(3, "describe", i);
                parts.iter().map(|part| part.draw(&mut rng)).sum()
            })
            .collect();
        draws.sort_by(f64::total_cmp);
        for ((_, q), planned) in QS.iter().zip(Quantiles::of(&parts.map(Part::Time)).0) {
            let drawn = draws[(q * draws.len() as f64) as usize] / MS;
            assert!((drawn - planned).abs() < 0.4, "{q}: planned {planned}, drawn {drawn}");
        }
    }

    #[test]
    fn a_mix_has_each_way_as_often_as_its_weight_says() {
        let fixed = |ms: f64| vec![Part::Time(Dist::Fixed(ms * MS))];
        assert_eq!(Quantiles::mix(&[(1, fixed(10.0))]), Some(Quantiles([10.0; 4])));
        assert_eq!(Quantiles::mix(&[(19, fixed(10.0)), (1, fixed(50.0))]), Some(Quantiles([10.0, 10.0, 50.0, 50.0])));
        assert_eq!(Quantiles::mix(&[]), None);
        let drawn = || vec![Part::Time(Dist::Normal { mean: 150e6, sd: 5e6 })];
        let (mixed, plain) = (Quantiles::mix(&[(2, drawn()), (3, drawn())]).unwrap(), Quantiles::of(&drawn()));
        assert!(mixed.0.iter().zip(plain.0).all(|(a, b)| (a - b).abs() < 0.01), "{mixed:?} {plain:?}");
    }

    #[test]
    fn steps_are_whole_and_recorded_times_are_those_recorded() {
        let steps = Quantiles::of(&[Part::Steps(Dist::Fixed(50e6), 20e6), Part::Time(Dist::Fixed(1e6))]);
        assert_eq!(steps, Quantiles([61.0; 4]));
        let recorded: Vec<f64> = (0..100).map(|i| f64::from(i) * MS).collect();
        let found = Quantiles::of(&[Part::OneOf(recorded)]).0;
        assert!(found.iter().zip([50.0, 90.0, 95.0, 99.0]).all(|(ms, expected)| (ms - expected).abs() <= 1.0));
    }
}
