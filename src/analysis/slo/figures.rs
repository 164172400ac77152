//! Figures of single calls: quantiles by order statistics, means, and largest values.

use crate::analysis::input::population::{Value, seen_ms, value_ms};
use crate::analysis::slo::seen::Seen;
use crate::analysis::stats::basic::{design_effect, interval_needs, normal_quantile, rank_interval};
use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::ErrorClass;
use crate::measure::quantile::quantile;
use crate::measure::sample::Sample;
use crate::objective::indicator::{Form, Quantity};
use crate::units::Nanos;

/// When a call was due, in seconds of the clock.
pub(crate) fn seconds(sample: &Sample) -> f64 {
    sample.stamps.intended.since(Nanos(0)).as_secs_f64()
}

/// What is known of a figure of one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// The least that it can be.
    pub(crate) least: f64,
    /// The most; infinite where it is only known to be longer than the call was waited for.
    pub(crate) most: f64,
}

/// The figure of a call; `None` if it has none.
///
/// The rate of a stream that was given up after it began to bring content is not known at all, and stands among the
/// others with anything from nothing up: left out it would make the rest look faster.
pub(crate) fn figure(sample: &Sample, quantity: Quantity, basis: Basis) -> Option<Bounds> {
    match quantity {
        Quantity::Time(metric) => Some(match seen_ms(sample, metric, basis)? {
            Value::Known(ms) => Bounds { least: ms, most: ms },
            Value::Beyond(ms) => Bounds { least: ms, most: f64::INFINITY },
        }),
        Quantity::TokensPerSecond => match value_ms(sample, Metric::Tpot, basis) {
            Some(ms) if ms > 0.0 => Some(Bounds { least: 1e3 / ms, most: 1e3 / ms }),
            Some(_) => None,
            None => stalled(sample).then_some(Bounds { least: 0.0, most: f64::INFINITY }),
        },
    }
}

fn stalled(sample: &Sample) -> bool {
    let given_up = matches!(sample.outcome.error(), Some(ErrorClass::TimeoutGap | ErrorClass::TimeoutTotal));
    given_up && sample.stream && sample.stamps.first_content.is_some()
}

/// The figures of many calls in the order of time.
pub(crate) struct Figures {
    /// Seconds, and what is known.
    values: Vec<(f64, Bounds)>,
}

impl Figures {
    /// Of the calls `own`, which are in the order of time.
    pub(crate) fn of(own: &[&Sample], quantity: Quantity, basis: Basis) -> Self {
        let values = own.iter().filter_map(|sample| Some((seconds(sample), figure(sample, quantity, basis)?)));
        Self { values: values.collect() }
    }

    /// A form of them with its interval.
    pub(crate) fn seen(&self, form: Form) -> Seen {
        match form {
            Form::Quantile(q) => self.quantile(q),
            Form::Mean => self.mean(),
            Form::Max => self.max(),
        }
    }

    /// The least and the most that a form of them can be, as a fact of these calls; `None` without enough of them.
    pub(crate) fn fact(&self, form: Form) -> Option<Bounds> {
        let n = self.values.len();
        let (least, most) = (self.sorted(|bounds| bounds.least), self.sorted(|bounds| bounds.most));
        match form {
            Form::Quantile(q) if !crate::measure::quantile::is_supported(n, q) => None,
            Form::Quantile(q) => {
                let most = crate::analysis::input::population::known_quantile(&most, q).unwrap_or(f64::INFINITY);
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

    fn quantile(&self, q: f64) -> Seen {
        let n = self.values.len();
        let (least, most) = (self.sorted(|bounds| bounds.least), self.sorted(|bounds| bounds.most));
        let observed = quantile(&least, q);
        let beyond = |value: f64| f64::from(u8::from(value > observed.unwrap_or(0.0)));
        let above: Vec<(f64, f64)> = self.values.iter().map(|(at, bounds)| (*at, beyond(bounds.least))).collect();
        let effect = design_effect(&above);
        let (low, high) = rank_interval(n as f64 / effect, q);
        let low = low.and_then(|share| value_below(&least, share));
        let high = high.and_then(|share| value_above(&most, share)).filter(|value| value.is_finite());
        let needs = (interval_needs(q) as f64 * effect).ceil().max(n as f64 + 1.0);
        let few = || format!("{n} calls; about {needs} are needed to confirm it");
        let few = ((low.is_none() || high.is_none()) && n > 0).then(few);
        Seen::of(n, observed, (low, high)).because(self.why(few))
    }

    fn mean(&self) -> Seen {
        let n = self.values.len();
        if n < 2 || self.unknown() > 0 {
            let few = (n < 2).then(|| "fewer than two calls".to_owned());
            return Seen::of(n, None, (None, None)).because(self.why(few));
        }
        let values: Vec<(f64, f64)> = self.values.iter().map(|(at, bounds)| (*at, bounds.least)).collect();
        let mean = values.iter().map(|(_, value)| value).sum::<f64>() / n as f64;
        let variance = values.iter().map(|(_, value)| (value - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
        let half = normal_quantile(0.975) * (variance * design_effect(&values) / n as f64).sqrt();
        Seen::of(n, Some(mean), (Some(mean - half), Some(mean + half)))
    }

    /// The largest value is a fact of the run, not an estimate: its interval is itself.
    fn max(&self) -> Seen {
        let largest = self.sorted(|bounds| bounds.least).last().copied();
        let high = largest.filter(|_| self.unknown() == 0);
        Seen::of(self.values.len(), largest, (largest, high)).because(self.why(None))
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
