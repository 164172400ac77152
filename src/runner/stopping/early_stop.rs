//! The early_stop: judges a run while it goes on, where the profile asks for it.
//!
//! It ends a run when an objective with `abort = true` is surely missed, or when the intervals are as narrow as
//! `load.precision` wants them; never because something became significant. It looks at the calls before the oldest
//! that is still under way: fast calls end first, and judged as they come they would stand for all. Looks become rarer
//! as the run grows older, so that their cost stays small and a miss by chance stays rare. What it holds has a bound.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::analysis::input::blocks::BlockedView;
use crate::analysis::input::view::View;
use crate::analysis::{early_stop, slo};
use crate::measure::sample::Sample;
use crate::objective::objective::Objective;
use crate::run::{Aborted, Ending, Manifest, Run};
use crate::runner::stopping::frontier::Frontier;
use crate::runner::stopping::held::{Held, MOST};
use crate::runner::worker::Setup;
use crate::schedule::tickets::Ticket;
use crate::units::Phase;

/// The first look after measuring began, and the shortest time between two.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// By how much the measured time grows from one look to the next, at least.
const GROWS_BY: f64 = 1.1;

/// What an early_stop decides.
#[derive(Debug)]
pub(crate) enum Decision {
    /// An objective is surely missed.
    Abort(Aborted),
    /// The intervals are narrow enough.
    Enough(String),
}

/// The early_stop of one run.
pub(crate) struct EarlyStop<'a> {
    /// What was judged so far; away while it is being judged.
    held: Option<Held>,
    /// The plan once more, up to the first call that has not ended; `None` where callers decide what comes next.
    frontier: Option<Frontier<'a>>,
    /// Measured calls that are not held yet.
    ahead: Vec<Sample>,
    /// When to look next, from the beginning of measuring.
    next: Duration,
    looking: Option<JoinHandle<(Held, Option<Decision>)>>,
}

impl<'a> EarlyStop<'a> {
    /// An early_stop, if the profile asks for one.
    pub(crate) fn of(setup: &'a Setup, manifest: &Manifest) -> Option<Self> {
        let plan = &setup.plan;
        if !plan.is_overseen() {
            return None;
        }
        let tickets: Box<dyn Iterator<Item = Ticket>> = Box::new(plan.tickets(setup.workload.arrivals(), 0, 1));
        let from = plan.first_measured(setup.workload.arrivals());
        Some(Self {
            held: Some(Held::new(manifest, from, MOST)),
            frontier: (plan.concurrency() == 0).then(|| Frontier::new(tickets, MOST)),
            ahead: Vec::new(),
            next: LOOK_AFTER,
            looking: None,
        })
    }

    /// Takes calls that have ended, of any phase.
    pub(crate) fn take(&mut self, ended: Vec<Sample>) {
        if self.held.is_none() && self.looking.is_none() {
            return;
        }
        if let Some(frontier) = &mut self.frontier {
            ended.iter().for_each(|sample| frontier.note(sample.seq.0));
        }
        let measured = ended.into_iter().filter(|sample| sample.phase == Phase::Measure);
        // What servers name is judged by nobody here, and would make a bound in number none in bytes.
        self.ahead.extend(measured.map(|sample| Sample { request_id: None, region: None, message: None, ..sample }));
    }

    /// Looks when it is time; `measured` is how long was measured.
    pub(crate) async fn oversee(&mut self, measured: Duration) -> Option<Decision> {
        if self.looking.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(looking) = self.looking.take()
        {
            // A look that broke is the last one; the run goes on without.
            let (held, decision) = looking.await.ok()?;
            self.held = Some(held);
            if decision.is_some() {
                return decision;
            }
        }
        let mut held = self.held.take()?;
        let known = self.advance(&mut held, measured);
        if measured < self.next {
            self.held = Some(held);
            return None;
        }
        self.next = (measured + LOOK_AFTER).max(measured.mul_f64(GROWS_BY));
        // As if it were over.
        held.run.manifest.ending =
            Some(Ending { complete: true, measured_s: known.as_secs_f64(), ..Ending::default() });
        self.looking = Some(tokio::task::spawn_blocking(move || {
            let decision = decide(&held.run, known);
            (held, decision)
        }));
        None
    }

    /// Hands over the calls before the oldest that is under way, and tells how much of the measured time that is.
    fn advance(&mut self, held: &mut Held, measured: Duration) -> Duration {
        let Some(frontier) = &mut self.frontier else {
            held.take(self.ahead.drain(..));
            return measured;
        };
        let first = frontier.advance();
        let until = first.map(|first| held.run.manifest.origin + first);
        let before = |sample: &mut Sample| until.is_none_or(|until| sample.stamps.intended < until);
        held.take(self.ahead.extract_if(.., before));
        first.map_or(measured, |first| first.saturating_sub(held.run.manifest.plan.measure_from()).min(measured))
    }
}

fn decide(run: &Run, measured: Duration) -> Option<Decision> {
    let view = View::of(run);
    let cut = BlockedView::of(&view);
    let due = |objective: &&Objective| objective.abort_after.is_some_and(|after| after.0 <= measured);
    let plan = &run.manifest.plan;
    let missed = slo::judge_these(&cut, plan.objectives.iter().filter(due)).into_iter();
    let missed = missed.filter(slo::ObjectiveResult::fails_the_run);
    let abort = missed.map(|result| Aborted {
        path: result.objective.path.clone(),
        expression: result.objective.label(),
        at_s: measured.as_secs_f64(),
        observed: result.estimate.value,
        ci: (result.estimate.low, result.estimate.high),
    });
    let enough = || early_stop::reached(&cut, plan.precision.as_ref()?).map(Decision::Enough);
    abort.map(Decision::Abort).next().or_else(enough)
}
