//! What a plan must bring so that its objectives can be decided: known before anything is sent.
//!
//! These are the fewest calls (or windows, or seconds) with which an objective that holds with ease is called met. One
//! that holds narrowly needs more, and nobody knows before how narrowly.

use crate::analysis::input::blocks::FOR_VERDICT;
use crate::analysis::slo::fewest_to_decide;
use crate::analysis::stats::basic::{interval_needs, normal_quantile};
use crate::objective::expression::{Expression, Subject};
use crate::objective::indicator::{Form, Indicator};
use crate::objective::objective::{Calls, Objective};
use crate::plan::{Design, Plan};
use crate::units::{Quantile, Span};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Measured calls of the path.
    Calls,
    /// Whole windows of the measured time.
    Windows(Span),
    /// Seconds of the measured time: blocks of a comparison are a second long at least.
    Seconds,
}

/// What one objective of a plan needs, or the comparison of its paths.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Need {
    /// Place of the objective in the plan, from 1; `None` for the comparison of paths.
    pub(crate) objective: Option<usize>,
    /// What it says: the expression, or what is compared.
    pub(crate) label: String,
    /// Its path, of an objective.
    pub(crate) path: Option<String>,
    /// In what it is counted.
    pub(crate) counted: Counted,
    /// The fewest that decide it; `None` if no number does.
    pub(crate) needs: Option<u64>,
    /// How many are planned; `None` where nobody knows before.
    pub(crate) planned: Option<u64>,
    /// Which share of a path's calls counts.
    pub(crate) share: f64,
}

impl Need {
    /// Whether the plan surely brings too few.
    pub(crate) fn is_short(&self) -> bool {
        match (self.needs, self.planned) {
            (Some(needs), Some(planned)) => planned < needs,
            (None, _) => true,
            (Some(_), None) => false,
        }
    }

    /// Calls that the path must have in all, those that do not count included; 0 where calls are not what counts.
    pub(crate) fn calls_in_all(&self) -> u64 {
        match (self.counted, self.needs) {
            (Counted::Calls, Some(needs)) => (needs as f64 / self.share.max(1e-9)).ceil() as u64,
            (Counted::Calls | Counted::Windows(_) | Counted::Seconds, _) => 0,
        }
    }

    /// How long must be measured whatever the rate, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        let each = match self.counted {
            Counted::Calls => 0.0,
            Counted::Windows(length) => length.0.as_secs_f64(),
            Counted::Seconds => 1.0,
        };
        self.needs.unwrap_or(0) as f64 * each
    }
}

/// What the objectives of a plan need, and the comparison of its paths, when `calls` are planned on each path.
pub(crate) fn of_plan(plan: &Plan, calls: Option<&[u64]>) -> Vec<Need> {
    let objectives =
        plan.objectives.iter().zip(1..).map(|(objective, place)| of_objective(plan, calls, objective, place));
    let measured = plan.load.duration.0.as_secs();
    let comparison = (plan.paths.len() > 1 && plan.load.design != Design::Sequential).then(|| Need {
        objective: None,
        label: format!("the comparison of {} paths", plan.paths.len()),
        path: None,
        counted: Counted::Seconds,
        needs: Some(FOR_VERDICT as u64),
        planned: Some(measured),
        share: 1.0,
    });
    objectives.chain(comparison).collect()
}

fn of_objective(plan: &Plan, calls: Option<&[u64]>, objective: &Objective, place: usize) -> Need {
    let (counted, needs) = fewest(&objective.expr);
    let share = share_of(plan, objective.calls);
    let path = plan.path_named(&objective.path).map(|path| path.id);
    let planned = match counted {
        Counted::Calls => calls.zip(path).map(|(calls, path)| (calls[path.index()] as f64 * share).floor() as u64),
        Counted::Windows(length) => {
            Some((plan.load.duration.0.as_secs_f64() / length.0.as_secs_f64() + 1e-6).floor() as u64)
        }
        Counted::Seconds => Some(plan.load.duration.0.as_secs()),
    };
    let (label, path) = (objective.label(), Some(objective.path.clone()));
    Need { objective: Some(place), label, path, counted, needs, planned, share }
}

/// The fewest calls or windows that decide an expression which holds with ease.
fn fewest(expr: &Expression) -> (Counted, Option<u64>) {
    let allowed = |share: f64| if expr.comparator.is_upper() { share } else { 1.0 - share };
    match &expr.subject {
        Subject::Level(Indicator::Figure(_, Form::Quantile(Quantile(q)))) => {
            (Counted::Calls, fewest_to_decide(allowed(1.0 - q)))
        }
        Subject::Level(Indicator::Figure(_, Form::Mean)) => (Counted::Calls, Some(2)),
        Subject::Level(Indicator::Figure(_, Form::Max)) => (Counted::Calls, Some(1)),
        Subject::Level(Indicator::Share(_)) => (Counted::Calls, fewest_to_decide(allowed(expr.limit))),
        Subject::Windows { length, .. } if expr.limit >= 1.0 => (Counted::Windows(*length), Some(1)),
        Subject::Windows { length, .. } => (Counted::Windows(*length), fewest_to_decide(1.0 - expr.limit)),
        Subject::Difference(Indicator::Share(_), _) => (Counted::Calls, fewest_of_difference(expr.limit)),
        Subject::Ratio(own, other) | Subject::Difference(own, other) => {
            let calls = |indicator: Indicator| match indicator {
                Indicator::Figure(_, Form::Quantile(Quantile(q))) => interval_needs(q) as u64,
                Indicator::Figure(_, Form::Mean | Form::Max) | Indicator::Share(_) => 2,
            };
            (Counted::Calls, Some(calls(*own).max(calls(other.indicator)).max(FOR_VERDICT as u64)))
        }
    }
}

/// The fewest calls on each path, none of which is one of those, whose interval (Newcombe's, of Wilson's) ends below
/// the limit.
fn fewest_of_difference(limit: f64) -> Option<u64> {
    let z2 = normal_quantile(0.975).powi(2);
    (limit > 0.0 && limit < 1.0).then(|| (z2 * (1.0 - limit) / limit).floor() as u64 + 1)
}

/// Which share of a plan's calls an objective looks at.
fn share_of(plan: &Plan, calls: Calls) -> f64 {
    let weights = &plan.workload.api;
    let all: f64 = weights.values().sum();
    let of_api = calls.api.map_or(1.0, |api| weights.get(&api).copied().unwrap_or(0.0) / all.max(1e-9));
    let of_streams =
        calls.stream.map_or(1.0, |stream| if stream { plan.workload.stream } else { 1.0 - plan.workload.stream });
    of_api * of_streams
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::slo::ObjectiveVerdict;
    use crate::analysis::slo::tests::judge_run;
    use crate::run::fixture::{self, World};

    /// Forms whose limit holds with ease on the worlds of tests.
    const EASY: [&str; 12] = [
        "ttft.p95 < 60s",
        "ttft.p50 < 60s",
        "ttft.p99 < 60s",
        "tokens_per_second.p5 > 1",
        "ttft.p1 > 1us",
        "error_rate < 5%",
        "rate_429 < 1%",
        "goodput >= 98%",
        "error_rate - direct.error_rate < 5%",
        "ttft.mean < 60s",
        "e2e.max < 60s",
        "ttft.p50 over 2s < 60s in 90%",
    ];

    #[test]
    fn what_an_objective_needs_decides_it_and_one_fewer_does_not() {
        let run = World { seconds: 150.0, sigma: 0.1, ..World::default() }.run();
        for expr in EASY {
            let mut run = run.clone();
            run.manifest.plan.objectives = vec![Objective::new("gateway", expr.parse().expect(expr))];
            let need = of_plan(&run.manifest.plan, Some(&[0, 0, 0])).remove(0);
            let needs = need.needs.expect(expr);
            let verdict = |calls: u64| {
                let mut run = run.clone();
                match need.counted {
                    Counted::Calls => run.samples.retain({
                        let mut left = [calls; 3];
                        move |sample| {
                            let left = &mut left[sample.path.index()];
                            let keep = *left > 0;
                            *left = left.saturating_sub(1);
                            keep
                        }
                    }),
                    Counted::Windows(length) => {
                        run.manifest.plan.load.duration = Span(length.0 * calls as u32);
                        let until = run.manifest.origin + run.manifest.plan.measure_until();
                        run.samples.retain(|sample| sample.stamps.intended < until);
                        let measured_s = run.manifest.plan.load.duration.0.as_secs_f64();
                        run.manifest.ending.as_mut().expect("ended").measured_s = measured_s;
                    }
                    Counted::Seconds => unreachable!("no objective counts seconds"),
                }
                judge_run(&run).remove(0).verdict
            };
            assert_eq!(verdict(needs), ObjectiveVerdict::Met, "{expr} with {needs}");
            assert_ne!(verdict(needs - 1), ObjectiveVerdict::Met, "{expr} with {}", needs - 1);
        }
    }

    #[test]
    fn a_plan_with_too_few_says_which_objectives_it_cannot_decide() {
        let mut plan = fixture::plan(&["direct", "gateway"]);
        let objective = |expr: &str| Objective::new("gateway", expr.parse().expect(expr));
        plan.objectives = ["ttft.p95 < 3s", "error_rate < 1%", "error_rate <= 0%", "ttft.p95 over 1m < 1s in 99%"]
            .map(objective)
            .to_vec();
        let short = |calls: &[u64]| -> Vec<(Option<usize>, Option<u64>)> {
            of_plan(&plan, Some(calls))
                .iter()
                .filter(|need| need.is_short())
                .map(|need| (need.objective, need.needs))
                .collect()
        };
        assert_eq!(short(&[300, 101]), [(Some(2), Some(299)), (Some(3), None), (Some(4), Some(299))]);
        assert_eq!(short(&[300, 300]), [(Some(3), None), (Some(4), Some(299))]);
        plan.load.duration = Span::from_secs(12);
        plan.objectives.clear();
        let needs = of_plan(&plan, None);
        assert!(needs.len() == 1 && needs[0].is_short() && needs[0].seconds() == 20.0, "{needs:?}");
        plan.paths.pop();
        assert!(of_plan(&plan, None).is_empty());
    }

    #[test]
    fn an_objective_over_some_calls_needs_more_of_all() {
        let mut plan = fixture::plan(&["direct"]);
        plan.workload.stream = 0.25;
        let mut objective = Objective::new("direct", "error_rate < 1%".parse().expect("expression"));
        objective.calls.stream = Some(true);
        plan.objectives = vec![objective];
        let need = of_plan(&plan, Some(&[1_000])).remove(0);
        assert_eq!((need.planned, need.calls_in_all(), need.is_short()), (Some(250), 1196, true));
    }
}
