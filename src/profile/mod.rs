//! A profile: what the user wrote, with the flags laid over it, read once and trusted from then on.
//!
//! Every mistake that can be seen without sending a packet is found here and said with its file and line.

pub(crate) mod error;
pub mod fields;
pub(crate) mod flags;
pub(crate) mod load;
pub(crate) mod objectives;
pub(crate) mod paths;
pub(crate) mod prices;
pub(crate) mod sizing;
pub mod source;
pub(crate) mod tree;
pub(crate) mod workload;

use std::path::Path;

use crate::measure::prices::Prices;
use crate::objective::margin::Margin;
use crate::objective::objective::{Expectation, Objective};
use crate::objective::precision::Precision;
use crate::path::NetPath;
use crate::profile::source::{Override, ProfileSource};
use crate::schedule::load::{Limits, LoadPlan};
use crate::text_file;
use crate::units::PathId;
use crate::workload::spec::{WorkloadPlan, WorkloadSource};
use error::Wrong;
use fields::Fields;
use sizing::Assumed;
use tree::Node;

pub use error::ProfileError;

/// The built-in quickstart.
pub const QUICKSTART: &str = include_str!("../../profiles/quickstart.toml");

/// The profile that `hopmark init` writes.
pub const OWN_ENDPOINTS: &str = include_str!("../../profiles/own-endpoints.toml");

/// The most paths that one profile may have.
const MOST_PATHS: usize = 64;

/// What the user wrote, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name, fit for a file name.
    pub name: String,
    /// The seed; without one a plan takes the default.
    pub seed: Option<u64>,
    /// Worker threads; without a number the cores that the process may use.
    pub workers: Option<usize>,
    /// The path against which the others are compared.
    pub baseline: PathId,
    /// The scenario of the bundled simulator: a name, or a file.
    pub scenario: Option<String>,
    /// What is asked.
    pub workload: WorkloadPlan,
    /// When.
    pub load: LoadPlan,
    /// How much slower a path may be than the baseline.
    pub margins: Vec<Margin>,
    /// Whether the baseline's path is measured twice.
    pub noise_floor: bool,
    /// Where to stop before it hurts.
    pub limits: Limits,
    /// The ways to the model, at least one.
    pub paths: Vec<NetPath>,
    /// What must hold.
    pub objectives: Vec<Objective>,
    /// What was claimed.
    pub expectations: Vec<Expectation>,
    /// What tokens cost.
    pub prices: Option<Prices>,
    /// How narrow intervals must become before the run may stop.
    pub precision: Option<Precision>,
    /// What is assumed of the times when a run is sized.
    pub sizing: Option<Assumed>,
}

impl Profile {
    /// Reads the profile that a run names, with its flags laid over it.
    ///
    /// # Errors
    /// When the file cannot be read or anything in it, or in a flag, is wrong.
    pub fn open(source: &ProfileSource, overrides: &[Override]) -> Result<Self, ProfileError> {
        match source {
            ProfileSource::Quickstart => Self::parse_with(QUICKSTART, Path::new("quickstart.toml"), overrides),
            ProfileSource::File(file) => {
                let text = text_file::read(file);
                let text = text.map_err(|source| ProfileError::Read { file: file.clone(), source })?;
                Self::parse_with(&text, file, overrides)
            }
            ProfileSource::Paths(line) => Self::from_tree(flags::tree(line), Path::new("--path"), overrides),
        }
    }

    /// Reads a profile. Relative paths in it count from the folder of `file`, which messages name.
    ///
    /// # Errors
    /// When anything in it is wrong.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ProfileError> {
        Self::parse_with(text, file, &[])
    }

    /// Reads a profile with flags laid over it.
    ///
    /// # Errors
    /// When anything in it, or in a flag, is wrong.
    pub fn parse_with(text: &str, file: &Path, overrides: &[Override]) -> Result<Self, ProfileError> {
        let tree = tree::parse(text).map_err(|wrong| ProfileError::Wrong { file: file.to_owned(), wrong })?;
        Self::from_tree(tree, file, overrides)
    }

    fn from_tree(mut tree: Node, file: &Path, overrides: &[Override]) -> Result<Self, ProfileError> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let set = |tree: &mut Node| overrides.iter().try_for_each(|o| tree::set(tree, &o.key, &o.value, &o.flag));
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        set(&mut tree)
            .and_then(|()| Self::read(&tree, folder, stem))
            .map_err(|wrong| ProfileError::Wrong { file: file.to_owned(), wrong })
    }

    fn read(tree: &Node, folder: &Path, stem: &str) -> Result<Self, Wrong> {
        let fields = Fields::new(tree, "", "", folder)?;
        let scenario = read_scenario(&fields)?;
        let paths = read_paths(&fields, scenario.is_some())?;
        let section = |name: &str, begin: &str| {
            fields.table(name, name)?.ok_or_else(|| fields.missing(name, format!("add the section [{name}], {begin}")))
        };
        let workload = workload::read(&section("workload", "which says what is asked")?)?;
        let load = section("load", "which says when calls start")?;
        let baseline = read_baseline(&fields, &paths)?;
        let held = objectives::Paths { all: &paths, baseline };
        let objectives = objectives::read_objectives(&fields, held)?;
        let expectations = objectives::read_expectations(&fields, held)?;
        let prices = prices::read(fields.table("prices", "prices")?.as_ref())?;
        let limits = fields.table("limits", "limits")?;
        prices::needed(limits.as_ref(), prices.as_ref())?;
        let has_trace = matches!(workload.source, WorkloadSource::Trace { .. });
        let compare = fields.table("compare", "compare")?;
        Ok(Self {
            name: read_name(&fields, stem)?,
            seed: fields.count("seed", 0)?,
            workers: read_workers(&fields, &paths)?,
            baseline,
            scenario,
            precision: load::read_precision(&load)?,
            load: load::read(&load, has_trace)?,
            limits: load::read_limits(limits.as_ref())?,
            sizing: sizing::read(fields.table("sizing", "sizing")?.as_ref())?,
            objectives,
            expectations,
            prices,
            margins: read_margins(compare.as_ref())?,
            noise_floor: compare.as_ref().map_or(Ok(None), |compare| compare.flag("noise_floor"))?.unwrap_or(false),
            workload,
            paths,
        })
    }
}

/// The most workers that a run over these paths can have: a connection belongs to one of them.
#[must_use]
pub(crate) fn most_workers(paths: &[NetPath]) -> Option<usize> {
    paths.iter().filter_map(|path| path.http.most_workers(path.connections)).min()
}

/// The profile's name; without one, the file's.
fn read_name(fields: &Fields<'_>, stem: &str) -> Result<String, Wrong> {
    paths::check_name(fields, "name")?;
    let from_file = || stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(fields.text("name")?.map_or_else(from_file, str::to_owned))
}

fn read_workers(fields: &Fields<'_>, paths: &[NetPath]) -> Result<Option<usize>, Wrong> {
    match fields.count("workers", 1)? {
        Some(workers) if most_workers(paths).is_some_and(|most| workers > most as u64) => {
            let rule = "there are more workers than connections.max of a path over HTTP/2, and each needs a connection \
                        of its own; lower 'workers', leave it out, or raise 'max'";
            Err(fields.rule("workers", rule))
        }
        Some(workers) if workers > 1024 => Err(fields.wrong("workers", "a whole number from 1 to 1024")),
        workers => Ok(workers.map(|workers| workers as usize)),
    }
}

/// A scenario's name, or a file's path where it looks like one.
fn read_scenario(fields: &Fields<'_>) -> Result<Option<String>, Wrong> {
    let Some(simulator) = fields.table("simulator", "simulator")? else { return Ok(None) };
    let scenario = simulator.text("scenario")?;
    let name = scenario.ok_or_else(|| simulator.missing("scenario", "such as \"three-paths\" or a file"))?;
    if name.contains('/') || name.ends_with(".toml") {
        Ok(simulator.file("scenario")?.map(|file| file.display().to_string()))
    } else {
        Ok(Some(name.to_owned()))
    }
}

fn read_paths(fields: &Fields<'_>, simulated: bool) -> Result<Vec<NetPath>, Wrong> {
    let nodes = fields.list("path")?;
    if nodes.is_empty() {
        return Err(fields.missing("path", "a run needs at least one [[path]] with name and base_url"));
    }
    if nodes.len() > MOST_PATHS {
        return Err(fields.rule("path", format!("there are {} paths; at most {MOST_PATHS} are allowed", nodes.len())));
    }
    let mut paths: Vec<NetPath> = Vec::with_capacity(nodes.len());
    for (id, node) in (0..).zip(nodes) {
        let section = Fields::new(node, "path", &path_label(node, id), fields.folder())?;
        let path = paths::read(&section, PathId(id), simulated)?;
        if paths.iter().any(|other| other.name == path.name) {
            return Err(section.rule("name", format!("there are two paths named '{}'; names must differ", path.name)));
        }
        paths.push(path);
    }
    Ok(paths)
}

/// How messages name a path: by its name, or its number while it has none.
fn path_label(node: &Node, id: u16) -> String {
    let by_number = || format!("path.{}", id + 1);
    let tree::Value::Table(table) = &node.value else { return by_number() };
    match table.get("name").map(|name| &name.value) {
        Some(tree::Value::Text(name)) if !name.trim().is_empty() => format!("path.{name}"),
        Some(_) | None => by_number(),
    }
}

fn read_baseline(fields: &Fields<'_>, paths: &[NetPath]) -> Result<PathId, Wrong> {
    match fields.text("baseline")? {
        None => Ok(PathId(0)),
        Some(name) => {
            let found = paths.iter().find(|path| path.name == name).map(|path| path.id);
            found.ok_or_else(|| fields::unknown_path(paths, name, fields.origin("baseline"), "baseline"))
        }
    }
}

/// The `[compare]` section's margins.
fn read_margins(compare: Option<&Fields<'_>>) -> Result<Vec<Margin>, Wrong> {
    let Some(compare) = compare else { return Ok(Vec::new()) };
    let parse =
        |text: &str| text.parse().map_err(|error| compare.rule("margins", format!("'compare.margins': {error}")));
    compare.texts("margins")?.into_iter().map(parse).collect()
}
