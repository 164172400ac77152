//! Every path against the baseline: how far its quantiles are shifted, and whether that is more than chance.
//!
//! Over successful calls on connections used before, and over calls that timed out there: a call given up before it had
//! a value counts as infinitely long in the quantiles, and a row whose quantile it reaches has no verdict. Numbers of
//! calls and means are of successful calls alone. A quantile's shift is the difference of two quantiles, which is
//! not the quantile of a difference. Intervals come from a bootstrap over blocks that draws the same blocks for all
//! paths, so what hits all paths alike does not count as a difference.
//!
//! `ci_ms` of a row is its own 95% interval. A verdict needs more: with two candidates, three metrics and seven
//! quantiles one of 42 such intervals misses zero in most runs of equal paths. So verdicts use intervals that hold all
//! at once with 95% confidence (see [`crate::analysis::compare::multiplicity`]): when all paths are equal, at most one run in twenty
//! calls any row of any path different.

use crate::analysis::compare::connection_state::States;
use crate::analysis::compare::gates::Gates;
use crate::analysis::compare::interference;
use crate::analysis::compare::multiplicity::{Hypothesis, Levels, Primary};
use crate::analysis::compare::resampled::{Pair, ResampledPaths};
use crate::analysis::compare::shift::{Candidate, Open, ShiftRow};
use crate::analysis::compare::survivors;
use crate::analysis::compare::verdict::Judge;
use crate::analysis::input::blocks::{BlockedView, Blocks};
use crate::analysis::input::lengths::Lengths;
use crate::analysis::input::population::Connections;
use crate::analysis::input::view::View;
use crate::analysis::stats::basic::interval_needs;
use crate::analysis::stats::bootstrap::DRAWS;
use crate::analysis::summary::failing::FailedPath;
use crate::measure::metric::{Basis, Metric};
use crate::path::NetPath;
use crate::plan::Design;
use crate::units::PathId;

/// The metrics compared.
pub(crate) const METRICS: [Metric; 3] = [Metric::Ttft, Metric::Ttfb, Metric::E2e];

/// The metrics of a run: those of every run, the time per token where the ends cannot all be compared, and the time less
/// what servers report where every path's server does.
fn metrics_of(view: &View<'_>, lengths: &Lengths) -> Vec<Metric> {
    let mut metrics = METRICS.to_vec();
    metrics.extend((*lengths != Lengths::Agree).then_some(Metric::Tpot));
    let reported = |path: &&NetPath| {
        let own = view.kept.iter().filter(|sample| sample.path == path.id && sample.believable_server_ms().is_some());
        own.count() >= interval_needs(0.5)
    };
    metrics.extend(view.paths.iter().all(reported).then_some(Metric::Overhead));
    metrics
}

/// The quantiles of the curve of shifts.
pub(crate) const CURVE: [f64; 21] = [
    0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99,
    0.999,
];

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
    pub levels: Levels,
    /// The other paths, in the order of the plan.
    pub candidates: Vec<Candidate>,
    /// That of them which is the baseline once more.
    pub twin: Option<PathId>,
    /// What weakens all of it, in sentences.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Takes back every verdict, because the run is invalid.
    pub(crate) fn withhold(&mut self) {
        for candidate in &mut self.candidates {
            let Candidate { rows, failures, .. } = candidate;
            rows.iter_mut().for_each(|row| survivors::withhold(row, Open::Invalid, failures));
        }
    }

    /// The candidates that are another path than the baseline.
    pub fn others(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| Some(candidate.path) != self.twin)
    }

    /// On how many blocks the headline of every candidate stands at least.
    #[must_use]
    pub(crate) fn filled(&self) -> usize {
        let headlines = self.candidates.iter().filter_map(|candidate| candidate.headline(self.headline));
        headlines.map(|row| row.blocks).min().unwrap_or(self.blocks.count)
    }
}

/// What is asked of a comparison.
struct Question<'a> {
    gates: Gates<'a>,
    /// The paths that failed.
    failing: &'a [FailedPath],
    lengths: Lengths,
    metrics: &'a [Metric],
    /// The quantiles of the curve.
    curve: &'a [f64],
    /// How often blocks are drawn again.
    draws: usize,
}

/// Compares every path with the baseline; `None` with one path alone. `failing` are the paths that failed.
pub(crate) fn compare(cut: &BlockedView<'_>, gates: Gates, failing: &[FailedPath]) -> Option<Comparison> {
    compare_drawn(cut, gates, failing, DRAWS)
}

fn compare_drawn(cut: &BlockedView<'_>, gates: Gates, failing: &[FailedPath], draws: usize) -> Option<Comparison> {
    let lengths = Lengths::of(cut.view());
    let metrics = &metrics_of(cut.view(), &lengths);
    compare_over(cut, Question { gates, failing, lengths, metrics, curve: &CURVE, draws })
}

/// A whole run as it is compared outside of tests, where fewer draws do.
#[cfg(test)]
pub(crate) fn compare_in_full(run: &crate::run::Run) -> Option<Comparison> {
    compare_run_drawn(run, crate::analysis::stats::bootstrap::DRAWS_IN_FULL)
}

/// A whole run as it is compared in tests.
#[cfg(test)]
pub(crate) fn compare_run(run: &crate::run::Run) -> Option<Comparison> {
    compare_run_drawn(run, DRAWS)
}

#[cfg(test)]
fn compare_run_drawn(run: &crate::run::Run, draws: usize) -> Option<Comparison> {
    let view = View::of(run);
    let failing = crate::analysis::summary::failing::find(&view);
    compare_drawn(&BlockedView::of(&view), Gates::of(view.plan()), &failing, draws)
}

fn compare_over(cut: &BlockedView<'_>, asked: Question<'_>) -> Option<Comparison> {
    let (view, gates) = (cut.view(), asked.gates);
    if view.paths.len() < 2 {
        return None;
    }
    let (plan, baseline, headline) = (view.plan(), view.baseline, view.headline);
    let cut = (cut.blocks().clone(), asked.lengths);
    let resampled = ResampledPaths::set_up(view, cut, asked.metrics, asked.curve, asked.draws);
    let others = view.paths.iter().map(|path| path.id).filter(|path| *path != baseline);
    let pairs: Vec<Pair> = others.map(|path| resampled.pair(baseline, path)).collect();
    let first = Primary { margins: gates.margins, headline };
    // The baseline against itself is a question of its own, and costs the others nothing.
    let levels_of = |twin: bool| {
        let judged =
            pairs.iter().enumerate().filter(|(_, pair)| (Some(pair.candidate.path) == plan.control_path) == twin);
        let hypotheses = judged.flat_map(|(place, pair)| pair.hypotheses(place, &resampled, &first));
        Levels::of(&hypotheses.collect::<Vec<Hypothesis>>())
    };
    let (levels, of_twin) = (levels_of(false), levels_of(true));
    let states = States::of(view.run);
    let failing: Vec<PathId> = asked.failing.iter().map(|failed| failed.path).collect();
    let checked = |(place, pair): (usize, &Pair)| {
        let is_twin = Some(pair.candidate.path) == plan.control_path;
        let levels = if is_twin { &of_twin } else { &levels };
        let judge = Judge { resampled: &resampled, levels, gates, complete: view.run.is_complete(), failing: &failing };
        let mut candidate = judge.candidate(place, pair);
        let arm = candidate.headline(headline).and_then(ShiftRow::arm_ms);
        candidate.connections = states.shifts(view, &resampled, pair);
        candidate.interference = arm.and_then(|arm| interference::check(view, &resampled, pair.candidate, arm));
        candidate
    };
    let candidates = pairs.iter().enumerate().map(checked).collect();
    let mut notes = notes(plan.load.design, resampled.connections);
    notes.extend(resampled.lengths.note());
    Some(Comparison {
        baseline,
        basis: view.basis(),
        headline,
        connections: resampled.connections,
        blocks: resampled.blocks,
        levels,
        candidates,
        twin: plan.control_path,
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
            "Every call opened its own connection on every path, so the shifts include name resolution, TCP and TLS \
             too."
                .to_owned(),
        ),
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::shift::{Open, QUANTILES, ShiftRow, Verdict};
    use crate::analysis::summary::failing;
    use crate::run::Run;
    use crate::run::fixture::World;

    fn compare_with(run: &Run, metrics: &[Metric], curve: &[f64], draws: usize) -> Option<Comparison> {
        let view = View::of(run);
        let (gates, lengths) = (Gates { margins: &[], default: false }, Lengths::of(&view));
        let failing = &failing::find(&view);
        compare_over(&BlockedView::of(&view), Question { gates, failing, lengths, metrics, curve, draws })
    }

    fn compared(run: &Run, draws: usize) -> Comparison {
        compare_with(run, &METRICS, &QUANTILES, draws).expect("several paths")
    }

    fn row(comparison: &Comparison, candidate: usize, metric: Metric, q: f64) -> &ShiftRow {
        let rows = &comparison.candidates[candidate].rows;
        rows.iter().find(|row| row.metric == metric && row.quantile.0 == q).expect("row")
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
        assert!(median.needed_rounds.is_some_and(|needed| needed.total() > 100) && median.reason.is_some());
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

    /// Two paths of which the calls that `keep` lets through, by round, are successful, and all others fail.
    fn with_few_successes(keep: impl Fn(u64) -> bool) -> Run {
        let mut run = World { shifts_ms: vec![0.0, 0.0], ..World::default() }.run();
        run.manifest.plan.limits.failure_share = crate::units::Fraction(1.0);
        for sample in run.samples.iter_mut().filter(|sample| !keep(sample.round)) {
            crate::run::fixture::fail(sample, crate::measure::outcome::ErrorClass::Http(503));
        }
        run
    }

    #[test]
    fn blocks_without_a_success_are_none() {
        let all = with_few_successes(|_| true);
        let rounds = row(&compared(&all, 100), 0, Metric::Ttft, 0.5).n_baseline as u64;
        // Ten successes a path of 600 calls, in a burst, then spread; then two in three calls fail everywhere.
        for (what, keep, at_most) in [
            ("ten in a row", Box::new(|round: u64| round < 10) as Box<dyn Fn(u64) -> bool>, 2),
            ("ten spread", Box::new(move |round| round % (rounds / 10) == 0 && round / (rounds / 10) < 10), 10),
            ("fifteen spread", Box::new(move |round| round % (rounds / 15) == 0), 16),
        ] {
            let comparison = compared(&with_few_successes(keep), 100);
            let median = row(&comparison, 0, Metric::Ttft, 0.5);
            assert!(median.n_baseline >= 8 && median.blocks <= at_most, "{what}: {median:?}");
            assert_eq!((median.verdict, median.open), (Verdict::Inconclusive, Some(Open::FewBlocks)), "{what}");
            assert_eq!(median.ci_ms.is_some(), median.blocks >= 6, "{what}: {median:?}");
            let why = median.reason.as_ref().expect("a reason");
            assert!(why.contains(&format!("{} of {} blocks", median.blocks, comparison.blocks.count)), "{what}: {why}");
            let needed = median.needed_rounds.expect("more rounds");
            assert!(needed.more() > 0 && needed.total() > comparison.blocks.rounds as u64, "{what}: {needed:?}");
        }
        let many = compared(&with_few_successes(|round| round % 3 == 0), 100);
        let median = row(&many, 0, Metric::Ttft, 0.5);
        assert_eq!((median.blocks, many.blocks.count), (40, 40), "{median:?}");
    }

    #[test]
    fn what_is_said_of_missing_rounds_is_possible() {
        for seed in 0..40 {
            let world = World {
                shifts_ms: vec![0.0, (seed % 7) as f64 * 4.0],
                failing: vec![0.0, [0.0, 0.5, 0.97][seed as usize % 3]],
                seconds: [4.0, 9.0, 21.0, 60.0][seed as usize % 4],
                rate: [1.0, 5.0, 12.0][seed as usize % 3],
                drift: [0.0, 0.3][seed as usize % 2],
                seed,
                ..World::default()
            };
            let comparison = compared(&world.run(), 50);
            for row in comparison.candidates.iter().flat_map(|candidate| &candidate.rows) {
                let told = crate::report::shift::describe_rounds_needed(row, comparison.blocks.rate);
                assert!(told.is_none_or(|told| !told.contains(" 0 more")), "{row:?}");
                assert!(row.verdict == Verdict::Inconclusive || row.needed_rounds.is_none(), "{row:?}");
            }
        }
    }

    /// A run whose gateway loses its slowest calls, `share` of all, to a timeout.
    fn losing_the_slowest(share: f64) -> Run {
        let mut run = World { shifts_ms: vec![0.0, 5.0, 0.0], ..World::default() }.run();
        let first = |sample: &crate::measure::sample::Sample| Metric::Ttft.of(sample, Basis::Response);
        let mut all: Vec<_> = run.measured().filter(|s| s.path == PathId(2)).filter_map(first).collect();
        all.sort_unstable();
        let longest = all[((1.0 - share) * all.len() as f64) as usize];
        for sample in run.samples.iter_mut().filter(|s| s.path == PathId(2) && first(s) >= Some(longest)) {
            crate::run::fixture::fail(sample, crate::measure::outcome::ErrorClass::TimeoutFirstByte);
            (sample.stamps.head, sample.stamps.first_byte) = (None, None);
            sample.stamps.end = Some(sample.stamps.intended + std::time::Duration::from_secs(60));
        }
        run
    }

    #[test]
    fn a_path_that_times_out_is_not_the_faster_one() {
        let comparison = compared(&losing_the_slowest(0.3), 200);
        let median = row(&comparison, 1, Metric::Ttft, 0.5);
        assert_ne!(median.verdict, Verdict::Faster, "{median:?}");
        assert!(median.ci_ms.is_some_and(|(low, high)| low < 0.0 && 0.0 < high), "{median:?}");
        assert!(median.n_candidate < median.n_baseline * 3 / 4, "n is of successful calls");
        let tail = row(&comparison, 1, Metric::Ttft, 0.9);
        assert_eq!((tail.shift_ms, tail.ci_ms, tail.verdict), (None, None, Verdict::Inconclusive));
        assert_eq!((tail.open, tail.needed_rounds), (Some(Open::BeyondTimeout), None));
        assert!(tail.reason.as_ref().is_some_and(|why| why.starts_with("beyond the timeout: 1")), "{tail:?}");
        // The quantile is known, but not that of every draw.
        let near = losing_the_slowest(0.098);
        let comparison = compared(&near, 200);
        let tail = row(&comparison, 1, Metric::E2e, 0.9);
        assert!(tail.shift_ms.is_some() && tail.ci_ms.is_none(), "{tail:?}");
        assert!(tail.reason.as_ref().is_some_and(|why| why.starts_with("too close to the timeout")), "{tail:?}");
        assert!(
            comparison.candidates[1].curves.iter().flat_map(|curve| &curve.points).all(|point| [
                point.shift_ms,
                point.band_ms.0,
                point.band_ms.1
            ]
            .iter()
            .all(|ms| ms.is_finite()))
        );
    }

    #[test]
    fn a_timeout_on_a_new_connection_is_none_of_the_warm_ones() {
        let mut run = losing_the_slowest(0.3);
        run.samples.iter_mut().filter(|s| !s.outcome.is_ok()).for_each(crate::run::fixture::open);
        let comparison = compared(&run, 100);
        assert!(row(&comparison, 1, Metric::Ttft, 0.9).shift_ms.is_some());
        run.samples.iter_mut().filter(|s| !s.outcome.is_ok()).for_each(|sample| sample.conn = None);
        let lost = run.measured().find(|sample| !sample.outcome.is_ok()).expect("timeouts");
        assert!(Connections::New.contains(lost) && !Connections::Reused.contains(lost));
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
    fn half_a_run_decides_nothing() {
        let mut run = World { shifts_ms: vec![0.0, 40.0, -40.0], ..World::default() }.run();
        run.manifest.ending.as_mut().expect("ending").complete = false;
        let comparison = compared(&run, 100);
        let median = row(&comparison, 0, Metric::Ttft, 0.5);
        assert_eq!((median.verdict, median.open), (Verdict::Inconclusive, Some(Open::Incomplete)));
        assert!(median.ci_ms.is_some_and(|(low, _)| low > 0.0), "what was measured is still shown");
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
            let comparison = compare_with(&run, metrics, &QUANTILES, draws).expect("paths");
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
    #[ignore = "a measurement of speed: run in release"]
    fn a_hundred_thousand_rounds_are_compared_in_seconds() {
        let run = World { seconds: 300.0, rate: 333.0, ..World::default() }.run();
        let calls = run.measured().count();
        let begun = std::time::Instant::now();
        compare_with(&run, &METRICS, &CURVE, 2_000).expect("paths");
        assert!(begun.elapsed().as_secs() < 10, "{:?} for {calls} calls", begun.elapsed());
        eprintln!("{:?} for {calls} calls", begun.elapsed());
    }

    #[test]
    #[ignore = "a long simulation: run in release"]
    fn intervals_and_alarms_keep_their_promise() {
        let quiet = World { shifts_ms: vec![0.0; 3], ..World::default() };
        let stormy = World { drift: 0.1, bursts: true, ..quiet.clone() };
        let long = World { seconds: 300.0, ..stormy.clone() };
        let interleaved = World { design: Design::Interleaved, rate: 30.0, ..stormy.clone() };
        let short = World { seconds: 22.0, ..stormy.clone() };
        let moved = World { shifts_ms: vec![0.0, 5.0, 20.0], ..stormy.clone() };
        // Two paths that drift apart on their own are different for as long as they do: what remains is chance.
        let apart = World { own_drift: 0.1, seconds: 300.0, ..quiet.clone() };
        for (word, world, allowed) in [
            ("quiet", quiet, 0.08),
            ("stormy", stormy, 0.08),
            ("long", long, 0.08),
            ("interleaved", interleaved, 0.08),
            ("short", short, 0.08),
            ("apart", apart, 0.1),
            ("moved", moved, 1.0),
        ] {
            let (alarms, held) = monte_carlo(400, &world, &METRICS, 2_000);
            eprintln!("{word}: alarms {alarms:.3}, coverage {held:.3?}");
            assert!(alarms <= allowed && held[0] >= 0.88 && held[0] <= 0.995, "{word}");
        }
    }
}
