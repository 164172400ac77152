//! Where the two wings meet: the driver's tickets become calls of the network wing, on threads that share nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::attempt::{Caller, Prepared, Route};
use crate::driver::closed::Closed;
use crate::driver::heartbeat::Heartbeat;
use crate::driver::in_flight::{CompletionSink, InFlight, Unsent};
use crate::driver::open::Open;
use crate::driver::worker::{self, Stop, wait_for_stop};
use crate::measure::certificate::CertificateSeen;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::sample::{Gap, Sample};
use crate::plan::Plan;
use crate::schedule::pacer::Pacer;
use crate::schedule::tickets::Ticket;
use crate::store::journal::RecordSink;
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::units::Nanos;
use crate::wire::filter::Filter;
use crate::workload::Workload;

/// How often ended calls are handed to the journal.
const HAND_OVER_EVERY: Duration = Duration::from_millis(100);
/// How many ended calls wait at most for that.
const BATCH: usize = 256;

/// What the workers need, made before the run.
#[derive(Clone)]
pub(crate) struct Setup {
    /// What will happen.
    pub(crate) plan: Arc<Plan>,
    /// What is asked.
    pub(crate) workload: Arc<Workload>,
    /// Where each path leads.
    pub(crate) targets: Vec<Target>,
    /// What proves on each path who calls.
    pub(crate) credentials: Vec<Credential>,
    /// What servers say passes it.
    pub(crate) filter: Filter,
    /// The run's own name, the first part of every call's.
    pub(crate) run_id: String,
    /// The run's start.
    pub(crate) origin: Nanos,
    /// Calls under way in all workers.
    pub(crate) under_way: Arc<AtomicUsize>,
    /// Whether every gap between chunks is kept.
    pub(crate) keeps_gaps: bool,
}

/// How a worker ended.
#[derive(Debug)]
pub(crate) struct WorkerEnd {
    /// Measured tickets that came due, by path.
    pub(crate) due: Vec<u64>,
    /// Rows that did not fit into the journal's queue.
    pub(crate) rows_lost: u64,
    /// Every gap between chunks, if they are kept.
    pub(crate) gaps: Vec<Gap>,
    /// The certificates that were shown, by path.
    pub(crate) certificates: Vec<Vec<CertificateSeen>>,
}

/// What a worker tells of itself ten times a second, for the live view.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    /// Calls under way.
    pub(crate) in_flight: AtomicU64,
    /// Tickets that came due, warmup included.
    pub(crate) came_due: AtomicU64,
}

/// Starts a worker for each sink, with its heartbeat. Each tells `ended` how it ended.
///
/// # Errors
/// When the system has no thread left.
pub(crate) fn start(
    setup: &Setup,
    worker_sinks: Vec<(RecordSink, Arc<Heartbeat>)>,
    stop: &watch::Receiver<Stop>,
    ended: &mpsc::UnboundedSender<Result<WorkerEnd>>,
) -> Result<Vec<Arc<Gauge>>> {
    let of = worker_sinks.len() as u64;
    let mut gauges = Vec::new();
    for (shard, (sink, heartbeat)) in worker_sinks.into_iter().enumerate() {
        let gauge = Arc::new(Gauge::default());
        gauges.push(Arc::clone(&gauge));
        let (setup, stop, ended) = (setup.clone(), stop.clone(), ended.clone());
        let share = Share { number: shard as u64, of };
        worker::spawn(share.number, move || async move {
            let end = work(setup, share, (sink, &heartbeat), stop, gauge).await;
            heartbeat.rest();
            // The receiver outlives the workers.
            let _ = ended.send(end);
        })
        .context("cannot start a worker thread")?;
    }
    Ok(gauges)
}

/// Which part of the plan a worker carries out.
#[derive(Clone, Copy)]
struct Share {
    number: u64,
    of: u64,
}

/// A worker from its first ticket to its last row.
async fn work(
    setup: Setup,
    share: Share,
    (sink, heartbeat): (RecordSink, &Arc<Heartbeat>),
    stop: watch::Receiver<Stop>,
    gauge: Arc<Gauge>,
) -> Result<WorkerEnd> {
    let context = Rc::new(WorkerContext::new(setup, share, sink));
    let everywhere = Arc::clone(&context.setup.under_way);
    let in_flight = InFlight::new(context.setup.plan.paths.len(), everywhere, Box::new(Rc::clone(&context)));
    let ticker = tokio::task::spawn_local(tick(Rc::clone(&context), Rc::clone(&in_flight), gauge));
    let beating = tokio::task::spawn_local(beat(Arc::clone(heartbeat), Rc::clone(&in_flight)));
    let aborter = tokio::task::spawn_local(abort_on_stop(Rc::clone(&context), stop.clone()));
    if context.setup.plan.concurrency() > 0 {
        closed(&context, &in_flight, share, &stop).await?;
    } else {
        open(&context, &in_flight, share, stop).await?;
    }
    in_flight.emptied().await;
    ticker.abort();
    beating.abort();
    aborter.abort();
    context.hand_over();
    context.sink.interval(context.second.get(), context.caller.take_interval());
    Ok(WorkerEnd {
        due: in_flight.due(),
        rows_lost: context.sink.lost(),
        gaps: context.caller.take_gaps(),
        certificates: context.caller.certificates(),
    })
}

async fn open(
    context: &Rc<WorkerContext>,
    in_flight: &Rc<InFlight<Sample>>,
    share: Share,
    stop: watch::Receiver<Stop>,
) -> Result<()> {
    let plan = Arc::clone(&context.setup.plan);
    let workload = Arc::clone(&context.setup.workload);
    let allowed = plan.limits.requests.unwrap_or(u64::MAX);
    let tickets = plan.tickets(workload.arrivals(), share.number, share.of).take_while(|ticket| ticket.seq.0 < allowed);
    let open = Open {
        origin: context.setup.origin,
        max_in_flight: plan.load.max_in_flight,
        in_flight: Rc::clone(in_flight),
        stop,
    };
    let mut pacer = Pacer::new().context("a worker has no timer; is the limit on open files reached (ulimit -n)?")?;
    open.carry_out(&mut pacer, tickets, |ticket| context.launch(ticket)).await;
    Ok(())
}

async fn closed(
    context: &Rc<WorkerContext>,
    in_flight: &Rc<InFlight<Sample>>,
    share: Share,
    stop: &watch::Receiver<Stop>,
) -> Result<()> {
    let plan = Arc::clone(&context.setup.plan);
    let mine = (0..plan.concurrency()).filter(|slot| slot % share.of == share.number);
    let mut callers = tokio::task::JoinSet::new();
    for slot in mine {
        let (plan, context) = (Arc::clone(&plan), Rc::clone(context));
        let closed = Closed {
            origin: context.setup.origin,
            think_time: plan.load.model.think_time(),
            in_flight: Rc::clone(in_flight),
            stop: stop.clone(),
        };
        let allowed = plan.limits.requests.unwrap_or(u64::MAX);
        callers.spawn_local(async move {
            let next = |k, at| plan.closed_ticket(slot, k, at).filter(|ticket| ticket.seq.0 < allowed);
            closed.caller(plan.closed_start(slot), next, |ticket| context.launch(ticket)).await
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.context("a caller failed")??;
    }
    Ok(())
}

async fn abort_on_stop(context: Rc<WorkerContext>, mut stop: watch::Receiver<Stop>) {
    wait_for_stop(&mut stop, Stop::Abort).await;
    context.caller.abort();
}

async fn beat(heartbeat: Arc<Heartbeat>, in_flight: Rc<InFlight<Sample>>) {
    heartbeat.beat(|| in_flight.under_way()).await;
}

/// Hands over ended calls often, and histograms every second.
async fn tick(context: Rc<WorkerContext>, in_flight: Rc<InFlight<Sample>>, gauge: Arc<Gauge>) {
    let begin = Instant::now() + context.setup.origin.since(Nanos::now());
    let mut next = begin;
    loop {
        next += HAND_OVER_EVERY;
        sleep_until(next).await;
        gauge.in_flight.store(in_flight.under_way() as u64, Ordering::Relaxed);
        gauge.came_due.store(in_flight.came_due(), Ordering::Relaxed);
        context.hand_over();
        let now = Nanos::now().since(context.setup.origin).as_secs();
        while context.second.get() < now {
            context.sink.interval(context.second.get(), context.caller.take_interval());
            context.second.set(context.second.get() + 1);
        }
    }
}

/// What belongs to one worker.
struct WorkerContext {
    setup: Setup,
    caller: Rc<Caller>,
    sink: RecordSink,
    ended: RefCell<Vec<Sample>>,
    /// The second since the run's start whose histograms are being recorded.
    second: Cell<u64>,
}

impl WorkerContext {
    fn new(setup: Setup, share: Share, sink: RecordSink) -> Self {
        let paths = setup.plan.paths.iter().zip(&setup.targets).zip(&setup.credentials);
        let routes = paths
            .map(|((path, target), credential)| Route::new(path.clone(), target.clone(), credential.clone()))
            .collect();
        let caller = Caller::new(routes, setup.run_id.clone(), setup.origin, share.number, share.of);
        let caller = caller.filtering(setup.filter.clone()).with_callers(setup.plan.concurrency());
        let caller = if setup.plan.concurrency() > 0 { caller } else { caller.filling_pools() };
        let caller = if setup.keeps_gaps { caller.keeping_gaps() } else { caller };
        Self { setup, caller: Rc::new(caller), sink, ended: RefCell::default(), second: Cell::new(0) }
    }

    /// Encodes a call ahead of its time; what is returned sends it.
    fn launch(&self, ticket: Ticket) -> impl FnOnce(Nanos) -> std::pin::Pin<Box<dyn Future<Output = Sample>>> + use<> {
        let call = self.setup.workload.call(ticket.round, ticket.seq.0);
        let prepared: Box<Prepared> = self.caller.prepare(ticket, &call);
        let caller = Rc::clone(&self.caller);
        move |dequeued| Box::pin(caller.send(prepared, dequeued))
    }

    fn hand_over(&self) {
        self.sink.samples(self.ended.take());
    }

    fn keep(&self, sample: Sample) {
        self.ended.borrow_mut().push(sample);
        if self.ended.borrow().len() >= BATCH {
            self.hand_over();
        }
    }
}

impl CompletionSink<Sample> for Rc<WorkerContext> {
    fn completed(&self, sample: Sample) {
        self.keep(sample);
    }

    fn unsent(&self, ticket: Ticket, why: Unsent) {
        let call = self.setup.workload.call(ticket.round, ticket.seq.0);
        let outcome = match why {
            Unsent::InFlightCap => Outcome::Dropped(ErrorClass::InFlightCap),
            Unsent::Panicked => Outcome::Failed(ErrorClass::Internal),
        };
        let mut sample = Sample::begun(
            (ticket.seq, ticket.round),
            ticket.path,
            ticket.phase,
            (call.api, call.stream),
            self.setup.origin + ticket.intended,
            outcome,
        );
        let now = Some(Nanos::now());
        (sample.stamps.dequeued, sample.stamps.end) = (now, now);
        self.keep(sample);
    }
}
