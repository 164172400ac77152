//! Objectives: whether what was promised held, as far as this run can tell.
//!
//! An objective is met only if the end of the 95% interval that is nearer to its limit keeps it, or if so few calls are
//! beyond the limit that as many as it allows are ruled out with 95% confidence; it is missed only if the other end breaks
//! it. No data is never a pass.

use crate::units::Quantile;
mod against;
mod distributions;
mod exceedance;
mod figures;
mod observation;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod sampled;
mod shares;
#[cfg(test)]
pub(crate) mod tests;
mod windows;

use crate::analysis::input::blocks::BlockedView;
use crate::analysis::input::call_figure::Counting;
use crate::analysis::input::view::View;
pub(crate) use crate::analysis::slo::against::{Beside, Figure};
pub(crate) use crate::analysis::slo::exceedance::{Exceedances, fewest_to_decide};
use crate::analysis::slo::figures::Figures;
use crate::analysis::slo::observation::Limit;
pub(crate) use crate::analysis::slo::observation::Observation;
use crate::analysis::slo::windows::InEach;
use crate::measure::counts::Counts;
use crate::measure::metric::Metric;
use crate::measure::sample::Sample;
use crate::objective::expression::{Comparator, Expression, Other, Subject};
use crate::objective::indicator::{Form, Indicator, Quantity};
use crate::objective::objective::{Calls, Expectation, Objective, Severity};
use crate::units::{Estimate, PathId};
use schemars::JsonSchema;
use serde::Serialize;

/// What one must know of a figure of some calls where not all have rows.
const OF_ROWS: &str = "of the calls that have rows";

/// Whether an objective held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ObjectiveVerdict {
    /// It held, with 95% confidence.
    Met,
    /// It did not, with 95% confidence.
    Missed,
    /// This run cannot tell.
    Inconclusive,
}

impl ObjectiveVerdict {
    /// The word for a claim.
    #[must_use]
    pub(crate) fn of_claim(self) -> &'static str {
        match self {
            Self::Met => "holds",
            Self::Missed => "fails",
            Self::Inconclusive => "unproven",
        }
    }
}

/// An objective held against a run. Figures are in the unit of its expression.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveResult {
    /// The objective.
    pub objective: Objective,
    /// How many values, calls or windows it looked at.
    pub n: usize,
    /// What was seen, with its interval.
    pub estimate: Estimate,
    /// How many calls or windows did not keep the limit; `None` where no count can say.
    pub(crate) exceedances: Option<Exceedances>,
    /// Whether it held.
    pub verdict: ObjectiveVerdict,
    /// What one must know beside it.
    pub reason: Option<String>,
}

impl ObjectiveResult {
    /// Whether it ends the run with exit code 3.
    #[must_use]
    pub(crate) fn fails_the_run(&self) -> bool {
        self.verdict == ObjectiveVerdict::Missed && self.objective.severity == Severity::Critical
    }
}

/// A claim held against a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExpectationResult {
    /// The claim.
    pub expectation: Expectation,
    /// What was seen, and whether it held.
    pub result: ObjectiveResult,
}

/// Holds every objective of the plan against a view.
pub(crate) fn judge(cut: &BlockedView<'_>) -> Vec<ObjectiveResult> {
    judge_these(cut, cut.view().plan().objectives.iter())
}

/// Holds some of the objectives against a view.
pub(crate) fn judge_these<'a>(
    cut: &BlockedView<'_>,
    objectives: impl Iterator<Item = &'a Objective>,
) -> Vec<ObjectiveResult> {
    let judge = Judge { cut, view: cut.view() };
    objectives.map(|objective| judge.judged(objective)).collect()
}

/// A quantile of a path alone with its interval.
pub(crate) fn quantile_of(view: &View<'_>, path: PathId, metric: Metric, q: f64) -> Observation {
    let own = calls_of(view, path, Calls::default());
    Figures::of(&own, Quantity::Time(metric), view.basis()).observe(Form::Quantile(Quantile(q)))
}

/// Holds every claim of the plan against a view.
pub(crate) fn judge_claims(cut: &BlockedView<'_>) -> Vec<ExpectationResult> {
    let judge = Judge { cut, view: cut.view() };
    let one = |expectation: &Expectation| ExpectationResult {
        expectation: expectation.clone(),
        result: judge.judged(&expectation.slo),
    };
    cut.view().plan().expectations.iter().map(one).collect()
}

/// Judges objectives.
struct Judge<'a> {
    cut: &'a BlockedView<'a>,
    view: &'a View<'a>,
}

impl Judge<'_> {
    fn judged(&self, objective: &Objective) -> ObjectiveResult {
        let path = self.view.plan().path_named(&objective.path).map(|path| path.id);
        let observed =
            path.map_or_else(|| Observation::nothing("this run has no such path"), |path| self.look(path, objective));
        let (verdict, reason) = self.decided(objective, &observed);
        let Observation { n, estimate, exceedances, .. } = observed;
        ObjectiveResult { objective: objective.clone(), n, estimate, exceedances, verdict, reason }
    }

    fn decided(&self, objective: &Objective, observed: &Observation) -> (ObjectiveVerdict, Option<String>) {
        let ending = self.view.run.manifest.ending.as_ref();
        if let Some(aborted) = ending.and_then(|ending| ending.aborted_by.as_ref())
            && aborted.is_by(objective)
        {
            return (ObjectiveVerdict::Missed, Some(aborted.reason()));
        }
        if !self.view.run.is_complete() {
            return (ObjectiveVerdict::Inconclusive, Some("the run is incomplete".to_owned()));
        }
        let by_interval =
            if observed.decides { verdict(&objective.expr, observed.estimate) } else { ObjectiveVerdict::Inconclusive };
        let Some(exceedances) = observed.exceedances.filter(|_| by_interval == ObjectiveVerdict::Inconclusive) else {
            return (by_interval, observed.reason.clone());
        };
        if exceedances.keeps() {
            return (ObjectiveVerdict::Met, observed.reason.clone());
        }
        let noun = if matches!(objective.expr.subject, Subject::Windows { .. }) { "windows" } else { "calls" };
        let reason = observed.reason.clone().or_else(|| exceedances.lacking(noun));
        (by_interval, reason)
    }

    fn look(&self, path: PathId, objective: &Objective) -> Observation {
        match &objective.expr.subject {
            Subject::Level(indicator) => self.level(path, *indicator, objective),
            Subject::Ratio(own, other) => self.beside((path, *own), other, Beside::Ratio, objective),
            Subject::Difference(own, other) => self.beside((path, *own), other, Beside::Difference, objective),
            Subject::Windows { indicator, length, comparator, limit } => {
                let (indicator, length, comparator, limit) = (*indicator, *length, *comparator, *limit);
                let in_each = InEach { indicator, per_call: &objective.per_call, comparator, limit, length };
                let observed =
                    in_each.observe(self.view, &calls_of(self.view, path, objective.calls), objective.expr.limit);
                self.on_rows(observed)
            }
        }
    }

    /// All calls counted, where not every one has a row and nothing narrows them.
    fn counted(&self, path: PathId, calls: Calls) -> Option<&Counts> {
        (self.view.run.totals.is_some() && calls.are_all()).then(|| &self.view.counted()[path.index()])
    }

    /// Says that it stands on rows where these are a sample.
    fn on_rows(&self, observed: Observation) -> Observation {
        if self.view.run.totals.is_none() || observed.estimate.value.is_none() {
            return observed;
        }
        let reason =
            observed.reason.as_ref().map_or_else(|| OF_ROWS.to_owned(), |reason| format!("{reason}; {OF_ROWS}"));
        observed.because(Some(reason))
    }

    fn level(&self, path: PathId, indicator: Indicator, objective: &Objective) -> Observation {
        let (run, basis) = (self.view.run, self.view.basis());
        let own = calls_of(self.view, path, objective.calls);
        let all = self.counted(path, objective.calls);
        let limit = Limit { comparator: objective.expr.comparator, value: objective.expr.limit };
        match indicator {
            Indicator::Figure(Quantity::Time(Metric::ChunkGap), form) => run.chunk_gaps.get(path.index()).map_or_else(
                || Observation::nothing("gaps are not known while a run goes on"),
                |recorded| {
                    let rows = || own.iter().filter(|sample| sample.stalled()).count() as u64;
                    distributions::gaps(recorded, &own, all.map_or_else(rows, |all| all.stalled), (form, limit))
                },
            ),
            Indicator::Figure(quantity, Form::Max) if run.totals.is_some() => match (quantity, all) {
                (Quantity::Time(metric), Some(all)) => distributions::largest(run, &own, (path, metric), all),
                (Quantity::Time(_) | Quantity::TokensPerSecond, _) => {
                    distributions::at_least(Figures::of(&own, quantity, basis).observe(Form::Max))
                }
            },
            Indicator::Figure(quantity, form) => {
                self.on_rows(Figures::of(&own, quantity, basis).observe_against(form, limit))
            }
            Indicator::Share(share) => {
                let counting = Counting { share, per_call: &objective.per_call, basis };
                match all.and_then(|all| counting.of_all(all)) {
                    Some(all) => counting.observe(&own, Some(all), limit),
                    None => self.on_rows(counting.observe(&own, None, limit)),
                }
            }
        }
    }

    fn beside(
        &self,
        (path, own): (PathId, Indicator),
        other: &Other,
        how: Beside,
        objective: &Objective,
    ) -> Observation {
        let plan = self.view.plan();
        let baseline = (other.path == "baseline").then(|| plan.path(plan.baseline));
        let Some(there) = plan.path_named(&other.path).or(baseline) else {
            return Observation::nothing(format!("the plan has no path '{}'", other.path));
        };
        let figure = |path: PathId, (quantity, form): (Quantity, Form)| Figure { path, quantity, form };
        match (own, other.indicator) {
            (Indicator::Figure(quantity, form), Indicator::Figure(quantity_there, form_there)) => {
                let (own, other) = (figure(path, (quantity, form)), figure(there.id, (quantity_there, form_there)));
                self.on_rows(self.cut.beside(own, other, how, |sample| narrowed(objective.calls, sample)))
            }
            _ => {
                let (own, other) = (self.level(path, own, objective), self.level(there.id, other.indicator, objective));
                shares::difference(&own, &other)
            }
        }
    }
}

/// The calls of a path that are looked at, in the order of time.
fn calls_of<'a>(view: &View<'a>, path: PathId, calls: Calls) -> Vec<&'a Sample> {
    let mut own = view.kept_of(path);
    own.retain(|sample| narrowed(calls, sample));
    own.sort_by_key(|sample| sample.stamps.intended);
    own
}

fn narrowed(calls: Calls, sample: &Sample) -> bool {
    calls.api.is_none_or(|api| sample.api == api) && calls.stream.is_none_or(|stream| sample.stream == stream)
}

fn verdict(expr: &Expression, Estimate { low, high, .. }: Estimate) -> ObjectiveVerdict {
    let is_met = |value: f64| expr.comparator.is_met(value, expr.limit);
    let (worst, best) = match expr.comparator {
        Comparator::Less | Comparator::LessOrEqual => (high, low),
        Comparator::Greater | Comparator::GreaterOrEqual => (low, high),
    };
    if worst.is_some_and(is_met) {
        ObjectiveVerdict::Met
    } else if best.is_some_and(|best| !is_met(best)) {
        ObjectiveVerdict::Missed
    } else {
        ObjectiveVerdict::Inconclusive
    }
}
