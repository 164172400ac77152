//! How a path is addressed: whose dialect its URLs speak, and what a call of each API adds to its base URL.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path::zones::HostKind;
use crate::units::Api;

/// Whose form the URLs of a path have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Dialect {
    /// `{base_url}/chat/completions`, as OpenAI and most servers and gateways have it.
    #[default]
    #[serde(rename = "openai")]
    #[strum(serialize = "openai")]
    OpenAi,
    /// Azure without dated versions: `https://NAME.openai.azure.com/openai/v1/chat/completions`.
    AzureV1,
    /// Azure with the deployment and a dated version in the URL:
    /// `https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT/chat/completions?api-version=2024-10-21`.
    AzureClassic,
    /// The models of Foundry: `https://NAME.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview`.
    FoundryModels,
    /// AI Gateway of API Management: `https://NAME.azure-api.net/default/models/openai/v1/chat/completions`.
    AiGateway,
}

/// The name of the version in a query.
pub(crate) const API_VERSION: &str = "api-version";
/// What stands in the place of a dated version where there is none.
pub(crate) const UNDATED: [&str; 3] = ["v1", "preview", "latest"];
/// The day of the first dated version that has Responses.
pub(crate) const RESPONSES_SINCE: &str = "2025-03-01";
/// The first dated version that knows `max_completion_tokens` and `stream_options` (Azure's API lifecycle page).
const LIMIT_AND_OPTIONS_SINCE: &str = "2024-09-01";

/// Whether it is of the form `2024-10-21` or `2024-09-01-preview`.
#[must_use]
pub(crate) fn is_dated(version: &str) -> bool {
    let date = version.strip_suffix("-preview").unwrap_or(version).as_bytes();
    date.len() == 10
        && date
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() })
}

/// Whether it is a dated version of before `date`.
#[must_use]
pub(crate) fn is_before(version: &str, date: &str) -> bool {
    is_dated(version) && &version[..10] < date
}

/// Letters and digits, and what RFC 3986 lets stand in a segment or a query for itself.
pub(crate) const KEPT: AsciiSet =
    NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b',');

/// How a path is addressed beyond its base URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Whose form the URLs have.
    pub dialect: Dialect,
    /// The deployment in the URL, under [`Dialect::AzureClassic`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// What stands in the query of every call, such as `api-version`; decoded.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
}

impl Address {
    /// The `api-version` in the query.
    #[must_use]
    pub fn api_version(&self) -> Option<&str> {
        self.query.get(API_VERSION).map(String::as_str)
    }

    /// Whether its version is a dated one before `date`.
    fn is_before(&self, date: &str) -> bool {
        self.api_version().is_some_and(|version| is_before(version, date))
    }

    /// Why calls of this API cannot be addressed, with what to do; `None` where they can.
    #[must_use]
    pub(crate) fn lacks(&self, api: Api) -> Option<String> {
        match (self.dialect, api) {
            (Dialect::FoundryModels, Api::Responses) => Some(
                "the models front end (/models) has no Responses API; set workload.api = \"chat\", or use the \
                 resource's .../openai/v1"
                    .to_owned(),
            ),
            (Dialect::AzureClassic, Api::Responses) if self.is_before(RESPONSES_SINCE) => Some(format!(
                "api-version {} has no Responses API; it begins with {RESPONSES_SINCE}-preview",
                self.api_version().unwrap_or_default()
            )),
            (Dialect::AzureV1 | Dialect::AzureClassic | Dialect::FoundryModels | Dialect::AiGateway, Api::Messages) => {
                Some(format!(
                    "addresses of {} have no messages API; its base_url ends in /anthropic, such as \
                 https://NAME.services.ai.azure.com/anthropic",
                    self.dialect
                ))
            }
            (
                Dialect::OpenAi
                | Dialect::AzureV1
                | Dialect::AzureClassic
                | Dialect::FoundryModels
                | Dialect::AiGateway,
                Api::Chat | Api::Responses,
            )
            | (Dialect::OpenAi, Api::Messages) => None,
        }
    }

    /// What a call of this API adds to the base URL: path and query, encoded.
    #[must_use]
    pub fn resource(&self, api: Api) -> String {
        let deployment = self.deployment.as_deref().filter(|_| api == Api::Chat);
        self.locate(deployment, api.resource())
    }

    /// What a request adds to the base URL for `resource`: the deployment, where the dialect has it in the URL, and the
    /// query, encoded.
    #[must_use]
    pub(crate) fn locate(&self, deployment: Option<&str>, resource: &str) -> String {
        let mut added = String::new();
        if let (Dialect::AzureClassic, Some(deployment)) = (self.dialect, deployment) {
            added.push_str("/deployments/");
            added.extend(utf8_percent_encode(deployment, &KEPT));
        }
        added.push_str(resource);
        for (place, (key, value)) in self.query.iter().enumerate() {
            added.push(if place == 0 { '?' } else { '&' });
            added.extend(utf8_percent_encode(key, &KEPT));
            added.push('=');
            added.extend(utf8_percent_encode(value, &KEPT));
        }
        added
    }

    /// The field that limits the tokens of an answer of this model at this base URL, where the profile does not say.
    ///
    /// Azure and OpenAI take the newer field for every model and the newer models refuse the older one, whatever a
    /// deployment is called; other servers may know only the older one, and there the model's name decides.
    #[must_use]
    pub(crate) fn default_limit(&self, host: HostKind, model: &str) -> TokenLimit {
        let by_name = || {
            let reasons = ["o1", "o3", "o4", "gpt-5", "gpt-6"].iter().any(|family| model.starts_with(family));
            if reasons { TokenLimit::MaxCompletionTokens } else { TokenLimit::MaxTokens }
        };
        match self.dialect {
            Dialect::AzureV1 | Dialect::AiGateway => TokenLimit::MaxCompletionTokens,
            Dialect::AzureClassic if self.is_before(LIMIT_AND_OPTIONS_SINCE) => TokenLimit::MaxTokens,
            Dialect::AzureClassic => TokenLimit::MaxCompletionTokens,
            Dialect::OpenAi if host == HostKind::OpenAi => TokenLimit::MaxCompletionTokens,
            Dialect::FoundryModels | Dialect::OpenAi => by_name(),
        }
    }

    /// Whether the server knows `stream_options`, where the profile does not say.
    #[must_use]
    pub(crate) fn knows_stream_options(&self) -> bool {
        match self.dialect {
            Dialect::OpenAi | Dialect::AzureV1 | Dialect::AiGateway => true,
            Dialect::AzureClassic => !self.is_before(LIMIT_AND_OPTIONS_SINCE),
            // It refuses what its own document does not name, unless a header says otherwise.
            Dialect::FoundryModels => false,
        }
    }
}

/// The field of a chat completion that limits the tokens of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum TokenLimit {
    /// The older one, which every server knows and reasoning models refuse.
    #[default]
    MaxTokens,
    /// The newer one, which counts reasoning too.
    MaxCompletionTokens,
}

impl TokenLimit {
    /// Its name in a request.
    #[must_use]
    pub fn field(self) -> &'static str {
        self.into()
    }
}
