//! What must hold and what was claimed: `[[objective]]` and `[[expectation]]`, in the profile or in files that it
//! names with `rules` and `expectations`.

use std::path::{Path, PathBuf};

use crate::objective::expression::{Expression, Subject};
use crate::objective::objective::{CallCondition, Calls, Expectation, Objective, Severity, fits};
use crate::path::{NetPath, PathKind};
use crate::profile::error::{Origin, Wrong};
use crate::profile::fields::{Fields, unknown_path};
use crate::profile::tree::{self, Node, Value};
use crate::spelling::alternatives;
use crate::units::{Api, PathId, Span};

/// The rules that come with this tool: thresholds of a service in operation.
pub(crate) const OPERATING: &str = include_str!("../../profiles/rules/operating.toml");

/// The claims that come with this tool: those of a design with a private endpoint in another region.
pub(crate) const CROSS_REGION: &str = include_str!("../../profiles/rules/cross-region.toml");

/// The names by which files that come with this tool are known.
const BUILTIN: [(&str, &str); 2] = [("builtin:operating", OPERATING), ("builtin:cross-region", CROSS_REGION)];

/// How long after measuring began a run may abort, where nothing is said.
const ABORT_AFTER: Span = Span::from_secs(30);

/// The paths of which something is said.
#[derive(Clone, Copy)]
pub(crate) struct Paths<'p> {
    /// All of them.
    pub all: &'p [NetPath],
    /// The one against which the others are compared.
    pub baseline: PathId,
}

/// Reads the objectives of a profile, then those of its rules files.
///
/// # Errors
/// When one of them is wrong.
pub(crate) fn read_objectives(fields: &Fields<'_>, paths: Paths<'_>) -> Result<Vec<Objective>, Wrong> {
    let mut objectives = objectives_of(fields, paths, None)?;
    for file in named_files(fields, "rules")? {
        let node = file.tree()?;
        let read = Fields::new(&node, "rules", "", fields.folder()).and_then(|fields| {
            if fields.list("objective")?.is_empty() {
                return Err(fields.missing("objective", "a rules file holds [[objective]] tables"));
            }
            objectives_of(&fields, paths, Some(&file.name))
        });
        objectives.extend(read.map_err(|wrong| file.wrong(wrong))?);
    }
    Ok(objectives)
}

/// Reads the claims of a profile, then those of its expectations files.
///
/// # Errors
/// When one of them is wrong.
pub(crate) fn read_expectations(fields: &Fields<'_>, paths: Paths<'_>) -> Result<Vec<Expectation>, Wrong> {
    let mut expectations = expectations_of(fields, paths, None)?;
    for file in named_files(fields, "expectations")? {
        let node = file.tree()?;
        let read = Fields::new(&node, "expectations", "", fields.folder()).and_then(|fields| {
            if fields.list("expectation")?.is_empty() {
                return Err(fields.missing("expectation", "an expectations file holds [[expectation]] tables"));
            }
            expectations_of(&fields, paths, Some(&file.name))
        });
        expectations.extend(read.map_err(|wrong| file.wrong(wrong))?);
    }
    Ok(expectations)
}

/// A file of rules or claims.
struct Named {
    name: String,
    text: String,
    origin: Origin,
}

impl Named {
    fn tree(&self) -> Result<Node, Wrong> {
        tree::parse(&self.text).map_err(|wrong| self.wrong(wrong))
    }

    /// The same mistake with the name of this file.
    fn wrong(&self, wrong: Wrong) -> Wrong {
        match wrong.origin {
            Origin::Line(line) => Wrong { origin: Origin::File(Box::new((PathBuf::from(&self.name), line))), ..wrong },
            Origin::Flag(_) | Origin::File(..) => Wrong { origin: self.origin.clone(), ..wrong },
        }
    }
}

fn named_files(fields: &Fields<'_>, key: &str) -> Result<Vec<Named>, Wrong> {
    let names: Vec<&str> = match fields.get(key).map(|node| &node.value) {
        None => Vec::new(),
        Some(Value::Text(name)) => vec![name],
        Some(Value::List(items)) => items.iter().filter_map(text_of).collect(),
        Some(_) => return Err(fields.wrong(key, "the name of a file, or a list of them")),
    };
    names.into_iter().map(|name| named(fields, key, name)).collect()
}

fn named(fields: &Fields<'_>, key: &str, name: &str) -> Result<Named, Wrong> {
    let origin = fields.origin(key).clone();
    if name.starts_with("builtin:") {
        let found = BUILTIN.iter().find(|(known, _)| *known == name);
        let names: Vec<&str> = BUILTIN.iter().map(|(known, _)| *known).collect();
        let none = || fields.rule(key, format!("'{key}': there is no '{name}'; there are {}", names.join(", ")));
        return found.map(|(_, text)| Named { name: name.into(), text: (*text).into(), origin }).ok_or_else(none);
    }
    let path = fields.folder().join(name);
    let text = crate::text_file::read(&path);
    let refused = |error| {
        let hint = "paths count from the profile's folder";
        fields.rule(key, format!("'{key}': cannot read {}: {error}; {hint}", Path::display(&path)))
    };
    Ok(Named { name: path.display().to_string(), text: text.map_err(refused)?, origin })
}

fn text_of(node: &Node) -> Option<&str> {
    if let Value::Text(text) = &node.value { Some(text) } else { None }
}

fn objectives_of(fields: &Fields<'_>, paths: Paths<'_>, file: Option<&str>) -> Result<Vec<Objective>, Wrong> {
    let mut objectives = Vec::new();
    for (number, node) in (1..).zip(fields.list("objective")?) {
        let section = Fields::new(node, "objective", &format!("objective.{number}"), fields.folder())?;
        let mut objective = read_one(&section, paths, "expr")?;
        objective.name = section.text("name")?.map(str::to_owned);
        objective.source = file.map(str::to_owned);
        let severities = [("warning", Severity::Warning), ("critical", Severity::Critical)];
        objective.severity = section.choice("severity", &severities)?.unwrap_or_default();
        objective.abort_after = read_abort(&section)?;
        fits(&objective).map_err(|why| section.rule("expr", format!("'{}': {why}", section.key("expr"))))?;
        let chosen = Chosen::read(&section, paths)?.paths(&objective, paths);
        // A rule is for any profile: one for a kind of path that there is not has nothing to say.
        if chosen.is_empty() && file.is_none() {
            let what = Chosen::read(&section, paths)?.describe();
            return Err(section.rule("expr", format!("'{}' applies to no path: {what}", section.key("expr"))));
        }
        objectives.extend(chosen.into_iter().map(|path| Objective { path, ..objective.clone() }));
    }
    Ok(objectives)
}

fn expectations_of(fields: &Fields<'_>, paths: Paths<'_>, file: Option<&str>) -> Result<Vec<Expectation>, Wrong> {
    let mut expectations = Vec::new();
    for (number, node) in (1..).zip(fields.list("expectation")?) {
        let section = Fields::new(node, "expectation", &format!("expectation.{number}"), fields.folder())?;
        let claim = section.text("claim")?;
        let claim = claim.ok_or_else(|| section.missing("claim", "say what was claimed, in its own words"))?;
        let mut slo = read_one(&section, paths, "slo")?;
        slo.source = file.map(str::to_owned);
        fits(&slo).map_err(|why| section.rule("slo", format!("'{}': {why}", section.key("slo"))))?;
        let chosen = Chosen::read(&section, paths)?;
        let mut on = chosen.paths(&slo, paths);
        if on.is_empty() {
            // What cannot be looked at stays unproven, and is not kept silent.
            on.push(chosen.describe());
        }
        let reference = section.text("reference")?.map(str::to_owned);
        expectations.extend(on.into_iter().map(|path| Expectation {
            claim: claim.to_owned(),
            reference: reference.clone(),
            slo: Objective { path, ..slo.clone() },
        }));
    }
    Ok(expectations)
}

/// What objectives and claims have in common; the path is chosen later.
fn read_one(section: &Fields<'_>, paths: Paths<'_>, key: &str) -> Result<Objective, Wrong> {
    let text = section.text(key)?;
    let text = text.ok_or_else(|| section.missing(key, "such as \"ttft.p95 < 800ms\" or \"error_rate < 1%\""))?;
    let wrong = |why: String| section.rule(key, format!("'{}': {why}", section.key(key)));
    let mut expr: Expression = text.parse().map_err(|error| wrong(format!("{error}")))?;
    if let Subject::Ratio(_, other) | Subject::Difference(_, other) = &mut expr.subject {
        if other.path == "baseline" && paths.all.iter().all(|path| path.name != "baseline") {
            other.path.clone_from(&paths.all[paths.baseline.index()].name);
        }
        if paths.all.iter().all(|path| path.name != other.path) {
            return Err(unknown_path(paths.all, &other.path, section.origin(key), &section.key(key)));
        }
    }
    let mut objective = Objective::new("", expr);
    objective.calls =
        Calls { api: section.parsed::<Api>("api", &alternatives(Api::WORDS))?, stream: section.flag("stream")? };
    objective.per_call = read_conditions(section)?;
    Ok(objective)
}

fn read_conditions(section: &Fields<'_>) -> Result<Vec<CallCondition>, Wrong> {
    let expected = "a list of conditions on one call such as [\"ttft < 800ms\", \"e2e < 5s\"]";
    let texts: Vec<&str> = match section.get("per_call").map(|node| &node.value) {
        None => Vec::new(),
        Some(Value::List(items)) => items.iter().map(|item| text_of(item).unwrap_or_default()).collect(),
        Some(_) => return Err(section.wrong("per_call", expected)),
    };
    let wrong = |why: String| section.rule("per_call", format!("'{}': {why}", section.key("per_call")));
    texts.into_iter().map(|text| text.parse().map_err(wrong)).collect()
}

fn read_abort(section: &Fields<'_>) -> Result<Option<Span>, Wrong> {
    let after = section.parsed::<Span>("abort_after", "a time with its unit such as \"30s\"")?;
    match section.flag("abort")? {
        Some(true) => Ok(Some(after.unwrap_or(ABORT_AFTER))),
        Some(false) | None if after.is_some() => {
            Err(section.rule("abort_after", "'abort_after' belongs to abort = true: add it, or remove 'abort_after'"))
        }
        Some(false) | None => Ok(None),
    }
}

/// Which paths are meant.
struct Chosen<'a> {
    path: Option<&'a str>,
    kind: Option<PathKind>,
    tag: Option<&'a str>,
}

impl<'a> Chosen<'a> {
    fn read(section: &Fields<'a>, paths: Paths<'_>) -> Result<Self, Wrong> {
        let kinds = [PathKind::Direct, PathKind::PrivateEndpoint, PathKind::Gateway].map(|kind| (kind.as_str(), kind));
        let chosen =
            Self { path: section.text("path")?, kind: section.choice("kind", &kinds)?, tag: section.text("tag")? };
        match chosen.path {
            Some(name) if paths.all.iter().all(|path| path.name != name) => {
                Err(unknown_path(paths.all, name, section.origin("path"), &section.key("path")))
            }
            Some(_) | None => Ok(chosen),
        }
    }

    /// The names of those paths; one that would be compared with itself is not among them.
    fn paths(&self, objective: &Objective, paths: Paths<'_>) -> Vec<String> {
        let meant = |path: &&NetPath| {
            self.path.is_none_or(|name| path.name == name)
                && self.kind.is_none_or(|kind| path.kind == kind)
                && self.tag.is_none_or(|tag| path.tags.iter().any(|own| own == tag))
                && objective.expr.other().is_none_or(|other| other.path != path.name)
        };
        paths.all.iter().filter(meant).map(|path| path.name.clone()).collect()
    }

    /// The same in words.
    fn describe(&self) -> String {
        let parts =
            [self.path.map(|path| format!("path {path}")), self.kind.map(|kind| format!("kind {}", kind.as_str()))];
        let parts = parts.into_iter().chain([self.tag.map(|tag| format!("tag {tag}"))]).flatten();
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { "any other path".to_owned() } else { format!("any path of {}", parts.join(" and ")) }
    }
}
