//! Where the two wings meet: the driver's tickets become calls of the network wing, on threads that share nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::attempt::{Caller, Prepared, Route};
use crate::driver::closed::Closed;
use crate::driver::flight::{Flights, Landing, Lost};
use crate::driver::heartbeat::Heart;
use crate::driver::open::Open;
use crate::driver::worker::{self, Stop, told};
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::sample::{Gap, Sample};
use crate::plan::Plan;
use crate::schedule::load::LoadModel;
use crate::schedule::pacer::Pacer;
use crate::schedule::tickets::Ticket;
use crate::store::journal::Quill;
use crate::transport::connect::Target;
use crate::units::Nanos;
use crate::workload::Workload;

/// How often ended calls are handed to the journal.
const HAND_OVER_EVERY: Duration = Duration::from_millis(100);
/// How many ended calls wait at most for that.
const BATCH: usize = 256;

/// What the workers need, made before the run.
#[derive(Clone)]
pub(super) struct Setup {
    /// What will happen.
    pub(super) plan: Arc<Plan>,
    /// What is asked.
    pub(super) workload: Arc<Workload>,
    /// Where each path leads.
    pub(super) targets: Vec<Target>,
    /// The header that carries each path's secret.
    pub(super) secrets: Vec<Option<(HeaderName, HeaderValue)>>,
    /// The run's own name, the first part of every call's.
    pub(super) run_id: String,
    /// The run's start.
    pub(super) origin: Nanos,
    /// Calls under way in all workers.
    pub(super) under_way: Arc<AtomicUsize>,
    /// Whether every gap between chunks is kept.
    pub(super) keeps_gaps: bool,
}

/// How a worker ended.
#[derive(Debug)]
pub(super) struct WorkerEnd {
    /// Measured tickets that came due, by path.
    pub(super) due: Vec<u64>,
    /// Rows that did not fit into the journal's queue.
    pub(super) rows_lost: u64,
    /// Every gap between chunks, if they are kept.
    pub(super) gaps: Vec<Gap>,
}

/// What a worker tells of itself ten times a second, for the live view.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Calls under way.
    pub(super) in_flight: AtomicU64,
    /// Tickets that came due, warmup included.
    pub(super) came_due: AtomicU64,
}

/// Starts a worker for each quill, with its heart. Each tells `ended` how it ended.
///
/// # Errors
/// When the system has no thread left.
pub(super) fn start(
    setup: &Setup,
    crew: Vec<(Quill, Arc<Heart>)>,
    stop: &watch::Receiver<Stop>,
    ended: &mpsc::UnboundedSender<Result<WorkerEnd>>,
) -> Result<Vec<Arc<Gauge>>> {
    let of = crew.len() as u64;
    let mut gauges = Vec::new();
    for (shard, (quill, heart)) in crew.into_iter().enumerate() {
        let gauge = Arc::new(Gauge::default());
        gauges.push(Arc::clone(&gauge));
        let (setup, stop, ended) = (setup.clone(), stop.clone(), ended.clone());
        let share = Share { number: shard as u64, of };
        worker::spawn(share.number, move || async move {
            let end = work(setup, share, (quill, &heart), stop, gauge).await;
            heart.rest();
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
    (quill, heart): (Quill, &Arc<Heart>),
    stop: watch::Receiver<Stop>,
    gauge: Arc<Gauge>,
) -> Result<WorkerEnd> {
    let desk = Rc::new(Desk::new(setup, share, quill));
    let everywhere = Arc::clone(&desk.setup.under_way);
    let flights = Flights::new(desk.setup.plan.paths.len(), everywhere, Box::new(Rc::clone(&desk)));
    let ticker = tokio::task::spawn_local(tick(Rc::clone(&desk), Rc::clone(&flights), gauge));
    let beating = tokio::task::spawn_local(beat(Arc::clone(heart), Rc::clone(&flights)));
    let aborter = tokio::task::spawn_local(abort_when_told(Rc::clone(&desk), stop.clone()));
    if desk.setup.plan.concurrency() > 0 {
        closed(&desk, &flights, share, &stop).await?;
    } else {
        open(&desk, &flights, share, stop).await?;
    }
    flights.emptied().await;
    ticker.abort();
    beating.abort();
    aborter.abort();
    desk.hand_over();
    desk.quill.interval(desk.second.get(), desk.caller.take_interval());
    Ok(WorkerEnd { due: flights.due(), rows_lost: desk.quill.lost(), gaps: desk.caller.take_gaps() })
}

async fn open(desk: &Rc<Desk>, flights: &Rc<Flights<Sample>>, share: Share, stop: watch::Receiver<Stop>) -> Result<()> {
    let plan = Arc::clone(&desk.setup.plan);
    let workload = Arc::clone(&desk.setup.workload);
    let allowed = plan.limits.requests.unwrap_or(u64::MAX);
    let tickets = plan.tickets(workload.arrivals(), share.number, share.of).take_while(|ticket| ticket.seq.0 < allowed);
    let open =
        Open { origin: desk.setup.origin, max_in_flight: plan.load.max_in_flight, flights: Rc::clone(flights), stop };
    let mut pacer = Pacer::new().context("a worker has no timer; is the limit on open files reached (ulimit -n)?")?;
    open.carry_out(&mut pacer, tickets, |ticket| desk.launch(ticket)).await;
    Ok(())
}

async fn closed(
    desk: &Rc<Desk>,
    flights: &Rc<Flights<Sample>>,
    share: Share,
    stop: &watch::Receiver<Stop>,
) -> Result<()> {
    let plan = Arc::clone(&desk.setup.plan);
    let mine = (0..plan.concurrency()).filter(|slot| slot % share.of == share.number);
    let mut callers = tokio::task::JoinSet::new();
    for slot in mine {
        let (plan, desk) = (Arc::clone(&plan), Rc::clone(desk));
        let closed = Closed {
            origin: desk.setup.origin,
            think_time: think_time(&plan),
            flights: Rc::clone(flights),
            stop: stop.clone(),
        };
        let allowed = plan.limits.requests.unwrap_or(u64::MAX);
        callers.spawn_local(async move {
            let next = |k, at| plan.closed_ticket(slot, k, at).filter(|ticket| ticket.seq.0 < allowed);
            closed.caller(plan.closed_start(slot), next, |ticket| desk.launch(ticket)).await
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.context("a caller broke")??;
    }
    Ok(())
}

fn think_time(plan: &Plan) -> Duration {
    match plan.load.model {
        LoadModel::Closed { think_time, .. } => think_time.0,
        LoadModel::Open { .. } => Duration::ZERO,
    }
}

async fn abort_when_told(desk: Rc<Desk>, mut stop: watch::Receiver<Stop>) {
    told(&mut stop, Stop::Abort).await;
    desk.caller.abort();
}

async fn beat(heart: Arc<Heart>, flights: Rc<Flights<Sample>>) {
    heart.beat(|| flights.under_way()).await;
}

/// Hands over ended calls often, and histograms every second.
async fn tick(desk: Rc<Desk>, flights: Rc<Flights<Sample>>, gauge: Arc<Gauge>) {
    let begin = Instant::now() + desk.setup.origin.since(Nanos::now());
    let mut next = begin;
    loop {
        next += HAND_OVER_EVERY;
        sleep_until(next).await;
        gauge.in_flight.store(flights.under_way() as u64, Ordering::Relaxed);
        gauge.came_due.store(flights.came_due(), Ordering::Relaxed);
        desk.hand_over();
        let now = Nanos::now().since(desk.setup.origin).as_secs();
        while desk.second.get() < now {
            desk.quill.interval(desk.second.get(), desk.caller.take_interval());
            desk.second.set(desk.second.get() + 1);
        }
    }
}

/// What belongs to one worker.
struct Desk {
    setup: Setup,
    caller: Rc<Caller>,
    quill: Quill,
    ended: RefCell<Vec<Sample>>,
    /// The second since the run's start whose histograms are being recorded.
    second: Cell<u64>,
}

impl Desk {
    fn new(setup: Setup, share: Share, quill: Quill) -> Self {
        let paths = setup.plan.paths.iter().zip(&setup.targets).zip(&setup.secrets);
        let routes =
            paths.map(|((path, target), secret)| Route::new(path.clone(), target.clone(), secret.clone())).collect();
        let caller = Caller::new(routes, setup.run_id.clone(), setup.origin, share.number, share.of);
        let caller = if setup.plan.concurrency() > 0 { caller } else { caller.filling_pools() };
        let caller = if setup.keeps_gaps { caller.keeping_gaps() } else { caller };
        Self { setup, caller: Rc::new(caller), quill, ended: RefCell::default(), second: Cell::new(0) }
    }

    /// Encodes a call ahead of its time; what is returned sends it.
    fn launch(&self, ticket: Ticket) -> impl FnOnce(Nanos) -> std::pin::Pin<Box<dyn Future<Output = Sample>>> + use<> {
        let call = self.setup.workload.call(ticket.round, ticket.seq.0);
        let prepared: Box<Prepared> = self.caller.prepare(ticket, &call);
        let caller = Rc::clone(&self.caller);
        move |dequeued| Box::pin(caller.send(prepared, dequeued))
    }

    fn hand_over(&self) {
        self.quill.samples(self.ended.take());
    }

    fn keep(&self, sample: Sample) {
        self.ended.borrow_mut().push(sample);
        if self.ended.borrow().len() >= BATCH {
            self.hand_over();
        }
    }
}

impl Landing<Sample> for Rc<Desk> {
    fn landed(&self, sample: Sample) {
        self.keep(sample);
    }

    fn lost(&self, ticket: Ticket, why: Lost) {
        let call = self.setup.workload.call(ticket.round, ticket.seq.0);
        let outcome = match why {
            Lost::InFlightCap => Outcome::Dropped(ErrorClass::InFlightCap),
            Lost::Panicked => Outcome::Failed(ErrorClass::Internal),
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
