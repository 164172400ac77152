//! Figures of single calls: quantiles by order statistics, means, and largest values.

use crate::analysis::input::call_figure::{Bounds, figure, seconds};
use crate::analysis::slo::exceedance::Exceedances;
use crate::analysis::slo::observation::{Limit, Observation};
use crate::analysis::stats::basic::{
    design_effect, effect_within_seconds, known_quantile, normal_quantile, rank_interval,
};
use crate::measure::metric::Basis;
use crate::measure::quantile::quantile;
use crate::measure::sample::Sample;
use crate::objective::indicator::{Form, Quantity};
use crate::units::Quantile;

/// The figures of many calls in the order of time.
pub(crate) struct Figures {
    /// Seconds, and what is known.
    values: Vec<(f64, Bounds)>,
}

impl Figures {
    /// Of the calls `own`, which are in the order of time.
    pub(crate) fn of(own: &[&Sample], quantity: Quantity, basis: Basis) -> Self {
        let values = own.iter().filter_map(|sample| Some((seconds(sample), figure(sample, quantity, basis)?)));
        Self::of_values(values.collect())
    }

    /// Of seconds and values in the order of time.
    pub(super) fn of_values(values: Vec<(f64, Bounds)>) -> Self {
        Self { values }
    }

    /// A form of them with its interval, and how many did not keep the limit where that can decide.
    pub(super) fn observe_against(&self, form: Form, limit: Limit) -> Observation {
        let seen = self.observe(form);
        match form {
            Form::Quantile(Quantile(q)) => seen.counting(self.exceedances(q, limit)),
            Form::Mean | Form::Max => seen,
        }
    }

    /// How many did not keep the limit, of which the quantile `q` speaks.
    ///
    /// Where none did, nothing is known of how calls hang together there; those beyond the quantile tell how much calls of
    /// the same second do, which counting has to know.
    fn exceedances(&self, q: f64, limit: Limit) -> Exceedances {
        let is_beyond = |bounds: &Bounds| !(limit.is_met(bounds.least) && limit.is_met(bounds.most));
        let hits: Vec<(f64, f64)> =
            self.values.iter().map(|(at, bounds)| (*at, f64::from(u8::from(is_beyond(bounds))))).collect();
        let beyond = hits.iter().filter(|(_, hit)| *hit > 0.0).count() as u64;
        let at_quantile = self.beyond_quantile(q);
        let effect = match beyond {
            0 => effect_within_seconds(&at_quantile),
            _ => design_effect(&hits).max(design_effect(&at_quantile)),
        };
        Exceedances { beyond, of: hits.len() as u64, allowed: limit.allowed(q), effect }
    }

    /// When each call was due, and 1 if it lies beyond the quantile `q`, else 0.
    fn beyond_quantile(&self, q: f64) -> Vec<(f64, f64)> {
        let observed = quantile(&self.sorted(|bounds| bounds.least), q).unwrap_or(0.0);
        let beyond = |value: f64| f64::from(u8::from(value > observed));
        self.values.iter().map(|(at, bounds)| (*at, beyond(bounds.least))).collect()
    }

    /// A form of them with its interval.
    pub(crate) fn observe(&self, form: Form) -> Observation {
        match form {
            Form::Quantile(Quantile(q)) => self.quantile(q),
            Form::Mean => self.mean(),
            Form::Max => self.max(),
        }
    }

    /// The least and the most that a form of them can be, as a fact of these calls; `None` without enough of them.
    pub(crate) fn fact(&self, form: Form) -> Option<Bounds> {
        let n = self.values.len();
        let (least, most) = (self.sorted(|bounds| bounds.least), self.sorted(|bounds| bounds.most));
        match form {
            Form::Quantile(Quantile(q)) if !crate::measure::quantile::is_supported(n, q) => None,
            Form::Quantile(Quantile(q)) => {
                let most = known_quantile(&most, q).unwrap_or(f64::INFINITY);
                Some(Bounds { least: quantile(&least, q)?, most })
            }
            Form::Mean if n == 0 => None,
            Form::Mean => {
                Some(Bounds { least: least.iter().sum::<f64>() / n as f64, most: most.iter().sum::<f64>() / n as f64 })
            }
            Form::Max => Some(Bounds { least: *least.last()?, most: *most.last()? }),
        }
    }

    fn unknown(&self) -> usize {
        self.values.iter().filter(|(_, bounds)| bounds.least < bounds.most).count()
    }

    fn sorted(&self, side: fn(&Bounds) -> f64) -> Vec<f64> {
        let mut sorted: Vec<f64> = self.values.iter().map(|(_, bounds)| side(bounds)).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    fn quantile(&self, q: f64) -> Observation {
        let n = self.values.len();
        let (least, most) = (self.sorted(|bounds| bounds.least), self.sorted(|bounds| bounds.most));
        let observed = quantile(&least, q);
        let (low, high) = rank_interval(n as f64 / design_effect(&self.beyond_quantile(q)), q);
        let low = low.and_then(|share| value_below(&least, share));
        let high = high.and_then(|share| value_above(&most, share)).filter(|value| value.is_finite());
        Observation::of(n, observed, (low, high)).because(self.why(None))
    }

    fn mean(&self) -> Observation {
        let n = self.values.len();
        if n < 2 || self.unknown() > 0 {
            let few = (n < 2).then(|| "fewer than two calls".to_owned());
            return Observation::of(n, None, (None, None)).because(self.why(few));
        }
        let values: Vec<(f64, f64)> = self.values.iter().map(|(at, bounds)| (*at, bounds.least)).collect();
        let mean = values.iter().map(|(_, value)| value).sum::<f64>() / n as f64;
        let variance = values.iter().map(|(_, value)| (value - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
        let half = normal_quantile(0.975) * (variance * design_effect(&values) / n as f64).sqrt();
        Observation::of(n, Some(mean), (Some(mean - half), Some(mean + half)))
    }

    /// The largest value is a fact of the run, not an estimate: its interval is itself.
    fn max(&self) -> Observation {
        let largest = self.sorted(|bounds| bounds.least).last().copied();
        let high = largest.filter(|_| self.unknown() == 0);
        Observation::of(self.values.len(), largest, (largest, high)).because(self.why(None))
    }

    fn why(&self, otherwise: Option<String>) -> Option<String> {
        match self.unknown() {
            0 if self.values.is_empty() => Some("no successful call has this metric".to_owned()),
            0 => otherwise,
            many => Some(format!("{many} calls timed out and count as longer than the time they were given")),
        }
    }
}

/// The value below which at least the share lies of the sample, on the side that makes the interval longer.
fn value_below(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64 + 1e-9).floor() as usize).copied()
}

fn value_above(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64 - 1e-9).ceil() as usize).copied()
}
