//! The target of a connection: where its calls go.

use crate::limits::Limit;
use crate::lint::entry::ProfileEntry;
use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::path::zones::HostKind;
use crate::profile::foundry::address::{Parts, chat_url};
use crate::profile::foundry::connection::{Category, Connection, Form};

/// The rules.
pub(crate) static RULES: [Rule; 9] = [
    Rule {
        id: "target-not-url",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples, connection modules",
        what: "the target is an address of https, without a query",
        why: "what each call adds is appended unchanged",
        remedy: "write an address such as https://name.azure-api.net/openai/v1",
        check: Check::Connection(target_not_url),
    },
    Rule {
        id: "openai-without-v1",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples, model-gateway/samples/parameters-openai.json",
        what: "a target on the public address of a provider has the path of its API",
        why: "calls go to an address that does not exist",
        remedy: "write the target with its path, such as https://api.openai.com/v1, and endpoints such as /models",
        check: Check::Connection(openai_without_v1),
    },
    Rule {
        id: "azure-without-openai",
        level: Level::Error,
        as_of: "2026-06-11",
        source: "learn.microsoft.com, Azure OpenAI in Foundry Models, v1 API and REST reference",
        what: "a target on an Azure resource has /openai/v1, /openai or /models in its path",
        why: "calls go to an address that does not exist",
        remedy: "write the target as https://NAME.openai.azure.com/openai/v1",
        check: Check::Connection(azure_without_openai),
    },
    Rule {
        id: "v1-left-to-gateway",
        level: Level::Note,
        as_of: "2025-12",
        source: "journeyofthegeek, APIM and Model Gateway Connections Part 2: one sample has /v1 in the target, the other in the backend",
        what: "a target whose name says v1 has /v1 in its path, unless the backend of the API adds it",
        why: "only the gateway knows whether the address exists",
        remedy: "check the backend of the API: /v1 belongs in it or in the target, not in both",
        check: Check::Connection(v1_left_to_gateway),
    },
    Rule {
        id: "custom-domain",
        level: Level::Error,
        as_of: "2025-12",
        source: "journeyofthegeek, APIM and Model Gateway Connections Part 2",
        what: "the target of a connection to API Management is on its own name under azure-api.net",
        why: "a custom domain was refused on that day; Microsoft had been asked to allow it",
        remedy: "use https://NAME.azure-api.net/..., or the category ModelGateway",
        check: Check::Connection(custom_domain),
    },
    Rule {
        id: "deployment-in-target",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples, connection guides: {target}/deployments/{name}/chat/completions",
        what: "a target does not name a deployment where deploymentInPath is true",
        why: "the address then has /deployments/... twice and does not exist",
        remedy: "end the target before /deployments",
        check: Check::Connection(deployment_in_target),
    },
    Rule {
        id: "target-with-resource",
        level: Level::Error,
        as_of: "2026-01-28",
        source: "microsoft-foundry/foundry-samples, connection guides: {target}/chat/completions",
        what: "a target ends before what each call adds",
        why: "the address then has /chat/completions twice and does not exist",
        remedy: "end the target before /chat/completions",
        check: Check::Connection(target_with_resource),
    },
    Rule {
        id: "privatelink-host-as-target",
        level: Level::Error,
        as_of: "2026-06-11",
        source: "learn.microsoft.com, private endpoint DNS; design of a cross-region private endpoint (seed document, FQDN aifoundry-sweden.privatelink.api.azureml.ms)",
        what: "calls go to the public name of a resource, which DNS turns into the private address",
        why: "no certificate covers a name with privatelink in it, so TLS fails",
        remedy: "use the name without privatelink",
        check: Check::Both(privatelink_target, privatelink_path),
    },
    Rule {
        id: "placeholder",
        level: Level::Note,
        as_of: "2026-11-30",
        source: "microsoft-foundry/foundry-samples, samples of parameters",
        what: "placeholders for your own values have been replaced",
        why: "the addresses are unknown",
        remedy: "write the real target",
        check: Check::Connection(placeholder),
    },
];

/// Where the APIs of providers stand, in full.
const PROVIDERS: [(&str, &str); 4] = [
    ("api.openai.com", "/v1"),
    ("api.mistral.ai", "/v1"),
    ("api.groq.com", "/openai/v1"),
    ("openrouter.ai", "/api/v1"),
];
/// Whose host it is, by its name.
fn host_kind(parts: &Parts<'_>) -> HostKind {
    HostKind::of(parts.scheme, parts.host)
}

/// Whether it is the host of an Azure resource with models.
#[must_use]
pub(crate) fn is_azure(parts: &Parts<'_>) -> bool {
    host_kind(parts) == HostKind::Resource
}

/// Whether the path leads to an API with models of an Azure resource.
#[must_use]
pub(crate) fn has_azure_api(parts: &Parts<'_>) -> bool {
    parts.segments().any(|segment| matches!(segment, "openai" | "models"))
}

/// Whether a text stands for a value that is put in later.
fn is_stand_in(text: &str) -> bool {
    let has =
        |open: char, close: char| text.find(open).zip(text.rfind(close)).is_some_and(|(open, close)| open < close);
    (text.contains("YOUR-") && !text.contains("://")) || has('<', '>') || has('{', '}')
}

fn at_target(connection: &Connection, say: impl Fn(&str, Parts<'_>) -> Option<String>) -> Vec<Hit> {
    let target = connection.target().filter(|target| !is_stand_in(target));
    let message = target.and_then(|target| say(target, Parts::of(target)?));
    Hit::if_some(connection.place_of_property("target"), message)
}

fn placeholder(connection: &Connection) -> Vec<Hit> {
    let target = connection.target().filter(|target| is_stand_in(target));
    let message = target.map(|_| format!("'{}' is not filled in", connection.spelled("target")));
    Hit::if_some(connection.place_of_property("target"), message)
}

fn target_not_url(connection: &Connection) -> Vec<Hit> {
    let place = connection.place_of_property("target");
    let key = connection.spelled("target");
    let Some(target) = connection.target() else {
        let absent = connection.property("target").is_none_or(|member| member.value.is_empty());
        // Parameters for API Management have none: the template makes it of the gateway's name and the API's.
        let wanted = connection.form != Form::Parameters || connection.category == Category::ModelGateway;
        return Hit::if_some(place, (absent && wanted).then(|| format!("'{key}' is missing")));
    };
    if is_stand_in(target) {
        return Vec::new();
    }
    let message = match Parts::of(target) {
        None => Some(format!("'{key}' is not an address")),
        Some(parts) if parts.user.is_some() => Some(format!("'{key}' has a user in it")),
        Some(parts) if parts.query.is_some() || parts.fragment.is_some() => {
            Some(format!("'{key}' has a query or a fragment"))
        }
        Some(parts) if !parts.scheme.eq_ignore_ascii_case("https") && !parts.is_local() => {
            Some(format!("'{key}' is not https"))
        }
        Some(_) => None,
    };
    Hit::if_some(place, message)
}

fn openai_without_v1(connection: &Connection) -> Vec<Hit> {
    at_target(connection, |target, parts| {
        let (host, base) = PROVIDERS.into_iter().find(|(host, _)| parts.host.eq_ignore_ascii_case(host))?;
        let path = parts.path.trim_end_matches('/');
        let stands = path == base || path.starts_with(&format!("{base}/"));
        let url = chat_url(target.trim_end_matches('/'), None, None);
        (!stands).then(|| format!("the API of {host} is under {base}, and calls go to {url}"))
    })
}

fn azure_without_openai(connection: &Connection) -> Vec<Hit> {
    at_target(connection, |target, parts| {
        let url = chat_url(target.trim_end_matches('/'), None, None);
        (is_azure(&parts) && !has_azure_api(&parts))
            .then(|| format!("the path has neither /openai nor /models, and calls go to {url}"))
    })
}

/// The last part of a path says v1 and is not it.
fn v1_left_to_gateway(connection: &Connection) -> Vec<Hit> {
    at_target(connection, |target, parts| {
        let last = parts.segments().last()?.to_ascii_lowercase();
        let says = last.strip_suffix("v1").is_some_and(|before| before.ends_with(['-', '_']));
        let url = chat_url(target, None, None);
        says.then(|| format!("calls go to {url}, which exists only if the gateway adds /v1"))
    })
}

fn custom_domain(connection: &Connection) -> Vec<Hit> {
    if connection.category != Category::ApiManagement {
        return Vec::new();
    }
    at_target(connection, |_, parts| {
        let own = host_kind(&parts) == HostKind::ApiManagement || parts.is_local();
        let host = Limit::ShownText.cut(parts.host);
        (!own).then(|| format!("the target is on {host}"))
    })
}

fn deployment_in_target(connection: &Connection) -> Vec<Hit> {
    at_target(connection, |target, parts| {
        let names = parts.segments().any(|segment| segment.eq_ignore_ascii_case("deployments"));
        let in_path = connection.deployment_in_path() == Some(true);
        let url = chat_url(target, Some("{deploymentName}"), None);
        (names && in_path).then(|| format!("the target names a deployment: {url}"))
    })
}

fn target_with_resource(connection: &Connection) -> Vec<Hit> {
    at_target(connection, |_, parts| {
        let path = parts.path.trim_end_matches('/');
        let resource =
            ["/chat/completions", "/responses", "/completions"].into_iter().find(|end| path.ends_with(end))?;
        Some(format!("the target ends in {resource}"))
    })
}

/// The name without `privatelink`, if it is in it.
fn public_name(host: &str) -> Option<String> {
    let labels: Vec<&str> = host.split('.').collect();
    let is_private = |label: &&str| label.eq_ignore_ascii_case("privatelink");
    let rest: Vec<&str> = labels.iter().copied().filter(|label| !is_private(label)).collect();
    (rest.len() < labels.len()).then(|| Limit::ShownText.cut(&rest.join(".")))
}

fn privatelink_target(connection: &Connection) -> Vec<Hit> {
    at_target(connection, |_, parts| {
        public_name(parts.host).map(|name| format!("the target is a privatelink name; its public name is {name}"))
    })
}

fn privatelink_path(entry: &ProfileEntry<'_>) -> Vec<Hit> {
    let message = entry
        .host()
        .and_then(public_name)
        .map(|name| format!("path '{}' goes to a privatelink name; its public name is {name}", entry.name()));
    Hit::if_some(entry.place("base_url"), message)
}
