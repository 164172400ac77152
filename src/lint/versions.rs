//! The api-versions: of calls, and of discovery, which is another API.

use crate::limits::Limit;
use crate::lint::entry::ProfileEntry;
use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::lint::target::{has_azure_api, is_azure};
use crate::path::address::{RESPONSES_SINCE, is_before, is_dated};
use crate::profile::foundry::address::{Parts, versions_in};
use crate::profile::foundry::connection::{Category, Connection, Setting};
use crate::profile::foundry::discovery::Discovery;
use crate::units::Api;

/// The rules.
pub(crate) static RULES: [Rule; 5] = [
    Rule {
        id: "version-on-v1",
        level: Level::Error,
        as_of: "2026-06-11",
        source: "journeyofthegeek, Part 2 (2025-12): null for v1; vercel/ai #14009: \"API version not supported\"",
        what: "calls to a v1 address have no api-version",
        why: "a dated api-version on /v1 is refused with status 400",
        remedy: "leave inferenceAPIVersion out, or null",
        check: Check::Both(version_on_v1, version_on_v1_path),
    },
    Rule {
        id: "version-missing",
        level: Level::Warning,
        as_of: "2025-12",
        source: "journeyofthegeek, APIM and Model Gateway Connections Part 2",
        what: "calls to a classic address have an api-version",
        why: "the agents put one in by default that nobody chose; other callers are refused",
        remedy: "set inferenceAPIVersion, such as \"2025-04-01-preview\", or use /openai/v1",
        check: Check::Connection(version_missing),
    },
    Rule {
        id: "deployment-version",
        level: Level::Error,
        as_of: "2025-12",
        source: "journeyofthegeek, APIM and Model Gateway Connections Part 2; learn.microsoft.com, accounts/deployments",
        what: "deploymentAPIVersion is a version of Azure Resource Manager, not of inference",
        why: "discovery asks Azure Resource Manager, which does not know the versions of inference",
        remedy: "use a version of Microsoft.CognitiveServices/accounts/deployments, such as \"2024-10-01\"",
        check: Check::Connection(deployment_version),
    },
    Rule {
        id: "inference-version",
        level: Level::Warning,
        as_of: "2026-11-30",
        source: "learn.microsoft.com, Azure OpenAI API version lifecycle; accounts/deployments",
        what: "inferenceAPIVersion is a version of inference, not of Azure Resource Manager",
        why: "calls with a version that inference does not have are refused",
        remedy: "use a version such as \"2025-04-01-preview\"; \"2024-10-01\" belongs in deploymentAPIVersion",
        check: Check::Connection(inference_version),
    },
    Rule {
        id: "version-before-responses",
        level: Level::Warning,
        as_of: "2026-06-11",
        source: "learn.microsoft.com, Responses API: 2025-03-01-preview or later, or v1",
        what: "an api-version is new enough for the Responses API, where that or a model of the family gpt-5 is used",
        why: "with an older version the address of the Responses API does not exist",
        remedy: "use 2025-03-01-preview or later, or /openai/v1",
        check: Check::Both(version_before_responses, version_before_responses_path),
    },
];

/// Versions of inference of Azure OpenAI.
const INFERENCE: [&str; 27] = [
    "2022-12-01",
    "2023-03-15-preview",
    "2023-05-15",
    "2023-06-01-preview",
    "2023-07-01-preview",
    "2023-08-01-preview",
    "2023-09-01-preview",
    "2023-10-01-preview",
    "2023-12-01-preview",
    "2024-02-01",
    "2024-02-15-preview",
    "2024-03-01-preview",
    "2024-04-01-preview",
    "2024-05-01-preview",
    "2024-06-01",
    "2024-07-01-preview",
    "2024-08-01-preview",
    "2024-09-01-preview",
    "2024-10-01-preview",
    "2024-10-21",
    "2024-12-01-preview",
    "2025-01-01-preview",
    "2025-02-01-preview",
    "2025-03-01-preview",
    "2025-04-01-preview",
    "v1",
    "preview",
];
/// Versions of accounts/deployments of Azure Resource Manager.
const MANAGEMENT: [&str; 14] = [
    "2021-10-01",
    "2022-03-01",
    "2022-10-01",
    "2022-12-01",
    "2023-05-01",
    "2023-10-01-preview",
    "2024-04-01-preview",
    "2024-06-01-preview",
    "2024-10-01",
    "2025-04-01-preview",
    "2025-06-01",
    "2025-07-01-preview",
    "2025-09-01",
    "2025-10-01-preview",
];

/// Whether an address is one of v1: a part of its path is it, or ends in it.
fn is_v1(parts: &Parts<'_>) -> bool {
    parts.segments().any(|segment| {
        let segment = segment.to_ascii_lowercase();
        segment.strip_suffix("v1").is_some_and(|before| before.is_empty() || before.ends_with(['-', '_']))
    })
}

fn version_on_v1(connection: &Connection) -> Vec<Hit> {
    let version = connection.setting_text("inferenceAPIVersion").known().filter(|version| is_dated(version));
    let target = connection.target().and_then(Parts::of).filter(is_v1);
    let message = version.zip(target).map(|(version, target)| {
        let path = Limit::ShownText.cut(target.path);
        format!("the target is of v1 ({path}), and 'inferenceAPIVersion' is \"{}\"", shown(version))
    });
    Hit::if_some(connection.place_of("inferenceAPIVersion"), message)
}

fn version_missing(connection: &Connection) -> Vec<Hit> {
    if connection.setting_text("inferenceAPIVersion") != Setting::Absent {
        return Vec::new();
    }
    let target = connection.target().and_then(Parts::of).filter(|parts| !is_v1(parts));
    let in_path = connection.deployment_in_path() == Some(true);
    let is_classic = |parts: &Parts<'_>| {
        (is_azure(parts) && has_azure_api(parts)) || (in_path && connection.category == Category::ApiManagement)
    };
    let message =
        target.filter(is_classic).map(|_| "the target is of the classic API, and 'inferenceAPIVersion' is missing");
    Hit::if_some(connection.place_of("inferenceAPIVersion"), message.map(str::to_owned))
}

/// Whether discovery may ask an Azure resource itself, whose lists have the versions of inference.
fn asks_the_resource(connection: &Connection) -> bool {
    let on_azure = connection.target().and_then(Parts::of).is_some_and(|parts| is_azure(&parts));
    connection.category == Category::ModelGateway && on_azure
}

fn deployment_version(connection: &Connection) -> Vec<Hit> {
    let Some(version) = connection.setting_text("deploymentAPIVersion").known() else { return Vec::new() };
    // A version in the endpoints wins over this one.
    let unused = match Discovery::of(connection) {
        Discovery::Dynamic(endpoints) => {
            [&endpoints.list, &endpoints.get].iter().all(|endpoint| versions_in(endpoint) > 0)
        }
        Discovery::Default(_) | Discovery::Static(_) | Discovery::None => false,
    };
    let of_inference = INFERENCE.contains(&version) && !MANAGEMENT.contains(&version);
    let wrong = of_inference && !unused && !asks_the_resource(connection);
    let message = format!("'deploymentAPIVersion' is \"{}\", a version of inference", shown(version));
    Hit::if_some(connection.place_of("deploymentAPIVersion"), wrong.then_some(message))
}

fn inference_version(connection: &Connection) -> Vec<Hit> {
    let version = connection.setting_text("inferenceAPIVersion").known();
    let version = version.filter(|version| MANAGEMENT.contains(version) && !INFERENCE.contains(version));
    let message =
        version.map(|version| format!("'inferenceAPIVersion' is \"{version}\", a version of Azure Resource Manager"));
    Hit::if_some(connection.place_of("inferenceAPIVersion"), message)
}

/// Whether a model is of a family that is made for the Responses API.
fn wants_responses(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    model == "gpt-5" || model.starts_with("gpt-5-") || model.starts_with("gpt-5.") || model.starts_with("gpt-6")
}

fn is_before_responses(version: &str) -> bool {
    is_before(version, RESPONSES_SINCE)
}

fn version_before_responses(connection: &Connection) -> Vec<Hit> {
    let version = connection.setting_text("inferenceAPIVersion").known().filter(|version| is_before_responses(version));
    let (Some(version), Discovery::Static(models)) = (version, Discovery::of(connection)) else { return Vec::new() };
    let names = models.iter().map(|model| model.model.as_deref().unwrap_or(&model.deployment));
    let model = names.into_iter().find(|name| wants_responses(name));
    let message = model.map(|model| {
        format!("'inferenceAPIVersion' is \"{}\", too old for the Responses API of {}", shown(version), shown(model))
    });
    Hit::if_some(connection.place_of("inferenceAPIVersion"), message)
}

fn shown(text: &str) -> String {
    Limit::ShownText.cut(text)
}

/// The api-version of a path of a profile: what it means, or what is written.
fn version_of<'p>(entry: &ProfileEntry<'p>) -> Option<&'p str> {
    let meant = entry.meaning.and_then(|(path, _)| path.address.api_version());
    meant.or_else(|| entry.text("query.api-version")).or_else(|| {
        let query = entry.text("base_url").and_then(Parts::of)?.query?;
        query.split('&').find_map(|pair| pair.strip_prefix("api-version="))
    })
}

fn version_on_v1_path(entry: &ProfileEntry<'_>) -> Vec<Hit> {
    let version = version_of(entry).filter(|version| is_dated(version));
    let base = entry.text("base_url").and_then(Parts::of).filter(is_v1);
    let message = version
        .zip(base)
        .map(|(version, _)| format!("path '{}' is of v1, and its api-version is \"{}\"", entry.name(), shown(version)));
    Hit::if_some(entry.place("query.api-version"), message)
}

fn version_before_responses_path(entry: &ProfileEntry<'_>) -> Vec<Hit> {
    let Some(version) = version_of(entry).filter(|version| is_before_responses(version)) else { return Vec::new() };
    let asks = entry.meaning.is_some_and(|(_, workload)| workload.api.contains_key(&Api::Responses));
    let own = entry.text("model").or_else(|| entry.text("deployment"));
    let model = own.or(entry.places.model());
    let message = (asks || model.is_some_and(wants_responses)).then(|| {
        let name = entry.name();
        format!("the api-version of path '{name}' is \"{}\", too old for the Responses API", shown(version))
    });
    Hit::if_some(entry.place("query.api-version"), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_responses_names_the_version_by_which_it_judges() {
        let first = format!("{RESPONSES_SINCE}-preview");
        let rule = RULES.iter().find(|rule| rule.id == "version-before-responses").expect("a rule");
        assert!(rule.remedy.contains(&first) && rule.source.contains(&first), "{first}");
        assert!(INFERENCE.contains(&first.as_str()) && !is_before_responses(&first));
        assert!(is_before_responses("2025-02-01-preview") && !is_before_responses("preview"));
    }
}
