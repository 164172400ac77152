//! How figures stand in JSON: to the nanosecond, and `null` where there is none.

/// Six decimals: a nanosecond, in milliseconds.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// A figure that may be missing.
pub(crate) fn ms(number: Option<f64>) -> Option<f64> {
    number.filter(|number| number.is_finite()).map(rounded)
}

/// An interval that may be missing.
pub(crate) fn pair(interval: Option<(f64, f64)>) -> Option<[f64; 2]> {
    interval.map(|(low, high)| [rounded(low), rounded(high)])
}
