//! The exact addresses that the agents of Foundry use for a connection: of chat, and of discovery.

use percent_encoding::utf8_percent_encode;
use serde::Serialize;

use crate::path::address::KEPT;
use crate::profile::foundry::connection::Connection;
use crate::profile::foundry::discovery::{Discovery, Endpoints, PLACEHOLDER, Provider};

/// Where a chat completion of a model goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chat {
    /// The deployment; `{deploymentName}` where only discovery knows it.
    pub deployment: String,
    /// The address of the POST.
    pub url: String,
    /// Whether the body says `"model": DEPLOYMENT`; otherwise the address does.
    pub model_in_body: bool,
}

/// Where models are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The address of the list.
    pub list: String,
    /// The address of one model, with `{deploymentName}` in it.
    pub get: String,
    /// Whose form the answers have.
    pub provider: Option<Provider>,
    /// Whether the connection says nothing of it, so that these are the addresses of API Management.
    pub by_default: bool,
}

/// All addresses of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// Of each static model, or of any discovered one.
    pub chat: Vec<Chat>,
    /// Of discovery, if it is dynamic.
    pub discovery: Option<Asked>,
}

impl Addresses {
    /// Those of a connection; `None` where only Terraform or Azure knows its target.
    #[must_use]
    pub fn of(connection: &Connection) -> Option<Self> {
        let target = connection.target()?;
        let in_path = connection.deployment_in_path().unwrap_or(false);
        let version = connection.setting_text("inferenceAPIVersion").known();
        let chat = |deployment: &str| Chat {
            deployment: deployment.to_owned(),
            url: chat_url(target, in_path.then_some(deployment), version),
            model_in_body: !in_path,
        };
        let discovery = Discovery::of(connection);
        let asked = |endpoints: &Endpoints, by_default| {
            let version = connection.setting_text("deploymentAPIVersion").known();
            let url = |endpoint: &str| discovery_url(target, endpoint, version);
            Asked { list: url(&endpoints.list), get: url(&endpoints.get), provider: endpoints.provider, by_default }
        };
        Some(match &discovery {
            Discovery::Static(models) => {
                Self { chat: models.iter().map(|model| chat(&model.deployment)).collect(), discovery: None }
            }
            Discovery::Dynamic(endpoints) => {
                Self { chat: vec![chat(PLACEHOLDER)], discovery: Some(asked(endpoints, false)) }
            }
            Discovery::Default(endpoints) => {
                Self { chat: vec![chat(PLACEHOLDER)], discovery: Some(asked(endpoints, true)) }
            }
            Discovery::None => Self { chat: vec![chat(PLACEHOLDER)], discovery: None },
        })
    }
}

/// `{target}/chat/completions`, with `/deployments/{name}` before it where the name stands in the path.
#[must_use]
pub(crate) fn chat_url(target: &str, deployment: Option<&str>, version: Option<&str>) -> String {
    let deployment = deployment.map_or(String::new(), |name| format!("/deployments/{}", segment(name)));
    with_version(format!("{target}{deployment}/chat/completions"), version)
}

/// `{target}{endpoint}`, or the endpoint itself where it is absolute. An api-version in the endpoint wins.
#[must_use]
pub(crate) fn discovery_url(target: &str, endpoint: &str, version: Option<&str>) -> String {
    let url = if is_absolute(endpoint) { endpoint.to_owned() } else { format!("{target}{endpoint}") };
    with_version(url, version.filter(|_| versions_in(endpoint) == 0))
}

/// An address taken apart, nothing of it put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'u> {
    /// `https`.
    pub scheme: &'u str,
    /// What stands before an `@`.
    pub user: Option<&'u str>,
    /// The host, without the port.
    pub host: &'u str,
    /// The port, where one is written.
    pub port: Option<&'u str>,
    /// From the first slash behind the host, to the query.
    pub path: &'u str,
    /// Behind the `?`.
    pub query: Option<&'u str>,
    /// Behind the `#`.
    pub fragment: Option<&'u str>,
}

impl<'u> Parts<'u> {
    /// The parts of an address; `None` if it is none.
    #[must_use]
    pub(crate) fn of(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        let (host, port) = match place.rfind(':') {
            Some(colon) if !place.ends_with(']') => (&place[..colon], Some(&place[colon + 1..])),
            _ => (place, None),
        };
        let good = !scheme.is_empty() && !host.is_empty() && !url.contains(char::is_whitespace);
        good.then_some(Self { scheme, user, host, port, path, query, fragment })
    }

    /// Scheme, host and port, the port of the scheme where none is written.
    #[must_use]
    pub(crate) fn origin(&self) -> (String, String, Option<u16>) {
        let scheme = self.scheme.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        };
        let port = self.port.map_or(usual, |port| port.parse().ok());
        (scheme, self.host.to_ascii_lowercase(), port)
    }

    /// Whether it is this machine, or the bundled simulator.
    #[must_use]
    pub(crate) fn is_local(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        let loopback = address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.scheme == "sim" || loopback || self.host.eq_ignore_ascii_case("localhost")
    }

    /// The parts of the path.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &'u str> + use<'u> {
        self.path.split('/').filter(|segment| !segment.is_empty())
    }
}

/// Whether an endpoint is an address of its own.
#[must_use]
pub(crate) fn is_absolute(endpoint: &str) -> bool {
    endpoint.contains("://")
}

/// How often an address says an api-version.
#[must_use]
pub(crate) fn versions_in(url: &str) -> usize {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    names.filter(|name| name.eq_ignore_ascii_case("api-version")).count()
}

fn with_version(url: String, version: Option<&str>) -> String {
    let Some(version) = version else { return url };
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}api-version={version}")
}

/// A name as one part of a path.
#[must_use]
pub(crate) fn segment(name: &str) -> String {
    if name == PLACEHOLDER {
        return name.to_owned();
    }
    utf8_percent_encode(name, &KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_put_together_as_foundry_does() {
        let classic = Some("2025-03-01-preview");
        for (target, deployment, version, url) in [
            (
                "https://r.openai.azure.com/openai",
                Some("gpt-4o"),
                classic,
                "https://r.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2025-03-01-preview",
            ),
            (
                "https://r.openai.azure.com/openai/v1",
                None,
                None,
                "https://r.openai.azure.com/openai/v1/chat/completions",
            ),
            (
                "https://r.services.ai.azure.com/models",
                None,
                Some("2024-05-01-preview"),
                "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            ),
            ("https://x.azure-api.net/openai-v1", None, None, "https://x.azure-api.net/openai-v1/chat/completions"),
            ("https://h", Some("a b/c"), None, "https://h/deployments/a%20b%2Fc/chat/completions"),
        ] {
            assert_eq!(chat_url(target, deployment, version), url);
        }
    }

    #[test]
    fn discovery_is_asked_at_the_endpoint_and_its_own_version_wins() {
        for (endpoint, version, url) in [
            ("/models", None, "https://h/v1/models"),
            ("/models", Some("1"), "https://h/v1/models?api-version=1"),
            ("/models?a=b", Some("1"), "https://h/v1/models?a=b&api-version=1"),
            ("/models?Api-Version=2", Some("1"), "https://h/v1/models?Api-Version=2"),
            ("https://h/x?api-version=2", Some("1"), "https://h/x?api-version=2"),
            ("https://h/x", Some("1"), "https://h/x?api-version=1"),
            ("v1/models", None, "https://h/v1v1/models"),
        ] {
            assert_eq!(discovery_url("https://h/v1", endpoint, version), url);
        }
    }
}
