//! Every path against the baseline: how far its quantiles are shifted, and whether that is more than chance.
//!
//! Over successful calls on connections used before. A quantile's shift is the difference of two quantiles, which is
//! not the quantile of a difference. Intervals come from a bootstrap over blocks that draws the same blocks for all
//! paths, so what hits all paths alike does not count as a difference.
//!
//! `ci_ms` of a row is its own 95% interval. A verdict needs more: with two candidates, three metrics and four
//! quantiles one of 24 such intervals misses zero in most runs of equal paths. So verdicts use intervals that hold all
//! at once with 95% confidence (see [`simultaneous_level`]): when all paths are equal, at most one run in twenty calls
//! any row of any path different.

use crate::analysis::blocks::{Blocks, FOR_INTERVAL, FOR_VERDICT};
use crate::analysis::interval::{Shift, band, simultaneous_level, widening};
use crate::analysis::population::{Connections, failed, headline, value_ms};
use crate::analysis::resample::{Draws, Values};
use crate::analysis::stats::{interval_needs, small_sample_factor};
use crate::measure::metric::{Basis, Metric};
use crate::measure::quantile::is_supported;
use crate::measure::sample::Sample;
use crate::plan::Design;
use crate::run::Run;
use crate::units::PathId;

/// The metrics compared.
pub const METRICS: [Metric; 3] = [Metric::Ttft, Metric::Ttfb, Metric::E2e];

/// The quantiles compared.
pub const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// The quantiles of the curve of shifts.
pub const CURVE: [f64; 20] =
    [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99];

/// How often blocks are drawn again.
pub const DRAWS: usize = 2_000;

/// A shift so small against its interval that no reasonable run would tell it from none: more than so many times as
/// many rounds would be needed.
const HOPELESS: f64 = 100.0;

/// Every path against the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The path against which the others stand.
    pub baseline: PathId,
    /// From which instant latencies count.
    pub basis: Basis,
    /// The metric that decides about a path.
    pub headline: Metric,
    /// Which connections are looked at.
    pub connections: Connections,
    /// How the run was cut.
    pub blocks: Blocks,
    /// The confidence at which single rows are judged so that all hold at once with 95%.
    pub level: f64,
    /// The other paths, in the order of the plan.
    pub candidates: Vec<Candidate>,
    /// What weakens all of it, in sentences.
    pub notes: Vec<String>,
}

/// One path against the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The path.
    pub path: PathId,
    /// Shifts by metric and quantile.
    pub rows: Vec<ShiftRow>,
    /// Differences of means by metric.
    pub means: Vec<MeanShift>,
    /// The failed shares.
    pub failures: FailedShares,
    /// Shifts over the whole range, by metric.
    pub curves: Vec<Curve>,
}

impl Candidate {
    /// The row that decides about the path: the median of the headline metric.
    #[must_use]
    pub fn headline(&self, metric: Metric) -> Option<&ShiftRow> {
        self.rows.iter().find(|row| row.metric == metric && row.quantile == 0.5)
    }
}

/// The shift of one quantile. Milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct ShiftRow {
    /// The metric.
    pub metric: Metric,
    /// The quantile.
    pub quantile: f64,
    /// Calls of the baseline.
    pub n_baseline: usize,
    /// Calls of the candidate.
    pub n_candidate: usize,
    /// Candidate minus baseline.
    pub shift_ms: Option<f64>,
    /// The same in percent of the baseline.
    pub shift_pct: Option<f64>,
    /// Its own 95% interval.
    pub ci_ms: Option<(f64, f64)>,
    /// The interval that decides: all rows hold at once with 95%.
    pub joint_ci_ms: Option<(f64, f64)>,
    /// Rounds a run of this kind needs for a verdict; `None` when this one gave it, or when no length would.
    pub needed_rounds: Option<u64>,
    /// What can be said.
    pub verdict: Verdict,
    /// Why something is missing.
    pub reason: Option<String>,
}

/// What can be said about a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The candidate is faster.
    Faster,
    /// The candidate is slower.
    Slower,
    /// Neither can be said.
    Inconclusive,
}

impl Verdict {
    /// The word used in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The difference of two means, which is also the mean difference of pairs. Milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanShift {
    /// The metric.
    pub metric: Metric,
    /// Candidate minus baseline.
    pub shift_ms: Option<f64>,
    /// Its 95% interval.
    pub ci_ms: Option<(f64, f64)>,
}

/// The shares of calls that failed, 0..=1, over all connections.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedShares {
    /// Of the baseline.
    pub baseline: Option<f64>,
    /// Of the candidate.
    pub candidate: Option<f64>,
    /// The 95% interval of candidate minus baseline.
    pub ci: Option<(f64, f64)>,
}

/// The shift over the whole range of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The metric.
    pub metric: Metric,
    /// Its points, from low quantiles to high.
    pub points: Vec<CurvePoint>,
}

/// One point of a curve; the band holds all points at once with 95%.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The quantile.
    pub quantile: f64,
    /// The shift, milliseconds.
    pub shift_ms: f64,
    /// The lower edge of the band.
    pub low_ms: f64,
    /// The upper edge of the band.
    pub high_ms: f64,
}

/// Compares every path with the baseline; `None` with one path alone.
#[must_use]
pub fn compare(run: &Run, measured: &[&Sample]) -> Option<Comparison> {
    compare_with(run, measured, &METRICS, &CURVE, DRAWS)
}

/// [`compare`] over chosen metrics and quantiles, with a chosen number of draws.
pub(crate) fn compare_with(
    run: &Run,
    measured: &[&Sample],
    metrics: &[Metric],
    curve: &[f64],
    draws: usize,
) -> Option<Comparison> {
    let plan = &run.manifest.plan;
    if plan.paths.len() < 2 {
        return None;
    }
    let blocks = Blocks::cut(run, measured, headline(measured));
    let bench = Bench::set_up(run, measured, blocks, metrics, curve, draws);
    let others = plan.paths.iter().map(|path| path.id).filter(|path| *path != plan.baseline);
    let pairs: Vec<Pair> = others.map(|path| bench.pair(plan.baseline, path)).collect();
    let family: Vec<&Shift> = pairs.iter().flat_map(Pair::family).collect();
    let level = simultaneous_level(&family);
    let names = |id: PathId| plan.path(id).name.as_str();
    let candidates = pairs.iter().map(|pair| bench.judge(pair, level, &names)).collect();
    let notes = notes(plan.load.design, bench.connections);
    Some(Comparison {
        baseline: plan.baseline,
        basis: run.headline_basis(),
        headline: headline(measured),
        connections: bench.connections,
        blocks: bench.blocks,
        level,
        candidates,
        notes,
    })
}

fn notes(design: Design, connections: Connections) -> Vec<String> {
    let mut notes = Vec::new();
    match design {
        Design::Paired | Design::Interleaved => {}
        Design::Sequential => notes.push(
            "The paths were measured one after the other: whatever changed in between counts as a shift, and the \
             intervals do not know of it. Use design = \"paired\" or \"interleaved\" to compare."
                .to_owned(),
        ),
    }
    match connections {
        Connections::Reused => {}
        Connections::New => notes.push(
            "Every call opened its own connection on every path, so the shifts hold name resolution, TCP and TLS too."
                .to_owned(),
        ),
    }
    notes
}

/// What one path was measured at, drawn again and again.
struct Arm {
    path: PathId,
    metrics: Vec<ArmMetric>,
    tries: Vec<f64>,
    failures: Vec<f64>,
}

struct ArmMetric {
    values: Values,
    /// For each quantile of the curve, what each draw saw.
    drawn: Vec<Vec<f64>>,
    drawn_mean: Vec<f64>,
}

/// Everything that all comparisons of a run share.
struct Bench<'a> {
    blocks: Blocks,
    connections: Connections,
    metrics: &'a [Metric],
    curve: &'a [f64],
    arms: Vec<Arm>,
    draws: Vec<Draws>,
}

/// A candidate beside the baseline, before judgement.
struct Pair<'a> {
    baseline: &'a Arm,
    candidate: &'a Arm,
    /// By metric, then by quantile of the curve; `None` where there are too few calls for an interval.
    shifts: Vec<Vec<Option<Shift>>>,
    /// Which quantiles of the curve are rows.
    rows: Vec<usize>,
}

impl<'a> Bench<'a> {
    fn set_up(
        run: &Run,
        measured: &[&Sample],
        blocks: Blocks,
        metrics: &'a [Metric],
        curve: &'a [f64],
        count: usize,
    ) -> Self {
        let paths = &run.manifest.plan.paths;
        let seed =
            |path: u64| if blocks.shared { run.manifest.plan.seed } else { run.manifest.plan.seed ^ (path << 32) };
        let draws: Vec<Draws> = (0..paths.len() as u64).map(|p| Draws::new(seed(p), blocks.count, count)).collect();
        let mut bench = Self { blocks, connections: Connections::of(run), metrics, curve, arms: Vec::new(), draws };
        bench.arms = paths.iter().map(|path| bench.arm(run, measured, path.id)).collect();
        bench
    }

    fn arm(&self, run: &Run, measured: &[&Sample], path: PathId) -> Arm {
        let of_path = || measured.iter().zip(&self.blocks.of).filter(move |(sample, _)| sample.path == path);
        let mut tries = vec![0.0; self.blocks.count];
        let mut failures = vec![0.0; self.blocks.count];
        for (sample, block) in of_path() {
            if let Some(failed) = failed(sample) {
                tries[usize::from(*block)] += 1.0;
                failures[usize::from(*block)] += f64::from(u8::from(failed));
            }
        }
        let metric = |metric: &Metric| {
            let over = of_path().filter(|(sample, _)| self.connections.holds(sample));
            let values = over.filter_map(|(s, block)| Some((value_ms(s, *metric, run.headline_basis())?, *block)));
            self.draw(Values::new(values.collect(), self.blocks.count), path)
        };
        Arm { path, metrics: self.metrics.iter().map(metric).collect(), tries, failures }
    }

    fn draw(&self, values: Values, path: PathId) -> ArmMetric {
        let draws = &self.draws[path.index()];
        let quantile = |q: &f64| {
            let measured = values.quantile(*q).unwrap_or(f64::NAN);
            draws.iter().map(|weights| values.drawn_quantile(weights, *q).unwrap_or(measured)).collect()
        };
        let drawn = self.curve.iter().map(quantile).collect();
        let mean = values.mean().unwrap_or(f64::NAN);
        let drawn_mean = draws.iter().map(|weights| values.drawn_mean(weights).unwrap_or(mean)).collect();
        ArmMetric { drawn, drawn_mean, values }
    }

    fn pair(&self, baseline: PathId, candidate: PathId) -> Pair<'_> {
        let (baseline, candidate) = (&self.arms[baseline.index()], &self.arms[candidate.index()]);
        let of_metric = |metric: usize| {
            let (base, cand) = (&baseline.metrics[metric], &candidate.metrics[metric]);
            (0..self.curve.len()).map(|place| self.shift(base, cand, place)).collect()
        };
        let is_row = |place: &usize| QUANTILES.contains(&self.curve[*place]);
        Pair {
            baseline,
            candidate,
            shifts: (0..self.metrics.len()).map(of_metric).collect(),
            rows: (0..self.curve.len()).filter(is_row).collect(),
        }
    }

    fn shift(&self, base: &ArmMetric, cand: &ArmMetric, place: usize) -> Option<Shift> {
        let q = self.curve[place];
        if self.blocks.count < FOR_INTERVAL || base.values.n().min(cand.values.n()) < interval_needs(q) {
            return None;
        }
        let estimate = cand.values.quantile(q)? - base.values.quantile(q)?;
        Some(Shift { estimate, drawn: minus(&cand.drawn[place], &base.drawn[place]) })
    }

    fn judge<'n>(&self, pair: &Pair, level: f64, name: &dyn Fn(PathId) -> &'n str) -> Candidate {
        let mut rows = Vec::new();
        for metric in 0..self.metrics.len() {
            rows.extend(pair.rows.iter().map(|place| self.row(pair, metric, *place, level, name)));
        }
        Candidate {
            path: pair.candidate.path,
            rows,
            means: (0..self.metrics.len()).map(|metric| self.mean(pair, metric)).collect(),
            failures: self.failures(pair),
            curves: (0..self.metrics.len()).filter_map(|metric| self.curve(pair, metric)).collect(),
        }
    }

    fn row<'n>(
        &self,
        pair: &Pair,
        metric: usize,
        place: usize,
        level: f64,
        name: &dyn Fn(PathId) -> &'n str,
    ) -> ShiftRow {
        let q = self.curve[place];
        let (base, cand) = (&pair.baseline.metrics[metric].values, &pair.candidate.metrics[metric].values);
        let shown = is_supported(base.n().min(cand.n()), q);
        let of = |values: &Values| values.quantile(q).filter(|_| shown);
        let shift_ms = of(cand).zip(of(base)).map(|(cand, base)| cand - base);
        let factor = small_sample_factor(self.blocks.count);
        let shift = pair.shifts[metric][place].as_ref();
        let joint_ci_ms = shift.map(|shift| shift.interval(factor * widening(level, self.blocks.count)));
        let mut row = ShiftRow {
            metric: self.metrics[metric],
            quantile: q,
            n_baseline: base.n(),
            n_candidate: cand.n(),
            shift_ms,
            shift_pct: shift_ms.zip(of(base)).map(|(shift, base)| 100.0 * shift / base),
            ci_ms: shift.map(|shift| shift.interval(factor)),
            joint_ci_ms,
            needed_rounds: None,
            verdict: Verdict::Inconclusive,
            reason: None,
        };
        self.decide(&mut row, pair, name);
        row
    }

    fn decide<'n>(&self, row: &mut ShiftRow, pair: &Pair, name: &dyn Fn(PathId) -> &'n str) {
        let fewest = row.n_baseline.min(row.n_candidate);
        let rounds = self.blocks.rounds as f64;
        let Some((low, high)) = row.joint_ci_ms else {
            let scarce = if row.n_candidate <= row.n_baseline { pair.candidate.path } else { pair.baseline.path };
            row.needed_rounds = self.rounds_for_interval(row.quantile, fewest);
            row.reason = Some(self.why_no_interval(row, name(scarce), fewest));
            return;
        };
        if let Some(needed) = self.blocks.rounds_for_verdict() {
            row.needed_rounds = Some(needed);
            row.reason = Some(format!(
                "{} blocks of {:.1} s, {FOR_VERDICT} are needed for a verdict",
                self.blocks.count, self.blocks.length_s
            ));
        } else if low > 0.0 {
            row.verdict = Verdict::Slower;
        } else if high < 0.0 {
            row.verdict = Verdict::Faster;
        } else {
            let shift = row.shift_ms.unwrap_or(0.0);
            let reach = if shift >= 0.0 { shift - low } else { high - shift };
            let times = (reach / shift.abs().max(f64::MIN_POSITIVE)).powi(2);
            row.needed_rounds = (times <= HOPELESS).then(|| (rounds * times).ceil() as u64);
            row.reason = Some("the interval holds zero".to_owned());
        }
    }

    fn rounds_for_interval(&self, q: f64, fewest: usize) -> Option<u64> {
        let for_blocks = self.blocks.rounds_for_verdict();
        let more = interval_needs(q) as f64 / fewest as f64;
        let for_calls = (fewest > 0 && more > 1.0).then(|| (self.blocks.rounds as f64 * more).ceil() as u64);
        for_blocks.max(for_calls)
    }

    fn why_no_interval(&self, row: &ShiftRow, scarce: &str, fewest: usize) -> String {
        let connections = match self.connections {
            Connections::Reused => "on a connection used before",
            Connections::New => "on a new connection",
        };
        if fewest == 0 {
            return format!("no successful call of path '{scarce}' {connections} has a {}", row.metric);
        }
        let needs = interval_needs(row.quantile);
        if fewest < needs {
            let percent = percent(row.quantile);
            return format!(
                "an interval for p{percent} needs {needs} calls {connections}, path '{scarce}' has {fewest}"
            );
        }
        format!("{} blocks of {:.1} s, {FOR_INTERVAL} are needed", self.blocks.count, self.blocks.length_s)
    }

    fn mean(&self, pair: &Pair, metric: usize) -> MeanShift {
        let (base, cand) = (&pair.baseline.metrics[metric], &pair.candidate.metrics[metric]);
        let shift_ms = cand.values.mean().zip(base.values.mean()).map(|(cand, base)| cand - base);
        let enough = self.blocks.count >= FOR_INTERVAL && base.values.n().min(cand.values.n()) >= interval_needs(0.5);
        let interval = |estimate| {
            let shift = Shift { estimate, drawn: minus(&cand.drawn_mean, &base.drawn_mean) };
            shift.interval(small_sample_factor(self.blocks.count))
        };
        MeanShift { metric: self.metrics[metric], shift_ms, ci_ms: shift_ms.filter(|_| enough).map(interval) }
    }

    fn failures(&self, pair: &Pair) -> FailedShares {
        let share = |arm: &Arm, weights: &[f64]| {
            let sum = |counts: &[f64]| counts.iter().zip(weights).map(|(count, weight)| count * weight).sum::<f64>();
            let tries = sum(&arm.tries);
            (tries > 0.0).then(|| sum(&arm.failures) / tries)
        };
        let once = vec![1.0; self.blocks.count];
        let (baseline, candidate) = (share(pair.baseline, &once), share(pair.candidate, &once));
        let estimate = candidate.zip(baseline).map(|(candidate, baseline)| candidate - baseline);
        let drawn = |arm: &Arm, measured: Option<f64>| -> Vec<f64> {
            let weights = |weights: &[u32]| -> Vec<f64> { weights.iter().map(|weight| f64::from(*weight)).collect() };
            let draws = self.draws[arm.path.index()].iter();
            draws.map(|draw| share(arm, &weights(draw)).or(measured).unwrap_or(0.0)).collect()
        };
        let ci = estimate.filter(|_| self.blocks.count >= FOR_INTERVAL).map(|estimate| {
            let shift =
                Shift { estimate, drawn: minus(&drawn(pair.candidate, candidate), &drawn(pair.baseline, baseline)) };
            shift.interval(small_sample_factor(self.blocks.count))
        });
        FailedShares { baseline, candidate, ci }
    }

    fn curve(&self, pair: &Pair, metric: usize) -> Option<Curve> {
        let (quantiles, shifts): (Vec<f64>, Vec<Shift>) =
            self.curve.iter().zip(&pair.shifts[metric]).filter_map(|(q, shift)| Some((*q, shift.clone()?))).unzip();
        let halves = band(&shifts, small_sample_factor(self.blocks.count.max(2)));
        let point = |((quantile, shift), half): ((f64, Shift), f64)| CurvePoint {
            quantile,
            shift_ms: shift.estimate,
            low_ms: shift.estimate - half,
            high_ms: shift.estimate + half,
        };
        let points: Vec<_> = quantiles.into_iter().zip(shifts).zip(halves).map(point).collect();
        (!points.is_empty()).then(|| Curve { metric: self.metrics[metric], points })
    }
}

impl Pair<'_> {
    fn family(&self) -> impl Iterator<Item = &Shift> {
        self.shifts.iter().flat_map(|metric| self.rows.iter().filter_map(|place| metric[*place].as_ref()))
    }
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// 0.999 as "99.9".
#[must_use]
pub fn percent(q: f64) -> String {
    let percent = (q * 1e5).round() / 1e3;
    percent.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::World;

    fn compared(run: &Run, draws: usize) -> Comparison {
        let measured: Vec<_> = run.measured().collect();
        compare_with(run, &measured, &METRICS, &QUANTILES, draws).expect("several paths")
    }

    fn row(comparison: &Comparison, candidate: usize, metric: Metric, q: f64) -> &ShiftRow {
        let rows = &comparison.candidates[candidate].rows;
        rows.iter().find(|row| row.metric == metric && row.quantile == q).expect("row")
    }

    #[test]
    fn known_shifts_are_found() {
        let run = World { seconds: 120.0, seed: 2, ..World::default() }.run();
        let comparison = compared(&run, 400);
        for (candidate, truth) in [(0, 5.0), (1, 6.0)] {
            let row = row(&comparison, candidate, Metric::Ttft, 0.5);
            let (low, high) = row.ci_ms.expect("interval");
            assert!(low < truth && truth < high && high - low < 16.0, "{row:?}");
            let (joint_low, joint_high) = row.joint_ci_ms.expect("interval");
            assert!(joint_low < low && joint_high > high);
        }
        let far = World { shifts_ms: vec![0.0, 40.0, -40.0], ..World::default() }.run();
        let comparison = compared(&far, 400);
        assert_eq!(row(&comparison, 0, Metric::Ttft, 0.5).verdict, Verdict::Slower);
        assert_eq!(row(&comparison, 1, Metric::E2e, 0.5).verdict, Verdict::Faster);
    }

    #[test]
    fn the_same_run_is_judged_the_same() {
        let run = World { seconds: 30.0, ..World::default() }.run();
        assert_eq!(compared(&run, 100), compared(&run, 100));
    }

    #[test]
    fn what_is_missing_is_said() {
        let short = World { seconds: 10.0, ..World::default() }.run();
        let comparison = compared(&short, 100);
        let median = row(&comparison, 0, Metric::Ttft, 0.5);
        assert!(median.ci_ms.is_some() && median.verdict == Verdict::Inconclusive, "{median:?}");
        assert!(median.needed_rounds.is_some_and(|n| n > 100) && median.reason.is_some());
        let tail = row(&comparison, 0, Metric::Ttft, 0.99);
        assert!(tail.ci_ms.is_none() && tail.reason.as_ref().is_some_and(|why| why.contains("needs 368")), "{tail:?}");
        let shorter = World { seconds: 4.0, ..World::default() }.run();
        let comparison = compared(&shorter, 100);
        let median = row(&comparison, 0, Metric::Ttft, 0.5);
        assert!(
            median.ci_ms.is_none() && median.reason.as_ref().is_some_and(|why| why.contains("blocks")),
            "{median:?}"
        );
    }

    #[test]
    fn a_failing_path_keeps_its_pairs_and_shows_its_share() {
        let run = World { failing: vec![0.0, 0.3, 0.0], ..World::default() }.run();
        let comparison = compared(&run, 200);
        let shares = &comparison.candidates[0].failures;
        let (low, high) = shares.ci.expect("interval");
        assert_eq!(shares.baseline, Some(0.0));
        assert!((0.2..0.4).contains(&shares.candidate.expect("share")) && low > 0.15 && high < 0.45, "{shares:?}");
        let rounds = comparison.blocks.rounds;
        assert!(row(&comparison, 0, Metric::Ttft, 0.5).n_baseline > rounds - 10, "members of broken rounds are kept");
    }

    #[test]
    fn a_path_that_never_reuses_is_not_compared_with_one_that_does() {
        let mut run = World { seconds: 20.0, ..World::default() }.run();
        run.samples.iter_mut().filter(|s| s.path == PathId(1)).for_each(crate::run::fixture::open);
        let comparison = compared(&run, 50);
        let median = row(&comparison, 0, Metric::Ttft, 0.5);
        assert!(median.shift_ms.is_none() && median.ci_ms.is_none());
        assert!(median.reason.as_ref().is_some_and(|why| why.contains("'private'")), "{median:?}");
        assert!(row(&comparison, 1, Metric::Ttft, 0.5).ci_ms.is_some());
    }

    #[test]
    fn paths_measured_one_after_the_other_are_compared_with_a_warning() {
        let run = World { design: Design::Sequential, rate: 30.0, ..World::default() }.run();
        let comparison = compared(&run, 100);
        assert!(row(&comparison, 0, Metric::Ttft, 0.5).ci_ms.is_some());
        assert!(comparison.notes[0].contains("one after the other"));
    }

    /// False alarms of whole runs, and how often the plain interval of each quantile holds the truth, over made-up
    /// runs with common drift and bursts.
    fn monte_carlo(runs: u64, world: &World, metrics: &[Metric], draws: usize) -> (f64, Vec<f64>) {
        let (mut alarms, mut held, mut intervals) = (0.0, vec![0.0; 4], 0.0);
        for seed in 0..runs {
            let run = World { seed, ..world.clone() }.run();
            let measured: Vec<_> = run.measured().collect();
            let comparison = compare_with(&run, &measured, metrics, &QUANTILES, draws).expect("paths");
            let rows = || comparison.candidates.iter().flat_map(|candidate| &candidate.rows);
            alarms += f64::from(u8::from(rows().any(|row| row.verdict != Verdict::Inconclusive)));
            for (candidate, truth) in comparison.candidates.iter().zip(&world.shifts_ms[1..]) {
                intervals += 1.0;
                let first = candidate.rows.iter().filter(|row| row.metric == metrics[0]);
                for (held, row) in held.iter_mut().zip(first) {
                    let ci = row.ci_ms;
                    *held += f64::from(u8::from(ci.is_none_or(|(low, high)| low <= *truth && *truth <= high)));
                }
            }
        }
        (alarms / runs as f64, held.into_iter().map(|held| held / intervals).collect())
    }

    #[test]
    fn equal_paths_are_rarely_called_different() {
        let world =
            World { shifts_ms: vec![0.0; 3], drift: 0.1, bursts: true, seconds: 40.0, rate: 10.0, ..World::default() };
        let (alarms, held) = monte_carlo(100, &world, &[Metric::Ttft], 300);
        assert!(alarms <= 0.10, "{alarms} of runs of equal paths raise an alarm");
        assert!(held[..2].iter().all(|held| (0.90..=0.995).contains(held)), "{held:?}");
    }

    #[test]
    #[ignore = "a long simulation: run in release"]
    fn intervals_and_alarms_keep_their_promise() {
        let quiet = World { shifts_ms: vec![0.0; 3], ..World::default() };
        let stormy = World { drift: 0.1, bursts: true, ..quiet.clone() };
        let long = World { seconds: 300.0, ..stormy.clone() };
        let interleaved = World { design: Design::Interleaved, rate: 30.0, ..stormy.clone() };
        for (word, world) in [("quiet", quiet), ("stormy", stormy), ("long", long), ("interleaved", interleaved)] {
            let (alarms, held) = monte_carlo(400, &world, &METRICS, 2_000);
            eprintln!("{word}: alarms {alarms:.3}, coverage {held:.3?}");
            assert!(alarms <= 0.08 && held.iter().all(|held| (0.92..=0.995).contains(held)), "{word}");
        }
    }
}
