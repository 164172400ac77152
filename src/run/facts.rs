//! A plan as keys and values, so that two plans can be held against each other whatever keys they have.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plan::Plan;

/// Keys that say what a run is called, how it is judged and when it stops, not what is sent.
const NOT_SENT: [&str; 9] =
    ["name", "seed", "workers", "objectives", "margins", "expectations", "limits", "prices", "precision"];

/// Keys of a path that say how it is found or where its secret stands, not what is sent.
const NOT_SENT_OF_A_PATH: [&str; 3] = ["tags", "auth", "backend"];

/// Every key of a plan with its value as text: `load.duration`, `paths.gateway.timeouts.total`. A path stands under its name.
/// Where the bundled simulator is used, base URLs are left out: its ports are others each time.
#[must_use]
pub(crate) fn facts(plan: &Plan) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut whole = serde_json::to_value(plan).unwrap_or_default();
    let paths = whole.as_object_mut().and_then(|plan| plan.remove("paths"));
    flatten("", &whole, &mut facts);
    for path in paths.iter().filter_map(Value::as_array).flatten() {
        let name = path["name"].as_str().unwrap_or_default();
        let Some(path) = path.as_object() else { continue };
        let told = |key: &str| !["id", "name"].contains(&key) && (key != "base_url" || plan.simulator.is_none());
        for (key, value) in path.iter().filter(|(key, _)| told(key)) {
            flatten(&format!("paths.{name}.{key}"), value, &mut facts);
        }
    }
    // These two are the places of paths, which stand under their names.
    for (key, of) in [("baseline", Some(plan.baseline)), ("twin", plan.control_path)] {
        if let Some(path) = of.and_then(|id| plan.paths.get(id.index())) {
            facts.insert(key.to_owned(), path.name.clone());
        }
    }
    facts
}

fn flatten(key: &str, value: &Value, facts: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, member) in members {
                flatten(&if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, member, facts);
            }
        }
        Value::String(text) => _ = facts.insert(key.to_owned(), text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => _ = facts.insert(key.to_owned(), value.to_string()),
    }
}

/// What makes runs repetitions of one experiment: the facts of a plan that decide what is sent, and over which paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Experiment(BTreeMap<String, String>);

impl Experiment {
    /// The experiment of a plan; of the bundled simulator, what it told of itself belongs to it.
    #[must_use]
    pub(crate) fn of(plan: &Plan, simulator: Option<&Value>) -> Self {
        let mut own = facts(plan);
        own.retain(|key, _| is_sent(key, plan));
        if let Some(listeners) = simulator.map(|simulator| &simulator["listeners"]) {
            own.insert("simulator.listeners".to_owned(), listeners.to_string());
        }
        Self(own)
    }

    /// A short name of it: 16 hexadecimal digits, the beginning of the SHA-256 of its keys and values as JSON. It is made
    /// anew whenever runs are read, and stands in no run directory.
    #[must_use]
    pub(crate) fn hash(&self) -> String {
        let text = serde_json::to_vec(&self.0).unwrap_or_default();
        let digest = ring::digest::digest(&ring::digest::SHA256, &text);
        digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The keys in which it differs from another.
    #[must_use]
    pub(crate) fn differs_in<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let differ = |key: &&'a String| self.0.get(*key) != other.0.get(*key);
        let mut keys: Vec<&str> = self.0.keys().chain(other.0.keys()).filter(differ).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// Whether a key is one of these, or stands below one.
pub(crate) fn is_below(key: &str, parents: &[&str]) -> bool {
    let below = |parent: &&str| key.strip_prefix(*parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    parents.iter().any(below)
}

fn is_sent(key: &str, plan: &Plan) -> bool {
    let of_a_path = plan.paths.iter().find_map(|path| key.strip_prefix(&format!("paths.{}.", path.name)));
    match of_a_path {
        Some(rest) => !is_below(rest, &NOT_SENT_OF_A_PATH),
        None => !is_below(key, &NOT_SENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::ConnectionPolicy;
    use crate::plan::SimulatorPlan;
    use crate::run::fixture::plan;
    use crate::units::Span;

    fn changed(change: impl Fn(&mut Plan)) -> Vec<String> {
        let (own, mut other) = (plan(&["direct", "gateway"]), plan(&["direct", "gateway"]));
        change(&mut other);
        let (own, other) = (Experiment::of(&own, None), Experiment::of(&other, None));
        let keys: Vec<String> = own.differs_in(&other).into_iter().map(str::to_owned).collect();
        assert_eq!(keys.is_empty(), own.hash() == other.hash());
        keys
    }

    #[test]
    fn what_is_sent_makes_another_experiment_and_how_it_is_judged_does_not() {
        assert!(changed(|_| ()).is_empty());
        for (change, key) in [
            ((|plan: &mut Plan| plan.load.duration = Span::from_secs(7)) as fn(&mut Plan), "load.duration"),
            (|plan| plan.workload.model = "another".to_owned(), "workload.model"),
            (|plan| plan.paths[1].base_url = "https://b.example".to_owned(), "paths.gateway.base_url"),
            (|plan| plan.paths[1].connections = ConnectionPolicy::Fresh, "paths.gateway.connections"),
            (|plan| plan.paths[0].timeouts.total = Span::from_secs(7), "paths.direct.timeouts.total"),
            (|plan| plan.baseline = plan.paths[1].id, "baseline"),
        ] {
            assert_eq!(changed(change), [key]);
        }
        let judged_otherwise = |plan: &mut Plan| {
            plan.name = "another".to_owned();
            plan.seed = 7;
            plan.margins = vec!["5%".parse().expect("margin")];
            plan.limits.requests = Some(9);
            plan.paths[0].tags = vec!["eu".to_owned()];
        };
        assert!(changed(judged_otherwise).is_empty());
    }

    #[test]
    fn the_short_name_of_an_experiment_is_the_same_in_every_version() {
        let facts = [("load.duration", "60s"), ("workload.model", "a\"b")];
        let experiment = Experiment(facts.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        // printf '{"load.duration":"60s","workload.model":"a\\"b"}' | sha256sum
        assert_eq!(experiment.hash(), "fdec6e7dc6b8e96b");
        let joined = Experiment([("load.duration".to_owned(), "60s\nworkload.model=a".to_owned())].into());
        let apart = [("load.duration", "60s"), ("workload.model", "a")];
        let apart = Experiment(apart.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        assert_ne!(joined.hash(), apart.hash());
    }

    #[test]
    fn the_ports_of_the_bundled_simulator_are_no_difference_and_what_it_plays_is() {
        let mut own = plan(&["direct"]);
        own.simulator = Some(SimulatorPlan { scenario: "three-paths".to_owned() });
        let mut other = own.clone();
        other.paths[0].base_url = "http://127.0.0.1:9".to_owned();
        assert_eq!(Experiment::of(&own, None), Experiment::of(&other, None));
        let told = |ms: u64| serde_json::json!({"listeners": [{"name": "direct", "own_ms": ms}]});
        let (slow, fast) = (Experiment::of(&own, Some(&told(5))), Experiment::of(&own, Some(&told(1))));
        assert_eq!(slow.differs_in(&fast), ["simulator.listeners"]);
    }
}
