//! Everything else in which two runs differ: the keys of their plans that no name of [`comparability`](super::comparability)
//! covers, and what the calls of their paths met.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::compare::comparability::Difference;
use crate::path::NetPath;
use crate::plan::Plan;
use crate::run::Run;
use crate::run::facts::{facts, is_below};
use crate::units::PathId;

/// Keys of a plan that have a name of their own among the differences. What is below a key belongs to it.
const NAMED: [&str; 13] = [
    "name",
    "seed",
    "simulator",
    "workload.source",
    "workload.max_input_tokens",
    "workload.max_output_tokens",
    "workload.api",
    "workload.stream",
    "workload.model",
    "load.model",
    "load.design",
    "load.duration",
    "load.warmup",
];

/// The same of a path.
const NAMED_OF_A_PATH: [&str; 6] = ["base_url", "deployment", "query.api-version", "model", "body", "http"];

/// Keys of a path whose values may hold a secret, or say where one stands: that they differ is said, not how.
const HIDDEN_OF_A_PATH: [&str; 3] = ["auth", "headers", "query"];

/// The most addresses or regions that are named of a path.
const MOST: usize = 4;

/// The keys of two plans that differ; a path stands beside the one that it is compared with, or that has its name.
#[must_use]
pub(crate) fn keys(base: &Plan, candidate: &Plan, pairs: &[(PathId, PathId)]) -> Vec<Difference> {
    let (own, other) = (facts(base), facts(candidate));
    let of_plan = |facts: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let kept = facts.iter().filter(|(key, _)| !key.starts_with("paths.") && !is_below(key, &NAMED));
        kept.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let mut found = differing(&of_plan(&own), &of_plan(&other), |key| key.to_owned());
    for path in &base.paths {
        let compared = pairs.iter().find(|pair| pair.0 == path.id).map(|pair| candidate.path(pair.1));
        let Some(partner) = compared.or_else(|| candidate.path_named(&path.name)) else { continue };
        let (own, other) = (of_path(&own, path), of_path(&other, partner));
        found.extend(differing(&own, &other, |key| format!("paths.{}.{key}", partner.name)));
    }
    found
}

/// What stands below a path, without what has another name.
fn of_path(facts: &BTreeMap<String, String>, path: &NetPath) -> BTreeMap<String, String> {
    let prefix = format!("paths.{}.", path.name);
    let own = facts.iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?, value)));
    let kept = own.filter(|(key, _)| !is_below(key, &NAMED_OF_A_PATH));
    kept.map(|(key, value)| (key.to_owned(), value.clone())).collect()
}

fn differing(
    base: &BTreeMap<String, String>,
    candidate: &BTreeMap<String, String>,
    name: impl Fn(&str) -> String,
) -> Vec<Difference> {
    let keys: BTreeSet<&String> = base.keys().chain(candidate.keys()).collect();
    let difference = |key: &String| {
        let (own, other) = (base.get(key), candidate.get(key));
        let said = |value: Option<&String>, hidden: &str| match value {
            None => "not set".to_owned(),
            Some(_) if is_below(key, &HIDDEN_OF_A_PATH) && own.is_some() && other.is_some() => hidden.to_owned(),
            Some(_) if is_below(key, &HIDDEN_OF_A_PATH) => "set".to_owned(),
            Some(value) => value.clone(),
        };
        let (base, candidate) = (said(own, "one value"), said(other, "another value"));
        (own != other).then(|| Difference { what: name(key).into(), base, candidate })
    };
    keys.into_iter().filter_map(difference).collect()
}

/// What the calls of a path in a run met.
type Fact = fn(&Run, PathId) -> BTreeSet<String>;

/// What the calls of two runs met: the addresses that names led to, the regions that answered and the TLS versions and
/// certificates that were shown. Addresses are left out where the bundled simulator is used, which is always on this machine.
#[must_use]
pub(crate) fn met(base: &Run, candidate: &Run, pairs: &[(PathId, PathId)]) -> Vec<Difference> {
    let mut found = Vec::new();
    for pair in pairs {
        let name = &candidate.manifest.plan.path(pair.1).name;
        let simulated = [base, candidate].iter().all(|run| run.manifest.plan.simulator.is_some());
        let facts: [(&str, Fact); 3] = [("addresses of", addresses), ("regions of", regions), ("TLS of", certificates)];
        for (what, of) in facts.into_iter().filter(|(what, _)| !simulated || *what != "addresses of") {
            let (own, other) = (of(base, pair.0), of(candidate, pair.1));
            if own != other {
                let what = format!("{what} {name}").into();
                found.push(Difference { what, base: listed(&own), candidate: listed(&other) });
            }
        }
    }
    found
}

fn addresses(run: &Run, path: PathId) -> BTreeSet<String> {
    let own = run.samples.iter().filter(|sample| sample.path == path);
    own.filter_map(|sample| Some(sample.conn?.peer?.ip().to_string())).collect()
}

fn regions(run: &Run, path: PathId) -> BTreeSet<String> {
    let own = run.samples.iter().filter(|sample| sample.path == path);
    own.filter_map(|sample| sample.region.as_deref().map(str::to_owned)).collect()
}

fn certificates(run: &Run, path: PathId) -> BTreeSet<String> {
    let shown = run.manifest.network.certificates.get(&run.manifest.plan.path(path).name);
    shown.into_iter().flatten().map(|seen| format!("{}, issued by {}", seen.version, seen.issuer)).collect()
}

fn listed(names: &BTreeSet<String>) -> String {
    let more = names.len().saturating_sub(MOST);
    let first = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match (names.is_empty(), more) {
        (true, _) => "none seen".to_owned(),
        (false, 0) => first,
        (false, more) => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::certificate::CertificateSeen;
    use crate::plan::SimulatorPlan;
    use crate::run::fixture::{World, plan};
    use crate::units::Span;

    fn ids() -> Vec<(PathId, PathId)> {
        vec![(PathId(0), PathId(0)), (PathId(1), PathId(1))]
    }

    #[test]
    fn every_key_of_a_plan_that_differs_is_named_and_what_may_be_secret_is_not_shown() {
        let own = plan(&["direct", "gateway"]);
        assert_eq!(keys(&own, &own, &ids()), Vec::new());
        let mut other = own.clone();
        other.load.round_spread = Span::from_secs(1);
        other.limits.requests = Some(9);
        other.paths[1].timeouts.total = Span::from_secs(7);
        other.paths[1].tls.verify = false;
        other.paths[0].address.query.insert("subscription-key".to_owned(), "SECRET".to_owned());
        let found = keys(&own, &other, &ids());
        let named: Vec<&str> = found.iter().map(|one| one.what.as_ref()).collect();
        assert_eq!(
            named,
            [
                "limits.requests",
                "load.round_spread",
                "paths.direct.query.subscription-key",
                "paths.gateway.timeouts.total",
                "paths.gateway.tls.verify"
            ]
        );
        assert_eq!((found[0].base.as_str(), found[0].candidate.as_str()), ("not set", "9"));
        assert!(!format!("{found:?}").contains("SECRET"));
        // Two paths of other names stand beside each other.
        let crossed = keys(&own, &other, &[(PathId(0), PathId(1))]);
        assert!(crossed.iter().any(|one| one.what == "paths.gateway.timeouts.total"), "{crossed:?}");
    }

    #[test]
    fn what_calls_met_is_named() {
        let run = World { shifts_ms: vec![0.0, 5.0], seconds: 5.0, ..World::default() }.run();
        assert_eq!(met(&run, &run, &ids()), Vec::new());
        let mut other = run.clone();
        let moved = other.samples.iter_mut().filter(|sample| sample.path == PathId(0));
        for sample in moved {
            sample.region = Some("westeurope".into());
            sample.conn.iter_mut().for_each(|conn| conn.peer = Some("10.1.2.3:443".parse().expect("address")));
        }
        let shown = CertificateSeen { version: "TLS 1.2".to_owned(), issuer: "CN=a".to_owned(), connections: 3 };
        let name = other.manifest.plan.paths[1].name.clone();
        other.manifest.network.certificates.insert(name.clone(), vec![shown]);
        let found = met(&run, &other, &ids());
        let told: Vec<(&str, &str)> = found.iter().map(|one| (one.what.as_ref(), one.candidate.as_str())).collect();
        let tls = format!("TLS of {name}");
        assert_eq!(
            told,
            [
                ("addresses of direct", "10.1.2.3"),
                ("regions of direct", "westeurope"),
                (tls.as_str(), "TLS 1.2, issued by CN=a")
            ]
        );
        let simulated = |mut run: Run| {
            run.manifest.plan.simulator = Some(SimulatorPlan { scenario: "three-paths".to_owned() });
            run
        };
        let found = met(&simulated(run), &simulated(other), &ids());
        assert!(found.iter().all(|one| !one.what.starts_with("addresses")), "{found:?}");
    }
}
