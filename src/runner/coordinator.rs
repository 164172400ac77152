//! The measured minutes: waits for the workers, watches limits and signals, feeds the live view.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep_until};

use crate::driver::heartbeat::Heartbeat;
use crate::driver::worker::Stop;
use crate::host::usage;
use crate::host::usage::Resources;
use crate::measure::sample::Gap;
use crate::plan::Plan;
use crate::run::Aborted;
use crate::runner::signals::{Signals, Told};
use crate::runner::simulator_process::SimulatorProcess;
use crate::runner::stopping::early_stop::{Decision, EarlyStop};
use crate::runner::worker;
use crate::runner::worker::{Gauge, Setup, WorkerEnd};
use crate::store::journal::{Journal, RecordSink, Tally};
use crate::units::{Nanos, Phase};

/// How often limits are looked at and the live view is drawn.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long calls under way may go on after the first interrupt.
const GRACE: Duration = Duration::from_secs(5);

/// Why a run ended before its plan.
#[derive(Debug)]
pub(crate) enum Cut {
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// SIGHUP.
    HungUp,
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

/// How the measured minutes went.
pub(crate) struct Outcome {
    /// Why they ended early, if they did.
    pub(crate) cut: Option<Cut>,
    /// How the bundled simulator ended, if it ended before the run.
    pub(crate) simulator_died: Option<String>,
    /// Seconds of the measured phase that were carried out.
    pub(crate) measured: Duration,
    /// From the end of measuring to the end of the last call.
    pub(crate) drain: Duration,
    /// Measured arrivals that came due, by path.
    pub(crate) due: Vec<u64>,
    /// Rows that did not fit into the journal's queue.
    pub(crate) rows_lost: u64,
    /// Every gap between chunks, if they are kept.
    pub(crate) gaps: Vec<Gap>,
    /// Peak memory resident in the measured phase, MiB.
    pub(crate) peak_rss_mib: Option<f64>,
    /// CPU seconds of the measured phase.
    pub(crate) cpu_s: Option<f64>,
}

/// A moment of a run, for the live view.
pub(crate) struct Moment<'a> {
    /// The phase.
    pub(crate) phase: Phase,
    /// Since the run's start.
    pub(crate) elapsed: Duration,
    /// Calls under way.
    pub(crate) in_flight: u64,
    /// Tickets that came due, warmup included.
    pub(crate) came_due: u64,
    /// What has been seen so far.
    pub(crate) tally: &'a Tally,
}

/// Carries out the plan; returns when the last call has ended.
///
/// # Errors
/// When signals cannot be heard or no worker can be started.
pub(crate) async fn carry_out(
    setup: &Setup,
    worker_sinks: Vec<(RecordSink, Arc<Heartbeat>)>,
    journal: &Journal,
    (mut early_stop, mut simulator): (Option<EarlyStop<'_>>, Option<&mut SimulatorProcess>),
    mut show: impl FnMut(&Moment<'_>),
) -> Result<Outcome> {
    let (stop, heard) = watch::channel(Stop::Run);
    let (tell, mut ended) = mpsc::unbounded_channel();
    let workers = worker_sinks.len();
    let mut signals = Signals::hear()?;
    let gauges = worker::start(setup, worker_sinks, &heard, &tell);
    // From here on only workers can tell; when none is left, none will.
    drop(tell);
    if gauges.is_err() {
        stop.send_replace(Stop::Abort);
    }
    let gauges = gauges?;
    let mut coordinator = Coordinator::new(&setup.plan, setup.origin, stop);
    let mut look = interval(LOOK_EVERY);
    let mut ends = Vec::new();
    while ends.len() < workers {
        tokio::select! {
            biased;
            end = ended.recv() => match end {
                Some(end) => ends.push(coordinator.take_end(end)),
                None => {
                    coordinator.cut(Cut::Broken(anyhow!(
                        "a worker thread could not begin or broke; is the limit on open files reached (ulimit -n)?"
                    )));
                    break;
                }
            },
            told = signals.next() => coordinator.signalled(told),
            () = sleep_until(coordinator.deadline()) => coordinator.abort(),
            _ = look.tick() => {
                let tally = journal.tally();
                coordinator.watch_simulator(simulator.as_deref_mut());
                coordinator.look(&setup.plan, &tally, journal);
                if let Some(early_stop) = &mut early_stop {
                    coordinator.oversee(early_stop, journal).await;
                }
                show(&coordinator.moment(&gauges, &tally));
            }
        }
    }
    coordinator.watch_simulator(simulator);
    let limited = limited_at(setup, coordinator.elapsed());
    Ok(coordinator.outcome(&setup.plan, ends.into_iter().flatten(), limited))
}

/// When the limit on requests ended the run, if it did: at the first ticket of the plan that was not sent, or, where
/// the answers decide when the next call starts, when the last one had ended.
fn limited_at(setup: &Setup, elapsed: Duration) -> Option<Duration> {
    let allowed = setup.plan.limits.requests?;
    if setup.plan.concurrency() > 0 {
        return (elapsed < setup.plan.measure_until()).then_some(elapsed);
    }
    let mut tickets = setup.plan.tickets(setup.workload.arrivals(), 0, 1);
    tickets.find(|ticket| ticket.seq.0 >= allowed).map(|ticket| ticket.intended)
}

/// How much of what was spent is planned and not counted, if any is.
fn as_planned(tally: &Tally, amount: String) -> String {
    match tally.untold {
        0 => String::new(),
        calls => format!(", {amount} of them as planned, because the server did not tell all tokens of {calls} calls"),
    }
}

struct Coordinator {
    origin: Nanos,
    measure_from: Duration,
    measure_until: Duration,
    stop: watch::Sender<Stop>,
    cut: Option<(Cut, Nanos)>,
    simulator_died: Option<String>,
    give_up: Option<Instant>,
    resources: Option<Resources>,
    spent: Option<(Option<f64>, f64)>,
}

impl Coordinator {
    fn new(plan: &Plan, origin: Nanos, stop: watch::Sender<Stop>) -> Self {
        Self {
            origin,
            measure_from: plan.measure_from(),
            measure_until: plan.measure_until(),
            stop,
            cut: None,
            simulator_died: None,
            give_up: None,
            resources: None,
            spent: None,
        }
    }

    fn elapsed(&self) -> Duration {
        Nanos::now().since(self.origin)
    }

    fn phase(&self) -> Phase {
        match self.elapsed() {
            at if self.cut.is_some() || at >= self.measure_until => Phase::Drain,
            at if at >= self.measure_from => Phase::Measure,
            _ => Phase::Warmup,
        }
    }

    fn moment<'a>(&self, gauges: &[Arc<Gauge>], tally: &'a Tally) -> Moment<'a> {
        let sum = |read: fn(&Gauge) -> &AtomicU64| gauges.iter().map(|gauge| read(gauge).load(Ordering::Relaxed)).sum();
        Moment {
            phase: self.phase(),
            elapsed: self.elapsed(),
            in_flight: sum(|gauge| &gauge.in_flight),
            came_due: sum(|gauge| &gauge.came_due),
            tally,
        }
    }

    fn take_end(&mut self, end: Result<WorkerEnd>) -> Option<WorkerEnd> {
        match end {
            Ok(end) => Some(end),
            Err(error) => {
                self.cut(Cut::Broken(error));
                None
            }
        }
    }

    /// The first signal lets calls under way end for a while, the second cuts them. A terminal that closes sends two at
    /// once, which nobody meant as one more.
    fn signalled(&mut self, told: Told) {
        let cut = match told {
            Told::Interrupt => Cut::Interrupted,
            Told::Terminate => Cut::Terminated,
            Told::HangUp => Cut::HungUp,
        };
        match self.cut {
            Some((Cut::Interrupted | Cut::Terminated | Cut::HungUp, _)) if told == Told::HangUp => {}
            Some((Cut::Interrupted | Cut::Terminated | Cut::HungUp, _)) => self.abort(),
            // What it was for is reached, but calls under way may no longer be waited for.
            Some((Cut::Enough(_), _)) => {
                self.cut = None;
                self.cut(cut);
            }
            Some(_) | None => self.cut(cut),
        }
    }

    fn cut(&mut self, cut: Cut) {
        let (cut, _) = self.cut.get_or_insert_with(|| (cut, Nanos::now()));
        // A run that has reached what it was for lets every call end: the slow ones must not be missing.
        if !matches!(cut, Cut::Enough(_)) {
            self.give_up.get_or_insert_with(|| Instant::now() + GRACE);
        }
        self.stop.send_if_modified(|said| std::mem::replace(said, (*said).max(Stop::Drain)) != *said);
    }

    fn abort(&mut self) {
        self.give_up = None;
        self.stop.send_replace(Stop::Abort);
    }

    fn deadline(&self) -> Instant {
        self.give_up.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400))
    }

    /// Ends the run if the bundled simulator has ended: whatever else is measured then is not its paths.
    fn watch_simulator(&mut self, simulator: Option<&mut SimulatorProcess>) {
        if self.simulator_died.is_some() {
            return;
        }
        if let Some(how) = simulator.and_then(SimulatorProcess::how_it_ended) {
            self.simulator_died = Some(how.clone());
            if self.cut.is_none() {
                self.cut(Cut::SimulatorDied(how));
            }
        }
    }

    fn look(&mut self, plan: &Plan, tally: &Tally, journal: &Journal) {
        match self.phase() {
            Phase::Warmup => {}
            Phase::Measure => drop(self.resources.get_or_insert_with(usage::begin)),
            Phase::Drain => self.note_spent(),
        }
        if self.cut.is_some() {
            return;
        }
        if journal.has_failed() {
            self.cut(Cut::Broken(anyhow!("the results can no longer be written")));
        } else if let Some(path) = tally.refused(plan.limits.auth_failures) {
            let name = &plan.path(path).name;
            let count = plan.limits.auth_failures;
            self.cut(Cut::Refused(format!(
                "path '{name}' answered 401 or 403 {count} times in a row; check its key (limits.auth_failures)"
            )));
        } else if tally.keeps_failing(plan.limits.failures_in_a_row) && self.phase() != Phase::Drain {
            self.cut(Cut::Failing(plan.limits.failures_in_a_row));
        } else if plan.limits.tokens.is_some_and(|limit| tally.tokens() >= limit) {
            let planned = as_planned(tally, tally.planned_tokens().to_string());
            self.cut(Cut::Limit(format!("limits.tokens: {} tokens were spent{planned}", tally.tokens())));
        } else if let Some((limit, prices)) = plan.limits.cost.zip(plan.prices.as_ref()) {
            let spent = prices.cost(tally.input.all(), tally.output.all());
            if spent >= limit {
                let planned = prices.cost(tally.input.planned, tally.output.planned);
                let planned = as_planned(tally, format!("{planned:.4}"));
                self.cut(Cut::Limit(format!("limits.cost: {spent:.4} {} were spent{planned}", prices.currency)));
            }
        }
    }

    async fn oversee(&mut self, early_stop: &mut EarlyStop<'_>, journal: &Journal) {
        let measured = self.elapsed().saturating_sub(self.measure_from);
        // Those of other phases too, or they would pile up.
        let ended = journal.take_ended();
        match self.phase() {
            Phase::Drain => return,
            Phase::Warmup => return early_stop.take(ended),
            Phase::Measure => early_stop.take(ended),
        }
        match early_stop.oversee(measured).await {
            Some(Decision::Abort(aborted)) => self.cut(Cut::Aborted(aborted)),
            Some(Decision::Enough(why)) => self.cut(Cut::Enough(why)),
            None => {}
        }
    }

    fn note_spent(&mut self) {
        if let Some(resources) = &self.resources {
            self.spent.get_or_insert_with(|| (resources.peak_rss_mib(), resources.cpu_s()));
        }
    }

    fn outcome(mut self, plan: &Plan, ends: impl Iterator<Item = WorkerEnd>, limited: Option<Duration>) -> Outcome {
        self.note_spent();
        if let (Some(at), None) = (limited, &self.cut) {
            let why = format!("limits.requests: {} requests were made", plan.limits.requests.unwrap_or_default());
            self.cut = Some((Cut::Limit(why), self.origin + at));
        }
        let measured_until = match &self.cut {
            Some((_, at)) => at.since(self.origin).min(self.measure_until),
            None => self.measure_until,
        };
        let mut due = vec![0; plan.paths.len()];
        let mut rows_lost = 0;
        let mut gaps = Vec::new();
        for mut end in ends {
            due.iter_mut().zip(end.due).for_each(|(sum, due)| *sum += due);
            rows_lost += end.rows_lost;
            gaps.append(&mut end.gaps);
        }
        let peak_rss_mib = self.spent.and_then(|(peak, _)| peak);
        let cpu_s = self.spent.map(|(_, cpu)| cpu);
        Outcome {
            drain: self.elapsed().saturating_sub(measured_until),
            measured: measured_until.saturating_sub(self.measure_from),
            cut: self.cut.map(|(cut, _)| cut),
            simulator_died: self.simulator_died,
            due,
            rows_lost,
            gaps,
            peak_rss_mib,
            cpu_s,
        }
    }
}
