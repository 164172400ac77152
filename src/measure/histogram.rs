//! The one shape of histogram that is recorded: nanoseconds, three significant digits, up to an hour.
//!
//! All have the same bounds, so that those of threads and intervals add up without loss.

use hdrhistogram::{Counter, Histogram};

/// The smallest difference that is kept, in nanoseconds.
pub(crate) const LOWEST_NS: u64 = 1_000;
/// The largest value that is kept, in nanoseconds; larger ones are recorded as this.
pub(crate) const HIGHEST_NS: u64 = 3_600_000_000_000;
/// Significant decimal digits.
pub(crate) const DIGITS: u8 = 3;

/// An empty histogram of the one shape.
#[must_use]
pub(crate) fn empty<C: Counter>() -> Histogram<C> {
    // The bounds are constants that the library accepts; the test below holds them to it.
    Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS)
        .unwrap_or_else(|_| Histogram::new(DIGITS).unwrap_or_else(|_| unreachable!()))
}

/// The quantile `q`, in milliseconds, of these values and `beyond` more that are longer than all of them; `None` where it is
/// one of the latter.
#[must_use]
pub(crate) fn quantile_ms(values: &Histogram<u64>, beyond: u64, q: f64) -> Option<f64> {
    let share = q * (values.len() + beyond) as f64 / values.len().max(1) as f64;
    let is_known = !values.is_empty() && share <= 1.0 + 1e-12;
    is_known.then(|| values.value_at_quantile(share.min(1.0)) as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_three_digits_from_a_microsecond_to_an_hour() {
        let mut histogram = empty::<u32>();
        assert_eq!((histogram.low(), histogram.high()), (LOWEST_NS, HIGHEST_NS));
        for value in [5_000, 1_234_567, 150_000_000, 59_000_000_000] {
            histogram.reset();
            histogram.record(value).expect("in bounds");
            let kept = histogram.value_at_quantile(0.5);
            assert!(
                kept.abs_diff(value) as f64 <= (value as f64 * 1e-3).max(LOWEST_NS as f64),
                "{value} became {kept}"
            );
        }
    }
}
