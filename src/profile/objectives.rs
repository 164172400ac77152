//! What must hold and what was claimed: `[[objective]]` and `[[expectation]]`, in the profile or in files that it
//! names with `rules` and `expectations`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::limits::Limit;
use crate::objective::expression::{Expression, Subject};
use crate::objective::objective::{CallCondition, Calls, Expectation, Objective, Severity, fits};
use crate::path::{NetPath, PathKind};
use crate::profile::at::At;
use crate::profile::error::{Origin, Wrong};
use crate::profile::tree::{self, Node};
use crate::spelling::suggestion;
use crate::units::{Api, PathId, Span};

/// The rules that come with this tool: thresholds of a service in operation.
pub(crate) const OPERATING: &str = include_str!("../../profiles/rules/operating.toml");

/// The claims that come with this tool: those of a design with a private endpoint in another region.
pub(crate) const CROSS_REGION: &str = include_str!("../../profiles/rules/cross-region.toml");

/// The names by which files that come with this tool are known.
const BUILTIN: [(&str, &str); 2] = [("builtin:operating", OPERATING), ("builtin:cross-region", CROSS_REGION)];

/// How long after measuring began a run may abort, where nothing is said.
const ABORT_AFTER: Span = Span::from_secs(30);

/// What must hold.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend(
    "if" = of_goodput("expr"), "then" = with_conditions(), "else" = {"not": with_conditions()},
    "dependentRequired" = {"abort_after": ["abort"]}
))]
pub(crate) struct ObjectiveSection {
    /// The path that it holds for; without one, every path.
    path: Option<String>,
    /// Every path of this kind.
    kind: Option<PathKind>,
    /// Every path with this tag.
    tag: Option<String>,
    /// Its name for people.
    name: Option<String>,
    /// Such as ttft.p95 < 800ms, error_rate < 1%, goodput >= 0.99, ttft.p95 < 1.10 * direct.ttft.p95, ttft.p95 -
    /// direct.ttft.p95 < 15ms or ttft.p95 over 1m < 800ms in 99%.
    expr: Expression,
    /// Calls through this API alone.
    api: Option<Api>,
    /// Streams alone, or other calls alone.
    stream: Option<bool>,
    /// What a call must keep to count in goodput.
    #[serde(default)]
    #[schemars(example = ["ttft < 800ms", "e2e < 5s"])]
    per_call: Vec<CallCondition>,
    /// critical: a miss ends the run with exit code 3; warning: it is told.
    #[serde(default)]
    severity: Severity,
    /// Stop the run as soon as it is surely missed.
    #[serde(default)]
    abort: bool,
    /// How long after measuring began the run may be stopped; default: 30s.
    abort_after: Option<Span>,
}

/// What was claimed.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("if" = of_goodput("slo"), "then" = with_conditions(), "else" = {"not": with_conditions()}))]
pub(crate) struct ExpectationSection {
    /// The claim in its own words.
    claim: String,
    /// Where it stands.
    reference: Option<String>,
    /// The path that it holds for; without one, every path.
    path: Option<String>,
    /// Every path of this kind.
    kind: Option<PathKind>,
    /// Every path with this tag.
    tag: Option<String>,
    /// The claim as an expression.
    slo: Expression,
    /// Calls through this API alone.
    api: Option<Api>,
    /// Streams alone, or other calls alone.
    stream: Option<bool>,
    /// What a call must keep to count in goodput.
    #[serde(default)]
    #[schemars(example = ["ttft < 800ms", "e2e < 5s"])]
    per_call: Vec<CallCondition>,
}

fn of_goodput(key: &str) -> Json {
    json!({"properties": {key: {"pattern": "^\\s*goodput"}}, "required": [key]})
}

fn with_conditions() -> Json {
    json!({"required": ["per_call"]})
}

/// The name of a file, or a list of them.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "it takes the name of a file, or a list of them")]
pub(crate) enum Files {
    #[default]
    None,
    One(#[schemars(extend("pattern" = "\\S"))] String),
    Many(Vec<String>),
}

impl Files {
    fn names(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::One(name) => vec![name],
            Self::Many(names) => names,
        }
    }
}

#[derive(Deserialize)]
struct RulesFile {
    objective: Vec<ObjectiveSection>,
}

#[derive(Deserialize)]
struct ExpectationsFile {
    expectation: Vec<ExpectationSection>,
}

/// The paths of which something is said.
#[derive(Clone, Copy)]
pub(crate) struct Paths<'p> {
    /// All of them.
    pub all: &'p [NetPath],
    /// The one against which the others are compared.
    pub baseline: PathId,
}

/// The objectives of a profile, then those of its rules files.
///
/// # Errors
/// When one of them is wrong.
pub(crate) fn objectives(
    at: &At<'_>,
    sections: Vec<ObjectiveSection>,
    files: Files,
    paths: Paths<'_>,
) -> Result<Vec<Objective>, Wrong> {
    let mut objectives = objectives_of(at, sections, paths, None)?;
    objectives.extend(from_files(at, "rules", files, |top, name| {
        objectives_of(top, top.read::<RulesFile>()?.objective, paths, Some(name))
    })?);
    Ok(objectives)
}

/// The claims of a profile, then those of its expectations files.
///
/// # Errors
/// When one of them is wrong.
pub(crate) fn expectations(
    at: &At<'_>,
    sections: Vec<ExpectationSection>,
    files: Files,
    paths: Paths<'_>,
) -> Result<Vec<Expectation>, Wrong> {
    let mut expectations = expectations_of(at, sections, paths, None)?;
    expectations.extend(from_files(at, "expectations", files, |top, name| {
        expectations_of(top, top.read::<ExpectationsFile>()?.expectation, paths, Some(name))
    })?);
    Ok(expectations)
}

/// Reads what the files of a key hold; a mistake in one has its name.
fn from_files<T>(
    at: &At<'_>,
    key: &str,
    files: Files,
    read: impl Fn(&At<'_>, &str) -> Result<Vec<T>, Wrong>,
) -> Result<Vec<T>, Wrong> {
    let mut all = Vec::new();
    for name in files.names() {
        let (name, text) = named(at, key, name)?;
        let read = |tree: &Node| read(&At::top(tree, at.base()), &name);
        all.extend(tree::parse(&text).and_then(|tree| read(&tree)).map_err(|wrong| match wrong.origin {
            Origin::Line(line) => Wrong { origin: Origin::File(Box::new((PathBuf::from(&name), line))), ..wrong },
            Origin::Flag(_) | Origin::File(..) => Wrong { origin: at.origin(key), ..wrong },
        })?);
    }
    Ok(all)
}

/// The name of a file, as messages say it, and its text.
fn named(at: &At<'_>, key: &str, name: String) -> Result<(String, String), Wrong> {
    if name.starts_with("builtin:") {
        let found = BUILTIN.iter().find(|(known, _)| *known == name);
        let names = BUILTIN.map(|(known, _)| known).join(", ");
        let none = || at.rule(key, format!("'{key}': there is no '{name}'; there are {names}"));
        let text = found.map(|(_, text)| (*text).to_owned()).ok_or_else(none)?;
        return Ok((name, text));
    }
    let path = at.base().folder.join(name);
    let refused = |error| {
        let hint = "paths are relative to the profile's folder";
        at.rule(key, format!("'{key}': cannot read {}: {error}; {hint}", path.display()))
    };
    Ok((path.display().to_string(), crate::text_file::read(&path, Limit::SmallFile).map_err(refused)?))
}

fn objectives_of(
    at: &At<'_>,
    sections: Vec<ObjectiveSection>,
    paths: Paths<'_>,
    file: Option<&str>,
) -> Result<Vec<Objective>, Wrong> {
    let mut objectives = Vec::new();
    for (at, section) in at.items("objective").iter().zip(sections) {
        let chosen = Chosen { path: section.path, kind: section.kind, tag: section.tag };
        let mut objective = Objective::new("", checked_expression(at, "expr", section.expr, paths)?);
        objective.calls = Calls { api: section.api, stream: section.stream };
        objective.per_call = section.per_call;
        objective.name = section.name;
        objective.source = file.map(str::to_owned);
        objective.severity = section.severity;
        if section.abort_after.is_some() && !section.abort {
            let rule = "'abort_after' belongs to abort = true: add it, or remove 'abort_after'";
            return Err(at.rule("abort_after", rule));
        }
        objective.abort_after = section.abort.then(|| section.abort_after.unwrap_or(ABORT_AFTER));
        fits(&objective).map_err(|why| at.rule("expr", format!("'{}': {why}", at.key("expr"))))?;
        let on = chosen.paths(at, &objective, paths)?;
        // A rule is for any profile: one for a kind of path that there is not has nothing to say.
        if on.is_empty() && file.is_none() {
            let rule = format!("'{}' applies to no path: {}", at.key("expr"), chosen.describe());
            return Err(at.rule("expr", rule));
        }
        objectives.extend(on.into_iter().map(|path| Objective { path, ..objective.clone() }));
    }
    Ok(objectives)
}

fn expectations_of(
    at: &At<'_>,
    sections: Vec<ExpectationSection>,
    paths: Paths<'_>,
    file: Option<&str>,
) -> Result<Vec<Expectation>, Wrong> {
    let mut expectations = Vec::new();
    for (at, section) in at.items("expectation").iter().zip(sections) {
        let chosen = Chosen { path: section.path, kind: section.kind, tag: section.tag };
        let mut slo = Objective::new("", checked_expression(at, "slo", section.slo, paths)?);
        slo.calls = Calls { api: section.api, stream: section.stream };
        slo.per_call = section.per_call;
        slo.source = file.map(str::to_owned);
        fits(&slo).map_err(|why| at.rule("slo", format!("'{}': {why}", at.key("slo"))))?;
        let mut on = chosen.paths(at, &slo, paths)?;
        if on.is_empty() {
            // What cannot be looked at stays unproven, and is not kept silent.
            on.push(chosen.describe());
        }
        expectations.extend(on.into_iter().map(|path| Expectation {
            claim: section.claim.clone(),
            reference: section.reference.clone(),
            slo: Objective { path, ..slo.clone() },
        }));
    }
    Ok(expectations)
}

/// An expression whose other path there is.
fn checked_expression(at: &At<'_>, key: &str, mut expr: Expression, paths: Paths<'_>) -> Result<Expression, Wrong> {
    if let Subject::Ratio(_, other) | Subject::Difference(_, other) = &mut expr.subject {
        if other.path == "baseline" && paths.all.iter().all(|path| path.name != "baseline") {
            other.path.clone_from(&paths.all[paths.baseline.index()].name);
        }
        if paths.all.iter().all(|path| path.name != other.path) {
            return Err(unknown_path(at, key, paths.all, &other.path));
        }
    }
    Ok(expr)
}

/// A path that is named and is not there.
#[must_use]
pub(crate) fn unknown_path(at: &At<'_>, key: &str, paths: &[NetPath], name: &str) -> Wrong {
    let names: Vec<&str> = paths.iter().map(|path| path.name.as_str()).collect();
    let (key_of, known, suggestion) = (at.key(key), names.join(", "), suggestion(name, &names));
    at.rule(key, format!("'{key_of}' names the path '{name}', which does not exist; the paths are {known}{suggestion}"))
}

/// Which paths are meant.
struct Chosen {
    path: Option<String>,
    kind: Option<PathKind>,
    tag: Option<String>,
}

impl Chosen {
    /// The names of those paths; one that would be compared with itself is not among them.
    fn paths(&self, at: &At<'_>, objective: &Objective, paths: Paths<'_>) -> Result<Vec<String>, Wrong> {
        if let Some(name) = self.path.as_ref().filter(|name| paths.all.iter().all(|path| path.name != **name)) {
            return Err(unknown_path(at, "path", paths.all, name));
        }
        let is_chosen = |path: &&NetPath| {
            self.path.as_ref().is_none_or(|name| path.name == *name)
                && self.kind.is_none_or(|kind| path.kind == kind)
                && self.tag.as_ref().is_none_or(|tag| path.tags.contains(tag))
                && objective.expr.other().is_none_or(|other| other.path != path.name)
        };
        Ok(paths.all.iter().filter(is_chosen).map(|path| path.name.clone()).collect())
    }

    /// The same in words.
    fn describe(&self) -> String {
        let kind = self.kind.map(<&str>::from);
        let parts = [("path", self.path.as_deref()), ("kind", kind), ("tag", self.tag.as_deref())];
        let parts: Vec<String> = parts.iter().filter_map(|(key, word)| Some(format!("{key} {}", (*word)?))).collect();
        if parts.is_empty() { "any other path".to_owned() } else { format!("any path of {}", parts.join(" and ")) }
    }
}
