//! How a connection proves who calls.

use crate::limits::Limit;
use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::profile::foundry::connection::{Category, Connection, Form, Setting};
use crate::profile::foundry::located::{Node, Value};
use crate::spelling::nearest;

const SAMPLES: &str = "microsoft-foundry/foundry-samples, connection modules and setup scripts";

/// The rules.
pub(crate) static RULES: [Rule; 4] = [
    Rule {
        id: "audience-missing",
        level: Level::Error,
        as_of: "2025-12",
        source: "journeyofthegeek, APIM and Model Gateway Connections Part 2",
        what: "a connection by the project's managed identity has an audience",
        why: "without it no token can be requested",
        remedy: "set audience, such as \"https://cognitiveservices.azure.com\" for Azure OpenAI behind the gateway",
        check: Check::Connection(audience_missing),
    },
    Rule {
        id: "auth-type",
        level: Level::Error,
        as_of: "2026-11-30",
        source: SAMPLES,
        what: "authType is ApiKey or ProjectManagedIdentity for API Management, ApiKey or OAuth2 for a model gateway",
        why: "another type is refused, or its secret is not sent",
        remedy: "use one of these types",
        check: Check::Connection(auth_type),
    },
    Rule {
        id: "oauth2-incomplete",
        level: Level::Error,
        as_of: "2026-11-30",
        source: SAMPLES,
        what: "OAuth2 has clientId and clientSecret in the credentials, and tokenUrl and the list scopes next to the credentials",
        why: "no token can be requested",
        remedy: "add what is missing; tokenUrl and scopes belong under properties, not under credentials",
        check: Check::Connection(oauth2_incomplete),
    },
    Rule {
        id: "auth-config",
        level: Level::Error,
        as_of: "2026-11-30",
        source: "microsoft-foundry/foundry-samples, ModelGateway-Connection-Objects.md, AuthConfig",
        what: "authConfig has the type api_key, the name of a header, and {api_key} in its format",
        why: "the key is sent in another header, or not at all",
        remedy: "write {\"type\": \"api_key\", \"name\": \"Authorization\", \"format\": \"Bearer {api_key}\"}",
        check: Check::Connection(auth_config),
    },
];

/// The types of each category; those of the guides count, too.
const TYPES: [(Category, &[&str]); 2] = [
    (Category::ApiManagement, &["ApiKey", "ProjectManagedIdentity", "AAD"]),
    (Category::ModelGateway, &["ApiKey", "OAuth2"]),
];

fn is_type(connection: &Connection, name: &str) -> bool {
    connection.property_text("authType").known().is_some_and(|text| text.eq_ignore_ascii_case(name))
}

fn audience_missing(connection: &Connection) -> Vec<Hit> {
    // The templates put it in themselves.
    let wanted = is_type(connection, "ProjectManagedIdentity") && connection.form != Form::Parameters;
    let missing = wanted && connection.property_text("audience") == Setting::Absent;
    let message = missing.then(|| "'authType' is ProjectManagedIdentity, and 'audience' is missing".to_owned());
    Hit::if_some(connection.place_of_property("authType"), message)
}

fn auth_type(connection: &Connection) -> Vec<Hit> {
    let place = connection.place_of_property("authType");
    let known = TYPES.iter().find(|(category, _)| *category == connection.category).map_or(&[][..], |(_, types)| types);
    let message = match connection.property_text("authType") {
        Setting::Is(text) if known.contains(&text) => None,
        Setting::Is(text) => {
            let small: Vec<String> = known.iter().map(|known| known.to_lowercase()).collect();
            let small: Vec<&str> = small.iter().map(String::as_str).collect();
            let near =
                nearest(text, &small).and_then(|near| known.iter().find(|known| known.eq_ignore_ascii_case(near)));
            let hint = near.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
            Some(format!("'authType' is \"{}\"{hint}", Limit::ShownText.cut(text)))
        }
        Setting::Absent if connection.form != Form::Parameters => Some("'authType' is missing".to_owned()),
        Setting::Absent | Setting::Unknown => None,
    };
    Hit::if_some(place, message)
}

fn oauth2_incomplete(connection: &Connection) -> Vec<Hit> {
    if !is_type(connection, "OAuth2") && !is_type(connection, "OAuth") {
        return Vec::new();
    }
    let credentials = connection.properties.get("credentials");
    let hidden = credentials.is_some_and(|node| node.value == Value::Unknown);
    let lacks = |key: &str| !hidden && credentials.and_then(|node| node.get(key)).is_none_or(Node::is_empty);
    // Secrets are given to a template beside its parameters, and are not shown by Azure.
    let shows_credentials = connection.form != Form::Parameters && credentials.is_some();
    let mut missing: Vec<&str> = Vec::new();
    missing.extend(["clientId", "clientSecret"].into_iter().filter(|key| shows_credentials && lacks(key)));
    let outside = |key: &str| connection.property(key).is_none_or(|member| member.value.is_empty());
    missing.extend(["tokenUrl", "scopes"].into_iter().filter(|key| outside(key)));
    let mut hits = Vec::new();
    if !missing.is_empty() {
        let message = format!("'authType' is OAuth2, and '{}' is missing", missing.join("' and '"));
        hits.push(Hit::at(connection.place_of_property("authType"), message));
    }
    let scopes = connection.property("scopes").filter(|member| member.value.text().is_some());
    hits.extend(scopes.map(|member| Hit::at(member.place, "'scopes' is a text, not a list")));
    hits
}

fn auth_config(connection: &Connection) -> Vec<Hit> {
    let Some(node) = connection.embedded("authConfig").meaning() else { return Vec::new() };
    let place = connection.place_of("authConfig");
    let mut hits = Vec::new();
    let text = |key: &str| node.get(key).and_then(Node::text);
    if text("type").is_some_and(|kind| kind != "api_key") {
        hits.push(Hit::at(place, "the type of 'authConfig' is not api_key"));
    }
    if node.get("name").is_none_or(Node::is_empty) {
        hits.push(Hit::at(place, "'authConfig' names no header"));
    }
    if text("format").is_some_and(|format| !format.is_empty() && !format.contains("{api_key}")) {
        hits.push(Hit::at(place, "the format of 'authConfig' has no {api_key}"));
    }
    hits
}
