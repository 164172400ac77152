//! A base URL as people paste it, and what it means: the base, the dialect, the deployment and the query.
//!
//! What an address says for certain is understood; what cannot be meant is refused with the form that is.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::path::address::{API_VERSION, Address, Dialect, UNDATED, is_dated};
use crate::path::zones::HostKind;
use crate::units::Api;

const EXPECTED: &str =
    "an address such as \"https://host/openai/v1\", or \"sim://NAME/openai/v1\" for the bundled simulator";
/// What stands at the end of addresses of other APIs.
const FOREIGN: [&str; 10] = [
    "completions",
    "embeddings",
    "realtime",
    "assistants",
    "threads",
    "batches",
    "files",
    "input_tokens",
    "generations",
    "transcriptions",
];
/// Words in the name of a parameter by which its value is a secret.
const SECRETS: [&str; 7] = ["key", "token", "secret", "password", "sig", "code", "signature"];

/// What a path says of its address beside the base URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish<'w> {
    /// The dialect, where it is written.
    pub dialect: Option<Dialect>,
    /// The deployment, where it is written.
    pub deployment: Option<&'w str>,
    /// More of the query.
    pub query: BTreeMap<String, String>,
    /// The model or deployment name of the path, or of the workload.
    pub model: &'w str,
    /// Whether the run starts the simulator.
    pub simulated: bool,
}

/// Why an address cannot be used, and which key says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is none; the text says what is expected.
    NoAddress(&'static str),
    /// It is refused, in a sentence that follows on the key's name.
    Rule(&'static str, String),
}

fn refuse<T>(sentence: impl Into<String>) -> Result<T, Unusable> {
    Err(Unusable::Rule("base_url", sentence.into()))
}

/// What an address means: the base URL and how it goes on.
///
/// # Errors
/// When it is no address, cannot be meant, or does not go with the wish.
pub(crate) fn understand(url: &str, wish: Wish<'_>) -> Result<(String, Address), Unusable> {
    let pasted = Pasted::of(url, wish.simulated)?;
    let mut query = pasted.query.clone();
    for (key, value) in wish.query {
        if query.contains_key(&key) {
            return Err(Unusable::Rule(
                "query",
                format!("has '{key}', which is already in base_url; keep one of them"),
            ));
        }
        check_parameter(&key, &value).map_err(|why| Unusable::Rule("query", why))?;
        query.insert(key, value);
    }
    let deployment = match (wish.deployment, pasted.deployment.as_deref()) {
        (Some(own), Some(other)) if own != other => {
            let rule = format!("is \"{own}\", but base_url names the deployment \"{other}\"; keep one of them");
            return Err(Unusable::Rule("deployment", rule));
        }
        (own, other) => own.or(other).map(str::to_owned),
    };
    let mut address = Address { dialect: Dialect::OpenAi, deployment, query };
    address.dialect = wish.dialect.unwrap_or_else(|| pasted.recognise(&address));
    let base = pasted.completed(&address)?;
    let only_key = wish.deployment.filter(|_| wish.dialect.is_none() && pasted.deployment.is_none());
    if let Some(own) = only_key.filter(|_| !pasted.may_be_classic(&base)) {
        let rule = format!(
            "is \"{own}\", but only azure-classic addresses contain a deployment, and base_url is not one; write model \
             = \"{own}\" instead, or base_url = \"https://{}/openai\" with query = {{ \"{API_VERSION}\" = \
             \"2024-10-21\" }}",
            pasted.host
        );
        return Err(Unusable::Rule("deployment", rule));
    }
    pasted.check(&base, &address)?;
    if address.dialect == Dialect::AzureClassic && address.deployment.is_none() {
        address.deployment = Some(wish.model.to_owned());
    }
    Ok((format!("{}://{}{base}", pasted.scheme, pasted.host), address))
}

/// An address taken apart.
#[derive(Debug)]
struct Pasted<'u> {
    scheme: &'u str,
    host: &'u str,
    kind: HostKind,
    /// Its path without the API's own part, the deployment and slashes at the end.
    path: &'u str,
    deployment: Option<String>,
    query: BTreeMap<String, String>,
}

impl<'u> Pasted<'u> {
    fn of(url: &'u str, simulated: bool) -> Result<Self, Unusable> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        if url.contains('@') {
            return refuse("holds a user name or password; name the secret under auth instead");
        }
        if url.contains('#') {
            return refuse("has a fragment ('#'), which is never sent; leave it out");
        }
        if url.contains(['{', '}', '<', '>']) {
            return refuse("has a placeholder in brackets; write the name itself");
        }
        let host = before.split('/').next().unwrap_or_default();
        if !matches!(scheme, "http" | "https" | "sim") || !is_host(host) || url.contains(char::is_whitespace) {
            return Err(Unusable::NoAddress(EXPECTED));
        }
        if scheme == "sim" && !simulated {
            return refuse(
                "is on the simulator, which this run does not start; add [simulator] with scenario = \"three-paths\"",
            );
        }
        if before[host.len()..].contains(|c: char| !c.is_ascii_graphic() || "\"\\^`|".contains(c)) {
            return refuse("has a character in its path that is not allowed in an address; write it percent-encoded");
        }
        let whole = before[host.len()..].trim_end_matches('/');
        if whole.contains("//") || whole.split('/').any(|part| part == "." || part == "..") {
            return refuse("has an empty part, '.' or '..' in its path; write the address without it");
        }
        let (path, deployment) = take_deployment(without_api(whole)?)?;
        Ok(Self { scheme, host, kind: HostKind::of(scheme, host), path, deployment, query: parameters(query)? })
    }

    /// The dialect, where the address says it for certain; otherwise that of OpenAI.
    fn recognise(&self, address: &Address) -> Dialect {
        let dated = address.api_version().is_some_and(is_dated);
        let is_known = self.kind == HostKind::Resource || self.kind == HostKind::Simulator;
        if address.deployment.is_some() {
            return Dialect::AzureClassic;
        }
        if self.path.ends_with("/default/models/openai/v1")
            || (self.kind == HostKind::ApiManagement && self.path.ends_with("/models/openai/v1"))
        {
            return Dialect::AiGateway;
        }
        match self.kind {
            _ if self.path == "/models" && (is_known || dated) => Dialect::FoundryModels,
            HostKind::Resource if self.path == "/anthropic" => Dialect::OpenAi,
            HostKind::Resource | HostKind::Simulator if self.is_openai_root() => {
                if dated {
                    Dialect::AzureClassic
                } else {
                    Dialect::AzureV1
                }
            }
            _ if dated && self.path.ends_with("/openai") => Dialect::AzureClassic,
            HostKind::Resource | HostKind::Simulator | HostKind::ApiManagement if self.path.ends_with("/openai/v1") => {
                Dialect::AzureV1
            }
            HostKind::Resource => {
                if dated {
                    Dialect::AzureClassic
                } else {
                    Dialect::AzureV1
                }
            }
            HostKind::Simulator | HostKind::ApiManagement | HostKind::OpenAi | HostKind::Other => Dialect::OpenAi,
        }
    }

    /// Whether it ends where Azure's `/v1` or `/deployments` would begin, or before.
    fn is_openai_root(&self) -> bool {
        (self.path.is_empty() && self.kind == HostKind::Resource) || self.path.ends_with("/openai")
    }

    /// The base URL's path, with what people leave out where only one thing can be meant.
    fn completed(&self, address: &Address) -> Result<String, Unusable> {
        let path = self.path;
        let whole = match (self.kind, address.dialect) {
            (HostKind::OpenAi, Dialect::OpenAi) if path.is_empty() => "/v1".to_owned(),
            (HostKind::Resource, Dialect::AzureV1) if path.is_empty() => "/openai/v1".to_owned(),
            (HostKind::Resource, Dialect::AzureClassic) if path.is_empty() => "/openai".to_owned(),
            (HostKind::Resource, Dialect::FoundryModels) if path.is_empty() => "/models".to_owned(),
            (HostKind::ApiManagement, Dialect::AiGateway) if path.is_empty() => "/default/models/openai/v1".to_owned(),
            (_, Dialect::AzureV1) if path.ends_with("/openai") => format!("{path}/v1"),
            (
                HostKind::Resource | HostKind::ApiManagement | HostKind::OpenAi | HostKind::Simulator | HostKind::Other,
                Dialect::OpenAi
                | Dialect::AzureV1
                | Dialect::AzureClassic
                | Dialect::FoundryModels
                | Dialect::AiGateway,
            ) => path.to_owned(),
        };
        Ok(whole)
    }

    /// Whether deployments of azure-classic may stand behind it.
    fn may_be_classic(&self, base: &str) -> bool {
        !base.ends_with("/v1")
            && !base.ends_with("/models")
            && (self.kind != HostKind::Resource || base.ends_with("/openai"))
    }

    /// Holds the address to what its dialect can be.
    fn check(&self, base: &str, address: &Address) -> Result<(), Unusable> {
        let (dialect, host) = (address.dialect, self.host);
        let meant = |form: &str| refuse(format!("is not an address of {dialect}; the correct form is {form}"));
        match dialect {
            Dialect::OpenAi => {}
            Dialect::AzureV1 if self.kind == HostKind::Resource && !base.ends_with("/openai/v1") => {
                return meant(&format!("https://{host}/openai/v1"));
            }
            Dialect::AzureClassic if base.ends_with("/v1") || base.ends_with("/models") => {
                return meant(&format!(
                    "https://{host}/openai with the deployment in 'deployment' and the api-version in 'query'"
                ));
            }
            Dialect::AzureClassic if self.kind == HostKind::Resource && !base.ends_with("/openai") => {
                return meant(&format!("https://{host}/openai/deployments/DEPLOYMENT?{API_VERSION}=2024-10-21"));
            }
            Dialect::FoundryModels if !base.ends_with("/models") => {
                return meant(&format!("https://{host}/models?{API_VERSION}=2024-05-01-preview"));
            }
            Dialect::AiGateway if self.kind == HostKind::Resource || !base.ends_with("/openai/v1") => {
                return meant("https://NAME.azure-api.net/default/models/openai/v1");
            }
            Dialect::AzureV1 | Dialect::AzureClassic | Dialect::FoundryModels | Dialect::AiGateway => {}
        }
        if let (false, Some(deployment)) = (dialect == Dialect::AzureClassic, &address.deployment) {
            let key = if self.deployment.is_some() { "base_url" } else { "deployment" };
            let rule = format!(
                "names the deployment \"{deployment}\", which only azure-classic has in its URL; set \
                 dialect = \"azure-classic\", or model = \"{deployment}\" and a base_url without it"
            );
            return Err(Unusable::Rule(key, rule));
        }
        self.check_version(address)
    }

    /// Holds the `api-version` to what the dialect takes.
    fn check_version(&self, address: &Address) -> Result<(), Unusable> {
        let dialect = address.dialect;
        let key = if self.query.contains_key(API_VERSION) { "base_url" } else { "query" };
        let wants_date = matches!(dialect, Dialect::AzureClassic | Dialect::FoundryModels);
        let is_known = matches!(self.kind, HostKind::Resource | HostKind::Simulator);
        let example = if dialect == Dialect::FoundryModels { "2024-05-01-preview" } else { "2024-10-21" };
        match address.api_version() {
            None if wants_date && is_known => refuse(format!(
                "is an address of {dialect}, which needs a dated {API_VERSION}; add query = {{ \"{API_VERSION}\" = \"{example}\" }}"
            )),
            Some(version) if wants_date && !is_dated(version) => Err(Unusable::Rule(
                key,
                format!("has {API_VERSION} \"{version}\", but {dialect} needs a date such as \"{example}\""),
            )),
            Some(version)
                if matches!(dialect, Dialect::AzureV1 | Dialect::AiGateway) && !UNDATED.contains(&version) =>
            {
                let rule = format!(
                    "has {API_VERSION} \"{version}\", but addresses of {dialect} take no dated one; leave it out, or use \
                     .../openai with dialect = \"azure-classic\""
                );
                Err(Unusable::Rule(key, rule))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The path without what each call adds to it.
fn without_api(path: &str) -> Result<&str, Unusable> {
    if let Some(base) = path.strip_suffix("/v1").filter(|base| base.ends_with("/anthropic")) {
        return Ok(base);
    }
    for api in Api::ALL {
        if let Some(base) = path.strip_suffix(api.resource()) {
            return Ok(base.trim_end_matches('/'));
        }
        if let Some((base, _)) = path.split_once(&format!("{}/", api.resource())) {
            return refuse(format!("goes on after {}; write it up to {base}", api.resource()));
        }
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let listed = path.ends_with("/v1/models");
    if FOREIGN.contains(&last) || listed {
        let base = path.strip_suffix(last).unwrap_or(path).trim_end_matches('/');
        return refuse(format!("ends in /{last}, which is not one of the measured APIs; write only {base}"));
    }
    Ok(path)
}

/// The path before `/deployments/NAME`, and the name.
fn take_deployment(path: &str) -> Result<(&str, Option<String>), Unusable> {
    let Some((base, rest)) = path.split_once("/deployments") else { return Ok((path, None)) };
    let name = match rest.strip_prefix('/') {
        Some(name) if !name.is_empty() && !name.contains('/') => name,
        Some(name) if name.contains('/') => {
            return refuse(format!("goes on after the deployment; write it up to {base}/deployments/NAME"));
        }
        None if !rest.is_empty() => return Ok((path, None)),
        Some(_) | None => return refuse("ends in /deployments without the name of one; add it, or leave both out"),
    };
    match percent_decode_str(name).decode_utf8() {
        Ok(name) => Ok((base, Some(name.into_owned()))),
        Err(_) => refuse("has a deployment whose name is not a text"),
    }
}

/// The parameters of a query, decoded.
fn parameters(query: &str) -> Result<BTreeMap<String, String>, Unusable> {
    let mut all = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return refuse("has a query with a name and no value; write name=value, and a secret under auth");
        };
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().map(Into::<String>::into);
        let (Ok(key), Ok(value)) = (decoded(key), decoded(value)) else {
            return refuse("has a query that is not a text");
        };
        check_parameter(&key, &value).or_else(refuse)?;
        if all.insert(key.clone(), value).is_some() {
            return refuse(format!("has '{key}' twice in its query; keep one of them"));
        }
    }
    Ok(all)
}

/// Whether a parameter may stand in the query of every call, which everybody may read.
///
/// # Errors
/// What is wrong with it; a value that may be secret is not repeated.
fn check_parameter(key: &str, value: &str) -> Result<(), String> {
    let words = key.split(|c: char| !c.is_ascii_alphanumeric());
    let secret = words.into_iter().any(|word| {
        let word = word.to_ascii_lowercase();
        SECRETS.iter().any(|known| word == *known || (known.len() > 3 && word.ends_with(known)))
    });
    let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if secret || key.to_ascii_lowercase().ends_with("apikey") {
        return Err(format!(
            "has '{key}' in its query, which looks like a secret; a URL must not hold one: name it under auth, or \
             under headers as {{ env = \"VARIABLE\" }}"
        ));
    }
    if !is_plain(key) || !is_plain(value) {
        return Err(
            "has a parameter in its query that is empty or holds a character other than printable ASCII".to_owned()
        );
    }
    Ok(())
}

/// A host name, an address or `[v6]`, with a port or without.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => (&host[..colon], Some(&host[colon + 1..])),
        _ => (host, None),
    };
    let v6 = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let good_name = match v6 {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    good_name && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The model that is asked in the table.
    const MODEL: &str = "m";

    fn read(url: &str, wish: &str) -> Result<(Address, String), String> {
        let mut all = Wish { model: MODEL, simulated: true, ..Wish::default() };
        for word in wish.split_whitespace() {
            match word.split_once('=').expect("key=value") {
                ("dialect", name) => {
                    all.dialect = Some(serde_json::from_value(name.into()).expect("a dialect"));
                }
                ("deployment", name) => all.deployment = Some(name),
                (key, value) => drop(all.query.insert(key.to_owned(), value.to_owned())),
            }
        }
        let read = understand(url, all).map_err(|why| match why {
            Unusable::NoAddress(expected) => format!("it takes {expected}"),
            Unusable::Rule(key, sentence) => format!("'{key}' {sentence}"),
        });
        read.map(|(base, address)| {
            let url = |api| format!("{base}{}", address.resource(api));
            let urls = Api::ALL.map(|api| address.lacks(api).map_or_else(|| url(api), |_| "-".to_owned()));
            (address, urls[..2].join(" "))
        })
    }

    /// An address as it is pasted, what else the path says, the dialect, and what is called for chat and for Responses.
    type Row = (&'static str, &'static str, Dialect, &'static str, &'static str);

    const PASTED: [Row; 44] = {
        use Dialect::{AiGateway, AzureClassic, AzureV1, FoundryModels, OpenAi};
        const V1: (&str, &str) =
            ("https://r.openai.azure.com/openai/v1/chat/completions", "https://r.openai.azure.com/openai/v1/responses");
        const OLD: (&str, &str) =
            ("https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21", "-");
        const NEW: (&str, &str) = (
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2025-04-01-preview",
            "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
        );
        const MODELS: (&str, &str) =
            ("https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview", "-");
        const AI: (&str, &str) = (
            "https://g.azure-api.net/default/models/openai/v1/chat/completions",
            "https://g.azure-api.net/default/models/openai/v1/responses",
        );
        const OWN: (&str, &str) = ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/responses");
        [
            // A resource, without dates.
            ("https://r.openai.azure.com", "", AzureV1, V1.0, V1.1),
            ("https://r.openai.azure.com/", "", AzureV1, V1.0, V1.1),
            ("https://r.openai.azure.com/openai", "", AzureV1, V1.0, V1.1),
            ("https://r.openai.azure.com/openai/v1", "", AzureV1, V1.0, V1.1),
            ("https://r.openai.azure.com/openai/v1///", "", AzureV1, V1.0, V1.1),
            ("https://r.openai.azure.com/openai/v1/chat/completions", "", AzureV1, V1.0, V1.1),
            ("https://r.openai.azure.com/openai/v1/responses/", "", AzureV1, V1.0, V1.1),
            ("https://r.openai.azure.com", "dialect=azure-v1", AzureV1, V1.0, V1.1),
            (
                "https://r.openai.azure.com/openai/v1/responses?api-version=preview",
                "",
                AzureV1,
                "https://r.openai.azure.com/openai/v1/chat/completions?api-version=preview",
                "https://r.openai.azure.com/openai/v1/responses?api-version=preview",
            ),
            (
                "https://r.cognitiveservices.azure.com/",
                "",
                AzureV1,
                "https://r.cognitiveservices.azure.com/openai/v1/chat/completions",
                "https://r.cognitiveservices.azure.com/openai/v1/responses",
            ),
            (
                "https://r.services.ai.azure.com/api/projects/p/openai/v1",
                "",
                AzureV1,
                "https://r.services.ai.azure.com/api/projects/p/openai/v1/chat/completions",
                "https://r.services.ai.azure.com/api/projects/p/openai/v1/responses",
            ),
            // A resource, with dates.
            (
                "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
                "",
                AzureClassic,
                OLD.0,
                OLD.1,
            ),
            ("https://r.openai.azure.com/openai/deployments/d?api-version=2024-10-21", "", AzureClassic, OLD.0, OLD.1),
            ("https://r.openai.azure.com/openai/deployments/d/", "api-version=2024-10-21", AzureClassic, OLD.0, OLD.1),
            ("https://r.openai.azure.com", "deployment=d api-version=2024-10-21", AzureClassic, OLD.0, OLD.1),
            ("https://r.openai.azure.com/openai/", "deployment=d api-version=2024-10-21", AzureClassic, OLD.0, OLD.1),
            (
                "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
                "deployment=d",
                AzureClassic,
                NEW.0,
                NEW.1,
            ),
            (
                "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2025-04-01-preview",
                "deployment=d",
                AzureClassic,
                NEW.0,
                NEW.1,
            ),
            (
                "https://r.cognitiveservices.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview",
                "",
                AzureClassic,
                "https://r.cognitiveservices.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview",
                "-",
            ),
            (
                "https://r.openai.azure.com?api-version=2024-10-21",
                "",
                AzureClassic,
                "https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21",
                "-",
            ),
            // The models of Foundry.
            ("https://r.services.ai.azure.com/models?api-version=2024-05-01-preview", "", FoundryModels, MODELS.0, "-"),
            (
                "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
                "",
                FoundryModels,
                MODELS.0,
                "-",
            ),
            (
                "https://r.services.ai.azure.com",
                "dialect=foundry-models api-version=2024-05-01-preview",
                FoundryModels,
                MODELS.0,
                "-",
            ),
            // Gateways of API Management.
            ("https://g.azure-api.net/default/models/openai/v1", "", AiGateway, AI.0, AI.1),
            ("https://g.azure-api.net/default/models/openai/v1/chat/completions", "", AiGateway, AI.0, AI.1),
            ("https://g.azure-api.net", "dialect=ai-gateway", AiGateway, AI.0, AI.1),
            (
                "https://g.azure-api.net/openai/deployments/d/chat/completions?api-version=2024-10-21",
                "",
                AzureClassic,
                "https://g.azure-api.net/openai/deployments/d/chat/completions?api-version=2024-10-21",
                "-",
            ),
            (
                "https://g.azure-api.net/foundry/openai",
                "deployment=d api-version=2025-04-01-preview",
                AzureClassic,
                "https://g.azure-api.net/foundry/openai/deployments/d/chat/completions?api-version=2025-04-01-preview",
                "https://g.azure-api.net/foundry/openai/responses?api-version=2025-04-01-preview",
            ),
            (
                "https://g.azure-api.net/suffix/deployments/d/chat/completions",
                "",
                AzureClassic,
                "https://g.azure-api.net/suffix/deployments/d/chat/completions",
                "https://g.azure-api.net/suffix/responses",
            ),
            (
                "https://g.azure-api.net/foundry/openai?api-version=2024-10-21",
                "",
                AzureClassic,
                "https://g.azure-api.net/foundry/openai/deployments/m/chat/completions?api-version=2024-10-21",
                "-",
            ),
            (
                "https://g.azure-api.net/openai-v1",
                "",
                OpenAi,
                "https://g.azure-api.net/openai-v1/chat/completions",
                "https://g.azure-api.net/openai-v1/responses",
            ),
            (
                "https://g.azure-api.net/team/openai/v1/",
                "",
                AzureV1,
                "https://g.azure-api.net/team/openai/v1/chat/completions",
                "https://g.azure-api.net/team/openai/v1/responses",
            ),
            // OpenAI, and servers of one's own.
            ("https://api.openai.com", "", OpenAi, OWN.0, OWN.1),
            ("https://api.openai.com/v1/", "", OpenAi, OWN.0, OWN.1),
            ("https://api.openai.com/v1/chat/completions", "", OpenAi, OWN.0, OWN.1),
            (
                "http://localhost:8000/",
                "",
                OpenAi,
                "http://localhost:8000/chat/completions",
                "http://localhost:8000/responses",
            ),
            (
                "http://[::1]:8000/v1/chat/completions",
                "",
                OpenAi,
                "http://[::1]:8000/v1/chat/completions",
                "http://[::1]:8000/v1/responses",
            ),
            (
                "https://groq.example/openai/v1",
                "",
                OpenAi,
                "https://groq.example/openai/v1/chat/completions",
                "https://groq.example/openai/v1/responses",
            ),
            (
                "https://gw.example/team/a,b/v1?route=a%20b&x=1%2B1",
                "",
                OpenAi,
                "https://gw.example/team/a,b/v1/chat/completions?route=a%20b&x=1%2B1",
                "https://gw.example/team/a,b/v1/responses?route=a%20b&x=1%2B1",
            ),
            (
                "https://gw.example/default/models/openai/v1",
                "",
                AiGateway,
                "https://gw.example/default/models/openai/v1/chat/completions",
                "https://gw.example/default/models/openai/v1/responses",
            ),
            // The simulator.
            (
                "sim://direct/openai/v1",
                "",
                AzureV1,
                "sim://direct/openai/v1/chat/completions",
                "sim://direct/openai/v1/responses",
            ),
            ("sim://direct/v1", "", OpenAi, "sim://direct/v1/chat/completions", "sim://direct/v1/responses"),
            (
                "sim://direct/openai/deployments/my%20d?api-version=2025-04-01-preview",
                "",
                AzureClassic,
                "sim://direct/openai/deployments/my%20d/chat/completions?api-version=2025-04-01-preview",
                "sim://direct/openai/responses?api-version=2025-04-01-preview",
            ),
            (
                "sim://direct/models",
                "api-version=2024-05-01-preview",
                FoundryModels,
                "sim://direct/models/chat/completions?api-version=2024-05-01-preview",
                "-",
            ),
        ]
    };

    #[test]
    fn an_address_is_understood_as_it_is_pasted() {
        for (url, wish, dialect, chat, responses) in PASTED {
            let (address, urls) = read(url, wish).unwrap_or_else(|why| panic!("{url} {wish}: {why}"));
            assert_eq!(
                (address.dialect, urls.as_str()),
                (dialect, format!("{chat} {responses}").as_str()),
                "{url} {wish}"
            );
        }
    }

    #[test]
    fn slashes_and_the_part_of_an_api_behind_an_address_change_nothing() {
        for (url, wish, ..) in PASTED {
            let (base, query) =
                url.split_once('?').map_or((url, String::new()), |(base, query)| (base, format!("?{query}")));
            let base = base.trim_end_matches('/');
            let base = ["/chat/completions", "/responses"]
                .iter()
                .fold(base, |base, api| base.strip_suffix(api).unwrap_or(base));
            let meant = read(url, wish);
            for end in ["", "/", "//", "/chat/completions", "/chat/completions/", "/responses", "/responses//"] {
                assert_eq!(read(&format!("{base}{end}{query}"), wish), meant, "{url} {end}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_understood_can_be_called(
            host in prop_oneof![
                Just("r.openai.azure.com"), Just("r.services.ai.azure.com"), Just("g.azure-api.net"), Just("h:8080"),
                Just("api.openai.com"), Just("[::1]"),
            ],
            path in "(/(openai|v1|models|default|deployments|api|projects|anthropic|chat|completions|responses|[!-~é ]{0,5})){0,6}",
            query in "(\\?(api-version=(2024-10-21|v1|2025-04-01-preview|[!-~]{0,4})|[!-~]{0,6})){0,2}",
            wish in prop_oneof![
                Just(""), Just("deployment=a/b?c"), Just("x=é"), Just("x=a&b#c"), Just("dialect=azure-classic"),
                Just("dialect=ai-gateway"), Just("dialect=foundry-models"), Just("dialect=azure-v1"), Just("dialect=openai"),
            ],
        ) {
            if let Ok((_, urls)) = read(&format!("https://{host}{path}{query}"), wish) {
                for url in urls.split(' ').filter(|url| *url != "-") {
                    let uri: hyper::Uri = url.parse().map_err(|why| TestCaseError::fail(format!("{url}: {why}")))?;
                    let sent = uri.path_and_query().map(|sent| format!("https://{host}{sent}"));
                    prop_assert_eq!(sent.as_deref(), Some(url));
                }
            }
        }
    }

    #[test]
    fn what_is_called_is_understood_as_the_same_again() {
        for (url, wish, dialect, chat, _) in PASTED {
            // A server of one's own does not say by its name whose dialect it speaks.
            let (address, urls) = read(chat, "").unwrap_or_else(|why| panic!("{url} {wish}: {chat}: {why}"));
            assert_eq!((address.dialect, urls.split(' ').next()), (dialect, Some(chat)), "{url} {wish}");
        }
    }

    #[test]
    fn a_base_of_the_messages_api_is_understood_as_it_is_pasted() {
        let hosts =
            ["https://r.services.ai.azure.com", "https://g.azure-api.net/claude", "sim://direct", "http://h:8080"];
        for (host, end) in hosts.iter().flat_map(|host| ["", "/", "/v1", "/v1/messages"].map(|end| (host, end))) {
            let wish = Wish { model: "claude-haiku-4-5", simulated: true, ..Wish::default() };
            let (base, address) = understand(&format!("{host}/anthropic{end}"), wish).expect(end);
            let called = format!("{base}{}", address.resource(Api::Messages));
            assert_eq!(
                (called, address.lacks(Api::Messages)),
                (format!("{host}/anthropic/v1/messages"), None),
                "{end}"
            );
        }
        for url in ["https://r.openai.azure.com/openai/v1", "sim://direct/openai/v1", "https://r.services.ai.azure.com"]
        {
            let wish = Wish { model: "m", simulated: true, ..Wish::default() };
            let (_, address) = understand(url, wish).expect(url);
            assert!(address.lacks(Api::Messages).is_some_and(|why| why.contains("/anthropic")), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_is() {
        for (url, wish, said) in [
            ("r.openai.azure.com/openai/v1", "", "it takes an address such as"),
            ("ftp://h/v1", "", "it takes an address such as"),
            ("https:///v1", "", "it takes an address such as"),
            ("https://h:99999/v1", "", "it takes an address such as"),
            ("https://u:p@h/v1", "", "'base_url' holds a user name or password"),
            ("https://h/v1#x", "", "'base_url' has a fragment"),
            ("https://r.openai.azure.com/openai/deployments/{deployment}", "", "has a placeholder"),
            ("https://h//v1", "", "an empty part"),
            ("https://h/v1/é", "", "percent-encoded"),
            ("https://h/a|b", "", "percent-encoded"),
            ("https://h/a/../v1", "", "an empty part, '.' or '..'"),
            ("https://h/v1?api-key=abc", "", "looks like a secret"),
            ("https://h/v1?subscription-key=abc", "", "name it under auth"),
            ("https://h/f?code=abc", "", "looks like a secret"),
            ("https://h/v1?abc", "", "a name and no value"),
            ("https://h/v1?a=1&a=2", "", "'a' twice"),
            ("https://h/v1?a=1", "a=2", "'query' has 'a', which is already in base_url"),
            ("https://h/v1/embeddings", "", "ends in /embeddings, which is not one of the measured APIs"),
            ("https://api.openai.com/v1/models", "", "write only /v1"),
            ("https://h/v1/responses/resp_1", "", "goes on after /responses"),
            ("https://h/openai/deployments", "", "without the name of one"),
            ("https://h/openai/deployments/d/extensions", "", "goes on after the deployment"),
            ("https://r.openai.azure.com/v1", "", "the correct form is https://r.openai.azure.com/openai/v1"),
            ("https://r.openai.azure.com/foo", "", "https://r.openai.azure.com/openai/v1"),
            ("https://r.services.ai.azure.com/api/projects/p", "", "https://r.services.ai.azure.com/openai/v1"),
            ("https://r.openai.azure.com/openai/v1?api-version=2024-10-21", "", "take no dated one"),
            ("https://r.openai.azure.com/openai/v1", "api-version=2024-10-21", "'query' has api-version"),
            (
                "https://r.openai.azure.com/openai/v1",
                "deployment=d",
                "'deployment' is \"d\", but only azure-classic addresses",
            ),
            ("https://r.openai.azure.com/openai/v1", "deployment=d", "write model = \"d\" instead"),
            ("https://r.services.ai.azure.com/models", "deployment=d", "'deployment' is \"d\", but"),
            ("https://api.openai.com/v1", "deployment=d", "'deployment' is \"d\", but"),
            ("https://g.azure-api.net/default/models/openai/v1", "deployment=d", "'deployment' is \"d\", but"),
            (
                "https://r.openai.azure.com/openai/v1",
                "dialect=azure-classic deployment=d",
                "'base_url' is not an address of",
            ),
            ("https://r.openai.azure.com/openai", "deployment=d", "needs a dated api-version"),
            ("https://r.openai.azure.com/openai/deployments/d", "", "needs a dated api-version"),
            ("https://r.openai.azure.com/openai/deployments/d?api-version=v1", "", "needs a date such as"),
            (
                "https://r.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
                "deployment=e",
                "keep one of them",
            ),
            ("https://r.openai.azure.com/openai/deployments/d", "dialect=openai", "dialect = \"azure-classic\""),
            ("https://r.openai.azure.com/openai/v1", "dialect=azure-v1 deployment=d", "model = \"d\""),
            ("https://r.services.ai.azure.com/models", "", "needs a dated api-version; add query"),
            (
                "https://r.openai.azure.com/openai/v1",
                "dialect=foundry-models",
                "/models?api-version=2024-05-01-preview",
            ),
            ("https://r.openai.azure.com/openai/v1", "dialect=ai-gateway", "/default/models/openai/v1"),
            ("https://r.services.ai.azure.com/models", "dialect=azure-v1", "/openai/v1"),
            ("https://r.services.ai.azure.com/models", "dialect=azure-classic", "/openai with the deployment"),
            ("https://g.azure-api.net/default/models/openai/v1?api-version=2024-10-21", "", "take no dated one"),
        ] {
            let why = read(url, wish).err().unwrap_or_else(|| panic!("{url} {wish} is refused"));
            assert!(why.contains(said), "{url} {wish}: {why}");
            assert!(!why.contains("abc"), "{why}");
        }
    }
}
