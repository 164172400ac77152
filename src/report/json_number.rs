//! How figures stand in `summary.json`: to the nanosecond, and `null` where there is none.

use serde_json::{Value, json};

/// Six decimals: a nanosecond, in milliseconds.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// A figure that may be missing.
pub(crate) fn ms(number: Option<f64>) -> Value {
    json!(number.filter(|number| number.is_finite()).map(rounded))
}

/// An interval that may be missing.
pub(crate) fn pair(interval: Option<(f64, f64)>) -> Value {
    interval.map_or(Value::Null, |(low, high)| json!([ms(Some(low)), ms(Some(high))]))
}
