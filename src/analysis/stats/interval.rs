//! Intervals from draws: for one shift, for many shifts at once, and for a whole curve of them.

use crate::analysis::stats::basic::{CONFIDENCE, normal_quantile, student_quantile};

/// A difference between two paths, as measured and as drawn again.
#[derive(Clone, Debug)]
pub(crate) struct Shift {
    /// As measured.
    pub(crate) estimate: f64,
    /// As each draw saw it, in the order of the draws.
    pub(crate) drawn: Vec<f64>,
}

impl Shift {
    /// The 95% percentile interval, its arms made longer by `factor` for the small number of blocks.
    pub(crate) fn interval(&self, factor: f64) -> (f64, f64) {
        let mut drawn = self.drawn.clone();
        drawn.sort_by(f64::total_cmp);
        let at = |p| crate::measure::quantile::quantile(&drawn, p).unwrap_or(self.estimate);
        let tail = (1.0 - CONFIDENCE) / 2.0;
        let below = (self.estimate - at(tail)).max(0.0);
        let above = (at(1.0 - tail) - self.estimate).max(0.0);
        (self.estimate - factor * below, self.estimate + factor * above)
    }

    /// The standard error over the draws.
    pub(crate) fn standard_error(&self) -> f64 {
        let n = self.drawn.len().max(2) as f64;
        let mean = self.drawn.iter().sum::<f64>() / n;
        (self.drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
    }

    /// How far out each draw lies among its own: 0 in the middle, 1 at the ends.
    fn outlyingness(&self) -> Vec<f64> {
        let ranks = crate::analysis::stats::basic::ranks(&self.drawn);
        let n = self.drawn.len() as f64;
        ranks.into_iter().map(|rank| (2.0 * rank / (n + 1.0) - 1.0).abs()).collect()
    }
}

/// How far out each draw lies by its farthest shift: 0 in the middle, 1 at the ends.
///
/// Balanced simultaneous intervals after Beran (1988): the 95% quantile of this is the confidence that each interval of
/// the shifts need so that all of them hold at once in 95% of runs. It uses how they hang together, so that
/// rows which say nearly the same cost nearly nothing; Bonferroni would be its upper limit.
pub(crate) fn farthest(shifts: &[&Shift]) -> Vec<f64> {
    let mut farthest: Vec<f64> = Vec::new();
    for shift in shifts {
        let outlying = shift.outlyingness();
        farthest.resize(outlying.len(), 0.0);
        for (far, out) in farthest.iter_mut().zip(outlying) {
            *far = far.max(out);
        }
    }
    farthest
}

/// By how much longer the arms of an interval of confidence `level` are than those of 95%, over so many blocks:
/// the ratio of the two quantiles of Student's t.
pub(crate) fn widening(level: f64, blocks: usize) -> f64 {
    let t = |level: f64| student_quantile(0.5 + level / 2.0, blocks as f64 - 1.0);
    t(level) / t(CONFIDENCE)
}

/// The half-widths of a band that holds a whole curve at once with 95% confidence: the largest standardised deviation
/// of each draw (max-t), times `factor` for the small number of blocks.
pub(crate) fn band(curve: &[Shift], factor: f64) -> Vec<f64> {
    let errors: Vec<f64> = curve.iter().map(Shift::standard_error).collect();
    let draws = curve.iter().map(|shift| shift.drawn.len()).min().unwrap_or(0);
    let deviation = |draw: usize| {
        let each = curve.iter().zip(&errors).filter(|(_, error)| **error > 0.0);
        each.map(|(shift, error)| (shift.drawn[draw] - shift.estimate).abs() / error).fold(0.0, f64::max)
    };
    let mut deviations: Vec<f64> = (0..draws).map(deviation).collect();
    deviations.sort_by(f64::total_cmp);
    let normal = normal_quantile(0.5 + CONFIDENCE / 2.0);
    let reach = crate::measure::quantile::quantile(&deviations, CONFIDENCE).unwrap_or(normal);
    errors.into_iter().map(|error| factor * reach * error).collect()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    use super::*;

    fn simultaneous_level(shifts: &[&Shift]) -> f64 {
        let mut farthest = farthest(shifts);
        farthest.sort_by(f64::total_cmp);
        crate::measure::quantile::quantile(&farthest, CONFIDENCE).expect("draws")
    }

    fn normals(seed: u64, scale: f64) -> Shift {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
        let drawn = (0..4_000).map(|_| 3.0 + scale * rng.sample::<f64, _>(StandardNormal)).collect();
        Shift { estimate: 3.0, drawn }
    }

    #[test]
    fn one_interval_is_the_percentiles_of_its_draws() {
        let (low, high) = normals(1, 2.0).interval(1.0);
        assert!((low - (3.0 - 3.92)).abs() < 0.2 && (high - (3.0 + 3.92)).abs() < 0.2, "{low} {high}");
        let (wide, _) = normals(1, 2.0).interval(2.0);
        assert!(((3.0 - wide) - 2.0 * (3.0 - low)).abs() < 1e-9);
    }

    #[test]
    fn a_family_asks_for_more_unless_its_members_say_the_same() {
        let shift = normals(1, 1.0);
        assert!((simultaneous_level(&[&shift]) - 0.95).abs() < 0.002);
        assert!((simultaneous_level(&[&shift, &shift.clone(), &shift.clone()]) - 0.95).abs() < 0.002);
        let others: Vec<_> = (1..9).map(|seed| normals(seed, 1.0)).collect();
        let level = simultaneous_level(&others.iter().collect::<Vec<_>>());
        // 0.95^(1/8) = 0.9936
        assert!((level - 0.9936).abs() < 0.002, "{level}");
        assert!((widening(level, 10_000) - 2.727 / 1.96).abs() < 0.06);
    }

    #[test]
    fn a_band_holds_independent_points_at_once() {
        let curve: Vec<_> = (1..9).map(|seed| normals(seed, 2.0)).collect();
        let half = band(&curve, 1.0);
        assert!(half.iter().all(|half| (half / 2.0 - 2.73).abs() < 0.15), "{half:?}");
        assert!(band(&[], 1.0).is_empty());
    }
}
