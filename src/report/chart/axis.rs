//! Scales and their ticks.

use crate::units::Quantile;
/// How values become places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Evenly.
    Linear,
    /// By factors.
    Log,
}

/// The least that an axis of latencies spans, ms.
const LEAST_SPAN_MS: f64 = 1.0;

/// The least that it spans as a share of the largest.
const LEAST_SHARE: f64 = 0.02;

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    /// The value at its beginning.
    pub(crate) from: f64,
    /// The value at its end.
    pub(crate) to: f64,
    /// How values become places.
    pub(crate) scale: Scale,
    /// Where it carries a line and what it says there.
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis for latencies in milliseconds: by factors if the largest is more than ten times the smallest, from
    /// nought if it is more than twice, and otherwise from near the smallest, so that lines can be told apart.
    pub(crate) fn latency(smallest: f64, largest: f64) -> Self {
        let smallest = smallest.max(1e-3);
        let span = (largest - smallest).max(LEAST_SPAN_MS).max(LEAST_SHARE * largest);
        if largest > 10.0 * smallest {
            Self::log(smallest, largest)
        } else if largest > 2.0 * smallest {
            Self::linear(0.0, largest, 6)
        } else {
            // What hardly differs stands in the middle, and is not blown up to the height of the chart.
            let room = (span - (largest - smallest)) / 2.0;
            Self::linear((smallest - room - 0.1 * span).max(0.0), largest + room, 6)
        }
    }

    /// What a reader must know of a scale of latencies, to stand behind its title; empty where it begins at nought.
    pub(crate) fn caveat(&self) -> &'static str {
        match self.scale {
            Scale::Log => " (logarithmic scale)",
            Scale::Linear if self.from > 0.0 => " (the axis does not begin at 0)",
            Scale::Linear => "",
        }
    }

    /// An even axis for shifts, wide enough that what is nothing does not fill it.
    pub(crate) fn shifts(low: f64, high: f64, wanted: usize) -> Self {
        let room = (LEAST_SPAN_MS - (high - low)).max(0.0) / 2.0;
        Self::linear(low - room, high + room, wanted)
    }

    /// An even axis with about `wanted` ticks at round values, longer than the values asked for.
    pub(crate) fn linear(from: f64, to: f64, wanted: usize) -> Self {
        let span = (to - from).max(1e-6);
        let step = round_step(span / wanted as f64);
        let (first, last) = ((from / step).floor(), (to / step - 1e-9).ceil().max((from / step).floor() + 1.0));
        let ticks = (0..=(last - first) as usize).map(|i| (first + i as f64) * step);
        Self::even(first * step, last * step, ticks.map(|tick| (tick, label(tick, step))))
    }

    /// An even axis with these ticks.
    pub(crate) fn even(from: f64, to: f64, ticks: impl IntoIterator<Item = (f64, String)>) -> Self {
        Self { from, to, scale: Scale::Linear, ticks: ticks.into_iter().collect() }
    }

    fn log(smallest: f64, largest: f64) -> Self {
        let steps: Vec<f64> = (-3..8).flat_map(|decade| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(decade))).collect();
        let from = steps.iter().rev().find(|step| **step <= smallest).copied().unwrap_or(1e-3);
        let to = steps.iter().find(|step| **step >= largest).copied().unwrap_or(largest);
        let ticks = steps.into_iter().filter(|step| (from..=to).contains(step));
        Self { from, to, scale: Scale::Log, ticks: ticks.map(|tick| (tick, label(tick, tick))).collect() }
    }

    /// An axis of quantiles by `-log10(1 - q)`, from the median's half up to `u`: each step is a tenth of the calls.
    pub(crate) fn tail(u: f64) -> Self {
        let named = [0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];
        let ticks = named.map(|q| (tail(q), Quantile(q).to_string()));
        Self::even(0.0, u, ticks.into_iter().filter(|(at, _)| *at <= u + 1e-9))
    }

    /// The place of a value, 0 at the beginning and 1 at the end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let of = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(1e-9).ln(),
        };
        let span = of(self.to) - of(self.from);
        if span == 0.0 { 0.0 } else { ((of(value) - of(self.from)) / span).clamp(0.0, 1.0) }
    }
}

/// The smallest and the largest of values, and of nought at least.
pub(crate) fn reach(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), value| (f64::min(low, value), f64::max(high, value)))
}

/// The place of a quantile on the axis of tails.
pub(crate) fn tail(q: f64) -> f64 {
    -(1.0 - q).max(1e-12).log10()
}

fn round_step(rough: f64) -> f64 {
    let decade = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.into_iter().map(|step| step * decade).find(|step| *step >= rough * 0.999).unwrap_or(10.0 * decade)
}

/// As many decimals as the step needs; seconds are left to the title of the axis.
fn label(value: f64, step: f64) -> String {
    let decimals = (0..4).find(|d| (step * 10f64.powi(*d)).fract() < 1e-6).unwrap_or(3) as usize;
    let text = format!("{:.decimals$}", value.abs());
    if value < 0.0 { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_stand_at_round_values() {
        assert_eq!(labels(&Axis::linear(0.0, 283.0, 6)), ["0", "50", "100", "150", "200", "250", "300"]);
        assert_eq!(labels(&Axis::linear(-3.2, 11.0, 6)), ["−5.0", "−2.5", "0.0", "2.5", "5.0", "7.5", "10.0", "12.5"]);
        assert_eq!(labels(&Axis::latency(80.0, 1900.0)), ["50", "100", "200", "500", "1000", "2000"]);
        assert_eq!(labels(&Axis::latency(80.0, 700.0)).first(), Some(&"0"));
        assert_eq!(labels(&Axis::latency(147.0, 213.0)).first(), Some(&"140"));
        assert_eq!(labels(&Axis::tail(3.2)), ["p0", "p50", "p90", "p95", "p99", "p99.9"]);
    }

    #[test]
    fn what_hardly_differs_is_not_blown_up_and_a_cut_axis_says_so() {
        for (smallest, largest, least, caveat) in [
            (150.0, 150.01, 3.0, "does not begin at 0"),
            (0.5, 0.51, 0.9, ""),
            (147.0, 213.0, 66.0, "does not begin at 0"),
            (80.0, 700.0, 700.0, ""),
            (80.0, 1900.0, 1900.0, "logarithmic"),
        ] {
            let axis = Axis::latency(smallest, largest);
            assert!(axis.to - axis.from >= least, "{smallest} to {largest}: {axis:?}");
            assert!(axis.caveat().contains(caveat) && axis.caveat().is_empty() == caveat.is_empty(), "{axis:?}");
        }
        let axis = Axis::shifts(0.0, 0.01, 6);
        assert!(axis.to - axis.from >= 1.0 && axis.from < 0.0, "{axis:?}");
    }

    #[test]
    fn places_run_from_nought_to_one() {
        let axis = Axis::latency(80.0, 1900.0);
        assert_eq!((axis.place(50.0), axis.place(2000.0)), (0.0, 1.0));
        assert!((axis.place((50.0f64 * 2000.0).sqrt()) - 0.5).abs() < 1e-9);
    }
}
