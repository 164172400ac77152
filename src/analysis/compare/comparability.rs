//! Whether two runs may be compared at all, and in what they differ.

use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::analysis::input::population::Connections;
use crate::analysis::input::view::View;
use crate::plan::Plan;
use crate::run::Run;
use crate::units::{Api, PathId};

/// Why two runs, or two paths, cannot be compared: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Incomparable {
    /// Both are the same run and no paths are named.
    #[error(
        "base and candidate are the same run; name two of its paths ({0}), such as RUN_DIR:{1} RUN_DIR:{2}, or two runs"
    )]
    SameRun(String, String, String),
    /// Both are the same path of the same run.
    #[error("base and candidate are the same path '{0}' of the same run; name two paths, or two runs")]
    SamePath(String),
    /// A path that is not there.
    #[error("the {side} run has no path '{path}'; its paths are {there}")]
    NoPath {
        /// Base or candidate.
        side: &'static str,
        /// What was asked for.
        path: String,
        /// What is there.
        there: String,
    },
    /// No path has the same name in both.
    #[error(
        "no path has the same name in both runs: the base has {base}, the candidate {candidate}; name one of each, \
         such as BASE:PATH CANDIDATE:PATH"
    )]
    NothingInCommon {
        /// The paths of the base.
        base: String,
        /// The paths of the candidate.
        candidate: String,
    },
    /// They speak different APIs.
    #[error("the base calls {base}, the candidate {candidate}: times of different APIs cannot be compared")]
    Api {
        /// Those of the base.
        base: String,
        /// Those of the candidate.
        candidate: String,
    },
    /// They do not have the same metrics.
    #[error("the {streams} run streams and the other does not: they do not have the same metrics")]
    Metrics {
        /// Base or candidate.
        streams: &'static str,
    },
    /// Latencies count from different instants.
    #[error(
        "the {open} run has an open load, whose latencies count from the planned start of a call; the other has a \
         closed load, whose latencies count from the moment a call was sent: they cannot be compared"
    )]
    Load {
        /// Base or candidate.
        open: &'static str,
    },
    /// Warm connections against new ones.
    #[error(
        "the {fresh} path opens a connection for every call and the other keeps its connections: the shift would be \
         the time to open a connection"
    )]
    Connections {
        /// Base or candidate.
        fresh: &'static str,
    },
}

/// Something in which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// How it was in the base.
    pub base: String,
    /// How it was in the candidate.
    pub candidate: String,
    /// What.
    pub what: Cow<'static, str>,
}

/// Refuses runs whose figures mean different things.
///
/// # Errors
/// One sentence that says why.
pub(crate) fn comparable(base: &Run, candidate: &Run) -> Result<(), Incomparable> {
    let of = |first: bool| if first { "base" } else { "candidate" };
    let apis = |run: &Run| -> BTreeSet<Api> {
        let weights = &run.manifest.plan.workload.api;
        weights.iter().filter(|(_, weight)| **weight > 0.0).map(|(api, _)| *api).collect()
    };
    let named = |apis: BTreeSet<Api>| apis.iter().map(Api::to_string).collect::<Vec<_>>().join(" and ");
    if apis(base) != apis(candidate) {
        return Err(Incomparable::Api { base: named(apis(base)), candidate: named(apis(candidate)) });
    }
    let is_open = |run: &Run| run.manifest.plan.load.model.is_open();
    if is_open(base) != is_open(candidate) {
        return Err(Incomparable::Load { open: of(is_open(base)) });
    }
    let streams = |run: &Run| run.manifest.plan.workload.stream > 0.0;
    if streams(base) != streams(candidate) {
        return Err(Incomparable::Metrics { streams: of(streams(base)) });
    }
    Ok(())
}

/// Refuses a path over warm connections beside one over new ones; each is looked at alone.
///
/// # Errors
/// One sentence that says so.
pub(crate) fn shared_connections(base: &View<'_>, candidate: &View<'_>) -> Result<Connections, Incomparable> {
    let (of_base, of_candidate) = (base.connections(), candidate.connections());
    if of_base == of_candidate {
        return Ok(of_base);
    }
    Err(Incomparable::Connections { fresh: if of_base == Connections::New { "base" } else { "candidate" } })
}

/// The paths to compare: those asked for; without a word those that have the same name in both runs, or the only ones.
///
/// # Errors
/// When a path is not there, or nothing is common.
pub(crate) fn pairs(
    base: (&Plan, Option<&str>),
    candidate: (&Plan, Option<&str>),
) -> Result<Vec<(PathId, PathId)>, Incomparable> {
    let find = |side, plan: &Plan, name: &str| {
        let missing = || Incomparable::NoPath { side, path: name.to_owned(), there: names(plan) };
        plan.path_named(name).map(|path| path.id).ok_or_else(missing)
    };
    let nothing = || Incomparable::NothingInCommon { base: names(base.0), candidate: names(candidate.0) };
    match (base.1, candidate.1) {
        (Some(own), Some(other)) => Ok(vec![(find("base", base.0, own)?, find("candidate", candidate.0, other)?)]),
        (Some(own), None) => {
            let own_id = find("base", base.0, own)?;
            let other = candidate.0.path_named(own).or(only(candidate.0)).ok_or_else(nothing)?;
            Ok(vec![(own_id, other.id)])
        }
        (None, Some(other)) => {
            let other_id = find("candidate", candidate.0, other)?;
            let own = base.0.path_named(other).or(only(base.0)).ok_or_else(nothing)?;
            Ok(vec![(own.id, other_id)])
        }
        (None, None) => {
            let same = |path: &crate::path::NetPath| Some((path.id, candidate.0.path_named(&path.name)?.id));
            let mut found: Vec<_> = base.0.paths.iter().filter_map(same).collect();
            if found.is_empty() {
                found.extend(only(base.0).zip(only(candidate.0)).map(|(own, other)| (own.id, other.id)));
            }
            if found.is_empty() { Err(nothing()) } else { Ok(found) }
        }
    }
}

fn only(plan: &Plan) -> Option<&crate::path::NetPath> {
    plan.paths.first().filter(|_| plan.paths.len() == 1)
}

/// "direct, gateway".
pub(crate) fn names(plan: &Plan) -> String {
    plan.paths.iter().map(|path| path.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether both are one and the same run, wherever their files lie.
#[must_use]
pub(crate) fn same_run(base: &Run, candidate: &Run) -> bool {
    let (a, b) = (&base.manifest, &candidate.manifest);
    (&a.id, &a.started_at, a.origin) == (&b.id, &b.started_at, b.origin)
}

/// The addresses in which paths that are compared differ. The bundled simulator is on other ports each time, so its
/// scenario stands for it.
#[must_use]
pub(crate) fn addresses(base: &Plan, candidate: &Plan, pairs: &[(PathId, PathId)]) -> Option<Difference> {
    let of = |plan: &Plan, path: PathId| match &plan.simulator {
        Some(simulator) => format!("bundled simulator, scenario {}", simulator.scenario),
        None => address_of(plan.path(path)),
    };
    let facts = |(own, other): &(PathId, PathId)| (of(base, *own), of(candidate, *other));
    let differing: Vec<(String, String)> = pairs.iter().map(facts).filter(|(own, other)| own != other).collect();
    let (base, candidate): (Vec<String>, Vec<String>) = differing.into_iter().unzip();
    let joined = |addresses: Vec<String>| addresses.join(", ");
    (!base.is_empty()).then(|| Difference { what: "address".into(), base: joined(base), candidate: joined(candidate) })
}

/// The base URL of a path, and what else decides where its calls go.
fn address_of(path: &crate::path::NetPath) -> String {
    let address = &path.address;
    let deployment = address.deployment.as_ref().map_or(String::new(), |name| format!("/deployments/{name}"));
    let version = address.api_version().map_or(String::new(), |version| format!("?api-version={version}"));
    without_secrets(&path.base_url) + &deployment + &version
}

/// An address without what may hold a secret: a user before the host, and a query.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// A property of a run, as text.
type Fact = fn(&Run) -> String;

/// In what two runs differ that could move their figures.
#[must_use]
pub(crate) fn differences(base: &Run, candidate: &Run) -> Vec<Difference> {
    let facts: [(&'static str, Fact); 15] = [
        ("profile", |run| run.manifest.plan.name.clone()),
        ("workload", |run| workload(&run.manifest.plan)),
        ("mix of APIs", |run| apis(&run.manifest.plan)),
        ("streamed share", |run| run.manifest.plan.workload.stream.to_string()),
        ("model", |run| run.manifest.plan.workload.model.clone()),
        ("load", |run| run.manifest.plan.load.model.signature()),
        ("design", |run| run.manifest.plan.load.design.to_string()),
        ("duration", |run| run.manifest.plan.load.duration.to_string()),
        ("warmup", |run| run.manifest.plan.load.warmup.to_string()),
        ("paths", |run| names(&run.manifest.plan)),
        ("own fields of a path", |run| requests(&run.manifest.plan)),
        ("HTTP", |run| spoken(&run.manifest.plan)),
        ("seed", |run| run.manifest.plan.seed.to_string()),
        ("tool version", |run| run.manifest.tool_version.clone()),
        ("machine", machine),
    ];
    let differing = |(what, of): (&'static str, Fact)| {
        let (base, candidate) = (of(base), of(candidate));
        (base != candidate).then(|| Difference { what: what.into(), base, candidate })
    };
    facts.into_iter().filter_map(differing).collect()
}

/// As the manifest writes it: everything about a workload may move its figures.
fn workload(plan: &Plan) -> String {
    let limits = (plan.workload.max_input_tokens, plan.workload.max_output_tokens);
    let limit =
        |what: &str, tokens: Option<u64>| tokens.map_or(String::new(), |n| format!(", at most {n} {what} tokens"));
    let source = serde_json::to_string(&plan.workload.source).unwrap_or_default();
    format!("{source}{}{}", limit("input", limits.0.map(u64::from)), limit("output", limits.1.map(u64::from)))
}

fn apis(plan: &Plan) -> String {
    let weights = plan.workload.api.iter().map(|(api, weight)| format!("{} {weight}", api));
    weights.collect::<Vec<_>>().join(", ")
}

/// What the paths send in place of the workload's model, and beside it.
fn requests(plan: &Plan) -> String {
    let of = |path: &crate::path::NetPath| {
        let model = path.request.model.as_ref().map(|model| format!("model {model}"));
        let body =
            (!path.request.body.is_empty()).then(|| serde_json::to_string(&path.request.body).unwrap_or_default());
        let own: Vec<String> = model.into_iter().chain(body).collect();
        (!own.is_empty()).then(|| format!("{}: {}", path.name, own.join(", ")))
    };
    plan.paths.iter().filter_map(of).collect::<Vec<_>>().join("; ")
}

/// The HTTP of the paths, said once if it is the same for all.
fn spoken(plan: &Plan) -> String {
    let of = |path: &crate::path::NetPath| path.http.to_string();
    match plan.paths.split_first() {
        Some((first, rest)) if rest.iter().any(|path| path.http != first.http) => {
            let each = plan.paths.iter().map(|path| format!("{} {}", path.name, of(path)));
            each.collect::<Vec<_>>().join(", ")
        }
        Some((first, _)) => of(first),
        None => String::new(),
    }
}

fn machine(run: &Run) -> String {
    let machine = &run.manifest.environment;
    format!("{}, {} cores, {}", machine.cpu_model, machine.cpus, machine.os)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Design;
    use crate::plan::LoadModel;
    use crate::run::fixture::{World, plan};
    use crate::units::Rate;

    #[test]
    fn paths_are_found_by_name() {
        let (three, one) = (plan(&["direct", "private", "gateway"]), plan(&["gateway"]));
        let ids = |base: (&Plan, Option<&str>), candidate: (&Plan, Option<&str>)| {
            pairs(base, candidate).map(|pairs| pairs.into_iter().map(|(a, b)| (a.0, b.0)).collect::<Vec<_>>())
        };
        assert_eq!(ids((&three, None), (&three, None)), Ok(vec![(0, 0), (1, 1), (2, 2)]));
        assert_eq!(ids((&three, None), (&one, None)), Ok(vec![(2, 0)]));
        assert_eq!(ids((&three, Some("direct")), (&one, None)), Ok(vec![(0, 0)]));
        assert_eq!(ids((&three, None), (&three, Some("private"))), Ok(vec![(1, 1)]));
        assert_eq!(ids((&plan(&["a"]), None), (&plan(&["b"]), None)), Ok(vec![(0, 0)]));
        let missing = ids((&three, Some("dirct")), (&one, None)).expect_err("no such path").to_string();
        assert_eq!(missing, "the base run has no path 'dirct'; its paths are direct, private, gateway");
        let nothing = ids((&plan(&["a", "b"]), None), (&one, None)).expect_err("nothing").to_string();
        assert!(nothing.contains("the base has a, b, the candidate gateway"), "{nothing}");
    }

    #[test]
    fn what_cannot_be_compared_is_refused_and_what_differs_is_named() {
        let run = World { seconds: 5.0, ..World::default() }.run();
        assert_eq!((comparable(&run, &run), differences(&run, &run)), (Ok(()), Vec::new()));
        assert!(same_run(&run, &run));
        let changed = |change: fn(&mut Run)| {
            let mut other = run.clone();
            change(&mut other);
            other
        };
        let responses = changed(|run| run.manifest.plan.workload.api = [(Api::Responses, 1.0)].into());
        let refusal = comparable(&run, &responses).expect_err("API").to_string();
        assert_eq!(refusal, "the base calls chat, the candidate responses: times of different APIs cannot be compared");
        let whole = changed(|run| run.manifest.plan.workload.stream = 0.0);
        assert!(comparable(&whole, &run).expect_err("metrics").to_string().starts_with("the candidate run streams"));
        let closed = changed(|run| {
            run.manifest.plan.load.model = LoadModel::Closed { concurrency: 4, think_time: Default::default() };
        });
        assert!(comparable(&run, &closed).expect_err("basis").to_string().starts_with("the base run has an open"));
        let other = changed(|run| {
            run.manifest.id = "another".to_owned();
            run.manifest.plan.workload.model = "gpt-5".to_owned();
            run.manifest.plan.load.model =
                LoadModel::Open { arrivals: crate::plan::Arrivals::Poisson, rate: Some(Rate(20.0)) };
            run.manifest.plan.load.design = Design::Interleaved;
            run.manifest.plan.seed = 7;
            run.manifest.plan.paths[2].request.model = Some("other".to_owned());
            run.manifest.plan.paths[1].http = crate::path::Http::Two { max: 2, streams: 50 };
            run.manifest.tool_version = "0.2.0".to_owned();
            run.manifest.environment.cpus = 64;
        });
        let named: Vec<_> = differences(&run, &other).into_iter().map(|difference| difference.what).collect();
        assert_eq!(
            named,
            ["model", "load", "design", "own fields of a path", "HTTP", "seed", "tool version", "machine"]
        );
        let spoken = "direct 1.1, private 2 (max 2, streams 50), gateway 1.1";
        assert!(differences(&run, &other).iter().any(|one| one.base == "1.1" && one.candidate == spoken));
        assert!(!same_run(&run, &other));
    }
}
