//! A profile: what the user wrote, with the flags laid over it, read once and trusted from then on.
//!
//! Every mistake that can be seen without sending a packet is found here and said with its file and line.

pub(crate) mod address;
pub(crate) mod at;
pub(crate) mod auth;
pub(crate) mod control;
pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod flags;
pub mod foundry;
pub(crate) mod load;
pub(crate) mod objectives;
pub(crate) mod paths;
pub(crate) mod placeholder;
pub(crate) mod places;
pub(crate) mod reader;
pub(crate) mod request;
pub mod source;
pub(crate) mod tree;
pub(crate) mod workload;

use std::path::{Path, PathBuf};

use crate::limits::Limit;
use crate::measure::prices::Prices;
use crate::objective::margin::Margin;
use crate::objective::objective::{Expectation, Objective};
use crate::objective::precision::Precision;
use crate::path::NetPath;
use crate::profile::source::{Override, ProfileSource};
use crate::schedule::load::{Limits, LoadPlan};
use crate::text_file;
use crate::units::{PathId, Span};
use crate::workload::spec::{WorkloadPlan, WorkloadSource};
use at::{At, Base};
use document::{Assumed, Document, MOST_PATHS, Simulator};
use error::Wrong;
use objectives::Paths;
use paths::{Asked, PathSection};
use tree::Node;

pub use error::ProfileError;

/// The built-in quickstart.
pub const QUICKSTART: &str = include_str!("../../profiles/quickstart.toml");

/// The profile that `hopmark init` writes.
pub const OWN_ENDPOINTS: &str = include_str!("../../profiles/own-endpoints.toml");

/// The profile that `hopmark init --azure` writes.
pub const OWN_AZURE: &str = include_str!("../../profiles/own-azure.toml");

/// The schema of a profile, as JSON; a profile itself is TOML.
#[must_use]
pub fn schema() -> String {
    crate::schema::text(&document::document_schema())
}

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
    /// A placeholder of a bundled profile that was left in it, and the file.
    unfilled: Option<(PathBuf, Wrong)>,
    /// What makes every run of it invalid, and the file.
    contradiction: Option<(PathBuf, Wrong)>,
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
                let text = text_file::read(file, Limit::SmallFile);
                let text = text.map_err(|source| ProfileError::Read { file: file.clone(), source })?;
                Self::parse_with(&text, file, overrides)
            }
            ProfileSource::Paths(line) => {
                let file = Path::new("--path");
                let tree = flags::tree(line).map_err(|wrong| ProfileError::Wrong { file: file.to_owned(), wrong })?;
                Self::from_tree(tree, file, overrides)
            }
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
            .and_then(|()| foundry::as_path::lay(&mut tree, folder))
            .and_then(|()| Self::read(&tree, (file, folder), stem))
            .map_err(|wrong| ProfileError::Wrong { file: file.to_owned(), wrong })
    }

    /// Whether everything that a bundled profile leaves to be filled in has been.
    ///
    /// # Errors
    /// The first placeholder that was not replaced, with its place.
    pub fn check_filled(&self) -> Result<(), ProfileError> {
        refuse(self.unfilled.as_ref())
    }

    /// Whether a run of it can be valid.
    ///
    /// # Errors
    /// The first address that it gives and that is none of those that its path declares, with its place.
    pub fn check_consistent(&self) -> Result<(), ProfileError> {
        refuse(self.contradiction.as_ref())
    }

    fn read(tree: &Node, (file, folder): (&Path, &Path), stem: &str) -> Result<Self, Wrong> {
        let schema = document::document_schema();
        let base = Base { schema: schema.as_value(), folder };
        let top = At::top(tree, &base);
        let document: Document = top.read()?;
        let section = |name: &str| top.get(name).unwrap_or_else(|| top.clone());
        let scenario = document.simulator.map(|simulator| scenario_of(&section("simulator"), simulator)).transpose()?;
        let workload = workload::resolve(&section("workload"), document.workload)?;
        let apis = workload.api.iter().filter(|(_, weight)| **weight > 0.0).map(|(api, _)| *api).collect();
        let asked = Asked { model: &workload.model, apis, simulated: scenario.is_some() };
        let paths = resolve_paths(&top, document.path, &asked)?;
        let each = top.items("path");
        let contradiction = each.iter().zip(&paths).find_map(|(at, path)| control::contradiction(at, path));
        let baseline = baseline_of(&top, document.baseline.as_deref(), &paths)?;
        let named = Paths { all: &paths, baseline };
        let has_trace = matches!(workload.source, WorkloadSource::Trace { .. });
        if document.limits.cost.is_some() && document.prices.is_none() {
            let rule = "'limits.cost' needs prices: add [prices] with input and output for a million tokens";
            return Err(section("limits").rule("cost", rule));
        }
        if document.sizing.as_ref().is_some_and(|sizing| sizing.ttft == Some(Span::default())) {
            return Err(section("sizing").wrong("ttft", "a time above 0"));
        }
        check_workers(&top, document.workers, &paths)?;
        let precision = document.load.precision.clone();
        let load = load::resolve(&section("load"), document.load, has_trace)?;
        let calls = load.planned_calls(paths.len()).unwrap_or(0.0);
        Limit::PlannedCalls.check(calls as usize).map_err(|why| {
            section("load").rule("rate", format!("{why}: lower 'rate', or shorten 'warmup' and 'duration'"))
        })?;
        Ok(Self {
            name: document.name.map_or_else(|| name_of(stem), |name| name.0),
            seed: document.seed,
            workers: document.workers,
            baseline,
            scenario,
            precision,
            load,
            limits: document.limits,
            sizing: document.sizing,
            objectives: objectives::objectives(&top, document.objective, document.rules, named)?,
            expectations: objectives::expectations(&top, document.expectation, document.expectations, named)?,
            prices: document.prices,
            margins: document.compare.margins,
            noise_floor: document.compare.noise_floor,
            workload,
            paths,
            contradiction: contradiction.map(|wrong| (file.to_owned(), wrong)),
            unfilled: placeholder::first(&top).map(|wrong| (file.to_owned(), wrong)),
        })
    }
}

fn refuse(found: Option<&(PathBuf, Wrong)>) -> Result<(), ProfileError> {
    match found {
        Some((file, wrong)) => Err(ProfileError::Wrong { file: file.clone(), wrong: wrong.clone() }),
        None => Ok(()),
    }
}

/// The most workers that a run over these paths can have: a connection belongs to one of them.
#[must_use]
pub(crate) fn most_workers(paths: &[NetPath]) -> Option<usize> {
    paths.iter().filter_map(|path| path.http.most_workers(path.connections)).min()
}

/// A file's name, fit for the name of a profile.
fn name_of(stem: &str) -> String {
    stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn check_workers(top: &At<'_>, workers: Option<usize>, paths: &[NetPath]) -> Result<(), Wrong> {
    if workers.zip(most_workers(paths)).is_some_and(|(workers, most)| workers > most) {
        let rule = "there are more workers than connections.max of a path over HTTP/2, and each needs a connection of \
                    its own; lower 'workers', leave it out, or raise 'max'";
        return Err(top.rule("workers", rule));
    }
    Ok(())
}

/// A scenario's name, or a file's path where it looks like one.
fn scenario_of(at: &At<'_>, Simulator { scenario }: Simulator) -> Result<String, Wrong> {
    if scenario.contains('/') || scenario.ends_with(".toml") {
        return Ok(at.file("scenario", scenario.as_ref())?.display().to_string());
    }
    Ok(scenario)
}

fn resolve_paths(top: &At<'_>, sections: Vec<PathSection>, asked: &Asked<'_>) -> Result<Vec<NetPath>, Wrong> {
    if sections.is_empty() {
        return Err(top.missing("path", "a run needs at least one [[path]] with name and base_url"));
    }
    if sections.len() > MOST_PATHS {
        let rule = format!("there are {} paths; at most {MOST_PATHS} are allowed", sections.len());
        return Err(top.rule("path", rule));
    }
    let mut paths: Vec<NetPath> = Vec::with_capacity(sections.len());
    for (id, (at, section)) in (0..).zip(top.items("path").iter().zip(sections)) {
        let path = paths::resolve(at, section, PathId(id), asked)?;
        if paths.iter().any(|other| other.name == path.name) {
            return Err(at.rule("name", format!("there are two paths named '{}'; names must differ", path.name)));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn baseline_of(top: &At<'_>, name: Option<&str>, paths: &[NetPath]) -> Result<PathId, Wrong> {
    let Some(name) = name else { return Ok(PathId(0)) };
    let found = paths.iter().find(|path| path.name == name).map(|path| path.id);
    found.ok_or_else(|| objectives::unknown_path(top, "baseline", paths, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A profile with one key of it set to a value.
    fn with(key: &str, value: &str) -> Result<Profile, String> {
        let base = "[simulator]\nscenario = \"three-paths\"\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\n\
                    input_tokens = 9\noutput_tokens = 9\n[load]\nrate = \"5/s\"\nduration = \"60s\"\n\
                    [[path]]\nname = \"a\"\nbase_url = \"https://h/v1\"\n";
        let set = Override { key: key.to_owned(), value: value.to_owned(), flag: "--set".to_owned() };
        Profile::parse_with(base, Path::new("p.toml"), &[set]).map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_key_has_a_hint() {
        for (key, hint) in [
            ("load.rtae", "unknown key 'load.rtae'; did you mean 'rate'?"),
            ("load.Duration", "did you mean 'duration'?"),
            ("path.a.url", "did you mean 'base_url'?"),
            ("load.concurency", "did you mean 'concurrency'?"),
            ("objectives", "did you mean 'objective'?"),
            ("path.a.auth.key", "auth = { kind = \"api-key\", env = \"NAME_OF_THE_VARIABLE\" }"),
            ("path.a.auth.client_secret", "a profile never holds a secret"),
            ("path.a.auth.API_KEY", "put it into an environment variable"),
            ("path.a.auth.key_fil", "did you mean 'key_file'?"),
            ("path.a.verify", "'verify' belongs in [path.tls]"),
            ("load.workers", "'workers' belongs in the top of the file"),
            ("limits.zzz", "the keys here are requests, tokens, cost, auth_failures, failure_share, failures_in_a_row"),
        ] {
            let message = with(key, "1").expect_err(key);
            assert!(message.contains(hint), "{message}");
        }
    }

    #[test]
    fn a_share_is_a_number_or_in_percent() {
        for (text, expected) in
            [("0.5", 0.5), ("\"50%\"", 0.5), ("\" 2.5 % \"", 0.025), ("1", 1.0), ("0", 0.0), ("\"0.25\"", 0.25)]
        {
            let limits = with("limits.failure_share", text).expect(text).limits;
            assert_eq!(limits.failure_share.0, expected, "{text}");
        }
        for text in ["1.1", "-0.1", "50", "\"150%\"", "\"half\"", "true", "nan", "\"nan\"", "[0.5]"] {
            let message = with("limits.failure_share", text).expect_err(text);
            assert!(message.contains("it takes a share such as \"50%\" or 0.5"), "{text}: {message}");
        }
    }

    #[test]
    fn values_are_checked_by_kind_and_bounds() {
        for (key, value, expected) in [
            ("load.kind", "\"opn\"", "'load.kind' is \"opn\"; it takes \"open\", \"closed\"; did you mean \"open\"?"),
            ("load.kind", "[]", "'load.kind' is a list; it takes \"open\", \"closed\""),
            ("load.rate", "5", "'load.rate' is 5; it takes a text in quotes such as \"20/s\""),
            ("load.warmup", "\"-1s\"", "'load.warmup' is \"-1s\"; it takes a time with its unit such as \"250us\""),
            ("load.warmup", "\"31000h\"", "at most 30 days"),
            ("load.max_in_flight", "0", "'load.max_in_flight' is 0; it takes a whole number from 1 up"),
            ("load.max_in_flight", "1.5", "'load.max_in_flight' is 1.5; it takes a whole number from 1 up"),
            ("workers", "2000", "'workers' is 2000; it takes a whole number from 1 to 1024"),
            ("seed", "99999999999999999999", "'seed' is 99999999999999999999; it takes a whole number from 0 up"),
            ("workload.time_scale", "nan", "'workload.time_scale' is NaN; it takes a number from 0.001 to 10000"),
            ("limits.cost", "0", "'limits.cost' is 0; it takes a number above 0"),
            ("prices", "{ input = 1 }", "'prices.output' is missing; give the price of a million tokens"),
            ("prices.input", "-1", "'prices.input' is -1; it takes a number from 0 up"),
            ("compare.noise_floor", "1", "'compare.noise_floor' is 1; it takes true or false"),
            ("compare", "1", "'compare' is 1; it takes a table"),
            ("path.a.auth", "{}", "'path.a.auth.kind' is missing; it is \"api-key\", \"bearer\""),
            ("path.a.auth.kind", "\"s3cret\"", "'path.a.auth.kind' is another text; it takes \"api-key\", \"bearer\""),
            ("path.a.tags", "\"x\"", "'path.a.tags' is \"x\"; it takes a list of texts in quotes such as [\"europe\""),
            ("path.a.tags", "[\" \"]", "'path.a.tags' is \" \"; it takes a list of texts in quotes"),
            ("objective", "3", "'objective' is 3; it takes a list; each begins with [[objective]]"),
            ("objective", "[{}]", "'objective.1.expr' is missing; such as \"ttft.p95 < 800ms\""),
            ("rules", "3", "'rules' is 3; it takes the name of a file, or a list of them"),
        ] {
            let message = with(key, value).expect_err(value);
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }
}
