//! Where a series of values changes: e-divisive, hierarchical, by the energy statistic of Matteson and James (2014).
//!
//! A split of `m` and `n` values is scored by
//! `mn/(m+n) (2/(mn) sum |x - y| - sum |x - x'| / C(m,2) - sum |y - y'| / C(n,2))`; the best split of any segment is
//! kept if few shuffles of the values within their segments have one as good, and the two parts are searched again.
//! Distances are summed once for all splits of a segment, so a search takes the square of its length.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The fewest values between two changes, and before the first and after the last.
pub(crate) const SHORTEST: usize = 5;

/// How often values are shuffled to see what chance does.
const SHUFFLES: usize = 999;

/// A split is kept if fewer than so many, itself among them, are as good: if it is rarer than 1 in 100. It is confirmed
/// by a stricter test afterwards.
const FEW: usize = (SHUFFLES + 1) / 100;

/// The places at which a series changes, ascending: each is that of the first value of a new level. The same seed finds
/// the same.
pub(crate) fn change_points(values: &[f64], seed: u64) -> Vec<usize> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut bounds = vec![0, values.len()];
    while let Some((place, score)) = best(values, &bounds) {
        if !is_rare(values, &bounds, score, &mut rng) {
            break;
        }
        let at = bounds.partition_point(|bound| *bound < place);
        bounds.insert(at, place);
    }
    bounds[1..bounds.len() - 1].to_vec()
}

/// The best split of any segment, and its score.
fn best(values: &[f64], bounds: &[usize]) -> Option<(usize, f64)> {
    let of_segment = |pair: &[usize]| split(&values[pair[0]..pair[1]]).map(|(place, score)| (pair[0] + place, score));
    bounds.windows(2).filter_map(of_segment).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Whether few shuffles of the values within their segments have a split as good; no more are made than that takes.
fn is_rare(values: &[f64], bounds: &[usize], score: f64, rng: &mut Xoshiro256PlusPlus) -> bool {
    let mut shuffled = values.to_vec();
    // What differs in the last digit only is equal.
    let enough = score * (1.0 - 1e-9);
    let mut as_good = 1;
    for _ in 0..SHUFFLES {
        for pair in bounds.windows(2) {
            shuffled[pair[0]..pair[1]].shuffle(rng);
        }
        as_good += usize::from(best(&shuffled, bounds).is_some_and(|(_, other)| other >= enough));
        if as_good >= FEW {
            return false;
        }
    }
    true
}

/// The best split of one segment, with [`SHORTEST`] values on either side; `None` where there is no room for one. What
/// follows the split is taken up to the end that makes the split look best: a level that is left again later would
/// otherwise be watered down by what comes after it.
fn split(values: &[f64]) -> Option<(usize, f64)> {
    let n = values.len();
    if n < 2 * SHORTEST {
        return None;
    }
    let distances = Distances::of(values);
    let ends = |place: usize| (place + SHORTEST..=n).map(move |end| (place, end));
    let scored = (SHORTEST..=n - SHORTEST).flat_map(ends).map(|(place, end)| (place, distances.score(place, end)));
    scored.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The distances between all values, summed so that any rectangle of them is known at once.
struct Distances {
    /// Row by row: the sum of all distances of the first `i` values from the first `j`, at `i * width + j`.
    sums: Vec<f64>,
    width: usize,
}

impl Distances {
    fn of(values: &[f64]) -> Self {
        let width = values.len() + 1;
        let mut sums = vec![0.0; width * width];
        for (i, x) in values.iter().enumerate() {
            let mut row = 0.0;
            for (j, y) in values.iter().enumerate() {
                row += (x - y).abs();
                sums[(i + 1) * width + j + 1] = sums[i * width + j + 1] + row;
            }
        }
        Self { sums, width }
    }

    /// The sum over the values of one range against those of another.
    fn between(&self, (a, b): (usize, usize), (c, d): (usize, usize)) -> f64 {
        let at = |i: usize, j: usize| self.sums[i * self.width + j];
        at(b, d) - at(a, d) - at(b, c) + at(a, c)
    }

    /// The score of a split at `place` of the values before `end`.
    fn score(&self, place: usize, end: usize) -> f64 {
        let (left, right) = ((0, place), (place, end));
        let (m, n) = (place as f64, (end - place) as f64);
        // A square counts every pair twice, and so does twice the number of pairs.
        let within = |range, n: f64| self.between(range, range) / (n * (n - 1.0));
        let energy = 2.0 * self.between(left, right) / (m * n) - within(left, m) - within(right, n);
        m * n / (m + n) * energy
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_distr::StandardNormal;

    use super::*;

    fn noise(seed: u64, levels: &[(usize, f64)]) -> Vec<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let each = levels.iter().flat_map(|(n, level)| std::iter::repeat_n(*level, *n));
        each.map(|level| level + rng.sample::<f64, _>(StandardNormal)).collect()
    }

    /// The score by its definition.
    fn defined(values: &[f64], place: usize) -> f64 {
        let (left, right) = values.split_at(place);
        let across: f64 = left.iter().flat_map(|x| right.iter().map(move |y| (x - y).abs())).sum();
        let within = |part: &[f64]| {
            let pairs = (0..part.len()).flat_map(|i| (i + 1..part.len()).map(move |k| (i, k)));
            pairs.map(|(i, k)| (part[i] - part[k]).abs()).sum::<f64>() / (part.len() * (part.len() - 1) / 2) as f64
        };
        let (m, n) = (left.len() as f64, right.len() as f64);
        m * n / (m + n) * (2.0 * across / (m * n) - within(left) - within(right))
    }

    #[test]
    fn the_fast_score_is_the_defined_one() {
        let values = noise(3, &[(9, 0.0), (12, 1.5)]);
        let distances = Distances::of(&values);
        for (place, end) in [(5, 10), (9, 21), (13, 18), (16, 21)] {
            let (fast, slow) = (distances.score(place, end), defined(&values[..end], place));
            assert!((fast - slow).abs() < 1e-9, "{place} of {end}: {fast} {slow}");
        }
        assert!(split(&values[..10]).is_some_and(|(place, _)| place == 5));
        assert_eq!(split(&values[..9]), None);
    }

    #[test]
    fn steps_are_found_where_they_are() {
        assert_eq!(change_points(&noise(1, &[(7, 0.0), (7, 12.0)]), 42), [7]);
        assert_eq!(change_points(&noise(2, &[(20, 0.0), (15, 8.0), (25, 0.0)]), 42), [20, 35]);
        // Without a step one series in a hundred has a place as rare, which the stricter test throws out.
        let empty = (0..20).filter(|seed| change_points(&noise(*seed, &[(30, 0.0)]), 42).is_empty()).count();
        assert!(empty >= 18, "{empty}");
    }

    #[test]
    fn the_same_seed_finds_the_same_and_equal_values_nothing() {
        let values = noise(5, &[(10, 0.0), (10, 1.2)]);
        assert_eq!(change_points(&values, 7), change_points(&values, 7));
        assert!(change_points(&[3.0; 20], 1).is_empty());
        assert!(change_points(&[], 1).is_empty());
    }
}
