//! What has to be a text, and what a text of JSON: the metadata of a connection are texts and nothing else.

use crate::limits::Limit;
use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::profile::foundry::connection::{Connection, EMBEDDED, Embedded, Form, PLAIN, Setting};
use crate::profile::foundry::located::{Node, Value};

/// The rules.
pub(crate) static RULES: [Rule; 6] = [
    Rule {
        id: "nested-value",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "journeyofthegeek, APIM and Model Gateway Connections Part 2 (2025-12); microsoft-foundry/foundry-samples, connection modules",
        what: "models, modelDiscovery, customHeaders and authConfig are texts of JSON",
        why: "an object or a list in their place is accepted when the connection is created, and then does not work",
        remedy: "write the value as a text of JSON; in Terraform put jsonencode(...) around it",
        check: Check::Connection(nested_value),
    },
    Rule {
        id: "encoded-twice",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples, connection modules",
        what: "a text of JSON is encoded once",
        why: "if it is encoded twice, its value is text again, not a list or an object",
        remedy: "remove one of the two encodings",
        check: Check::Connection(encoded_twice),
    },
    Rule {
        id: "not-json",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples, connection modules",
        what: "models, modelDiscovery, customHeaders and authConfig hold JSON",
        why: "the agents cannot read text that is not JSON",
        remedy: "correct the JSON inside the text",
        check: Check::Connection(not_json),
    },
    Rule {
        id: "metadata-not-text",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples, connection modules",
        what: "every value of the metadata is a text",
        why: "the type of metadata is an object of texts; other values are refused or lost",
        remedy: "put quotes around the value, such as \"true\"",
        check: Check::Connection(metadata_not_text),
    },
    Rule {
        id: "deployment-in-path",
        level: Level::Error,
        as_of: "2026-11-30",
        source: "microsoft-foundry/foundry-samples, ModelGateway-Connection-Objects.md and connection templates",
        what: "deploymentInPath is \"true\" or \"false\"",
        why: "it says whether the deployment is in the address or in the body of a call",
        remedy: "write \"true\" for the classic API, \"false\" for v1",
        check: Check::Connection(deployment_in_path),
    },
    Rule {
        id: "deployment-in-path-missing",
        level: Level::Warning,
        as_of: "2026-11-30",
        source: "microsoft-foundry/foundry-samples: the guide says that validation fails without it, and some of its own examples have none",
        what: "a connection says deploymentInPath",
        why: "without it the connection may be refused",
        remedy: "write \"true\" for the classic API, \"false\" for v1",
        check: Check::Connection(deployment_in_path_missing),
    },
];

fn each_embedded(connection: &Connection, say: impl Fn(&'static str, Embedded) -> Option<String>) -> Vec<Hit> {
    let hit = |key: &'static str| {
        say(key, connection.embedded(key)).map(|message| Hit::at(connection.place_of(key), message))
    };
    EMBEDDED.into_iter().filter_map(hit).collect()
}

fn nested_value(connection: &Connection) -> Vec<Hit> {
    each_embedded(connection, |key, embedded| {
        let Embedded::Plain(node) = embedded else { return None };
        let kind = node.kind();
        Some(match (connection.form, encoded(key, &node)) {
            (Form::Terraform, _) => format!("'{key}' is {kind}: write {key} = jsonencode(...)"),
            (Form::Parameters, _) => format!("'{}' is {kind}", connection.spelled(key)),
            (Form::Object | Form::Template, Some(text)) => format!("'{key}' is {kind}: write \"{key}\": {text}"),
            (Form::Object | Form::Template, None) => format!("'{key}' is {kind}, not a text of JSON"),
        })
    })
}

/// The encoded form, of what can hold no secret and is not long.
fn encoded(key: &str, node: &Node) -> Option<String> {
    if !["models", "modelDiscovery"].contains(&key) {
        return None;
    }
    let json = plain(node).to_string();
    (json.len() <= 400).then(|| serde_json::Value::String(json).to_string())
}

/// The value as JSON; expressions are left out.
fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null | Value::Unknown => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => serde_json::from_str(number).unwrap_or_else(|_| number.clone().into()),
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Table(members) => members.iter().map(|member| (member.key.clone(), plain(&member.value))).collect(),
        Value::Encoded(inner) => plain(inner).to_string().into(),
    }
}

fn encoded_twice(connection: &Connection) -> Vec<Hit> {
    each_embedded(connection, |key, embedded| {
        matches!(embedded, Embedded::Twice(_)).then(|| match connection.form {
            Form::Parameters => {
                format!("'{}' is a text, and the template encodes it once more", connection.spelled(key))
            }
            Form::Object | Form::Template | Form::Terraform => format!("'{key}' is JSON inside a text of JSON"),
        })
    })
}

fn not_json(connection: &Connection) -> Vec<Hit> {
    each_embedded(connection, |key, embedded| match embedded {
        Embedded::Broken(why) => Some(format!("'{}' is not JSON: {why}", connection.spelled(key))),
        Embedded::Absent | Embedded::Unknown | Embedded::Plain(_) | Embedded::Twice(_) | Embedded::Json(_) => None,
    })
}

fn metadata_not_text(connection: &Connection) -> Vec<Hit> {
    let members = connection.metadata().map_or(&[][..], Node::members).iter();
    let is_of_others =
        |key: &str| EMBEDDED.iter().chain(&["staticModels"]).any(|known| known.eq_ignore_ascii_case(key));
    let members = members.filter(|member| !is_of_others(&member.key));
    let wrong = members.filter(|member| match &member.value.value {
        Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Table(_) => true,
        Value::Null | Value::Text(_) | Value::Unknown => false,
        Value::Encoded(_) => PLAIN.iter().any(|key| key.eq_ignore_ascii_case(&member.key)),
    });
    wrong.map(|member| Hit::at(member.place, format!("'{}' is {}", member.key, member.value.kind()))).collect()
}

fn deployment_in_path(connection: &Connection) -> Vec<Hit> {
    let text = connection.setting_text("deploymentInPath").known();
    let wrong = text.filter(|text| !matches!(*text, "true" | "false"));
    let message = wrong.map(|text| format!("'deploymentInPath' is \"{}\"", Limit::ShownText.cut(text)));
    Hit::if_some(connection.place_of("deploymentInPath"), message)
}

fn deployment_in_path_missing(connection: &Connection) -> Vec<Hit> {
    // The templates have a default for it.
    let missing = connection.form != Form::Parameters && connection.setting_text("deploymentInPath") == Setting::Absent;
    Hit::if_some(connection.place_of("metadata"), missing.then(|| "'deploymentInPath' is missing".to_owned()))
}
