//! Decides when a run ends. Events go in with their time, commands for the parts of the run come out: no I/O, no clock.
//!
//! `event_loop` turns channels, timers and signals into events and carries the commands out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;

use crate::driver::worker::Stop;
use crate::plan::Plan;
use crate::run::Aborted;
use crate::runner::signals::StopSignal;
use crate::runner::stopping::early_stop::Decision;
use crate::store::journal::Tally;
use crate::units::{Nanos, Phase};

/// How long calls under way may go on after the run was cut.
const GRACE: Duration = Duration::from_secs(5);

/// Why a run ended before its plan.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The process was asked to stop.
    Signal(StopSignal),
    /// A limit of the profile.
    Limit(String),
    /// An objective that is surely missed.
    Aborted(Aborted),
    /// The intervals are as narrow as was asked for.
    Enough(String),
    /// Every path fails, so many times in a row, and none ever succeeded.
    Failing(u64),
    /// The bundled simulator ended; this is how.
    SimulatorDied(String),
    /// A path refuses every call for want of a valid secret.
    Refused(String),
    /// The engine itself broke, or the disk refused.
    Broken(anyhow::Error),
}

/// What happens to a run.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A worker has ended: its part of the plan is done, or it was told to stop.
    WorkerEnded,
    /// A worker broke.
    WorkerBroke(anyhow::Error),
    /// No worker is left, although some never said how they ended.
    WorkersLost,
    /// The process was asked to stop.
    Signal(StopSignal),
    /// The grace of [`Command::GraceUntil`] is over.
    GraceOver,
    /// The bundled simulator has ended; this is how.
    SimulatorEnded(String),
    /// The results can no longer be written.
    WriterBroke,
    /// The calls so far, counted.
    Counted(&'a Tally),
    /// The early stop has decided.
    Decided(Decision),
}

/// What the parts of a run have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Workers start no more calls; those under way go on.
    Drain,
    /// Say [`Event::GraceOver`] at this instant.
    GraceUntil(Nanos),
    /// Workers cut the calls under way.
    Abort,
    /// Nothing more will happen.
    End,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct RunEnd {
    /// Why it ended before its plan, if it did.
    pub(crate) cut: Option<Cut>,
    /// How the bundled simulator ended, if it ended before the run.
    pub(crate) simulator_died: Option<String>,
    /// How much of the measured phase was carried out.
    pub(crate) measured: Duration,
    /// From the end of measuring to the end of the last call.
    pub(crate) drain: Duration,
}

/// The state of a run, as far as its end depends on it.
pub(crate) struct Coordinator {
    plan: Arc<Plan>,
    origin: Nanos,
    /// Workers that have not ended.
    workers: usize,
    /// The first reason to end before the plan, and when it came.
    cut: Option<(Cut, Nanos)>,
    simulator_died: Option<String>,
    /// What the workers were told last.
    stop: Stop,
    grace_until: Option<Nanos>,
}

impl Coordinator {
    /// Of a run that starts at `origin` with so many workers.
    pub(crate) fn new(plan: Arc<Plan>, origin: Nanos, workers: usize) -> Self {
        Self { plan, origin, workers, cut: None, simulator_died: None, stop: Stop::Run, grace_until: None }
    }

    /// The phase at an instant.
    pub(crate) fn phase(&self, at: Nanos) -> Phase {
        match at.since(self.origin) {
            elapsed if self.cut.is_some() || elapsed >= self.plan.measure_until() => Phase::Drain,
            elapsed if elapsed >= self.plan.measure_from() => Phase::Measure,
            _ => Phase::Warmup,
        }
    }

    /// What has to be done about an event.
    pub(crate) fn handle(&mut self, at: Nanos, event: Event<'_>) -> Vec<Command> {
        match event {
            Event::WorkerEnded => self.take_worker(),
            Event::WorkerBroke(error) => [self.cut(at, Cut::Broken(error)), self.take_worker()].concat(),
            Event::WorkersLost => {
                let lost = "a worker thread could not start or failed; is the limit on open files reached (ulimit -n)?";
                [self.cut(at, Cut::Broken(anyhow!(lost))), vec![Command::End]].concat()
            }
            Event::Signal(signal) => self.take_signal(at, signal),
            Event::GraceOver => self.abort(),
            Event::SimulatorEnded(how) => {
                // Whatever else is measured then is not its paths.
                self.simulator_died.get_or_insert_with(|| how.clone());
                self.cut(at, Cut::SimulatorDied(how))
            }
            Event::WriterBroke => self.cut(at, Cut::Broken(anyhow!("the results can no longer be written"))),
            Event::Counted(tally) => self.exceeded(at, tally).map(|cut| self.cut(at, cut)).unwrap_or_default(),
            Event::Decided(Decision::Abort(aborted)) => self.cut(at, Cut::Aborted(aborted)),
            Event::Decided(Decision::Enough(why)) => self.cut(at, Cut::Enough(why)),
        }
    }

    fn take_worker(&mut self) -> Vec<Command> {
        self.workers -= 1;
        if self.workers == 0 { vec![Command::End] } else { Vec::new() }
    }

    /// The first signal lets calls under way end for a while, the second cuts them. A terminal that closes sends two at
    /// once, which nobody meant as one more.
    fn take_signal(&mut self, at: Nanos, signal: StopSignal) -> Vec<Command> {
        match self.cut {
            Some((Cut::Signal(_), _)) if signal == StopSignal::HangUp => Vec::new(),
            Some((Cut::Signal(_), _)) => self.abort(),
            // What it was for is reached, but calls under way may no longer be waited for.
            Some((Cut::Enough(_), _)) => {
                self.cut = None;
                self.cut(at, Cut::Signal(signal))
            }
            Some(_) | None => self.cut(at, Cut::Signal(signal)),
        }
    }

    /// Ends the run for the first reason that comes.
    fn cut(&mut self, at: Nanos, cut: Cut) -> Vec<Command> {
        let (cut, _) = self.cut.get_or_insert((cut, at));
        // A run that has reached what it was for lets every call end: the slow ones must not be missing.
        let waits = matches!(cut, Cut::Enough(_));
        let mut commands = Vec::new();
        if self.stop == Stop::Run {
            self.stop = Stop::Drain;
            commands.push(Command::Drain);
        }
        if !waits && self.stop == Stop::Drain && self.grace_until.is_none() {
            self.grace_until = Some(at + GRACE);
            commands.push(Command::GraceUntil(at + GRACE));
        }
        commands
    }

    fn abort(&mut self) -> Vec<Command> {
        let is_news = self.stop != Stop::Abort;
        self.stop = Stop::Abort;
        if is_news { vec![Command::Abort] } else { Vec::new() }
    }

    /// Which limit the calls so far exceed.
    fn exceeded(&self, at: Nanos, tally: &Tally) -> Option<Cut> {
        let plan = &self.plan;
        let limits = &plan.limits;
        if let Some(path) = tally.refused(limits.auth_failures) {
            return Some(Cut::Refused(format!(
                "path '{}' answered 401 or 403, or had no valid token, {} times in a row; check its credential \
                 (limits.auth_failures)",
                plan.path(path).name,
                limits.auth_failures
            )));
        }
        if tally.keeps_failing(limits.failures_in_a_row) && self.phase(at) != Phase::Drain {
            return Some(Cut::Failing(limits.failures_in_a_row));
        }
        if limits.tokens.is_some_and(|limit| tally.tokens() >= limit) {
            let planned = as_planned(tally, tally.planned_tokens().to_string());
            return Some(Cut::Limit(format!("limits.tokens: {} tokens were spent{planned}", tally.tokens())));
        }
        let (limit, prices) = limits.cost.zip(plan.prices.as_ref())?;
        let spent = prices.cost(tally.input.all(), tally.output.all());
        let planned = as_planned(tally, format!("{:.4}", prices.cost(tally.input.planned, tally.output.planned)));
        let why = format!("limits.cost: {spent:.4} {} were spent{planned}", prices.currency);
        (spent >= limit).then_some(Cut::Limit(why))
    }

    /// How the run ended, when its last call has. `limited` is when `limits.requests` ended it, from the run's start.
    pub(crate) fn conclude(mut self, at: Nanos, limited: Option<Duration>) -> RunEnd {
        if let (Some(limited), None) = (limited, &self.cut) {
            let requests = self.plan.limits.requests.unwrap_or_default();
            self.cut =
                Some((Cut::Limit(format!("limits.requests: {requests} requests were made")), self.origin + limited));
        }
        let planned = self.plan.measure_until();
        let until = self.cut.as_ref().map_or(planned, |(_, at)| at.since(self.origin).min(planned));
        RunEnd {
            measured: until.saturating_sub(self.plan.measure_from()),
            drain: at.since(self.origin).saturating_sub(until),
            cut: self.cut.map(|(cut, _)| cut),
            simulator_died: self.simulator_died,
        }
    }
}

/// How much of what was spent is planned and not counted, if any is.
fn as_planned(tally: &Tally, amount: String) -> String {
    match tally.unreported {
        0 => String::new(),
        calls => {
            format!(", {amount} of them as planned, because the server did not report all tokens of {calls} calls")
        }
    }
}

#[cfg(test)]
mod tests;
