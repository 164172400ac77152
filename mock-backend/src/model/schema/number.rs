//! Numbers within their bounds.

use rand::RngExt;
use serde_json::{Map, Value};

use crate::model::rng::SeededRng;

/// How far a value may be from its only bound.
const SPAN: f64 = 100.0;

/// Whether `value` is a multiple of `of`, but for the grain of floating point.
pub(super) fn is_multiple(value: f64, of: f64) -> bool {
    let times = value / of;
    of != 0.0 && (times - times.round()).abs() <= 1e-9 * times.abs().max(1.0)
}

/// The bounds of all parts together: least, greatest, and whether each is excluded.
struct Bounds {
    low: Option<(f64, bool)>,
    high: Option<(f64, bool)>,
    multiple: Option<f64>,
}

impl Bounds {
    fn of(parts: &[&Map<String, Value>]) -> Self {
        let mut bounds = Self { low: None, high: None, multiple: None };
        for part in parts {
            let number = |key: &str| part.get(key).and_then(Value::as_f64);
            for (bound, excluded) in [(number("minimum"), false), (number("exclusiveMinimum"), true)] {
                if let Some(bound) = bound
                    && bounds.low.is_none_or(|(low, _)| bound >= low)
                {
                    bounds.low = Some((bound, excluded));
                }
            }
            for (bound, excluded) in [(number("maximum"), false), (number("exclusiveMaximum"), true)] {
                if let Some(bound) = bound
                    && bounds.high.is_none_or(|(high, _)| bound <= high)
                {
                    bounds.high = Some((bound, excluded));
                }
            }
            let multiple = number("multipleOf");
            bounds.multiple = multiple.map(|of| bounds.multiple.map_or(of, |known| lcm(known, of))).or(bounds.multiple);
        }
        bounds
    }

    /// The interval in which to look.
    fn interval(&self) -> (f64, f64) {
        let span = SPAN.max(self.multiple.map_or(0.0, |of| of * 20.0));
        match (self.low, self.high) {
            (None, None) => (0.0, span),
            (Some((low, _)), None) => (low, low + span),
            (None, Some((high, _))) => (high - span, high),
            (Some((low, _)), Some((high, _))) => (low, high),
        }
    }

    fn allows(&self, value: f64) -> bool {
        self.low.is_none_or(|(low, excluded)| value > low || (!excluded && value == low))
            && self.high.is_none_or(|(high, excluded)| value < high || (!excluded && value == high))
    }
}

/// The least common multiple, if both are whole; else the larger.
fn lcm(a: f64, b: f64) -> f64 {
    if a.fract() != 0.0 || b.fract() != 0.0 || a.abs().max(b.abs()) > 1e9 {
        return a.max(b);
    }
    let (mut x, mut y) = (a.abs(), b.abs());
    while y != 0.0 {
        (x, y) = (y, x % y);
    }
    a.abs() / x.max(1.0) * b.abs()
}

/// A whole number that fits all parts.
pub(super) fn integer(parts: &[&Map<String, Value>], rng: &mut SeededRng) -> Option<Value> {
    let bounds = Bounds::of(parts);
    let step = bounds.multiple.map_or(1.0, |of| lcm(of, 1.0).max(1.0));
    let (low, high) = bounds.interval();
    let (mut first, mut last) = ((low / step).ceil(), (high / step).floor());
    if !bounds.allows(first * step) {
        first += 1.0;
    }
    if !bounds.allows(last * step) {
        last -= 1.0;
    }
    // Beyond 2^53 not every whole number is a floating point one.
    let limit = 9_007_199_254_740_992.0 / step;
    let (first, last) = (first.clamp(-limit, limit) as i64, last.clamp(-limit, limit) as i64);
    let times = if first > last { return None } else { rng.random_range(first..=last) };
    Some(Value::from((times as f64 * step) as i64))
}

/// A number that fits all parts.
pub(super) fn number(parts: &[&Map<String, Value>], rng: &mut SeededRng) -> Option<Value> {
    let bounds = Bounds::of(parts);
    let (low, high) = bounds.interval();
    if let Some(of) = bounds.multiple {
        if let Some(whole) = integer(parts, rng).filter(|whole| whole.as_f64().is_some_and(|x| is_multiple(x, of))) {
            return Some(whole);
        }
        let (first, last) = ((low / of).ceil() as i64, (high / of).floor() as i64);
        let times = if first > last { return None } else { rng.random_range(first..=last) };
        return Some(Value::from(times as f64 * of));
    }
    let exact = low + (high - low) * rng.random::<f64>();
    // In a narrow interval few short numbers lie, and a list may ask for many different ones.
    let short = if high - low < 10.0 { exact } else { (exact * 100.0).round() / 100.0 };
    let value = [short, exact, low, high, (low + high) / 2.0].into_iter().find(|value| bounds.allows(*value))?;
    Some(Value::from(value))
}
