//! `hopmark selftest`: runs against the bundled simulator whose truth is known, each level the way `hopmark run` would.

mod pacing;
mod stage;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::analysis;
use crate::analysis::selftest::{Evidence, MANY_STREAMS, PACE, arrivals, bars, faithful, level};
use crate::cli::SelftestArgs;
use crate::command::exit::{CommandResult, Exit, Failure, OrExit};
use crate::command::selftest::stage::Stage;
use crate::console;
use crate::measure::ledger::{self, LedgerLine};
use crate::measure::selftest::{Level, Selftest};
use crate::plan::Plan;
use crate::probe;
use crate::profile::Profile;
use crate::report::glance::stdout_look;
use crate::report::selftest::render;
use crate::run::Run;
use crate::runner::ending::EarlyEnd;
use crate::runner::environment;
use crate::runner::simulator_process::SimulatorProcess;
use crate::runner::{FinishedRun, RunOptions, carry_out};
use crate::store;
use crate::workload::Workload;

/// The levels that are always measured unless others are named: those to which bars belong.
const LEVELS: [u32; 3] = [10, 100, 1000];
/// The most streams that are tried without being asked for.
const MOST: u32 = 64_000;
/// How long after the start another level is still begun.
const BEGIN_WITHIN: Duration = Duration::from_secs(50);
/// Poisson arrivals a second of the level that tells how precisely calls leave.
const ARRIVALS: u32 = 1000;
/// How long the simulator may take to put the last records into its ledger.
const LEDGER_WITHIN: Duration = Duration::from_secs(3);

/// Carries out `hopmark selftest`.
///
/// # Errors
/// A [`Failure`] with its exit code; a missed bar is no failure but [`Exit::Missed`].
pub fn selftest(args: &SelftestArgs) -> CommandResult {
    let mut bench = Bench::new(args)?;
    let mut levels = match bench.levels(args)? {
        Ok(levels) => levels,
        Err(cut) => return Ok(cut),
    };
    let mut arriving = None;
    if args.streams.is_empty() {
        let stage = Stage::arrivals(ARRIVALS);
        let pacing = bench.pacing(&stage)?;
        match bench.carry_out(&stage)? {
            Ok(seen) => arriving = Some(seen.judged(|evidence| arrivals(ARRIVALS.into(), Some(pacing), evidence))),
            Err(cut) => return Ok(cut),
        }
    }
    if args.full {
        let (streams, pace) = MANY_STREAMS;
        match bench.level(streams, pace)? {
            Ok(level) => levels.push(level),
            Err(cut) => return Ok(cut),
        }
    }
    let selftest = Selftest {
        schema_version: 1,
        measured_at: OffsetDateTime::now_utc().format(&Rfc3339).or_world()?,
        machine: environment::identity(),
        faithful: faithful(&levels),
        bars: bars(&levels, arriving.as_ref()),
        levels,
        arrivals: arriving,
        notes: bench.notes,
    };
    tell(selftest, args)
}

/// Keeps it for later runs and prints it.
fn tell(mut selftest: Selftest, args: &SelftestArgs) -> CommandResult {
    if cfg!(debug_assertions) {
        selftest.notes.push("this is a debug build, whose error is larger than that of a release build".to_owned());
    }
    let kept = environment::selftest_file();
    let refusal = match &kept {
        Some(file) => store::selftest::write(file, &selftest).err().map(|error| error.to_string()),
        None => Some("neither XDG_STATE_HOME nor HOME names a folder".to_owned()),
    };
    if let Some(why) = &refusal {
        console::tell(format_args!("warning: later runs cannot quote this selftest: {why}"));
    }
    if let Some(file) = &args.out {
        store::selftest::write(file, &selftest).or_world()?;
    }
    if args.json {
        let bytes = store::selftest::bytes(Path::new(store::selftest::SELFTEST), &selftest).or_world()?;
        console::deliver(&String::from_utf8_lossy(&bytes)).or_world()?;
    } else {
        console::show(&render(&selftest, stdout_look())).or_world()?;
        if let (Some(file), None) = (&kept, &refusal) {
            console::show(&format!("kept for later runs: {}", file.display())).or_world()?;
        }
    }
    Ok(if selftest.meets_its_bars() { Exit::Met } else { Exit::Missed })
}

/// Where levels are finished out.
struct Bench {
    /// Holds the run directories; gone in the end.
    ground: tempfile::TempDir,
    began: Instant,
    quiet: bool,
    notes: Vec<String>,
}

/// What was seen of one run, or how it was interrupted.
type OrCut<T> = Result<T, Exit>;

/// One run and its truth.
struct Seen {
    run: Run,
    gaps: Vec<crate::measure::sample::Gap>,
    ledger: Vec<LedgerLine>,
}

impl Seen {
    fn judged<T>(self, judge: impl FnOnce(Evidence<'_>) -> T) -> T {
        let analysis = analysis::analyse(&self.run);
        let Self { run, gaps, ledger } = self;
        let (paths, validity) = (&analysis.paths, &analysis.validity);
        judge(Evidence { run: &run, paths, validity, gaps, ledger: &ledger })
    }
}

impl Bench {
    fn new(args: &SelftestArgs) -> CommandResult<Self> {
        let ground = tempfile::Builder::new().prefix("hopmark-selftest-").tempdir();
        let ground = ground.context("cannot make a folder for the selftest's runs").or_world()?;
        Ok(Self { ground, began: Instant::now(), quiet: args.quiet, notes: Vec::new() })
    }

    /// The levels that were named, or the usual ones and on from there while the machine holds.
    fn levels(&mut self, args: &SelftestArgs) -> CommandResult<OrCut<Vec<Level>>> {
        let named = !args.streams.is_empty();
        let mut wanted = if named { args.streams.clone() } else { LEVELS.to_vec() };
        wanted.sort_unstable();
        wanted.dedup();
        let mut levels = Vec::new();
        for streams in wanted {
            match self.level(streams, PACE)? {
                Ok(level) => levels.push(level),
                Err(cut) => return Ok(Err(cut)),
            }
        }
        while !named && let Some(streams) = self.next(&levels) {
            match self.level(streams, PACE)? {
                Ok(level) => levels.push(level),
                Err(cut) => return Ok(Err(cut)),
            }
        }
        Ok(Ok(levels))
    }

    /// Twice as many streams, as long as the machine held all before and there is room and time.
    fn next(&mut self, levels: &[Level]) -> Option<u32> {
        let streams = levels.last().filter(|_| levels.iter().all(|level| level.holds))?.streams.saturating_mul(2);
        if Stage::streams(streams, PACE).files() > environment::most_open_files() {
            let files = environment::most_open_files();
            self.notes
                .push(format!("{streams} streams were not tried: this process may open {files} files (ulimit -Hn)"));
            return None;
        }
        if streams > MOST || self.began.elapsed() > BEGIN_WITHIN {
            self.notes
                .push(format!("{streams} streams were not tried: the selftest ends here; name them with --streams"));
            return None;
        }
        Some(streams)
    }

    fn level(&mut self, streams: u32, tokens_per_s: u32) -> CommandResult<OrCut<Level>> {
        let seen = self.carry_out(&Stage::streams(streams, tokens_per_s))?;
        Ok(seen.map(|seen| seen.judged(|evidence| level(streams, tokens_per_s, evidence))))
    }

    /// What pacing alone costs, as a share of one core.
    fn pacing(&self, stage: &Stage) -> CommandResult<f64> {
        pacing::cpu_cores(&self.plan(stage)?).or_world()
    }

    fn plan(&self, stage: &Stage) -> CommandResult<Plan> {
        let ground = self.ground.path();
        let scenario = ground.join("scenario.toml");
        std::fs::write(&scenario, stage.scenario()).context("cannot write the selftest's scenario").or_world()?;
        let profile = Profile::parse(&stage.profile(&scenario), &ground.join("profile.toml")).or_usage()?;
        Ok(Plan::resolve(profile, std::thread::available_parallelism().map_or(1, usize::from)))
    }

    /// Carries out one run against a simulator of its own, and fetches the truth.
    fn carry_out(&self, stage: &Stage) -> CommandResult<OrCut<Seen>> {
        if stage.files() > environment::most_open_files() {
            let error = anyhow!(
                "{} need {} open files, and this process may have {}; raise the hard limit (ulimit -Hn), or name fewer \
                 with --streams",
                stage.name(),
                stage.files(),
                environment::most_open_files()
            );
            return Err(Failure { exit: Exit::World, error });
        }
        if !self.quiet {
            console::tell(format_args!("measuring {}, {:.0} s", stage.name(), stage.lasts().as_secs_f64()));
        }
        let plan = self.plan(stage)?;
        let workload = Workload::load(&plan.workload, plan.seed).or_usage()?;
        let dir = self.ground.path().join("run");
        let options = RunOptions { out: Some(dir.clone()), skip_preflight: true, quiet: true, keep_gaps: true };
        let finished = carry_out(plan, workload, &options)?;
        let seen = evidence(finished);
        std::fs::remove_dir_all(&dir).context("cannot remove a run of the selftest").or_world()?;
        seen
    }
}

/// The run as its files tell it and the ledger of its simulator, which is fetched before that ends.
fn evidence(finished: FinishedRun) -> CommandResult<OrCut<Seen>> {
    if let Some((end, why)) = finished.cut {
        return match end {
            EarlyEnd::Interrupted | EarlyEnd::Terminated => {
                console::tell("error: the selftest was interrupted; nothing is concluded from a part of it");
                Ok(Err(end.into()))
            }
            EarlyEnd::AsAsked | EarlyEnd::Failing | EarlyEnd::SimulatorDied | EarlyEnd::Broken => {
                Err(Failure { exit: end.into(), error: anyhow!("a run of the selftest ended early: {why}") })
            }
        };
    }
    let run = store::load(&finished.dir).or_world()?;
    let simulator = finished.simulator.context("the selftest's simulator is gone").or_world()?;
    let sent = run.samples.iter().filter(|sample| sample.stamps.sent.is_some()).count();
    let ledger = fetch(&simulator, sent).or_world()?;
    Ok(Ok(Seen { run, gaps: finished.gaps, ledger }))
}

/// The whole ledger, as soon as it has a line for each of `calls`, or at last as it is: who lacks one is counted.
fn fetch(simulator: &SimulatorProcess, calls: usize) -> anyhow::Result<Vec<LedgerLine>> {
    let base = simulator.listeners.values().next().context("the selftest's simulator has no listener")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = async {
        let client = probe::control_client().map_err(|error| anyhow!(error))?;
        let until = Instant::now() + LEDGER_WITHIN;
        loop {
            let answer = client.get(format!("{base}/_sim/ledger")).send().await?.error_for_status()?;
            let dropped = answer.headers().get("x-sim-ledger-dropped").and_then(|count| count.to_str().ok());
            anyhow::ensure!(dropped == Some("0"), "the simulator's ledger was too small: it lost {dropped:?} records");
            let lines = ledger::parse(&answer.text().await?)?;
            if lines.len() >= calls || Instant::now() >= until {
                return Ok(lines);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    runtime.block_on(asked).context("cannot read the simulator's ledger")
}
