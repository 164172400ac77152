//! A series of successive values: how noisy a single one is, and which lie apart from the others.

use crate::analysis::stats::change_point::SHORTEST;
use crate::measure::quantile::quantile;

/// The fewest values among which outliers are told.
const FENCED: usize = 8;

/// From the mean absolute difference of the normal distribution's median to its standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// Values within Tukey's outer fences: no farther than three interquartile ranges from the quartiles. Fewer than
/// [`FENCED`] have no quartiles to speak of, and all are kept.
pub(crate) fn within_fences(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    if sorted.len() < FENCED {
        return sorted;
    }
    sorted.sort_by(f64::total_cmp);
    let (Some(q1), Some(q3)) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75)) else { return sorted };
    let reach = 3.0 * (q3 - q1) + 1e-9;
    sorted.retain(|value| (q1 - reach..=q3 + reach).contains(value));
    sorted
}

/// The robust standard deviation of a single value: differences of neighbours have twice its variance, and the few among
/// them that cross a change do not move their median. `None` with fewer than [`SHORTEST`].
pub(crate) fn noise(values: &[f64]) -> Option<f64> {
    let steps = steps(values);
    if values.len() < SHORTEST {
        return None;
    }
    Some(MAD_TO_SIGMA * quantile(&steps, 0.5)? / f64::sqrt(2.0))
}

/// The absolute differences of neighbours, ascending.
fn steps(values: &[f64]) -> Vec<f64> {
    let mut steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    steps.sort_by(f64::total_cmp);
    steps
}

/// Whether the last value is farther from the middle of those from `from` on than neighbours are from each other: beyond
/// `Q3 + 3 IQR` of the earlier differences.
pub(crate) fn is_last_odd(values: &[f64], from: usize) -> bool {
    let Some((last, past)) = values.split_last() else { return false };
    let (steps, mut level) = (steps(past), past[from.min(past.len())..].to_vec());
    level.sort_by(f64::total_cmp);
    let (Some(q1), Some(q3), Some(middle)) = (quantile(&steps, 0.25), quantile(&steps, 0.75), quantile(&level, 0.5))
    else {
        return false;
    };
    (last - middle).abs() > (q3 + 3.0 * (q3 - q1)).max(1e-9)
}
