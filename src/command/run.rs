//! `hopmark run`: from a plan to a run directory and a verdict.

use anyhow::anyhow;

use crate::analysis::{Analysis, analyse};
use crate::cli::{self, Length};
use crate::command::exit::{CommandResult, Exit, Failure, OrFailure};
use crate::console::{self, Undelivered};
use crate::plan::Plan;
use crate::profile::Profile;
use crate::profile::document::Assumed;
use crate::report::glance::glance;
use crate::report::sizing::Sizing;
use crate::report::{self, Format, addresses, json, sizing};
use crate::run::Run;
use crate::runner::dry_run;
use crate::runner::execution::{FinishedRun, RunOptions, carry_out, resolve};
use crate::runner::signals;
use crate::runner::sized::{self, SizedFor};
use crate::store;
use crate::workload::Workload;

/// Carries out `hopmark run`.
///
/// # Errors
/// A [`Failure`] with its exit code; what was measured until then is on disk.
pub fn run(args: cli::Run) -> CommandResult {
    let profile = Profile::open(&args.source, &args.overrides).or_usage()?;
    profile.check_consistent().or_usage()?;
    let assumed = profile.sizing;
    let (mut plan, workload) = resolve(profile)?;
    let size_from = args.flags.size_from.as_deref();
    let sized_for = lengthen(&mut plan, &workload, &args, assumed)?;
    if args.flags.dry_run {
        let mut spread = dry_run::spread(assumed, size_from)?;
        if sized_for.is_some() {
            spread = spread.with_median();
        }
        return dry_run(&plan, &dry_run::size(&plan, &workload, spread, sized_for.as_ref()), args.flags.json);
    }
    if !args.flags.quiet {
        say_what_is_short(&plan, &workload);
    }
    let options = RunOptions {
        out: args.out.clone(),
        skip_preflight: args.flags.skip_preflight,
        quiet: args.flags.quiet,
        keep_gaps: false,
    };
    let mut finished = carry_out(plan, workload, &options)?;
    drop(finished.simulator.take());
    conclude(&finished, &args)
}

/// Gives the plan the time that the flags ask for, and says how long that is.
fn lengthen(
    plan: &mut Plan,
    workload: &Workload,
    args: &cli::Run,
    assumed: Option<Assumed>,
) -> Result<Option<SizedFor>, Failure> {
    let flags = &args.flags;
    match args.length {
        Length::AsWritten | Length::ForObjectives if flags.size_from.is_some() && !flags.dry_run => {
            Err(anyhow!("--size-from needs --for SHIFT or --dry-run")).or_usage()
        }
        Length::AsWritten => Ok(None),
        Length::ForObjectives => {
            sized::for_objectives(plan, workload);
            Ok(None)
        }
        Length::ForShift(shift) => {
            let spread = dry_run::spread(assumed, flags.size_from.as_deref())?.with_median();
            let sized = sized::for_shift(plan, workload, &spread, shift)?;
            let size = dry_run::size(plan, workload, spread, Some(&sized));
            dry_run::check_limits(plan, &size)?;
            if !flags.quiet && !flags.dry_run {
                console::tell(sizing::sized_for(&size, plan.load.duration));
            }
            Ok(Some(sized))
        }
    }
}

/// Says before anything is sent which objectives the plan cannot decide; the same expression on several paths once.
fn say_what_is_short(plan: &Plan, workload: &Workload) {
    let mut said: Vec<String> = Vec::new();
    for (need, remedy) in sized::needs_with_remedies(plan, workload) {
        if need.is_short() && !said.contains(&need.label) {
            console::tell(format_args!("note: {}", sizing::shortage(&need, remedy.as_deref())));
            said.push(need.label);
        }
    }
}

/// Says what the plan comes to: for people, or with `--json` the plan and its size.
fn dry_run(plan: &Plan, size: &Sizing, as_json: bool) -> CommandResult {
    if !as_json {
        console::say(&console::harmless(&sizing::text(size, &addresses::text(plan)))).or_world()?;
        return Ok(Exit::Met);
    }
    let mut document = serde_json::to_value(plan).or_world()?;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("calls".to_owned(), addresses::json(plan));
        fields.insert("sizing".to_owned(), sizing::json(size));
    }
    console::show(&console::harmless(&serde_json::to_string_pretty(&document).or_world()?)).or_world()?;
    Ok(Exit::Met)
}

/// Judges and renders the run from its files.
fn conclude(finished: &FinishedRun, args: &cli::Run) -> CommandResult {
    let early = finished.cut.as_ref().map(Exit::from);
    if let (Some(exit), Some(cut)) = (early, &finished.cut) {
        let word = if exit == Exit::Met { "note" } else { "error" };
        let (why, dir) = (cut.reason(), finished.dir.display());
        console::tell(format_args!("{word}: the run ended early: {why}; what was measured is in {dir}"));
    }
    end_on_signal();
    match (early, judge(finished, args)) {
        // Their reasons stand in the files, which may come to something graver.
        (Some(Exit::Met | Exit::Missed | Exit::Invalid) | None, judged) => judged,
        // Why it ended is the answer, unless the files could not be written: 1 stands before an interrupt.
        (Some(early), Err(failure)) if is_reader_gone(&failure) => Ok(early),
        (Some(early), Ok(_)) => Ok(early),
        (Some(_), judged) => judged,
    }
}

/// Whether nothing is wrong but that whoever read standard output has ended, as on Ctrl-C in a pipeline.
fn is_reader_gone(failure: &Failure) -> bool {
    matches!(failure.error().downcast_ref(), Some(Undelivered::ReaderGone))
}

/// From now on a signal ends this process at once: everything measured is on disk, and files are written whole.
fn end_on_signal() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let signal = runtime.map(|runtime| runtime.block_on(signals::wait_for_stop()));
        if let Ok(Some(signal)) = signal {
            std::process::exit(Exit::from(signal).code().into());
        }
    });
}

fn judge(finished: &FinishedRun, args: &cli::Run) -> CommandResult {
    let run = store::load(&finished.dir).or_world()?;
    let analysis = analyse(&run);
    // What cannot be written keeps nothing else from being written, nor the summary from being shown.
    let series = report::series::render(&run);
    let series = store::file::write_whole(&finished.dir.join(store::file::SERIES), series.as_bytes()).or_world();
    let written = report::write(&run, &analysis, &Format::OF_A_RUN, &finished.dir).or_world();
    let told = tell(&run, &analysis, finished, args.flags.json).or_world();
    series.and(written).and(told)?;
    Ok(Exit::of(analysis.conclusion, args.flags.strict))
}

/// Prints what the run comes to.
fn tell(run: &Run, analysis: &Analysis, finished: &FinishedRun, as_json: bool) -> Result<(), Undelivered> {
    if as_json {
        console::deliver(&String::from_utf8_lossy(&json::render(run, analysis)))?;
        console::tell(format_args!("written: {}", finished.dir.join("").display()));
        return Ok(());
    }
    let page = finished.dir.join(store::file::REPORT).display().to_string();
    // The run directory is what was asked for, and it is there.
    if let Err(refused) = console::show(&glance(run, analysis, &[format!("report: {page}")])) {
        console::tell(format_args!("warning: {refused}; the summary is in {page}"));
    }
    Ok(())
}
