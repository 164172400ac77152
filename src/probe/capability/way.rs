//! What kind of way a path is, as far as documents tell such ways apart: by what it is declared to be, by its dialect and
//! by its host.

use hyper::Uri;
use schemars::JsonSchema;
use serde::Serialize;

use crate::path::address::Dialect;
use crate::path::zones::HostKind;
use crate::path::{NetPath, PathKind};

/// How the base URL of a path ends that serves Anthropic's messages.
const ANTHROPIC: &str = "/anthropic";

/// A kind of way to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Way {
    /// OpenAI itself.
    OpenAi,
    /// A resource of Azure by `/openai/v1`, directly or by a private endpoint, which changes nothing of it.
    AzureV1,
    /// A resource of Azure by deployments and dated versions.
    AzureClassic,
    /// The models front end of a resource of Foundry.
    FoundryModels,
    /// Claude at a resource of Foundry.
    Anthropic,
    /// API Management in front of deployments and dated versions: an API imported as documents show it.
    ApimClassic,
    /// API Management in front of `/openai/v1`.
    ApimV1,
    /// API Management, or another gateway, in front of Claude.
    AnthropicGateway,
    /// AI Gateway of API Management.
    AiGateway,
    /// A gateway of another vendor, or of one's own.
    OtherGateway,
    /// Any other server that speaks OpenAI's API.
    Compatible,
}

impl Way {
    /// What kind of way this path is.
    #[must_use]
    pub fn of(path: &NetPath) -> Self {
        let host = path.base_url.parse::<Uri>().ok();
        let host = host.as_ref().map_or(HostKind::Other, |uri| {
            HostKind::of(uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default())
        });
        let is_gateway = match path.kind {
            PathKind::Gateway => true,
            PathKind::Direct | PathKind::PrivateEndpoint => host == HostKind::ApiManagement,
        };
        if path.base_url.trim_end_matches('/').ends_with(ANTHROPIC) {
            return if is_gateway { Self::AnthropicGateway } else { Self::Anthropic };
        }
        match (path.address.dialect, is_gateway) {
            (Dialect::AiGateway, _) => Self::AiGateway,
            (Dialect::AzureV1, true) => Self::ApimV1,
            (Dialect::AzureV1, false) => Self::AzureV1,
            (Dialect::AzureClassic, true) => Self::ApimClassic,
            (Dialect::AzureClassic, false) => Self::AzureClassic,
            (Dialect::FoundryModels, _) => Self::FoundryModels,
            (Dialect::OpenAi, true) if host == HostKind::ApiManagement => Self::ApimV1,
            (Dialect::OpenAi, true) => Self::OtherGateway,
            (Dialect::OpenAi, false) if host == HostKind::OpenAi => Self::OpenAi,
            (Dialect::OpenAi, false) => Self::Compatible,
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI itself",
            Self::AzureV1 => "a resource of Azure by `/openai/v1`, also by a private endpoint",
            Self::AzureClassic => "a resource of Azure by deployments and dated versions",
            Self::FoundryModels => "the models front end of Foundry",
            Self::Anthropic => "Claude at a resource of Foundry",
            Self::ApimClassic => "API Management in front of deployments and dated versions",
            Self::ApimV1 => "API Management in front of `/openai/v1`",
            Self::AnthropicGateway => "a gateway in front of Claude",
            Self::AiGateway => "AI Gateway of API Management",
            Self::OtherGateway => "a gateway of another vendor or your own",
            Self::Compatible => "any other server that speaks OpenAI's API",
        }
    }

    /// Whether it serves Anthropic's messages instead of OpenAI's APIs.
    #[must_use]
    pub(crate) fn is_anthropic(self) -> bool {
        match self {
            Self::Anthropic | Self::AnthropicGateway => true,
            Self::OpenAi
            | Self::AzureV1
            | Self::AzureClassic
            | Self::FoundryModels
            | Self::ApimClassic
            | Self::ApimV1
            | Self::AiGateway
            | Self::OtherGateway
            | Self::Compatible => false,
        }
    }

    /// Whether API Management may stand on it, whose trace can be asked for.
    #[must_use]
    pub(crate) fn may_trace(self) -> bool {
        match self {
            Self::ApimClassic | Self::ApimV1 | Self::AiGateway | Self::AnthropicGateway => true,
            Self::OpenAi
            | Self::AzureV1
            | Self::AzureClassic
            | Self::FoundryModels
            | Self::Anthropic
            | Self::OtherGateway
            | Self::Compatible => false,
        }
    }

    /// Whether a server of Azure answers at its end, which tells its region.
    #[must_use]
    pub(crate) fn is_azure(self) -> bool {
        match self {
            Self::OpenAi | Self::OtherGateway | Self::Compatible => false,
            Self::AzureV1
            | Self::AzureClassic
            | Self::FoundryModels
            | Self::Anthropic
            | Self::ApimClassic
            | Self::ApimV1
            | Self::AnthropicGateway
            | Self::AiGateway => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::address::Address;
    use crate::path::fixture::path_to;

    #[test]
    fn a_path_is_told_by_its_kind_its_dialect_and_its_host() {
        use Dialect as D;
        use PathKind as K;
        let table = [
            (K::Direct, D::OpenAi, "https://api.openai.com/v1", Way::OpenAi),
            (K::Direct, D::OpenAi, "http://127.0.0.1:8080/v1", Way::Compatible),
            (K::Direct, D::AzureV1, "https://r.openai.azure.com/openai/v1", Way::AzureV1),
            (K::PrivateEndpoint, D::AzureV1, "https://r.openai.azure.com/openai/v1", Way::AzureV1),
            (K::PrivateEndpoint, D::AzureClassic, "http://127.0.0.1:1/openai", Way::AzureClassic),
            (K::Direct, D::FoundryModels, "https://r.services.ai.azure.com/models", Way::FoundryModels),
            (K::Direct, D::OpenAi, "https://r.services.ai.azure.com/anthropic", Way::Anthropic),
            (K::Gateway, D::OpenAi, "https://g.azure-api.net/anthropic/", Way::AnthropicGateway),
            (K::Gateway, D::AzureClassic, "https://gateway.example/openai", Way::ApimClassic),
            (K::Gateway, D::AzureV1, "https://gateway.example/openai/v1", Way::ApimV1),
            (K::Gateway, D::OpenAi, "https://g.azure-api.net/openai-v1", Way::ApimV1),
            (K::Direct, D::OpenAi, "https://g.azure-api.net/openai-v1", Way::ApimV1),
            (K::Gateway, D::AiGateway, "https://g.azure-api.net/default/models/openai/v1", Way::AiGateway),
            (K::Gateway, D::OpenAi, "http://127.0.0.1:4000/v1", Way::OtherGateway),
        ];
        for (kind, dialect, base_url, expected) in table {
            let address = Address { dialect, ..Address::default() };
            let path = NetPath { kind, address, ..path_to(base_url) };
            assert_eq!(Way::of(&path), expected, "{base_url}");
        }
    }
}
