//! One run carried out, step by step: from a plan to a run directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::console;
use crate::driver::heartbeat::Heartbeat;
use crate::measure::certificate::CertificateSeen;
use crate::measure::network::NetworkSeen;
use crate::measure::sample::Gap;
use crate::measure::sign_in::SignIn;
use crate::path::NetPath;
use crate::plan::Plan;
use crate::probe;
use crate::profile::Profile;
use crate::run::Manifest;
use crate::runner::coordinator::Cut;
use crate::runner::ending::ending_of;
use crate::runner::environment;
use crate::runner::event_loop;
use crate::runner::event_loop::MeasuredRun;
use crate::runner::failure::{OrFailure, RunResult, unless_stopped};
use crate::runner::health_monitor::{Backend, HealthMonitor};
use crate::runner::live::Live;
use crate::runner::preflight;
use crate::runner::sign_in::SignedIn;
use crate::runner::signals::Signals;
use crate::runner::simulator_process::SimulatorProcess;
use crate::runner::stage::{Stage, Unstarted};
use crate::runner::stopping::early_stop::EarlyStop;
use crate::runner::worker::{Setup, WorkerEnd};
use crate::store;
use crate::store::claim::Claim;
use crate::store::journal::Journal;
use crate::store::kept::MOST_ROWS;
use crate::transport::certificates::together;
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::transport::look_up::resolution_of;
use crate::transport::runtime::NetRuntime;
use crate::units::Nanos;
use crate::workload::Workload;

/// From the last preparation to the run's start: time for every worker to be ready.
const LEAD: Duration = Duration::from_millis(200);

/// How a run is carried out, beyond what its plan says.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunOptions {
    /// The run directory, new or empty; by default one is made in `results`.
    pub(crate) out: Option<PathBuf>,
    /// Do not try each path before the run.
    pub(crate) skip_preflight: bool,
    /// Print no progress.
    pub(crate) quiet: bool,
    /// Keep every gap between chunks besides recording it.
    pub(crate) keep_gaps: bool,
}

/// A run that has been carried out and lies on disk.
pub(crate) struct FinishedRun {
    /// Its run directory.
    pub(crate) dir: PathBuf,
    /// Why it ended before its plan, if it did.
    pub(crate) cut: Option<Cut>,
    /// Every gap between chunks, if they were to be kept.
    pub(crate) gaps: Vec<Gap>,
    /// The simulator, which ends with this.
    pub(crate) simulator: Option<SimulatorProcess>,
}

/// What a profile means on this machine: its plan, and the calls that it asks for.
///
/// # Errors
/// [`Failure::Usage`](crate::runner::failure::Failure) when a placeholder was left in it, its data cannot be read or nothing
/// would be measured.
pub(crate) fn resolve(profile: Profile) -> RunResult<(Plan, Workload)> {
    profile.check_filled().or_usage()?;
    resolve_unfilled(profile)
}

/// The same for a profile in which placeholders may stand, such as one that `hopmark init` is about to write.
///
/// # Errors
/// As [`resolve`], but for placeholders.
pub(crate) fn resolve_unfilled(profile: Profile) -> RunResult<(Plan, Workload)> {
    let mut plan = Plan::resolve(profile, std::thread::available_parallelism().map_or(1, usize::from));
    let workload = Workload::load(&plan.workload, plan.seed).or_usage()?;
    if plan.follows_trace()
        && let Some(times) = workload.times().or_usage()?
    {
        plan.end_with_trace(times).or_usage()?;
    }
    plan.check_measured(workload.arrivals()).or_usage()?;
    Ok((plan, workload))
}

/// Carries out a plan and leaves its run directory.
///
/// # Errors
/// A [`Failure`]; what was measured until then is on disk.
pub(crate) fn carry_out(mut plan: Plan, workload: Workload, options: &RunOptions) -> RunResult<FinishedRun> {
    let unstarted = Unstarted::of(&plan)?;
    let runtime = NetRuntime::new().or_world()?;
    let started = SystemTime::now();
    let clock = OffsetDateTime::from(started);
    // Before anything is made: whatever a signal ends goes with it, the run directory first.
    let mut signals = runtime.block_on(async { Signals::hear() }).or_world()?;
    let claim = run_directory(&plan, options, clock)?;
    let dir = claim.dir().to_owned();
    // Before the simulator starts, which inherits the limit.
    let too_few_files = environment::raise_open_files(most_files(&plan));
    let Stage { mut simulator, credentials, targets } = unstarted.start(&mut plan)?;
    let prepared = prepare(&plan, &workload, (credentials, &targets, simulator.as_ref()), options, clock);
    let Prepared { signed_in, mut notes, network, truth } = runtime.block_on(unless_stopped(&mut signals, prepared))?;
    notes.extend(too_few_files);
    if !options.quiet {
        notes.iter().for_each(|note| console::tell(format_args!("note: {note}")));
    }

    let setup = Setup {
        workload: Arc::new(workload),
        targets,
        filter: signed_in.filter.clone(),
        credentials: signed_in.credentials.clone(),
        run_id: run_id(clock),
        origin: Nanos::now() + LEAD,
        under_way: Arc::default(),
        keeps_gaps: options.keep_gaps,
        plan: Arc::new(plan),
    };
    let mut manifest = manifest(&setup, clock, truth, (network, notes, signed_in.sign_ins()))?;
    store::manifest::write(&dir, &manifest).or_world()?;
    drop(claim);
    let backend = simulator.as_ref().and_then(SimulatorProcess::as_backend);
    let backend = (backend, simulator.as_mut());
    let measured = measure(&runtime, &setup, (&dir, &mut manifest), (started, backend, signals), options)?;
    manifest.sign_in = signed_in.sign_ins();
    end(dir, manifest, measured, simulator)
}

/// What is known and got before the first measured call.
struct Prepared {
    signed_in: SignedIn,
    notes: Vec<String>,
    network: NetworkSeen,
    /// What the simulator says of itself.
    truth: Option<serde_json::Value>,
}

/// Signs in and tries each path.
async fn prepare(
    plan: &Plan,
    workload: &Workload,
    (credentials, targets, simulator): (Vec<Credential>, &[Target], Option<&SimulatorProcess>),
    options: &RunOptions,
    clock: OffsetDateTime,
) -> RunResult<Prepared> {
    let signed_in = SignedIn::begin(plan, credentials, targets, options.quiet).await?;
    let mut notes = notes_before(plan, targets, simulator.is_some());
    notes.extend(workload.notes());
    if !options.skip_preflight {
        let run_id = run_id(clock);
        notes.extend(preflight::try_all(plan, workload, (targets, &signed_in), &run_id, options.quiet).await?);
    }
    let network = network_seen(plan, targets).await;
    let truth = match simulator {
        Some(simulator) => describe(simulator).await,
        None => None,
    };
    Ok(Prepared { signed_in, notes, network, truth })
}

/// The run directory, made and claimed before anything is sent.
fn run_directory(plan: &Plan, options: &RunOptions, clock: OffsetDateTime) -> RunResult<Claim> {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let claim = match &options.out {
        Some(dir) => Claim::of(dir),
        None => {
            let name: String = plan.name.chars().map(plain).collect();
            Claim::of_new(Path::new("results"), &format!("{name}-{}", compact(clock)))
        }
    };
    claim.or_world()
}

/// What the reader must know before the first figure.
fn notes_before(plan: &Plan, targets: &[Target], simulated: bool) -> Vec<String> {
    let mut notes: Vec<String> = plan.paths.iter().flat_map(NetPath::doubts).collect();
    for (path, target) in plan.paths.iter().zip(targets) {
        if let Some(host) = target.dial.beyond_this_machine() {
            notes.push(format!("path '{}' leads to {host}: this run sends real load over the network", path.name));
        }
    }
    if simulated {
        notes.push(
            "the paths lead to the bundled simulator: `tcp` is loopback, because a program cannot delay the kernel's \
             handshake; the simulator charges that round trip to a new connection's first bytes instead"
                .to_owned(),
        );
    }
    notes
}

/// The files that may be open at once, as far as the plan tells: a connection a call, and a timer a caller.
fn most_files(plan: &Plan) -> usize {
    match plan.concurrency() {
        0 => plan.load.max_in_flight,
        concurrency => 2 * concurrency as usize,
    }
}

/// What the simulator says of itself; the run goes on without it.
async fn describe(simulator: &SimulatorProcess) -> Option<serde_json::Value> {
    let base = simulator.listeners.values().next()?;
    let client = simulator.control_client().ok()?;
    let asked = client.get(format!("{base}/_sim/describe")).header("api-key", simulator.key.reveal());
    serde_json::from_str(&probe::ask_simulator(asked).await.ok()?).ok()
}

fn manifest(
    setup: &Setup,
    clock: OffsetDateTime,
    simulator: Option<serde_json::Value>,
    (network, notes, sign_in): (NetworkSeen, Vec<String>, Vec<SignIn>),
) -> RunResult<Manifest> {
    Ok(Manifest {
        schema_version: 1,
        id: setup.run_id.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: clock.format(&Rfc3339).or_world()?,
        origin: setup.origin,
        plan: (*setup.plan).clone(),
        environment: environment::describe(),
        simulator,
        own_error: environment::selftest_file()
            .and_then(|file| store::selftest::newest(&file, &environment::identity())),
        network,
        notes,
        sign_in,
        rows: None,
        ending: None,
    })
}

fn measure(
    runtime: &tokio::runtime::Runtime,
    setup: &Setup,
    (dir, manifest): (&Path, &mut Manifest),
    (started, (backend, simulator), signals): (SystemTime, (Option<Backend>, Option<&mut SimulatorProcess>), Signals),
    options: &RunOptions,
) -> RunResult<MeasuredRun> {
    let from = setup.plan.first_measured(setup.workload.arrivals());
    let (journal, sinks) = Journal::start(dir, manifest, started, setup.plan.workers, (from, MOST_ROWS)).or_world()?;
    let heartbeats: Vec<_> = sinks.iter().map(|_| Heartbeat::new(setup.origin)).collect();
    let watch = HealthMonitor::keep(dir, setup.origin, heartbeats.clone(), backend).or_world()?;
    let worker_sinks = sinks.into_iter().zip(heartbeats).collect();
    let mut live = Live::new(setup, options.quiet);
    let early_stop = EarlyStop::of(setup, manifest);
    let minutes = event_loop::carry_out(setup, worker_sinks, &journal, (early_stop, simulator, signals), |moment| {
        live.show(moment)
    });
    let measured = runtime.block_on(minutes).or_world();
    live.finish();
    let (written, watched) = (journal.finish().map_err(|error| anyhow!(error)), watch.end());
    let mut measured = measured?;
    // If it broke, what the journal said last is true of what it wrote.
    let said_last = || store::manifest::read(dir).ok().and_then(|said| said.rows);
    manifest.rows = written.as_ref().map_or_else(|_| said_last(), Clone::clone);
    if let Err(error) = written.map(drop).and(watched) {
        measured.end.cut = Some(Cut::Broken(error));
    }
    Ok(measured)
}

/// Says in the manifest how the run ended.
fn end(
    dir: PathBuf,
    mut manifest: Manifest,
    measured: MeasuredRun,
    simulator: Option<SimulatorProcess>,
) -> RunResult<FinishedRun> {
    manifest.network.certificates = certificates(&manifest.plan, &measured.workers);
    manifest.ending = Some(ending_of(&measured, manifest.plan.paths.len()));
    store::manifest::write(&dir, &manifest).or_world()?;
    let gaps = measured.workers.into_iter().flat_map(|worker| worker.gaps).collect();
    Ok(FinishedRun { dir, cut: measured.end.cut, gaps, simulator })
}

/// What the network tells before the run: what the names of the paths that were declared private lead to, and which
/// proxies the environment names.
async fn network_seen(plan: &Plan, targets: &[Target]) -> NetworkSeen {
    let mut resolutions = BTreeMap::new();
    for (path, target) in plan.paths.iter().zip(targets).filter(|(path, _)| path.control.private.is_some()) {
        // Who waits longer for a name than for a connection waits in vain.
        let found = tokio::time::timeout(path.timeouts.connect.0, resolution_of(&target.dial)).await;
        resolutions.extend(found.ok().map(|found| (path.name.clone(), found)));
    }
    NetworkSeen { resolutions, proxy_variables: environment::proxy_variables(), certificates: BTreeMap::new() }
}

/// The certificates that all workers were shown, by path.
fn certificates(plan: &Plan, workers: &[WorkerEnd]) -> BTreeMap<String, Vec<CertificateSeen>> {
    let of_path = |path: &NetPath| {
        let shown = workers.iter().filter_map(|worker| worker.certificates.get(path.id.index())).flatten().cloned();
        (path.name.clone(), together(shown))
    };
    plan.paths.iter().map(of_path).filter(|(_, seen)| !seen.is_empty()).collect()
}

/// `20261121T110203Z`.
fn compact(clock: OffsetDateTime) -> String {
    let clock = clock.to_offset(time::UtcOffset::UTC);
    let (hour, minute, second) = clock.to_hms();
    let (year, month, day) = clock.to_calendar_date();
    format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
}

/// Unique enough to tell the calls of one run from those of another in a server's logs.
pub(crate) fn run_id(clock: OffsetDateTime) -> String {
    format!("{}-{:04x}", compact(clock), (clock.nanosecond() / 1000 + std::process::id()) & 0xffff)
}
