//! `hopmark run`: from a plan to a run directory and a verdict.

pub(super) mod child;
mod conduct;
mod dry;
mod engine;
mod frontier;
mod held;
mod live;
pub(super) mod machine;
mod meter;
mod overseer;
mod preflight;
mod resources;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use hyper::header::{HeaderName, HeaderValue};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::analysis::analyse;
use crate::analysis::sizing::Spread;
use crate::cli;
use crate::command::exit::{CommandResult, Exit, OrExit, say};
use crate::command::report::glance;
use crate::command::run::child::SimulatorChild;
use crate::command::run::conduct::{Cut, Outcome};
use crate::command::run::engine::Setup;
use crate::command::run::live::Live;
use crate::command::run::overseer::Overseer;
use crate::command::run::watch::{Backend, Watch};
use crate::driver::heartbeat::Heart;
use crate::measure::sample::Gap;
use crate::path::{AuthKind, NetPath};
use crate::plan::Plan;
use crate::probe;
use crate::profile::Profile;
use crate::profile::secret::{Secret, read_secrets};
use crate::profile::sizing::Assumed;
use crate::report::{self, Format, json, sizing};
use crate::run::{EndedBy, Ending, Manifest};
use crate::store;
use crate::store::journal::Journal;
use crate::transport::connect::Target;
use crate::units::Nanos;
use crate::workload::Workload;

/// From the last preparation to the run's start: time for every worker to be ready.
const LEAD: Duration = Duration::from_millis(200);

/// How a run is carried out, beyond what its plan says.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// The run directory, new or empty; by default one is made in `results`.
    pub(super) out: Option<PathBuf>,
    /// Do not try each path before the run.
    pub(super) skip_preflight: bool,
    /// Print no progress.
    pub(super) quiet: bool,
    /// Keep every gap between chunks besides recording it.
    pub(super) keep_gaps: bool,
}

/// A run that has been carried out and lies on disk.
pub(super) struct Carried {
    /// Its run directory.
    pub(super) dir: PathBuf,
    /// Why it ended before its plan, as an exit code and a sentence.
    pub(super) cut: Option<(Exit, String)>,
    /// Every gap between chunks, if they were to be kept.
    pub(super) gaps: Vec<Gap>,
    /// The simulator, which ends with this.
    pub(super) simulator: Option<SimulatorChild>,
}

/// Carries out `hopmark run`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) with its exit code; what was measured until then is on disk.
pub fn run(args: cli::Run) -> CommandResult {
    let profile = Profile::open(&args.source, &args.overrides).or_usage()?;
    let assumed = profile.sizing;
    let mut plan = Plan::resolve(profile, std::thread::available_parallelism().map_or(1, usize::from));
    let workload = Workload::load(&plan.workload, plan.seed).or_usage()?;
    if let Some(times) = workload.arrivals() {
        plan.end_with_trace(times).or_usage()?;
    }
    plan.check_measured(workload.arrivals()).or_usage()?;
    if args.dry_run {
        return dry_run(&plan, &workload, spread(assumed, args.size_from.as_deref())?, args.quiet);
    }
    let manner =
        Manner { out: args.out.clone(), skip_preflight: args.skip_preflight, quiet: args.quiet, keep_gaps: false };
    let mut carried = carry_out(plan, workload, &manner)?;
    drop(carried.simulator.take());
    conclude(&carried, &args)
}

/// What is known or assumed of the times.
fn spread(assumed: Option<Assumed>, size_from: Option<&Path>) -> CommandResult<Spread> {
    let Some(dir) = size_from else {
        let ttft = assumed.and_then(|assumed| assumed.ttft).map(|ttft| ttft.0.as_secs_f64() * 1e3);
        return Ok(Spread::assumed(assumed.and_then(|assumed| assumed.sigma), ttft));
    };
    let run = store::load(dir).or_usage()?;
    let none = || anyhow!("{} has too few successful calls to size a run by", dir.display());
    Spread::of_run(&run).ok_or_else(none).or_usage()
}

/// Prints the plan with its size as JSON, and the size for people where they look for it.
fn dry_run(plan: &Plan, workload: &Workload, spread: Spread, quiet: bool) -> CommandResult {
    let size = dry::size(plan, workload, spread);
    let mut document = serde_json::to_value(plan).or_world()?;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("sizing".to_owned(), sizing::json(&size));
    }
    say(&serde_json::to_string_pretty(&document).or_world()?);
    if !quiet {
        eprintln!("{}", sizing::text(&size));
    }
    Ok(Exit::Met)
}

/// Judges and renders the run from its files.
fn conclude(carried: &Carried, args: &cli::Run) -> CommandResult {
    if let Some((cut, why)) = &carried.cut {
        let word = if *cut == Exit::Met { "note" } else { "error" };
        eprintln!("{word}: the run ended early: {why}; what was measured is in {}", carried.dir.display());
    }
    end_when_told();
    let exit = judge(carried, args);
    match &carried.cut {
        // Their reasons stand in the files, which may come to something graver.
        Some((Exit::Met | Exit::Missed | Exit::Invalid, _)) | None => exit,
        // Whatever its files come to, and even if they cannot be rendered: why it ended is the answer.
        Some((cut, _)) => Ok(*cut),
    }
}

/// From now on a signal ends this process at once: everything measured is on disk, and files are written whole.
fn end_when_told() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(Some(exit)) = runtime.map(|runtime| runtime.block_on(conduct::told_to_end())) {
            std::process::exit(exit.code().into());
        }
    });
}

fn judge(carried: &Carried, args: &cli::Run) -> CommandResult {
    let run = store::load(&carried.dir).or_world()?;
    let analysis = analyse(&run);
    store::series::write(&carried.dir.join(store::file::SERIES), &run).or_world()?;
    report::write(&run, &analysis, &Format::OF_A_RUN, &carried.dir).or_world()?;
    if args.json {
        say(&String::from_utf8_lossy(&json::render(&run, &analysis)));
    } else {
        let page = carried.dir.join(store::file::REPORT);
        say(&glance(&run, &analysis, Some(&page.display().to_string())));
    }
    Ok(Exit::of(analysis.conclusion.exit_code(args.strict)))
}

/// The headers that carry the paths' secrets, by path.
type Secrets = Vec<Option<(HeaderName, HeaderValue)>>;

/// Carries out a plan and leaves its run directory.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) with its exit code; what was measured until then is on disk.
pub(super) fn carry_out(mut plan: Plan, workload: Workload, manner: &Manner) -> CommandResult<Carried> {
    let key = plan.simulator.as_ref().map(|_| child::throw_away_key()).transpose().or_world()?;
    let secrets = read_secrets(&plan.paths, key.as_ref()).or_usage()?;
    let secrets: Secrets = plan.paths.iter().zip(secrets).map(|(path, secret)| header(path, secret?)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_world()?;
    let started = SystemTime::now();
    let clock = OffsetDateTime::from(started);
    let dir = run_directory(&plan, manner, clock)?;
    // Before the simulator starts, which inherits the limit.
    let too_few_files = machine::raise_open_files(most_files(&plan));
    let mut simulator = match (&plan.simulator, &key) {
        (Some(simulator), Some(key)) => Some(SimulatorChild::start(&simulator.scenario, plan.seed, key)?),
        _ => None,
    };
    if let Some(simulator) = &simulator {
        simulator.resolve(&mut plan).or_usage()?;
    }
    let targets: Vec<Target> = plan.paths.iter().map(Target::of).collect::<Result<_, _>>().or_usage()?;

    let mut notes = notes_before(&plan, &targets, simulator.is_some());
    if !manner.skip_preflight {
        notes.extend(preflight::try_all(
            &runtime,
            &plan,
            &workload,
            (&targets, &secrets),
            &run_id(clock),
            manner.quiet,
        )?);
    }
    notes.extend(too_few_files);
    if !manner.quiet {
        notes.iter().for_each(|note| eprintln!("note: {note}"));
    }
    let truth = simulator.as_ref().and_then(|simulator| runtime.block_on(describe(simulator)));

    let setup = Setup {
        workload: Arc::new(workload),
        targets,
        secrets,
        run_id: run_id(clock),
        origin: Nanos::now() + LEAD,
        under_way: Arc::default(),
        keeps_gaps: manner.keep_gaps,
        plan: Arc::new(plan),
    };
    let mut manifest = manifest(&setup, clock, truth, notes)?;
    store::manifest::write(&dir, &manifest).or_world()?;
    let backend = simulator.as_ref().and_then(SimulatorChild::as_backend);
    let backend = (backend, simulator.as_mut());
    let outcome = measure(&runtime, &setup, (&dir, &mut manifest), (started, backend), manner)?;
    end(dir, manifest, outcome, simulator)
}

/// The header that carries a path's secret.
fn header(path: &NetPath, secret: Secret) -> Option<(HeaderName, HeaderValue)> {
    let (name, text) = match path.auth.kind {
        AuthKind::None => return None,
        AuthKind::ApiKey => (HeaderName::from_static("api-key"), secret.reveal().to_owned()),
        AuthKind::Bearer => (hyper::header::AUTHORIZATION, format!("Bearer {}", secret.reveal())),
        AuthKind::SubscriptionKey => (HeaderName::from_static("ocp-apim-subscription-key"), secret.reveal().to_owned()),
    };
    // A secret holds only what a header can carry: it was checked when it was read.
    HeaderValue::from_str(&text).ok().map(|value| (name, value))
}

/// The run directory, made before anything is sent.
fn run_directory(plan: &Plan, manner: &Manner, clock: OffsetDateTime) -> CommandResult<PathBuf> {
    let dir = manner.out.clone().unwrap_or_else(|| {
        let name: String =
            plan.name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
        Path::new("results").join(format!("{name}-{}", compact(clock)))
    });
    store::create_run_dir(&dir).or_world()?;
    Ok(dir)
}

/// What the reader must know before the first figure.
fn notes_before(plan: &Plan, targets: &[Target], simulated: bool) -> Vec<String> {
    let mut notes = Vec::new();
    for (path, target) in plan.paths.iter().zip(targets) {
        if !is_loopback(&target.host) {
            notes.push(format!(
                "path '{}' leads to {}: this run sends real load over the network",
                path.name, target.host
            ));
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

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The files that may be open at once, as far as the plan tells: a connection a call, and a timer a caller.
fn most_files(plan: &Plan) -> usize {
    match plan.concurrency() {
        0 => plan.load.max_in_flight,
        concurrency => 2 * concurrency as usize,
    }
}

/// What the simulator says of itself; the run goes on without it.
async fn describe(simulator: &SimulatorChild) -> Option<serde_json::Value> {
    let base = simulator.listeners.values().next()?;
    let client = probe::control_client().ok()?;
    client.get(format!("{base}/_sim/describe")).send().await.ok()?.json().await.ok()
}

fn manifest(
    setup: &Setup,
    clock: OffsetDateTime,
    simulator: Option<serde_json::Value>,
    notes: Vec<String>,
) -> CommandResult<Manifest> {
    Ok(Manifest {
        schema_version: 1,
        id: setup.run_id.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: clock.format(&Rfc3339).or_world()?,
        origin: setup.origin,
        plan: (*setup.plan).clone(),
        environment: machine::describe(),
        simulator,
        own_error: machine::selftest_file().and_then(|file| store::selftest::newest(&file, &machine::identity())),
        notes,
        rows: None,
        ending: None,
    })
}

fn measure(
    runtime: &tokio::runtime::Runtime,
    setup: &Setup,
    (dir, manifest): (&Path, &mut Manifest),
    (started, (backend, simulator)): (SystemTime, (Option<Backend>, Option<&mut SimulatorChild>)),
    manner: &Manner,
) -> CommandResult<Outcome> {
    let from = setup.plan.first_measured(setup.workload.arrivals());
    let (journal, quills) = Journal::start(dir, manifest, started, setup.plan.workers, from).or_world()?;
    let hearts: Vec<_> = quills.iter().map(|_| Heart::new(setup.origin)).collect();
    let watch = Watch::keep(dir, setup.origin, hearts.clone(), backend).or_world()?;
    let crew = quills.into_iter().zip(hearts).collect();
    let mut live = Live::new(setup, manner.quiet);
    let overseer = Overseer::of(setup, manifest);
    let conducted = conduct::conduct(setup, crew, &journal, (overseer, simulator), |moment| live.show(moment));
    let outcome = runtime.block_on(conducted).or_world();
    live.finish();
    let (written, watched) = (journal.finish().map_err(|error| anyhow!(error)), watch.end());
    let mut outcome = outcome?;
    // If it broke, what the journal said last is true of what it wrote.
    let said_last = || store::manifest::read(dir).ok().and_then(|said| said.rows);
    manifest.rows = written.as_ref().map_or_else(|_| said_last(), Clone::clone);
    if let Err(error) = written.map(drop).and(watched) {
        outcome.cut = Some(Cut::Broken(error));
    }
    Ok(outcome)
}

/// Says in the manifest how the run ended.
fn end(
    dir: PathBuf,
    mut manifest: Manifest,
    outcome: Outcome,
    simulator: Option<SimulatorChild>,
) -> CommandResult<Carried> {
    let (mut reached, mut aborted_by) = (None, None);
    let mut ended_by = outcome.simulator_died.map(EndedBy::SimulatorDied);
    let signalled = matches!(outcome.cut, Some(Cut::Interrupted | Cut::Terminated));
    let cut = outcome.cut.map(|cut| match cut {
        Cut::Aborted(aborted) => {
            let why = format!("stopped by the objective '{}' of path '{}'", aborted.expression, aborted.path);
            aborted_by = Some(aborted);
            (Exit::Met, why)
        }
        Cut::Enough(why) => {
            reached = Some(why.clone());
            (Exit::Met, why)
        }
        Cut::Failing(count) => {
            ended_by.get_or_insert(EndedBy::FailuresInARow(count));
            let why = format!(
                "{count} calls in a row failed on every path, and none ever succeeded (limits.failures_in_a_row)"
            );
            (Exit::Missed, why)
        }
        Cut::SimulatorDied(how) => (Exit::Invalid, format!("the bundled simulator died ({how})")),
        Cut::Interrupted => (Exit::Interrupted, "interrupted".to_owned()),
        Cut::Terminated => (Exit::Terminated, "terminated".to_owned()),
        Cut::Limit(why) => (Exit::Met, format!("stopped by {why}")),
        Cut::Refused(why) => (Exit::World, why),
        Cut::Broken(error) => (Exit::World, format!("{error:#}")),
    });
    manifest.ending = Some(Ending {
        complete: cut.is_none() || reached.is_some(),
        reason: cut.as_ref().map(|(_, why)| why.clone()).filter(|_| reached.is_none()),
        reached,
        aborted_by,
        ended_by: ended_by.or(signalled.then_some(EndedBy::Signal)),
        measured_s: outcome.measured.as_secs_f64(),
        drain_s: outcome.drain.as_secs_f64(),
        planned: outcome.due,
        rows_lost: outcome.rows_lost,
        peak_rss_mib: outcome.peak_rss_mib,
        cpu_s: outcome.cpu_s,
    });
    store::manifest::write(&dir, &manifest).or_world()?;
    Ok(Carried { dir, cut, gaps: outcome.gaps, simulator })
}

/// `20261121T110203Z`.
fn compact(clock: OffsetDateTime) -> String {
    let clock = clock.to_offset(time::UtcOffset::UTC);
    let (hour, minute, second) = clock.to_hms();
    let (year, month, day) = clock.to_calendar_date();
    format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
}

/// Unique enough to tell the calls of one run from those of another in a server's logs.
fn run_id(clock: OffsetDateTime) -> String {
    format!("{}-{:04x}", compact(clock), (clock.nanosecond() / 1000 + std::process::id()) & 0xffff)
}
