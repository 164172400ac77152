//! Paths side by side: their values by block, drawn again and again.

use crate::analysis::compare::multiplicity::{Hypothesis, Primary};
use crate::analysis::compare::shift::QUANTILES;
use crate::analysis::input::blocks::{Blocks, FOR_INTERVAL};
use crate::analysis::input::call_figure::Counting;
use crate::analysis::input::lengths::Lengths;
use crate::analysis::input::population::{Connections, failed, observed_ms, value_ms};
use crate::analysis::input::view::View;
use crate::analysis::stats::basic::interval_needs;
use crate::analysis::stats::bootstrap::{Draws, Sums, Values};
use crate::analysis::stats::interval::Shift;
use crate::measure::metric::Metric;
use crate::measure::sample::Sample;
use crate::objective::indicator::Share;
use crate::path::NetPath;
use crate::units::PathId;

/// What one path was measured at, drawn again and again.
pub(crate) struct Arm {
    /// The path, as its pair counts.
    pub(crate) path: PathId,
    /// Its name, as messages say it.
    pub(crate) name: String,
    /// How often each of its blocks was drawn; the same for all paths that share their time.
    pub(crate) draws: Draws,
    /// Its values, by metric.
    pub(crate) metrics: Vec<ArmMetric>,
    /// Calls that count in a failed share, by block.
    pub(crate) tries: Vec<f64>,
    /// Those that failed, by block.
    pub(crate) failures: Vec<f64>,
    /// Those that were answered as asked and kept what goodput objectives ask of each call, by block.
    pub(crate) good: Vec<f64>,
}

/// One metric of one path.
pub(crate) struct ArmMetric {
    /// What its quantiles are made of: successful calls, and those that timed out, infinite where nothing was seen.
    pub(crate) values: Values,
    /// What its means are made of: successful calls alone.
    pub(crate) ok: Sums,
    /// For each quantile of the curve, what each draw saw; not finite where the draw's quantile is beyond a timeout.
    pub(crate) drawn: Vec<Vec<f64>>,
    /// The mean that each draw saw.
    pub(crate) drawn_mean: Vec<f64>,
}

/// Everything that all comparisons of a run share.
pub(crate) struct ResampledPaths<'a> {
    /// How the run was cut.
    pub(crate) blocks: Blocks,
    /// Which connections are looked at.
    pub(crate) connections: Connections,
    /// Whether the paths' answers are as long.
    pub(crate) lengths: Lengths,
    /// The metrics compared.
    pub(crate) metrics: &'a [Metric],
    /// The quantiles of the curve.
    pub(crate) curve: &'a [f64],
    /// The paths, in the order of the plan.
    pub(crate) arms: Vec<Arm>,
}

/// A candidate beside the baseline, before judgement.
pub(crate) struct Pair<'a> {
    /// The baseline.
    pub(crate) baseline: &'a Arm,
    /// The other.
    pub(crate) candidate: &'a Arm,
    /// How many blocks hold a success on both sides, by metric.
    pub(crate) filled: Vec<usize>,
    /// By metric, then by quantile of the curve; `None` where there are too few calls for an interval, or where
    /// a timeout hides the quantile of the run or of any draw.
    pub(crate) shifts: Vec<Vec<Option<Shift>>>,
    /// Which quantiles of the curve are rows.
    pub(crate) rows: Vec<usize>,
}

impl Arm {
    /// Lengthens the arms of every interval over `curve` and of the means by a factor: each draw lies so many times as far
    /// from what was measured.
    pub(crate) fn stretch(&mut self, factor: f64, curve: &[f64]) {
        if factor <= 1.0 {
            return;
        }
        let stretched = |measured: Option<f64>, drawn: &mut Vec<f64>| {
            let Some(measured) = measured else { return };
            drawn.iter_mut().for_each(|drawn| *drawn = measured + factor * (*drawn - measured));
        };
        for metric in &mut self.metrics {
            for (drawn, q) in metric.drawn.iter_mut().zip(curve) {
                stretched(metric.values.quantile(*q), drawn);
            }
            stretched(metric.ok.mean(), &mut metric.drawn_mean);
        }
    }
}

impl<'a> ResampledPaths<'a> {
    /// Collects the values of every path and draws the blocks `count` times.
    pub(crate) fn set_up(
        view: &View<'_>,
        (blocks, lengths): (Blocks, Lengths),
        metrics: &'a [Metric],
        curve: &'a [f64],
        count: usize,
    ) -> Self {
        let mut resampled = Self { blocks, connections: view.connections(), lengths, metrics, curve, arms: Vec::new() };
        let arm = |(place, path): (u64, &&NetPath)| {
            let seed = if resampled.blocks.shared { view.seed } else { view.seed ^ (place << 32) };
            resampled.arm(view, path, Draws::new(seed, resampled.blocks.count, count))
        };
        resampled.arms = (0..).zip(&view.paths).map(arm).collect();
        resampled
    }

    fn arm(&self, view: &View<'_>, path: &NetPath, draws: Draws) -> Arm {
        let id = path.id;
        let of_path = || view.kept.iter().zip(&self.blocks.of).filter(move |(sample, _)| sample.path == id);
        let mut tries = vec![0.0; self.blocks.count];
        let mut failures = vec![0.0; self.blocks.count];
        let mut good = vec![0.0; self.blocks.count];
        // What any path must keep is asked of all alike.
        let asked = view.plan().objectives.iter().flat_map(|objective| objective.per_call.iter().cloned());
        let asked: Vec<_> = asked.collect();
        let goodput = Counting { share: Share::Goodput, per_call: &asked, basis: view.basis() };
        for (sample, block) in of_path() {
            if let Some(failed) = failed(sample) {
                tries[usize::from(*block)] += 1.0;
                failures[usize::from(*block)] += f64::from(u8::from(failed));
                good[usize::from(*block)] += f64::from(u8::from(goodput.hit(sample) == Some(true)));
            }
        }
        let metric = |metric: &Metric| {
            let counts = |sample: &Sample| self.connections.contains(sample) && self.lengths.counts(*metric, sample);
            let over = || of_path().filter(|(sample, _)| counts(sample));
            let (blocks, basis) = (self.blocks.count, view.basis());
            let values = over().filter_map(|(s, block)| Some((observed_ms(s, *metric, basis)?.or_infinite(), *block)));
            let ok = over().filter_map(|(s, block)| Some((value_ms(s, *metric, basis)?, *block)));
            self.draw(Values::new(values.collect(), blocks), Sums::new(ok, blocks), &draws)
        };
        let metrics = self.metrics.iter().map(metric).collect();
        Arm { path: id, name: path.name.clone(), metrics, tries, failures, good, draws }
    }

    fn draw(&self, values: Values, ok: Sums, draws: &Draws) -> ArmMetric {
        let drawn = self.curve.iter().map(|q| values.drawn_quantiles(draws, *q)).collect();
        ArmMetric { drawn, drawn_mean: ok.drawn_means(draws), values, ok }
    }

    /// Two paths side by side.
    pub(crate) fn pair(&self, baseline: PathId, candidate: PathId) -> Pair<'_> {
        let (baseline, candidate) = (&self.arms[baseline.index()], &self.arms[candidate.index()]);
        let fills = |metric: usize| self.blocks.filled(&baseline.metrics[metric].ok, &candidate.metrics[metric].ok);
        let filled: Vec<usize> = (0..self.metrics.len()).map(fills).collect();
        let of_metric = |metric: usize| {
            let arms = (&baseline.metrics[metric], &candidate.metrics[metric]);
            (0..self.curve.len()).map(|place| self.shift(arms, filled[metric], place)).collect()
        };
        let calls = |arm: &Arm| arm.metrics.iter().map(|metric| metric.ok.n()).max().unwrap_or(0);
        let calls = calls(baseline).min(calls(candidate));
        // Beyond p99 few runs have calls enough, and those that have not need not say so in every report.
        let is_row = |place: &usize| {
            let q = self.curve[*place];
            QUANTILES.contains(&q) && (q <= 0.99 || calls >= interval_needs(q))
        };
        Pair {
            baseline,
            candidate,
            shifts: (0..self.metrics.len()).map(of_metric).collect(),
            rows: (0..self.curve.len()).filter(is_row).collect(),
            filled,
        }
    }

    fn shift(&self, (base, cand): (&ArmMetric, &ArmMetric), filled: usize, place: usize) -> Option<Shift> {
        let q = self.curve[place];
        if filled < FOR_INTERVAL || base.ok.n().min(cand.ok.n()) < interval_needs(q) {
            return None;
        }
        let estimate = cand.values.quantile(q)? - base.values.quantile(q)?;
        let drawn = minus(&cand.drawn[place], &base.drawn[place]);
        // A draw beyond a timeout says only that the shift is large one way, or with both beyond nothing at all.
        drawn.iter().all(|shift| shift.is_finite()).then_some(Shift { estimate, drawn })
    }
}

impl Pair<'_> {
    /// The rows that are judged together with others; `pair` is the place of this pair among them.
    pub(crate) fn hypotheses<'s>(
        &'s self,
        pair: usize,
        resampled: &ResampledPaths,
        first: &Primary<'_>,
    ) -> Vec<Hypothesis<'s>> {
        let places = (0..self.shifts.len()).flat_map(|metric| self.rows.iter().map(move |place| (metric, *place)));
        let hypothesis = |(metric, place): (usize, usize)| {
            let base = self.baseline.metrics[metric].values.quantile(resampled.curve[place]);
            Some(Hypothesis {
                key: (pair, metric, place),
                shift: self.shifts[metric][place].as_ref()?,
                blocks: self.filled[metric],
                rank: first.rank(resampled.metrics[metric], resampled.curve[place], base),
            })
        };
        places.filter_map(hypothesis).collect()
    }

    /// The logarithm of the candidate's quantile over the baseline's.
    pub(crate) fn ratio(&self, metric: usize, place: usize, q: f64) -> Option<Shift> {
        let base = &self.baseline.metrics[metric];
        let shift = self.shifts[metric][place].as_ref()?;
        // The estimate of the shift and the baseline's quantile make the candidate's.
        let log = |base: f64, shift: f64| ((base + shift) / base).ln();
        let measured = base.values.quantile(q)?;
        let drawn: Vec<f64> =
            base.drawn[place].iter().zip(&shift.drawn).map(|(base, shift)| log(*base, *shift)).collect();
        let estimate = log(measured, shift.estimate);
        (estimate.is_finite() && drawn.iter().all(|drawn| drawn.is_finite())).then_some(Shift { estimate, drawn })
    }
}

/// Draw by draw.
pub(crate) fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
