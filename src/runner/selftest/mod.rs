//! The runs of a selftest: against the bundled simulator whose truth is known, each level the way `hopmark run` would.

mod pacing;
mod stage;

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::analysis;
use crate::analysis::selftest::{Evidence, MANY_STREAMS, PACE, arrivals, bars, faithful, level};
use crate::console;
use crate::measure::ledger::{self, LedgerLine};
use crate::measure::sample::Gap;
use crate::measure::selftest::{ArrivalLevel, Level, Selftest};
use crate::plan::Plan;
use crate::probe;
use crate::profile::Profile;
use crate::run::Run;
use crate::runner::coordinator::Cut;
use crate::runner::environment;
use crate::runner::execution::{FinishedRun, RunOptions, carry_out};
use crate::runner::failure::{Failure, OrFailure, RunResult};
use crate::runner::selftest::stage::Stage;
use crate::runner::simulator_process::SimulatorProcess;
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

/// What a selftest measures.
#[derive(Clone, Debug, Default)]
pub(crate) struct SelftestOptions {
    /// Streams at once, a level for each; if none, the usual levels, and on while the machine holds.
    pub(crate) streams: Vec<u32>,
    /// Many slow streams as well.
    pub(crate) full: bool,
    /// Print no progress.
    pub(crate) quiet: bool,
}

/// Why a selftest has no result.
#[derive(Debug)]
pub(crate) enum Unfinished {
    /// A run of it could not be carried out.
    Failed(Failure),
    /// A run of it ended early; this is why.
    EndedEarly(Cut),
}

impl From<Failure> for Unfinished {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Measures the levels and judges them.
///
/// # Errors
/// When a run of it could not be carried out to its end.
pub(crate) fn measure(options: SelftestOptions) -> Result<Selftest, Unfinished> {
    let (named, full) = (!options.streams.is_empty(), options.full);
    let mut bench = Bench::new(options)?;
    let mut levels = bench.levels()?;
    let arriving = if named { None } else { Some(bench.arrivals()?) };
    if full {
        let (streams, pace) = MANY_STREAMS;
        levels.push(bench.level(streams, pace)?);
    }
    Ok(Selftest {
        schema_version: 1,
        measured_at: OffsetDateTime::now_utc().format(&Rfc3339).or_world()?,
        machine: environment::identity(),
        faithful: faithful(&levels),
        bars: bars(&levels, arriving.as_ref()),
        levels,
        arrivals: arriving,
        notes: bench.notes,
    })
}

/// Where levels are measured.
struct Bench {
    /// Holds the run directories; gone in the end.
    ground: tempfile::TempDir,
    began: Instant,
    options: SelftestOptions,
    notes: Vec<String>,
}

/// One run and its truth.
struct Measured {
    run: Run,
    gaps: Vec<Gap>,
    ledger: Vec<LedgerLine>,
}

impl Measured {
    fn judged<T>(self, judge: impl FnOnce(Evidence<'_>) -> T) -> T {
        let analysis = analysis::analyse(&self.run);
        let Self { run, gaps, ledger } = self;
        let (paths, validity) = (&analysis.paths, &analysis.validity);
        judge(Evidence { run: &run, paths, validity, gaps, ledger: &ledger })
    }
}

impl Bench {
    fn new(options: SelftestOptions) -> RunResult<Self> {
        let ground = tempfile::Builder::new().prefix("hopmark-selftest-").tempdir();
        let ground = ground.context("cannot make a folder for the selftest's runs").or_world()?;
        Ok(Self { ground, began: Instant::now(), options, notes: Vec::new() })
    }

    /// The levels that were named, or the usual ones and on from there while the machine holds.
    fn levels(&mut self) -> Result<Vec<Level>, Unfinished> {
        let named = !self.options.streams.is_empty();
        let mut wanted = if named { self.options.streams.clone() } else { LEVELS.to_vec() };
        wanted.sort_unstable();
        wanted.dedup();
        let mut levels = Vec::new();
        for streams in wanted {
            levels.push(self.level(streams, PACE)?);
        }
        while !named && let Some(streams) = self.next(&levels) {
            levels.push(self.level(streams, PACE)?);
        }
        Ok(levels)
    }

    /// Twice as many streams, as long as the machine held all before and there is room and time.
    fn next(&mut self, levels: &[Level]) -> Option<u32> {
        let streams = levels.last().filter(|_| levels.iter().all(|level| level.is_faithful))?.streams.saturating_mul(2);
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

    fn level(&mut self, streams: u32, tokens_per_s: u32) -> Result<Level, Unfinished> {
        let measured = self.carry_out(&Stage::streams(streams, tokens_per_s))?;
        Ok(measured.judged(|evidence| level(streams, tokens_per_s, evidence)))
    }

    /// How precisely calls leave, and what pacing alone costs.
    fn arrivals(&mut self) -> Result<ArrivalLevel, Unfinished> {
        let stage = Stage::arrivals(ARRIVALS);
        let pacing = pacing::cpu_cores(&self.plan(&stage)?).or_world()?;
        let measured = self.carry_out(&stage)?;
        Ok(measured.judged(|evidence| arrivals(ARRIVALS.into(), Some(pacing), evidence)))
    }

    fn plan(&self, stage: &Stage) -> RunResult<Plan> {
        let ground = self.ground.path();
        let scenario = ground.join("scenario.toml");
        std::fs::write(&scenario, stage.scenario()).context("cannot write the selftest's scenario").or_world()?;
        let profile = Profile::parse(&stage.profile(&scenario), &ground.join("profile.toml")).or_usage()?;
        Ok(Plan::resolve(profile, std::thread::available_parallelism().map_or(1, usize::from)))
    }

    /// Carries out one run against a simulator of its own, and fetches the truth.
    fn carry_out(&self, stage: &Stage) -> Result<Measured, Unfinished> {
        let files = environment::most_open_files();
        if stage.files() > files {
            let error = anyhow!(
                "{} need {} open files, and this process may have {files}; raise the hard limit (ulimit -Hn), or name \
                 fewer with --streams",
                stage.name(),
                stage.files()
            );
            return Err(Failure::World(error).into());
        }
        if !self.options.quiet {
            console::tell(format_args!("measuring {}, {:.0} s", stage.name(), stage.lasts().as_secs_f64()));
        }
        let plan = self.plan(stage)?;
        let workload = Workload::load(&plan.workload, plan.seed).or_usage()?;
        let dir = self.ground.path().join("run");
        let options = RunOptions { out: Some(dir.clone()), skip_preflight: true, quiet: true, keep_gaps: true };
        let measured = read(carry_out(plan, workload, &options)?);
        std::fs::remove_dir_all(&dir).context("cannot remove a run of the selftest").or_world()?;
        measured
    }
}

/// The run as its files tell it and the ledger of its simulator, which is fetched before that ends.
fn read(finished: FinishedRun) -> Result<Measured, Unfinished> {
    if let Some(cut) = finished.cut {
        return Err(Unfinished::EndedEarly(cut));
    }
    let run = store::load(&finished.dir).or_world()?;
    let simulator = finished.simulator.context("the selftest's simulator is gone").or_world()?;
    let sent = run.samples.iter().filter(|sample| sample.stamps.sent.is_some()).count();
    let ledger = fetch(&simulator, sent).or_world()?;
    Ok(Measured { run, gaps: finished.gaps, ledger })
}

/// The whole ledger, as soon as it has a line for each of `calls`, or at last as it is: who lacks one is counted.
fn fetch(simulator: &SimulatorProcess, calls: usize) -> anyhow::Result<Vec<LedgerLine>> {
    let base = simulator.listeners.values().next().context("the selftest's simulator has no listener")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = async {
        let client = simulator.control_client()?;
        let until = Instant::now() + LEDGER_WITHIN;
        loop {
            let answer = client
                .get(format!("{base}/_sim/ledger"))
                .header("api-key", simulator.key.reveal())
                .send()
                .await?
                .error_for_status()?;
            let dropped = answer.headers().get("x-sim-ledger-dropped").and_then(|count| count.to_str().ok());
            anyhow::ensure!(dropped == Some("0"), "the simulator's ledger was too small: it lost {dropped:?} records");
            let lines = ledger::parse(&probe::whole(answer).await?)?;
            if lines.len() >= calls || Instant::now() >= until {
                return Ok(lines);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    runtime.block_on(asked).context("cannot read the simulator's ledger")
}
