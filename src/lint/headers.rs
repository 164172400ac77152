//! Headers that a connection adds to its calls.

use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::profile::foundry::connection::Connection;

/// The rules.
pub(crate) static RULES: [Rule; 1] = [Rule {
    id: "header-api-version",
    level: Level::Warning,
    as_of: "2026-11-30",
    source: "microsoft-foundry/foundry-samples, ModelGateway-Connection-Objects.md, example of customHeaders",
    what: "an api-version is not a header",
    why: "the API reads its version from the query; a header such as X-API-Version changes nothing there",
    remedy: "set inferenceAPIVersion; keep the header only if the gateway itself reads it",
    check: Check::Connection(header_api_version),
}];

fn header_api_version(connection: &Connection) -> Vec<Hit> {
    let Some(headers) = connection.embedded("customHeaders").meaning() else { return Vec::new() };
    let names = headers.members().iter().map(|member| member.key.as_str());
    let is_version =
        |name: &&str| ["x-api-version", "api-version"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let hit = |name: &str| Hit::at(connection.place_of("customHeaders"), format!("'customHeaders' has {name}"));
    names.filter(is_version).map(hit).collect()
}
