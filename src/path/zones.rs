//! Whose host a name is, and the private DNS zone that it must lead through, by what the private endpoint leads to. One
//! table.
//!
//! Source: Azure's documentation of private endpoint DNS zones, as of 2026-11.

use crate::path::control::GroupId;

/// Whose host an address has, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// A resource of Azure OpenAI or Foundry.
    Resource,
    /// Azure API Management.
    ApiManagement,
    /// OpenAI itself.
    OpenAi,
    /// A listener of the bundled simulator.
    Simulator,
    /// Any other.
    Other,
}

impl HostKind {
    /// Whose host it is; the port does not matter.
    #[must_use]
    pub(crate) fn of(scheme: &str, host: &str) -> Self {
        let name = normal(host.split(':').next().unwrap_or(host));
        if scheme == "sim" {
            return Self::Simulator;
        }
        if name == "api.openai.com" {
            return Self::OpenAi;
        }
        known(&name).map_or(Self::Other, |host| host.kind)
    }

    /// Whether it is one of Azure's, which take a key as `api-key`.
    #[must_use]
    pub(crate) fn is_azure(self) -> bool {
        match self {
            Self::Resource | Self::ApiManagement => true,
            Self::OpenAi | Self::Simulator | Self::Other => false,
        }
    }
}

/// The hosts of one service, in one cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Host {
    /// How its public names end.
    suffix: &'static str,
    /// Whose they are.
    kind: HostKind,
    /// The private DNS zone of that ending, and what a private endpoint to it leads to, where both are known.
    private: Option<(&'static str, GroupId)>,
}

/// The hosts of a service that private endpoints lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// How its public names end.
    pub suffix: &'static str,
    /// The private DNS zone of that ending.
    pub zone: &'static str,
    /// What a private endpoint to it leads to.
    pub group_id: GroupId,
}

const fn host(suffix: &'static str, kind: HostKind, private: Option<(&'static str, GroupId)>) -> Host {
    Host { suffix, kind, private }
}

/// Every service of Azure that is known, in the public cloud and the sovereign ones. One private endpoint of a Foundry
/// resource has an address for each of its names, so a zone that is linked for one of them says nothing of the others.
const HOSTS: [Host; 13] = [
    host("openai.azure.com", HostKind::Resource, Some(("privatelink.openai.azure.com", GroupId::Account))),
    host(
        "cognitiveservices.azure.com",
        HostKind::Resource,
        Some(("privatelink.cognitiveservices.azure.com", GroupId::Account)),
    ),
    host("services.ai.azure.com", HostKind::Resource, Some(("privatelink.services.ai.azure.com", GroupId::Account))),
    host(
        "contentunderstanding.ai.azure.com",
        HostKind::Other,
        Some(("privatelink.contentunderstanding.ai.azure.com", GroupId::Account)),
    ),
    host("api.cognitive.microsoft.com", HostKind::Resource, None),
    host("openai.azure.us", HostKind::Resource, None),
    host("cognitiveservices.azure.us", HostKind::Resource, None),
    host("openai.azure.cn", HostKind::Resource, None),
    host("azure-api.net", HostKind::ApiManagement, Some(("privatelink.azure-api.net", GroupId::Gateway))),
    host("azure-api.us", HostKind::ApiManagement, None),
    host("azure-api.cn", HostKind::ApiManagement, None),
    host("api.azureml.ms", HostKind::Other, Some(("privatelink.api.azureml.ms", GroupId::Amlworkspace))),
    host("notebooks.azure.net", HostKind::Other, Some(("privatelink.notebooks.azure.net", GroupId::Amlworkspace))),
];

fn known(name: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| is_within(name, host.suffix))
}

/// The service to which a host belongs by its name; `None` for a name that is none of Azure's, or of a custom domain.
#[must_use]
pub fn of_host(host: &str) -> Option<Zone> {
    let Host { suffix, kind: _, private } = known(host)?;
    private.map(|(zone, group_id)| Zone { suffix, zone, group_id })
}

/// Whether a host is a resource of the public cloud, whose tokens are for that cloud's audiences.
#[must_use]
pub(crate) fn is_public_resource(host: &str) -> bool {
    known(host).is_some_and(|host| host.kind == HostKind::Resource && host.private.is_some())
}

/// Whether a name lies in a zone: below it, or the zone itself; a final dot and the case do not count.
#[must_use]
pub fn is_within(name: &str, zone: &str) -> bool {
    let (name, zone) = (normal(name), normal(zone));
    name == zone || name.strip_suffix(&zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether one of the labels of a name is `privatelink`: the public name leads over it to a private address.
#[must_use]
pub fn is_privatelink(name: &str) -> bool {
    name.split('.').any(|label| label.eq_ignore_ascii_case("privatelink"))
}

/// A name in lower case without its final dot.
#[must_use]
pub fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_of_whom_its_name_says() {
        for (scheme, host, kind) in [
            ("https", "x.openai.azure.com", HostKind::Resource),
            ("https", "X.OpenAI.Azure.com.:443", HostKind::Resource),
            ("https", "x.api.cognitive.microsoft.com", HostKind::Resource),
            ("https", "x.openai.azure.us", HostKind::Resource),
            ("https", "x.azure-api.cn:8443", HostKind::ApiManagement),
            ("https", "api.openai.com", HostKind::OpenAi),
            ("https", "x.api.openai.com", HostKind::Other),
            ("https", "x.contentunderstanding.ai.azure.com", HostKind::Other),
            ("https", "xopenai.azure.com", HostKind::Other),
            ("sim", "direct", HostKind::Simulator),
        ] {
            assert_eq!(HostKind::of(scheme, host), kind, "{host}");
        }
        assert!(is_public_resource("x.services.ai.azure.com") && !is_public_resource("x.openai.azure.us"));
        assert!(!is_public_resource("x.azure-api.net") && !is_public_resource("x.contentunderstanding.ai.azure.com"));
    }

    #[test]
    fn each_host_has_the_zone_of_its_own_ending() {
        for (host, zone) in [
            ("x.openai.azure.com", Some("privatelink.openai.azure.com")),
            ("X.OpenAI.Azure.com.", Some("privatelink.openai.azure.com")),
            ("x.cognitiveservices.azure.com", Some("privatelink.cognitiveservices.azure.com")),
            ("x.services.ai.azure.com", Some("privatelink.services.ai.azure.com")),
            ("x.azure-api.net", Some("privatelink.azure-api.net")),
            ("g.workspace.swedencentral.api.azureml.ms", Some("privatelink.api.azureml.ms")),
            ("xopenai.azure.com", None),
            ("api.openai.com", None),
            ("x.openai.azure.com.evil.test", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(of_host(host).map(|zone| zone.zone), zone, "{host}");
        }
        for host in &HOSTS {
            assert!(host.private.is_none_or(|(zone, _)| zone == format!("privatelink.{}", host.suffix)), "{host:?}");
            assert_eq!(HOSTS.iter().filter(|other| is_within(host.suffix, other.suffix)).count(), 1, "{host:?}");
        }
        assert!(is_privatelink("x.privatelink.openai.azure.com") && is_privatelink("x.PrivateLink.y"));
        assert!(!is_privatelink("privatelinks.example.com") && !is_privatelink("x.openai.azure.com"));
    }
}
