//! Objectives: whether what was promised held, as far as this run can tell.
//!
//! An objective is met only if the end of the 95% interval that is nearer to its limit keeps it, and missed only if the
//! other end breaks it. No data is never a pass.

mod against;
mod figures;
mod gaps;
mod largest;
#[cfg(test)]
mod sampled;
mod seen;
pub(crate) mod shares;
#[cfg(test)]
mod tests;
mod windows;

pub(crate) use crate::analysis::slo::against::{Beside, Cut, Figure};
use crate::analysis::slo::figures::Figures;
pub(crate) use crate::analysis::slo::seen::Seen;
use crate::analysis::slo::shares::Counting;
use crate::analysis::slo::windows::InEach;
use crate::measure::counts::Counts;
use crate::measure::metric::Metric;
use crate::measure::sample::Sample;
use crate::objective::expression::{Comparator, Expression, Other, Subject};
use crate::objective::indicator::{Form, Indicator, Quantity};
use crate::objective::objective::{Calls, Expectation, Objective, Severity};
use crate::run::Run;
use crate::units::{PathId, Phase};
use schemars::JsonSchema;
use serde::Serialize;

/// What one must know of a figure of some calls where not all have rows.
const OF_ROWS: &str = "of the calls that have rows";

/// Whether an objective held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveVerdict {
    /// It held, with 95% confidence.
    Met,
    /// It did not, with 95% confidence.
    Missed,
    /// This run cannot tell.
    Inconclusive,
}

impl ObjectiveVerdict {
    /// The word used in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The word for a claim.
    #[must_use]
    pub fn of_claim(self) -> &'static str {
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
    /// What was seen.
    pub observed: Option<f64>,
    /// The 95% interval; a side is `None` where there is too little data for a bound.
    pub ci: (Option<f64>, Option<f64>),
    /// Whether it held.
    pub verdict: ObjectiveVerdict,
    /// What one must know beside it.
    pub reason: Option<String>,
}

impl ObjectiveResult {
    /// Whether it ends the run with exit code 3.
    #[must_use]
    pub fn fails_the_run(&self) -> bool {
        self.verdict == ObjectiveVerdict::Missed && self.objective.severity == Severity::Critical
    }
}

/// A claim held against a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectationResult {
    /// The claim.
    pub expectation: Expectation,
    /// What was seen, and whether it held.
    pub result: ObjectiveResult,
}

/// Holds every objective of the plan against the measured attempts.
#[must_use]
pub fn judge(run: &Run, measured: &[&Sample]) -> Vec<ObjectiveResult> {
    judge_these(run, measured, run.manifest.plan.objectives.iter())
}

/// Holds some of the objectives against the measured attempts.
pub(crate) fn judge_these<'a>(
    run: &Run,
    measured: &[&Sample],
    objectives: impl Iterator<Item = &'a Objective>,
) -> Vec<ObjectiveResult> {
    let bench = Bench::new(run, measured);
    objectives.map(|objective| bench.judged(objective)).collect()
}

/// A quantile of a path alone with its interval.
pub(crate) fn quantile_of(run: &Run, measured: &[&Sample], path: PathId, metric: Metric, q: f64) -> Seen {
    let own = Bench::new(run, measured).own(path, Calls::default());
    Figures::of(&own, Quantity::Time(metric), run.headline_basis()).seen(Form::Quantile(q))
}

/// Holds every claim of the plan against the measured attempts.
#[must_use]
pub fn hold(run: &Run, measured: &[&Sample]) -> Vec<ExpectationResult> {
    let bench = Bench::new(run, measured);
    let one = |expectation: &Expectation| ExpectationResult {
        expectation: expectation.clone(),
        result: bench.judged(&expectation.slo),
    };
    run.manifest.plan.expectations.iter().map(one).collect()
}

/// What objectives are held against.
struct Bench<'a> {
    run: &'a Run,
    measured: &'a [&'a Sample],
    cut: Cut<'a>,
}

impl<'a> Bench<'a> {
    fn new(run: &'a Run, measured: &'a [&'a Sample]) -> Self {
        Self { run, measured, cut: Cut::new(run, measured) }
    }

    fn judged(&self, objective: &Objective) -> ObjectiveResult {
        let path = self.run.manifest.plan.path_named(&objective.path).map(|path| path.id);
        let seen = path.map_or_else(|| Seen::nothing("this run has no such path"), |path| self.look(path, objective));
        let (verdict, reason) = self.decided(objective, &seen);
        ObjectiveResult {
            objective: objective.clone(),
            n: seen.n,
            observed: seen.observed,
            ci: seen.ci,
            verdict,
            reason,
        }
    }

    fn decided(&self, objective: &Objective, seen: &Seen) -> (ObjectiveVerdict, Option<String>) {
        let ending = self.run.manifest.ending.as_ref();
        if let Some(aborted) = ending.and_then(|ending| ending.aborted_by.as_ref())
            && aborted.is_by(objective)
        {
            return (ObjectiveVerdict::Missed, Some(aborted.told()));
        }
        if !self.run.is_complete() {
            return (ObjectiveVerdict::Inconclusive, Some("the run is incomplete".to_owned()));
        }
        let verdict = if seen.decides { verdict(&objective.expr, seen.ci) } else { ObjectiveVerdict::Inconclusive };
        (verdict, seen.reason.clone())
    }

    fn look(&self, path: PathId, objective: &Objective) -> Seen {
        match &objective.expr.subject {
            Subject::Level(indicator) => self.level(path, *indicator, objective),
            Subject::Ratio(own, other) => self.beside((path, *own), other, Beside::Ratio, objective),
            Subject::Difference(own, other) => self.beside((path, *own), other, Beside::Difference, objective),
            Subject::Windows { indicator, length, comparator, limit } => {
                let (indicator, length, comparator, limit) = (*indicator, *length, *comparator, *limit);
                let in_each = InEach { indicator, per_call: &objective.per_call, comparator, limit, length };
                let seen = in_each.seen(self.run, &self.own(path, objective.calls), objective.expr.limit);
                self.on_rows(seen)
            }
        }
    }

    /// The calls of a path that are looked at, in the order of time.
    fn own(&self, path: PathId, calls: Calls) -> Vec<&'a Sample> {
        let wanted = |sample: &&&Sample| sample.path == path && narrowed(calls, sample);
        let mut own: Vec<&Sample> = self.measured.iter().filter(wanted).copied().collect();
        own.sort_by_key(|sample| sample.stamps.intended);
        own
    }

    /// All calls counted, where not every one has a row and nothing narrows them.
    fn counted(&self, path: PathId, calls: Calls) -> Option<Counts> {
        let counted = || self.run.counted(Phase::Measure).swap_remove(path.index());
        (self.run.totals.is_some() && calls.are_all()).then(counted)
    }

    /// Says that it stands on rows where these are a sample.
    fn on_rows(&self, seen: Seen) -> Seen {
        if self.run.totals.is_none() || seen.observed.is_none() {
            return seen;
        }
        let told = seen.reason.as_ref().map_or_else(|| OF_ROWS.to_owned(), |reason| format!("{reason}; {OF_ROWS}"));
        seen.because(Some(told))
    }

    fn level(&self, path: PathId, indicator: Indicator, objective: &Objective) -> Seen {
        let own = self.own(path, objective.calls);
        let basis = self.run.headline_basis();
        let all = self.counted(path, objective.calls);
        match indicator {
            Indicator::Figure(Quantity::Time(Metric::ChunkGap), form) => {
                self.run.chunk_gaps.get(path.index()).map_or_else(
                    || Seen::nothing("gaps are not known while a run goes on"),
                    |recorded| {
                        let rows = || own.iter().filter(|sample| sample.stalled()).count() as u64;
                        gaps::seen(recorded, &own, all.as_ref().map_or_else(rows, |all| all.stalled), form)
                    },
                )
            }
            Indicator::Figure(quantity, Form::Max) if self.run.totals.is_some() => match (quantity, &all) {
                (Quantity::Time(metric), Some(all)) => largest::seen(self.run, &own, (path, metric), all),
                (Quantity::Time(_) | Quantity::TokensPerSecond, _) => {
                    largest::at_least(Figures::of(&own, quantity, basis).seen(Form::Max))
                }
            },
            Indicator::Figure(quantity, form) => self.on_rows(Figures::of(&own, quantity, basis).seen(form)),
            Indicator::Share(share) => {
                let counting = Counting { share, per_call: &objective.per_call, basis };
                match all.as_ref().and_then(|all| counting.of_all(all)) {
                    Some(all) => counting.seen(&own, Some(all)),
                    None => self.on_rows(counting.seen(&own, None)),
                }
            }
        }
    }

    fn beside(&self, (path, own): (PathId, Indicator), other: &Other, how: Beside, objective: &Objective) -> Seen {
        let plan = &self.run.manifest.plan;
        let baseline = (other.path == "baseline").then(|| plan.path(plan.baseline));
        let Some(there) = plan.path_named(&other.path).or(baseline) else {
            return Seen::nothing(format!("the plan has no path '{}'", other.path));
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

fn narrowed(calls: Calls, sample: &Sample) -> bool {
    calls.api.is_none_or(|api| sample.api == api) && calls.stream.is_none_or(|stream| sample.stream == stream)
}

fn verdict(expr: &Expression, (low, high): (Option<f64>, Option<f64>)) -> ObjectiveVerdict {
    let holds = |value: f64| expr.comparator.holds(value, expr.limit);
    let (worst, best) = match expr.comparator {
        Comparator::Less | Comparator::LessOrEqual => (high, low),
        Comparator::Greater | Comparator::GreaterOrEqual => (low, high),
    };
    if worst.is_some_and(holds) {
        ObjectiveVerdict::Met
    } else if best.is_some_and(|best| !holds(best)) {
        ObjectiveVerdict::Missed
    } else {
        ObjectiveVerdict::Inconclusive
    }
}
