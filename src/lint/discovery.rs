//! How the models of a connection are found: listed in it, or asked for, and not both.

use crate::limits::Limit;
use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::profile::foundry::connection::{Category, Connection, Embedded, Form};
use crate::profile::foundry::discovery::{PLACEHOLDER, Provider};
use crate::profile::foundry::located::{Node, Place, Value};
use crate::spelling::suggestion;

const SAMPLES: &str = "microsoft-foundry/foundry-samples, connection templates and setup scripts";

/// The rules.
pub(crate) static RULES: [Rule; 7] = [
    Rule {
        id: "discovery-both",
        level: Level::Error,
        as_of: "2026-11-30",
        source: SAMPLES,
        what: "models are listed or discovered, not both",
        why: "the templates and scripts refuse a connection with both",
        remedy: "keep 'models' or 'modelDiscovery'",
        check: Check::Connection(discovery_both),
    },
    Rule {
        id: "discovery-default",
        level: Level::Warning,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples: the guide has default endpoints, the template of 2026-01-28 refuses a connection without either",
        what: "a connection to API Management says how its models are found",
        why: "without it the agents ask at /deployments and /deployments/{deploymentName}, which the API must have",
        remedy: "list the models, or name the endpoints of discovery",
        check: Check::Connection(discovery_default),
    },
    Rule {
        id: "discovery-missing",
        level: Level::Error,
        as_of: "2026-11-30",
        source: SAMPLES,
        what: "a connection to a model gateway says how its models are found",
        why: "it has no default, so the connection has no models",
        remedy: "list the models, or name the endpoints of discovery",
        check: Check::Connection(discovery_missing),
    },
    Rule {
        id: "discovery-incomplete",
        level: Level::Error,
        as_of: "2026-11-30",
        source: SAMPLES,
        what: "discovery has all of listModelsEndpoint, getModelEndpoint and deploymentProvider",
        why: "with one of them missing the templates leave discovery out, and the scripts refuse it",
        remedy: "add what is missing",
        check: Check::Connection(discovery_incomplete),
    },
    Rule {
        id: "deployment-provider",
        level: Level::Error,
        as_of: "2026-11-30",
        source: SAMPLES,
        what: "deploymentProvider is exactly AzureOpenAI or OpenAI",
        why: "it says how the answers are read, and there are two ways",
        remedy: "write AzureOpenAI for deployments, OpenAI for models",
        check: Check::Connection(deployment_provider),
    },
    Rule {
        id: "deployment-name-placeholder",
        level: Level::Error,
        as_of: "2026-11-30",
        source: SAMPLES,
        what: "getModelEndpoint has {deploymentName} exactly once, in its path",
        why: "no single model can be requested",
        remedy: "write an endpoint such as /models/{deploymentName}",
        check: Check::Connection(deployment_name_placeholder),
    },
    Rule {
        id: "models-shape",
        level: Level::Error,
        as_of: "2026-11-30",
        source: SAMPLES,
        what: "models is a list of {name, properties: {model: {name}}}, at least one, with different names",
        why: "the agents find no model, or not the intended one",
        remedy: "give each model a name and a properties.model.name",
        check: Check::Connection(models_shape),
    },
];

/// The keys of discovery.
const KEYS: [&str; 3] = ["listModelsEndpoint", "getModelEndpoint", "deploymentProvider"];

fn has(connection: &Connection, key: &str) -> bool {
    connection.embedded(key) != Embedded::Absent
}

fn discovery_both(connection: &Connection) -> Vec<Hit> {
    let both = has(connection, "models") && has(connection, "modelDiscovery") && !connection.hides_metadata();
    let [list, discovery] = ["models", "modelDiscovery"].map(|key| connection.spelled(key));
    let place = connection.place_of("modelDiscovery").max(connection.place_of("models"));
    Hit::if_some(place, both.then(|| format!("there are both '{list}' and '{discovery}'")))
}

fn is_silent(connection: &Connection) -> bool {
    !has(connection, "models") && !has(connection, "modelDiscovery") && connection.setting("staticModels").is_none()
}

fn discovery_default(connection: &Connection) -> Vec<Hit> {
    let silent = connection.category == Category::ApiManagement && is_silent(connection);
    Hit::if_some(connection.place_of("metadata"), silent.then(|| neither(connection)))
}

fn discovery_missing(connection: &Connection) -> Vec<Hit> {
    let silent = connection.category == Category::ModelGateway && is_silent(connection);
    Hit::if_some(connection.place_of("metadata"), silent.then(|| neither(connection)))
}

fn neither(connection: &Connection) -> String {
    let [list, discovery] = ["models", "modelDiscovery"].map(|key| connection.spelled(key));
    format!("there is neither '{list}' nor '{discovery}'")
}

/// What the connection says of discovery, and where its keys stand.
fn endpoints(connection: &Connection) -> Option<(Node, Place)> {
    let node = connection.embedded("modelDiscovery").meaning()?;
    Some((node, connection.place_of("modelDiscovery")))
}

/// Where an inner key stands: by itself among parameters, with the whole text otherwise.
fn inner_place(connection: &Connection, node: &Node, key: &str, whole: Place) -> Place {
    match (connection.form, node.member(key)) {
        (Form::Parameters | Form::Terraform, Some(member)) => member.place,
        (_, _) => whole,
    }
}

fn discovery_incomplete(connection: &Connection) -> Vec<Hit> {
    let Some((node, place)) = endpoints(connection) else { return Vec::new() };
    let missing: Vec<&str> = KEYS.into_iter().filter(|key| node.get(key).is_none_or(Node::is_empty)).collect();
    let message = format!("'{}' is missing", missing.join("' and '"));
    Hit::if_some(place, (!missing.is_empty()).then_some(message))
}

fn deployment_provider(connection: &Connection) -> Vec<Hit> {
    let Some((node, place)) = endpoints(connection) else { return Vec::new() };
    let Some(name) = node.get("deploymentProvider").and_then(Node::text).filter(|name| !name.is_empty()) else {
        return Vec::new();
    };
    let known = Provider::ALL.map(<&str>::from);
    // Suggestions are made in small letters.
    let near = known.iter().find(|known| known.eq_ignore_ascii_case(name));
    let hint = near.map_or_else(|| suggestion(name, &known), |near| format!("; did you mean '{near}'?"));
    let message = format!("'deploymentProvider' is \"{}\"{hint}", Limit::ShownText.cut(name));
    let place = inner_place(connection, &node, "deploymentProvider", place);
    Hit::if_some(place, Provider::named(name).is_none().then_some(message))
}

fn deployment_name_placeholder(connection: &Connection) -> Vec<Hit> {
    let Some((node, place)) = endpoints(connection) else { return Vec::new() };
    let Some(endpoint) = node.get("getModelEndpoint").and_then(Node::text).filter(|text| !text.is_empty()) else {
        return Vec::new();
    };
    let path = endpoint.split(['?', '#']).next().unwrap_or_default();
    let (in_path, everywhere) = (path.matches(PLACEHOLDER).count(), endpoint.matches(PLACEHOLDER).count());
    let message = match (in_path, everywhere) {
        (1, 1) => None,
        (0, 0) => Some(format!("'getModelEndpoint' has no {PLACEHOLDER}")),
        (0, _) => Some(format!("'getModelEndpoint' has {PLACEHOLDER} in its query and not in its path")),
        (_, _) => Some(format!("'getModelEndpoint' has {PLACEHOLDER} {everywhere} times")),
    };
    Hit::if_some(inner_place(connection, &node, "getModelEndpoint", place), message)
}

fn models_shape(connection: &Connection) -> Vec<Hit> {
    let Some(list) = connection.embedded("models").meaning() else { return Vec::new() };
    let (place, key) = (connection.place_of("models"), connection.spelled("models"));
    let items = list.items();
    if items.is_empty() {
        return vec![Hit::at(place, format!("'{key}' is {} without models", list.kind()))];
    }
    let mut hits = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for (number, item) in (1..).zip(items) {
        for (what, keys) in [("name", &["name"][..]), ("properties.model.name", &["properties", "model", "name"])] {
            if lacks(item, keys) {
                hits.push(Hit::at(place, format!("model {number} of '{key}' has no '{what}'")));
            }
        }
        match item.get("name").and_then(Node::text) {
            Some(name) if names.contains(&name) => {
                let name = Limit::ShownText.cut(name);
                hits.push(Hit::at(place, format!("two models of '{key}' are called '{name}'")));
            }
            Some(name) => names.push(name),
            None => {}
        }
    }
    hits
}

/// Whether there is no text at the end of these keys, as far as can be known.
fn lacks(node: &Node, keys: &[&str]) -> bool {
    match (&node.value, keys.split_first()) {
        (Value::Unknown, _) => false,
        (_, Some((key, rest))) => node.get(key).is_none_or(|inner| lacks(inner, rest)),
        (_, None) => node.text().is_none_or(|text| text.trim().is_empty()),
    }
}
