//! Objectives and costs of a run of which not every call has a row.

use crate::analysis::slo::tests::judge_run;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::analysis::summary::cost;
use crate::measure::outcome::ErrorClass;
use crate::measure::prices::Prices;
use crate::objective::objective::{CallCondition, Objective};
use crate::run::Run;
use crate::run::fixture::{self, World};

/// Failures of every kind on the gateway, and the same run with the rows of one round in four.
fn whole_and_sampled() -> [Run; 2] {
    let mut run = World { rate: 20.0, failing: vec![0.0, 0.02, 0.0], ..World::default() }.run();
    let classes = [ErrorClass::Http(429), ErrorClass::Http(503), ErrorClass::ConnectRefused, ErrorClass::TimeoutGap];
    for sample in run.samples.iter_mut().filter(|sample| sample.path.0 == 2 && sample.round % 7 == 0) {
        fixture::fail(sample, classes[(sample.round / 7 % 4) as usize]);
        sample.input_tokens = None;
    }
    run.manifest.plan.prices = Some(Prices { input: 2.0, output: 8.0, currency: "EUR".to_owned() });
    let few = fixture::sampled(run.clone(), 4);
    [run, few]
}

fn judged(run: &Run, objective: Objective) -> ObjectiveResult {
    let mut run = run.clone();
    run.manifest.plan.objectives = vec![objective];
    judge_run(&run).remove(0)
}

fn over_all(expr: &str) -> Objective {
    Objective::new("gateway", expr.parse().expect(expr))
}

#[test]
fn shares_of_a_path_are_of_all_its_calls() {
    let [whole, few] = whole_and_sampled();
    for expr in [
        "error_rate < 1%",
        "rate_429 < 1%",
        "rate_5xx < 1%",
        "rate_4xx < 1%",
        "connect_failure_rate < 1%",
        "unanswered_rate < 1%",
        "goodput > 0.99",
        "error_rate - direct.error_rate < 1%",
        "rate_429 - private.rate_429 < 1%",
    ] {
        let (all, few) = (judged(&whole, over_all(expr)), judged(&few, over_all(expr)));
        assert_eq!((all.n, all.estimate.value, &all.reason), (few.n, few.estimate.value, &few.reason), "{expr}");
        assert!(all.estimate.value.is_some_and(|share| share != 0.0), "{all:?}");
    }
}

#[test]
fn costs_are_of_all_calls() {
    let [whole, few] = whole_and_sampled();
    assert_eq!(cost::of_run(&whole), cost::of_run(&few));
    assert!(cost::of_run(&few).is_some_and(|cost| cost.calls_without_tokens > 0));
    for path in &whole.manifest.plan.paths {
        assert_eq!(cost::of_path(&whole, path.id), cost::of_path(&few, path.id));
    }
}

#[test]
fn what_stands_on_rows_says_so() {
    let [whole, few] = whole_and_sampled();
    let streams = |expr: &str| {
        let mut objective = over_all(expr);
        objective.calls.stream = Some(true);
        objective
    };
    let kept = |expr: &str| {
        let mut objective = over_all(expr);
        objective.per_call = vec!["ttft < 1s".parse::<CallCondition>().expect("a condition")];
        objective
    };
    for objective in [
        over_all("ttfo.p50 < 1s"),
        over_all("ttft.p50 - direct.ttft.p50 < 100ms"),
        over_all("rate_429 over 5s < 50% in 90%"),
        streams("rate_429 < 50%"),
        kept("goodput > 0.5"),
    ] {
        let (all, few) = (judged(&whole, objective.clone()), judged(&few, objective));
        assert!(few.estimate.value.is_some() && few.n <= all.n, "{few:?}");
        let told = |result: &ObjectiveResult| result.reason.as_ref().is_some_and(|why| why.contains("have rows"));
        assert!(told(&few) && !told(&all), "{few:?}");
    }
}

#[test]
fn the_largest_of_some_calls_keeps_no_limit() {
    let [whole, few] = whole_and_sampled();
    let ended = |run: &Run, path: &str, expr: &str, narrowed: bool| {
        let mut objective = Objective::new(path, expr.parse().expect(expr));
        objective.calls.stream = narrowed.then_some(true);
        judged(run, objective).verdict
    };
    for (expr, narrowed, of_all, of_few) in [
        ("ttft.max < 10s", false, ObjectiveVerdict::Met, ObjectiveVerdict::Met),
        ("ttft.max < 10s", true, ObjectiveVerdict::Met, ObjectiveVerdict::Inconclusive),
        ("ttft.max < 155ms", true, ObjectiveVerdict::Missed, ObjectiveVerdict::Missed),
        ("tokens_per_second.max < 1000", false, ObjectiveVerdict::Met, ObjectiveVerdict::Inconclusive),
        ("ttft.max over 1s < 10s in 50%", false, ObjectiveVerdict::Met, ObjectiveVerdict::Inconclusive),
        ("ttft.max over 1s < 155ms in 50%", false, ObjectiveVerdict::Missed, ObjectiveVerdict::Missed),
    ] {
        let seen = [&whole, &few].map(|run| ended(run, "direct", expr, narrowed));
        assert_eq!(seen, [of_all, of_few], "{expr}");
    }
}
