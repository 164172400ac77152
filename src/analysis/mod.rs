//! The judgement: a pure, seeded function of a run. Knows nothing of files, terminals or charts.

use crate::analysis::compare::baseline;
use crate::analysis::compare::gates::Gates;
use crate::analysis::input::blocks::BlockedView;
use crate::analysis::input::view::View;
use crate::analysis::summary::cost::Cost;
use crate::analysis::summary::reported::Reported;
use crate::analysis::summary::timeline::{Timeline, timelines};
use crate::analysis::summary::waterfall::{Waterfall, waterfalls};
use crate::analysis::summary::way::Way;
use crate::analysis::summary::{calls, cost, failing, findings, paths};
use crate::measure::metric::{Basis, Metric};
use crate::run::Run;

pub(crate) mod compare;
pub(crate) mod conclusion;
pub(crate) mod early_stop;
pub(crate) mod input;
pub(crate) mod runs;
pub(crate) mod selftest;
pub(crate) mod sizing;
pub(crate) mod slo;
pub(crate) mod stats;
pub(crate) mod summary;
pub(crate) mod trend;
pub(crate) mod validity;

pub(crate) use crate::analysis::compare::baseline::Comparison;
pub(crate) use crate::analysis::summary::failing::FailedPath;
pub(crate) use crate::analysis::summary::finding::Finding;
pub(crate) use crate::analysis::summary::paths::PathSummary;
pub(crate) use conclusion::Conclusion;
pub(crate) use slo::{ExpectationResult, ObjectiveResult};
pub(crate) use validity::{Validity, ValidityVerdict};

/// Everything that is judged of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Analysis {
    /// From which instant headline latencies count.
    pub basis: Basis,
    /// The metric on which paths are judged first.
    pub headline: Metric,
    /// What each path did, in the order of the plan.
    pub paths: Vec<PathSummary>,
    /// What every call of the run cost, warmup included; `None` without prices.
    pub cost: Option<Cost>,
    /// What each path did wrong beyond being slow, in the order of the plan.
    pub findings: Vec<Vec<Finding>>,
    /// Where the calls of each path went, in the order of the plan.
    pub ways: Vec<Way>,
    /// What the difference of each candidate is made of.
    pub waterfalls: Vec<Waterfall>,
    /// How the time to the first byte falls apart as services tell it, in the order of the plan.
    pub reported: Vec<Option<Reported>>,
    /// Every path against the baseline; `None` with one path alone.
    pub comparison: Option<Comparison>,
    /// The paths that failed, in the order of the plan.
    pub failing: Vec<FailedPath>,
    /// The objectives of the plan.
    pub objectives: Vec<ObjectiveResult>,
    /// The claims of the plan.
    pub expectations: Vec<ExpectationResult>,
    /// The headline metric over time, in the order of the plan.
    pub timelines: Vec<Timeline>,
    /// Whether the run may be judged at all.
    pub validity: Validity,
    /// What it comes to.
    pub conclusion: Conclusion,
}

/// Judges a run. The same run is judged the same, always.
///
/// Counts are of all attempts. Figures, comparisons and objectives leave out the rounds that were due in a second in
/// which this tool could not measure faithfully, for all paths alike; what is shown over time leaves nothing out.
#[must_use]
pub(crate) fn analyse(run: &Run) -> Analysis {
    let view = View::of(run);
    let cut = BlockedView::of(&view);
    let requests = calls::requests(&view);
    let failing = failing::find(&view);
    let mut validity = validity::examine(&view, &requests);
    let mut comparison = baseline::compare(&cut, Gates::of(view.plan()), &failing);
    let ways: Vec<Way> = view.paths.iter().map(|path| Way::of(&view, path)).collect();
    validity.note_ways(run, &ways);
    validity.note_interference(run, comparison.as_ref());
    if validity.verdict == ValidityVerdict::Invalid {
        comparison.iter_mut().for_each(Comparison::withhold);
    }
    let objectives = slo::judge(&cut);
    let each = || view.paths.iter().map(|path| path.id);
    Analysis {
        basis: view.basis(),
        headline: view.headline,
        findings: view.paths.iter().zip(&ways).map(|(path, way)| findings::find(&view, path, way)).collect(),
        ways,
        conclusion: Conclusion::of(run.is_complete(), &validity, &failing, &objectives, comparison.as_ref()),
        waterfalls: comparison.as_ref().map_or_else(Vec::new, |_| waterfalls(&view)),
        timelines: timelines(&view),
        reported: each().map(|path| Reported::of(&view, path)).collect(),
        paths: paths::summarize(&view, &requests),
        cost: cost::of_run(run),
        comparison,
        failing,
        objectives,
        expectations: slo::judge_claims(&cut),
        validity,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::input::blocks::tests::CUTS;
    use crate::analysis::summary::paths::QUANTILES;
    use crate::measure::outcome::ErrorClass;
    use crate::objective::objective::{Expectation, Objective};
    use crate::run::fixture::{self, World};

    fn concluded(world: &World, exprs: &[&str]) -> Conclusion {
        let mut run = world.run();
        let objective = |expr: &&str| Objective::new("direct", expr.parse().expect("expression"));
        run.manifest.plan.objectives = exprs.iter().map(objective).collect();
        analyse(&run).conclusion
    }

    #[test]
    fn scripts_learn_what_a_run_comes_to() {
        let alone = World { shifts_ms: vec![0.0], seconds: 20.0, ..World::default() };
        for (exprs, conclusion, code, strict) in [
            (vec![], Conclusion::Met, 0, 0),
            (vec!["ttft.p50 < 1s"], Conclusion::Met, 0, 0),
            (vec!["ttft.p50 < 1s", "ttft.p99 < 1s"], Conclusion::Inconclusive, 0, 5),
            (vec!["ttft.p50 < 10ms", "ttft.p99 < 1s"], Conclusion::Missed, 3, 3),
        ] {
            let got = concluded(&alone, &exprs);
            assert_eq!((got, got.exit_code(false), got.exit_code(true)), (conclusion, code, strict), "{exprs:?}");
        }
        let mut run = alone.run();
        run.manifest.ending.as_mut().expect("ending").rows_lost = 1;
        assert_eq!(analyse(&run).conclusion.exit_code(false), 4);
        run.manifest.ending = None;
        assert_eq!(analyse(&run).conclusion, Conclusion::Incomplete);
    }

    /// A shift of 10 ms beside a spread that takes about 240 rounds for an interval of that half-width, and about twice
    /// as many to show the shift in four runs of five.
    #[test]
    fn a_fifth_of_the_samples_decides_nothing_and_says_how_many_it_takes() {
        let needed = 2.0 * 244.383;
        let (mut open, mut told) = (0, 0);
        for seed in 0..10 {
            let world =
                World { shifts_ms: vec![0.0, 10.0], rate: 4.0, seconds: needed / 5.0 / 4.0, seed, ..World::default() };
            let run = world.run();
            let analysis = analyse(&run);
            let comparison = analysis.comparison.as_ref().expect("two paths");
            let row = comparison.candidates[0].headline(Metric::Ttft).expect("row");
            if analysis.conclusion == Conclusion::Inconclusive {
                open += 1;
                assert_eq!((analysis.conclusion.exit_code(false), analysis.conclusion.exit_code(true)), (0, 5));
                assert!(row.reason.is_some() && row.resolves_ms().is_some_and(|ms| ms > 10.0), "{row:?}");
                told += usize::from(
                    row.needed_rounds.is_some_and(|needed| needed.total() > comparison.blocks.rounds as u64),
                );
            }
        }
        assert!(open >= 8 && told >= 6, "{open} of 10 open, {told} say how many rounds it takes");
    }

    #[test]
    fn a_run_is_cut_once_for_its_comparison_its_objectives_and_its_claims() {
        let mut run = World { seconds: 20.0, ..World::default() }.run();
        let beside = Objective::new("gateway", "ttft.p50 < 1.5 * direct.ttft.p50".parse().expect("expression"));
        let claim = |slo| Expectation { claim: "as fast".to_owned(), reference: None, slo };
        run.manifest.plan.objectives = vec![beside.clone(), beside.clone()];
        run.manifest.plan.expectations = vec![claim(beside)];
        let before = CUTS.get();
        assert!(analyse(&run).comparison.is_some());
        assert_eq!(CUTS.get(), before + 1);
    }

    #[test]
    fn declared_margins_decide_what_a_run_comes_to() {
        for (margin, shift, conclusion) in [
            ("ttft.p50=20%", 5.0, Conclusion::Met),
            ("ttft.p50=20ms", 60.0, Conclusion::Missed),
            ("ttft.p50=5ms", 5.0, Conclusion::Inconclusive),
        ] {
            let mut run = World { shifts_ms: vec![0.0, shift], ..World::default() }.run();
            run.manifest.plan.margins = vec![margin.parse().expect(margin)];
            let analysis = analyse(&run);
            assert_eq!(analysis.conclusion, conclusion, "{margin}");
            let comparison = analysis.comparison.expect("two paths");
            let row = comparison.candidates[0].headline(Metric::Ttft).expect("row");
            assert!(row.margin.is_some() && row.gate_ms.is_some(), "{row:?}");
            let ungated = comparison.candidates[0].rows.iter().filter(|row| row.margin.is_none());
            assert!(ungated.clone().count() == 20 && ungated.into_iter().all(|row| row.gate_ms.is_none()));
        }
    }

    #[test]
    fn a_path_against_itself_shows_the_noise_and_decides_nothing() {
        let mut run = World { shifts_ms: vec![0.0, 60.0, 0.0], ..World::default() }.run();
        run.manifest.plan.control_path = Some(crate::units::PathId(2));
        let analysis = analyse(&run);
        let comparison = analysis.comparison.expect("three paths");
        let twin = comparison.candidates[1].headline(Metric::Ttft).expect("row");
        assert_eq!(
            (twin.verdict, analysis.conclusion),
            (crate::analysis::compare::shift::Verdict::Inconclusive, Conclusion::Met)
        );
        assert_eq!(comparison.others().count(), 1);
        run.manifest.plan.control_path = None;
        assert_eq!(analyse(&run).conclusion, Conclusion::Inconclusive);
    }

    #[test]
    fn a_sample_of_the_rows_changes_no_count_and_hardly_a_figure() {
        let world = World { failing: vec![0.0, 0.05, 0.0], seconds: 90.0, rate: 20.0, ..World::default() };
        let mut whole = world.run();
        let objective = |expr: &str| Objective::new("private", expr.parse().expect("expression"));
        let exprs = ["error_rate < 50%", "e2e.max < 10s", "chunk_gap.p95 < 50ms", "ttft.p50 < 1s"];
        whole.manifest.plan.objectives = exprs.map(objective).to_vec();
        whole.samples.iter_mut().filter(|sample| sample.path.0 == 2 && sample.round % 16 < 2).for_each(|sample| {
            fixture::fail(sample, ErrorClass::TimeoutTotal);
            sample.stamps.end = Some(sample.stamps.intended + Duration::from_secs(60));
        });
        let sampled = fixture::sampled(whole.clone(), 4);
        assert!(sampled.samples.len() * 3 < whole.samples.len());
        let (all, few) = (analyse(&whole), analyse(&sampled));
        let near = |a: Option<f64>, b: Option<f64>, tolerated: f64| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= tolerated * a.abs() + 0.002,
            (a, b) => a == b,
        };
        for (a, b) in all.paths.iter().zip(&few.paths) {
            // When errors came is told by the rows or by errors.jsonl, of which this world has none.
            let counted = |path: &PathSummary| {
                path.errors.iter().map(|(class, seen)| (class.clone(), seen.count)).collect::<Vec<_>>()
            };
            assert_eq!(
                (a.requests, counted(a), a.connections, a.tokens),
                (b.requests, counted(b), b.connections, b.tokens)
            );
            for (a, b) in a.metrics.iter().zip(&b.metrics) {
                assert_eq!(
                    (a.key(), a.n, a.counted, a.beyond, a.basis.is_some()),
                    (b.key(), b.n, b.counted, b.beyond, b.basis.is_some())
                );
                assert!(near(a.mean, b.mean, 2e-3) && near(a.min, b.min, 2e-3), "{a:?} {b:?}");
                // What was seen of calls that timed out is known from rows alone. In the tail values lie far apart:
                // there a quantile of values is between two, that of a histogram one of them.
                let tolerated = if a.counted > a.n { 0.02 } else { 2e-3 };
                let body = QUANTILES.iter().take_while(|q| q.0 <= 0.95).count();
                assert!(near(a.max, b.max, tolerated), "{a:?} {b:?}");
                for (a, b) in [(a.quantiles, b.quantiles), (a.at_least, b.at_least)] {
                    assert!((0..body).all(|i| near(a[i], b[i], tolerated)), "{a:?} {b:?}");
                }
            }
        }
        let validity =
            |analysis: &Analysis| (analysis.validity.planned, analysis.validity.sent, analysis.validity.dropped);
        assert_eq!(validity(&all), validity(&few));
        for (a, b) in all.objectives.iter().zip(&few.objectives) {
            let tolerated = if a.objective.expr.to_string().starts_with("ttft") { 0.1 } else { 2e-3 };
            let (x, y) = (a.estimate.value.expect("seen"), b.estimate.value.expect("seen"));
            assert!((x - y).abs() <= tolerated * x && a.verdict == b.verdict, "{a:?} {b:?}");
        }
        let failures = |analysis: &Analysis| {
            let bins = analysis.timelines[1].failures.iter();
            bins.fold((0, 0), |(failed, throttled), bin| (failed + bin.failed, throttled + bin.throttled))
        };
        assert!(
            failures(&all) == failures(&few) && failures(&all) != (0, 0),
            "{:?} {:?}",
            failures(&all),
            failures(&few)
        );
        assert!(few.comparison.is_some_and(|comparison| comparison.candidates[0].rows[0].ci_ms.is_some()));
    }

    #[test]
    fn an_empty_run_is_judged_without_a_crash() {
        let mut run = World { seconds: 5.0, ..World::default() }.run();
        run.samples.clear();
        run.manifest.ending = None;
        let analysis = analyse(&run);
        assert!(analysis.paths.iter().all(|path| path.requests.adds_up()));
        assert_eq!(analysis.conclusion, Conclusion::Incomplete);
    }
}
