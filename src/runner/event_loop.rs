//! The measured minutes: turns channels, timers and signals into events, carries out what the coordinator decides, and
//! feeds the live view.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::sync::{mpsc, watch};
use tokio::time::{interval, sleep};

use crate::driver::heartbeat::Heartbeat;
use crate::driver::worker::Stop;
use crate::host::usage;
use crate::host::usage::Resources;
use crate::runner::coordinator::{Command, Coordinator, Event, RunEnd};
use crate::runner::signals::Signals;
use crate::runner::simulator_process::SimulatorProcess;
use crate::runner::stopping::early_stop::EarlyStop;
use crate::runner::worker;
use crate::runner::worker::{Gauge, Setup, WorkerEnd};
use crate::store::journal::{Journal, RecordSink, Tally};
use crate::units::{Nanos, Phase};

/// How often limits are looked at and the live view is drawn.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A run of which the last call has ended.
pub(crate) struct MeasuredRun {
    /// How it ended.
    pub(crate) end: RunEnd,
    /// How each worker ended that did.
    pub(crate) workers: Vec<WorkerEnd>,
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
/// When no worker can be started.
pub(crate) async fn carry_out(
    setup: &Setup,
    worker_sinks: Vec<(RecordSink, Arc<Heartbeat>)>,
    journal: &Journal,
    (mut early_stop, mut simulator, mut signals): (Option<EarlyStop<'_>>, Option<&mut SimulatorProcess>, Signals),
    mut show: impl FnMut(&Moment<'_>),
) -> Result<MeasuredRun> {
    let (stop, heard) = watch::channel(Stop::Run);
    let (tell, mut ended) = mpsc::unbounded_channel();
    let mut run = EventLoop::new(setup, worker_sinks.len(), stop);
    let gauges = worker::start(setup, worker_sinks, &heard, &tell);
    // From here on only workers can tell; when none is left, none will.
    drop(tell);
    if gauges.is_err() {
        run.carry_out(Command::Abort);
    }
    let gauges = gauges?;
    let mut look = interval(LOOK_EVERY);
    while !run.is_over {
        tokio::select! {
            biased;
            end = ended.recv() => run.take_end(end),
            signal = signals.next() => run.handle(Event::Signal(signal)),
            () = until(run.grace_until) => {
                run.grace_until = None;
                run.handle(Event::GraceOver);
            }
            _ = look.tick() => {
                let tally = journal.tally();
                run.look(&tally, journal, simulator.as_deref_mut());
                if let Some(early_stop) = &mut early_stop {
                    run.oversee(early_stop, journal).await;
                }
                show(&run.moment(&gauges, &tally));
            }
        }
    }
    run.watch_simulator(simulator);
    Ok(run.conclude())
}

/// Waits until an instant; for ever without one.
async fn until(instant: Option<Nanos>) {
    match instant {
        Some(instant) => sleep(instant.since(Nanos::now())).await,
        None => std::future::pending().await,
    }
}

/// A run under way.
struct EventLoop<'a> {
    setup: &'a Setup,
    coordinator: Coordinator,
    stop: watch::Sender<Stop>,
    grace_until: Option<Nanos>,
    is_over: bool,
    simulator_ended: bool,
    workers: Vec<WorkerEnd>,
    usage: PhaseUsage,
}

impl<'a> EventLoop<'a> {
    fn new(setup: &'a Setup, workers: usize, stop: watch::Sender<Stop>) -> Self {
        Self {
            setup,
            coordinator: Coordinator::new(Arc::clone(&setup.plan), setup.origin, workers),
            stop,
            grace_until: None,
            is_over: false,
            simulator_ended: false,
            workers: Vec::new(),
            usage: PhaseUsage::default(),
        }
    }

    fn handle(&mut self, event: Event<'_>) {
        let commands = self.coordinator.handle(Nanos::now(), event);
        commands.into_iter().for_each(|command| self.carry_out(command));
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Drain => drop(self.stop.send_replace(Stop::Drain)),
            Command::GraceUntil(instant) => self.grace_until = Some(instant),
            Command::Abort => drop(self.stop.send_replace(Stop::Abort)),
            Command::End => self.is_over = true,
        }
    }

    fn take_end(&mut self, end: Option<Result<WorkerEnd>>) {
        match end {
            Some(Ok(end)) => {
                self.workers.push(end);
                self.handle(Event::WorkerEnded);
            }
            Some(Err(error)) => self.handle(Event::WorkerBroke(error)),
            None => self.handle(Event::WorkersLost),
        }
    }

    fn look(&mut self, tally: &Tally, journal: &Journal, simulator: Option<&mut SimulatorProcess>) {
        self.watch_simulator(simulator);
        self.usage.follow(self.coordinator.phase(Nanos::now()));
        if journal.has_failed() {
            self.handle(Event::WriterBroke);
        }
        self.handle(Event::Counted(tally));
    }

    fn watch_simulator(&mut self, simulator: Option<&mut SimulatorProcess>) {
        if self.simulator_ended {
            return;
        }
        if let Some(how) = simulator.and_then(SimulatorProcess::how_it_ended) {
            self.simulator_ended = true;
            self.handle(Event::SimulatorEnded(how));
        }
    }

    async fn oversee(&mut self, early_stop: &mut EarlyStop<'_>, journal: &Journal) {
        let now = Nanos::now();
        // Those of other phases too, or they would pile up.
        let ended = journal.take_ended();
        match self.coordinator.phase(now) {
            Phase::Drain => return,
            Phase::Warmup => return early_stop.take(ended),
            Phase::Measure => early_stop.take(ended),
        }
        let measured = now.since(self.setup.origin).saturating_sub(self.setup.plan.measure_from());
        if let Some(decision) = early_stop.oversee(measured).await {
            self.handle(Event::Decided(decision));
        }
    }

    fn moment<'t>(&self, gauges: &[Arc<Gauge>], tally: &'t Tally) -> Moment<'t> {
        let sum = |read: fn(&Gauge) -> &AtomicU64| gauges.iter().map(|gauge| read(gauge).load(Ordering::Relaxed)).sum();
        let now = Nanos::now();
        Moment {
            phase: self.coordinator.phase(now),
            elapsed: now.since(self.setup.origin),
            in_flight: sum(|gauge| &gauge.in_flight),
            came_due: sum(|gauge| &gauge.came_due),
            tally,
        }
    }

    fn conclude(mut self) -> MeasuredRun {
        self.usage.follow(Phase::Drain);
        let now = Nanos::now();
        let limited = limited_at(self.setup, now.since(self.setup.origin));
        MeasuredRun {
            end: self.coordinator.conclude(now, limited),
            workers: self.workers,
            peak_rss_mib: self.usage.spent.and_then(|(peak, _)| peak),
            cpu_s: self.usage.spent.map(|(_, cpu)| cpu),
        }
    }
}

/// What the measured phase costs this process.
#[derive(Default)]
struct PhaseUsage {
    began: Option<Resources>,
    /// Peak memory and CPU seconds.
    spent: Option<(Option<f64>, f64)>,
}

impl PhaseUsage {
    fn follow(&mut self, phase: Phase) {
        match phase {
            Phase::Warmup => {}
            Phase::Measure => drop(self.began.get_or_insert_with(usage::begin)),
            Phase::Drain => {
                if let Some(began) = &self.began {
                    self.spent.get_or_insert_with(|| (began.peak_rss_mib(), began.cpu_s()));
                }
            }
        }
    }
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
