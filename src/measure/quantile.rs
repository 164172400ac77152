//! The quantile of measured values, defined once for rows, series, summaries and comparisons.

/// The quantile `q` of ascending `sorted` values by linear interpolation between the two nearest ranks
/// (type 7 of Hyndman and Fan, 1996, the default of R and NumPy): the value at rank `(n - 1) q`, counted from 0.
/// `None` without values.
#[must_use]
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = (sorted.len().checked_sub(1)?) as f64 * q.clamp(0.0, 1.0);
    let below = rank.floor() as usize;
    let low = sorted[below];
    let high = sorted[(below + 1).min(sorted.len() - 1)];
    Some(low + (high - low) * (rank - below as f64))
}

/// The median of values in any order; `None` without values.
#[must_use]
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// Whether `n` values can show the quantile `q` at all: at least one of them is expected on either side, or at the
/// median 2 values are there.
#[must_use]
pub(crate) fn is_supported(n: usize, q: f64) -> bool {
    n as f64 * q.min(1.0 - q) >= 1.0 - 1e-9
}

/// The fewest values that can show the quantile `q`.
#[must_use]
pub(crate) fn needed(q: f64) -> usize {
    (1.0 / q.min(1.0 - q) - 1e-9).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_numpy() {
        // numpy.quantile([1, 2, 4, 8, 16], q)
        let values = [1.0, 2.0, 4.0, 8.0, 16.0];
        for (q, expected) in [(0.0, 1.0), (0.5, 4.0), (0.9, 12.8), (0.99, 15.68), (1.0, 16.0), (0.3, 2.4)] {
            let got = quantile(&values, q).expect("values");
            assert!((got - expected).abs() < 1e-12, "{q}: {got}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7.0], 0.99), Some(7.0));
    }

    #[test]
    fn needs_a_value_beyond_the_quantile() {
        for (q, fewest) in [(0.5, 2), (0.9, 10), (0.95, 20), (0.99, 100), (0.999, 1000)] {
            assert_eq!(needed(q), fewest, "{q}");
            assert!(is_supported(fewest, q) && !is_supported(fewest - 1, q), "{q}");
        }
    }
}
