//! What the files of a run may say, as far as its manifest tells: a run directory may come from anybody, and what no run
//! can have measured is refused before anything is made of it.

use std::time::Duration;

use crate::limits::Limit;
use crate::path::NetPath;
use crate::plan::Plan;
use crate::run::{Ending, Manifest, RowSample};
use crate::units::{Nanos, PathId};

/// The largest whole number in a row: floating point holds every one up to here.
pub(crate) const MOST_WHOLE: u64 = 1 << 53;

/// The largest count: sums of as many as there can be still fit.
pub(crate) const MOST_COUNT: u64 = 1 << 40;

/// The largest number with decimals.
pub(crate) const MOST_NUMBER: f64 = 1e12;

/// How long before its start and after its last call should have ended a run may still have stamps.
const AROUND: Duration = Duration::from_secs(6 * 3_600);

/// The longest that a call is waited for, where its timeout says more.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The latest instant at which a run can start on the monotonic clock: 146 years after the machine did.
const LATEST_ORIGIN: Nanos = Nanos(1 << 62);

/// When anything of a run can have happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The earliest instant.
    pub(crate) earliest: Nanos,
    /// The latest instant.
    pub(crate) latest: Nanos,
    /// The same in seconds from the run's start.
    pub(crate) last_second: u64,
}

impl Bounds {
    /// Of the runs of this plan. `origin` is the run's start.
    pub(crate) fn of(plan: &Plan, origin: Nanos) -> Self {
        let longest = plan.paths.iter().map(|path| path.timeouts.total.0).max().unwrap_or_default();
        let after = plan.measure_until() + longest.min(DAY) + AROUND;
        Self {
            earliest: Nanos(origin.0.saturating_sub(AROUND.as_nanos() as u64)),
            latest: Nanos(origin.0.saturating_add(after.as_nanos() as u64)),
            last_second: after.as_secs(),
        }
    }

    /// Whether an instant lies within them.
    pub(crate) fn hold(&self, at: Nanos) -> bool {
        (self.earliest..=self.latest).contains(&at)
    }
}

/// A rule that a manifest breaks.
pub(crate) struct Broken {
    /// The key, from the top of the document.
    pub(crate) key: String,
    /// What it takes.
    pub(crate) takes: String,
}

/// Holds a manifest against what a run can have.
///
/// # Errors
/// The first key that says something else.
pub(crate) fn check(manifest: &Manifest) -> Result<(), Broken> {
    let plan = &manifest.plan;
    rule(manifest.origin <= LATEST_ORIGIN, "origin", || format!("nanoseconds up to {}", LATEST_ORIGIN.0))?;
    let most = Limit::RunPaths.most();
    rule((1..=most).contains(&plan.paths.len()), "plan.paths", || format!("a list of 1 to {most} paths"))?;
    plan.paths.iter().enumerate().try_for_each(|(place, path)| check_path(place, path, plan))?;
    for (key, path) in [("plan.baseline", Some(plan.baseline)), ("plan.twin", plan.control_path)] {
        let is_one = |path: PathId| path.index() < plan.paths.len();
        rule(path.is_none_or(is_one), key, || format!("the place of a path, from 0 to {}", plan.paths.len() - 1))?;
    }
    number("plan.limits.cost", plan.limits.cost)?;
    number("plan.prices.input", plan.prices.as_ref().map(|prices| prices.input))?;
    number("plan.prices.output", plan.prices.as_ref().map(|prices| prices.output))?;
    manifest.rows.as_ref().map_or(Ok(()), check_rows)?;
    manifest.ending.as_ref().map_or(Ok(()), |ending| check_ending(ending, plan))
}

fn check_path(place: usize, path: &NetPath, plan: &Plan) -> Result<(), Broken> {
    let key = |key: &str| format!("plan.paths[{place}].{key}");
    rule(path.id.index() == place, &key("id"), || format!("{place}, its place in the list"))?;
    let most = Limit::RunText.most();
    let is_name = !path.name.trim().is_empty() && path.name.len() <= most;
    rule(is_name, &key("name"), || format!("a name of at most {most} bytes"))?;
    let is_new = plan.paths[..place].iter().all(|other| other.name != path.name);
    rule(is_new, &key("name"), || "a name that no other path has".to_owned())
}

fn check_rows(rows: &RowSample) -> Result<(), Broken> {
    share("rows.share", rows.share)?;
    rule(rows.below <= 1 << 32, "rows.below", || "a number out of 2^32".to_owned())?;
    count("rows.from", rows.from)?;
    count("rows.kept", rows.kept)?;
    count("rows.seen", rows.calls)
}

fn check_ending(ending: &Ending, plan: &Plan) -> Result<(), Broken> {
    let longest = plan.load.duration.0 + AROUND;
    let fits = |seconds: f64| (0.0..=longest.as_secs_f64()).contains(&seconds);
    let takes = || format!("seconds from 0 to {:.0}", longest.as_secs_f64());
    rule(fits(ending.measured_s), "ending.measured_s", takes)?;
    number("ending.drain_s", Some(ending.drain_s))?;
    number("ending.peak_rss_mib", ending.peak_rss_mib)?;
    number("ending.cpu_s", ending.cpu_s)?;
    number("ending.aborted_by.at_s", ending.aborted_by.as_ref().map(|aborted| aborted.at_s))?;
    count("ending.rows_lost", ending.rows_lost)?;
    let paths = plan.paths.len();
    rule(ending.planned.len() == paths, "ending.planned", || format!("a count for each of the {paths} paths"))?;
    ending.planned.iter().try_for_each(|planned| count("ending.planned", *planned))
}

fn count(key: &str, found: u64) -> Result<(), Broken> {
    rule(found <= MOST_COUNT, key, || format!("a count up to {MOST_COUNT}"))
}

fn share(key: &str, found: f64) -> Result<(), Broken> {
    rule((0.0..=1.0).contains(&found), key, || "a share from 0 to 1".to_owned())
}

fn number(key: &str, found: Option<f64>) -> Result<(), Broken> {
    let fits = |found| (0.0..=MOST_NUMBER).contains(&found);
    rule(found.is_none_or(fits), key, || format!("a number from 0 to {MOST_NUMBER}"))
}

fn rule(holds: bool, key: &str, takes: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { key: key.to_owned(), takes: takes() }) }
}
