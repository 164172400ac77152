//! The endpoints of discovery, and how they are put behind the target.

use crate::limits::Limit;
use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::profile::foundry::address::{Parts, discovery_url, is_absolute, versions_in};
use crate::profile::foundry::connection::{Connection, Form};
use crate::profile::foundry::located::Place;

const OBJECTS: &str = "microsoft-foundry/foundry-samples, ModelGateway-Connection-Objects.md";

/// The rules.
pub(crate) static RULES: [Rule; 7] = [
    Rule {
        id: "endpoint-without-slash",
        level: Level::Error,
        as_of: "2026-11-30",
        source: OBJECTS,
        what: "an endpoint of discovery begins with a slash, or is a whole address",
        why: "it is appended to the target unchanged, so that two words run together",
        remedy: "begin the endpoint with /",
        check: Check::Connection(endpoint_without_slash),
    },
    Rule {
        id: "target-trailing-slash",
        level: Level::Warning,
        as_of: "2026-11-30",
        source: OBJECTS,
        what: "the target does not end with a slash",
        why: "what is appended begins with one, and many gateways do not accept two",
        remedy: "leave out the last /",
        check: Check::Connection(target_trailing_slash),
    },
    Rule {
        id: "endpoint-other-origin",
        level: Level::Error,
        as_of: "2026-11-30",
        source: OBJECTS,
        what: "a whole address of discovery is https and has the scheme, host and port of the target",
        why: "another one is refused, so that the key of the target goes nowhere else",
        remedy: "use an address of the target's own host, or an endpoint that begins with /",
        check: Check::Connection(endpoint_other_origin),
    },
    Rule {
        id: "endpoint-form",
        level: Level::Error,
        as_of: "2026-11-30",
        source: OBJECTS,
        what: "a whole address of discovery has no user, no fragment, no .. and no encoded separator",
        why: "such an address is refused",
        remedy: "write the plain address",
        check: Check::Connection(endpoint_form),
    },
    Rule {
        id: "api-version-twice",
        level: Level::Error,
        as_of: "2026-11-30",
        source: OBJECTS,
        what: "an endpoint says its api-version once",
        why: "an address with two is refused",
        remedy: "keep one of them",
        check: Check::Connection(api_version_twice),
    },
    Rule {
        id: "v1-doubled",
        level: Level::Error,
        as_of: "2025-12",
        source: "journeyofthegeek, APIM and Model Gateway Connections Part 2: one sample has /v1 in the target, the other in the backend",
        what: "/v1 appears once in an address",
        why: "an address with /v1/v1 does not exist",
        remedy: "keep /v1 in the target, and leave it out of the endpoints",
        check: Check::Connection(v1_doubled),
    },
    Rule {
        id: "v1-only-in-discovery",
        level: Level::Warning,
        as_of: "2025-12",
        source: "journeyofthegeek, APIM and Model Gateway Connections Part 2: one sample has /v1 in the target, the other in the backend",
        what: "if discovery has /v1, chat has it too",
        why: "models are found, and calls to them go to an address without /v1",
        remedy: "put /v1 into the target, and leave it out of the endpoints",
        check: Check::Connection(v1_only_in_discovery),
    },
];

/// The endpoints that a connection names.
struct Endpoint {
    key: &'static str,
    text: String,
    place: Place,
}

fn endpoints(connection: &Connection) -> Vec<Endpoint> {
    let Some(node) = connection.embedded("modelDiscovery").meaning() else { return Vec::new() };
    let whole = connection.place_of("modelDiscovery");
    let of = |key: &'static str| {
        let member = node.member(key)?;
        let text = member.value.text().filter(|text| !text.trim().is_empty())?.to_owned();
        let inner = matches!(connection.form, Form::Parameters | Form::Terraform);
        Some(Endpoint { key, text, place: if inner { member.place } else { whole } })
    };
    ["listModelsEndpoint", "getModelEndpoint"].into_iter().filter_map(of).collect()
}

fn each(connection: &Connection, say: impl Fn(&Endpoint) -> Option<String>) -> Vec<Hit> {
    let hit = |endpoint: &Endpoint| {
        say(endpoint).map(|message| Hit::at(endpoint.place, format!("'{}' {message}", endpoint.key)))
    };
    endpoints(connection).iter().filter_map(hit).collect()
}

fn endpoint_without_slash(connection: &Connection) -> Vec<Hit> {
    let target = connection.target();
    let joins = |target: &str| target.ends_with('/');
    each(connection, |endpoint| {
        let relative = !is_absolute(&endpoint.text) && !endpoint.text.starts_with(['/', '?']);
        let wrong = relative && !target.is_some_and(joins);
        let url = target.map_or(String::new(), |target| format!(": {}", discovery_url(target, &endpoint.text, None)));
        wrong.then(|| format!("does not begin with a slash{url}"))
    })
}

fn target_trailing_slash(connection: &Connection) -> Vec<Hit> {
    let target = connection.target().filter(|target| target.ends_with('/') && Parts::of(target).is_some());
    let message =
        target.map(|target| format!("'{}' ends with a slash: {target}/chat/completions", connection.spelled("target")));
    Hit::if_some(connection.place_of_property("target"), message)
}

fn endpoint_other_origin(connection: &Connection) -> Vec<Hit> {
    let target = connection.target().and_then(Parts::of);
    each(connection, |endpoint| {
        let parts = Parts::of(&endpoint.text).filter(|_| is_absolute(&endpoint.text));
        let Some(parts) = parts else { return is_absolute(&endpoint.text).then(|| "is not an address".to_owned()) };
        match target {
            _ if !parts.scheme.eq_ignore_ascii_case("https") && !parts.is_local() => {
                Some("is an address without https".to_owned())
            }
            Some(target) if parts.origin() != target.origin() => {
                Some(format!("is an address of {}, and the target is on {}", shown(parts), shown(target)))
            }
            Some(_) | None => None,
        }
    })
}

/// `https://host:port`, with the port where one is written.
fn shown(parts: Parts<'_>) -> String {
    let port = parts.port.map_or(String::new(), |port| format!(":{port}"));
    Limit::ShownText.cut(&format!("{}://{}{port}", parts.scheme, parts.host))
}

fn endpoint_form(connection: &Connection) -> Vec<Hit> {
    each(connection, |endpoint| {
        let parts = Parts::of(&endpoint.text).filter(|_| is_absolute(&endpoint.text))?;
        let path = parts.path.to_ascii_lowercase();
        let plain = path.replace("%2e", ".");
        let found = if parts.user.is_some() {
            "has a user in it"
        } else if parts.fragment.is_some() {
            "has a fragment"
        } else if ["%2f", "%5c", "%25"].iter().any(|code| path.contains(code)) || path.contains('\\') {
            "has an encoded separator"
        } else if plain.split('/').any(|segment| matches!(segment, "." | "..")) {
            "has . or .. in its path"
        } else {
            return None;
        };
        Some(found.to_owned())
    })
}

fn api_version_twice(connection: &Connection) -> Vec<Hit> {
    each(connection, |endpoint| {
        let times = versions_in(&endpoint.text);
        (times > 1).then(|| format!("has api-version {times} times"))
    })
}

/// Whether a path has the part `v1`.
fn has_v1(path: &str) -> bool {
    path.split(['?', '#']).next().unwrap_or_default().split('/').any(|segment| segment.eq_ignore_ascii_case("v1"))
}

fn is_doubled(url: &str) -> bool {
    url.to_ascii_lowercase().contains("/v1/v1/") || url.to_ascii_lowercase().ends_with("/v1/v1")
}

fn v1_doubled(connection: &Connection) -> Vec<Hit> {
    let Some(target) = connection.target().filter(|target| Parts::of(target).is_some()) else { return Vec::new() };
    if is_doubled(target) {
        let message = format!("'{}' has /v1/v1", connection.spelled("target"));
        return vec![Hit::at(connection.place_of_property("target"), message)];
    }
    each(connection, |endpoint| {
        let url = discovery_url(target, &endpoint.text, None);
        is_doubled(&url).then(|| format!("repeats the /v1 of the target: {url}"))
    })
}

fn v1_only_in_discovery(connection: &Connection) -> Vec<Hit> {
    let Some(target) = connection.target().and_then(Parts::of) else { return Vec::new() };
    if has_v1(target.path) {
        return Vec::new();
    }
    // Once is enough: both endpoints have it, or neither should.
    let mut hits = each(connection, |endpoint| {
        let relative = !is_absolute(&endpoint.text);
        (relative && has_v1(&endpoint.text)).then(|| "has /v1, which calls to the models will not have".to_owned())
    });
    hits.truncate(1);
    hits
}
