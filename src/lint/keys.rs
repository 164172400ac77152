//! The names of keys, which are read in exactly one spelling, and the name of the connection.

use crate::limits::Limit;
use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::profile::foundry::connection::{Connection, EMBEDDED, Form, PLAIN};
use crate::profile::foundry::located::{Member, Node};
use crate::spelling::nearest;

const BLOG: &str = "journeyofthegeek, APIM and Model Gateway Connections Part 2";

/// The rules.
pub(crate) static RULES: [Rule; 5] = [
    Rule {
        id: "key-case",
        level: Level::Error,
        as_of: "2025-12",
        source: BLOG,
        what: "keys are spelled exactly like this, in upper and lower case",
        why: "a key in another letter case is accepted when the connection is created, and then not found",
        remedy: "spell it as it is spelled here",
        check: Check::Connection(key_case),
    },
    Rule {
        id: "static-models-key",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples, apim and model-gateway templates",
        what: "the list of models is 'models' in a connection, and 'staticModels' among the parameters of the templates",
        why: "under the other name the list is not read, and the connection has no models",
        remedy: "rename the key",
        check: Check::Connection(static_models_key),
    },
    Rule {
        id: "unknown-key",
        level: Level::Warning,
        as_of: "2026-11-30",
        source: "microsoft-foundry/foundry-samples, connection templates and setup guides",
        what: "the metadata have no other keys than those that are known",
        why: "a key that is not known is kept and not read",
        remedy: "correct its spelling, or leave it out",
        check: Check::Connection(unknown_key),
    },
    Rule {
        id: "duplicate-key",
        level: Level::Error,
        as_of: "2026-11-30",
        source: "RFC 8259, section 4",
        what: "a key appears once in an object",
        why: "one of the two values is silently lost",
        remedy: "keep one of them",
        check: Check::Connection(duplicate_key),
    },
    Rule {
        id: "connection-name-length",
        level: Level::Error,
        as_of: "2025-12",
        source: BLOG,
        what: "the name of a connection is shorter than 60 characters",
        why: "a connection with a longer name was refused",
        remedy: "shorten the name",
        check: Check::Connection(connection_name_length),
    },
];

/// Keys of the properties.
const PROPERTIES: [&str; 11] = [
    "category",
    "target",
    "authType",
    "credentials",
    "audience",
    "tokenUrl",
    "scopes",
    "isSharedToAll",
    "metadata",
    "group",
    "location",
];
/// Keys of the credentials.
const CREDENTIALS: [&str; 3] = ["key", "clientId", "clientSecret"];
/// Keys of the objects inside the metadata.
const INNER: [(&str, &[&str]); 3] = [
    ("modelDiscovery", &["listModelsEndpoint", "getModelEndpoint", "deploymentProvider"]),
    ("authConfig", &["type", "name", "format"]),
    ("models", &["name", "properties", "model", "version", "format"]),
];
/// The most characters of a name.
const LONGEST: usize = 59;

fn key_case(connection: &Connection) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut look = |node: &Node, known: &[&str]| {
        for member in node.members() {
            let meant = known.iter().find(|known| **known != member.key && known.eq_ignore_ascii_case(&member.key));
            if let Some(meant) = meant {
                hits.push(Hit::at(member.place, format!("'{}' is spelled '{meant}'", member.key)));
            }
        }
    };
    look(&connection.properties, &PROPERTIES);
    connection.properties.get("credentials").into_iter().for_each(|node| look(node, &CREDENTIALS));
    let known: Vec<&str> = EMBEDDED.into_iter().chain(PLAIN).collect();
    connection.metadata().into_iter().for_each(|node| look(node, &known));
    for (key, known) in INNER {
        let inner = connection.embedded(key).meaning();
        inner.iter().for_each(|node| each_table(node, &mut |table| look(table, known)));
    }
    let category = <&str>::from(connection.category);
    if let Some(member) = connection.property("category").filter(|member| member.value.text() != Some(category)) {
        hits.push(Hit::at(member.value.place, format!("the category is spelled '{category}'")));
    }
    hits
}

fn each_table(node: &Node, look: &mut dyn FnMut(&Node)) {
    look(node);
    node.items().iter().for_each(|item| each_table(item, look));
    node.members().iter().for_each(|member| each_table(&member.value, look));
}

fn static_models_key(connection: &Connection) -> Vec<Hit> {
    let metadata = connection.metadata().map_or(&[][..], Node::members);
    let wrong = metadata.iter().filter(|member| member.key.eq_ignore_ascii_case("staticModels"));
    let message = match connection.form {
        Form::Parameters => "'models' is called 'staticModels' among the parameters",
        Form::Object | Form::Template | Form::Terraform => "'staticModels' is called 'models' in the metadata",
    };
    wrong.map(|member| Hit::at(member.place, message)).collect()
}

fn unknown_key(connection: &Connection) -> Vec<Hit> {
    let known: Vec<&str> = EMBEDDED.into_iter().chain(PLAIN).collect();
    let is_known = |member: &Member| {
        member.key.eq_ignore_ascii_case("staticModels") || known.iter().any(|key| key.eq_ignore_ascii_case(&member.key))
    };
    let unknown = connection.metadata().map_or(&[][..], Node::members).iter().filter(|member| !is_known(member));
    let hit = |member: &Member| {
        let meant = nearest(&member.key, &known).map_or(String::new(), |near| format!("; did you mean '{near}'?"));
        Hit::at(member.place, format!("'{}' is not known{meant}", Limit::ShownText.cut(&member.key)))
    };
    unknown.map(hit).collect()
}

fn duplicate_key(connection: &Connection) -> Vec<Hit> {
    let mut hits = Vec::new();
    each_table(&connection.properties, &mut |table| {
        let members = table.members();
        for (at, member) in members.iter().enumerate() {
            if members[..at].iter().any(|other| other.key == member.key) {
                let key = Limit::ShownText.cut(&member.key);
                hits.push(Hit::at(member.place, format!("'{key}' appears twice")));
            }
        }
    });
    hits
}

fn connection_name_length(connection: &Connection) -> Vec<Hit> {
    let Some(name) = connection.name() else { return Vec::new() };
    let length = name.chars().count();
    let place = connection.name.as_ref().map_or(connection.place, |node| node.place);
    let of = if connection.form == Form::Parameters { "'connectionName'" } else { "the name" };
    Hit::if_some(place, (length > LONGEST).then(|| format!("{of} has {length} characters")))
}
