//! Private DNS zones: which one the name of a service must lead through, by its host and by what the private endpoint
//! leads to. One table.
//!
//! Source: Azure's documentation of private endpoint DNS zones, as of 2026-11.

use crate::path::control::GroupId;

/// The hosts of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// How its public names end.
    pub suffix: &'static str,
    /// The private DNS zone of that ending.
    pub zone: &'static str,
    /// What a private endpoint to it leads to.
    pub group_id: GroupId,
}

/// Every service that is known. One private endpoint of a Foundry resource has an address for each of its names, so a
/// zone that is linked for one of them says nothing of the others.
pub const ZONES: [Zone; 7] = [
    Zone { suffix: "openai.azure.com", zone: "privatelink.openai.azure.com", group_id: GroupId::Account },
    Zone {
        suffix: "cognitiveservices.azure.com",
        zone: "privatelink.cognitiveservices.azure.com",
        group_id: GroupId::Account,
    },
    Zone { suffix: "services.ai.azure.com", zone: "privatelink.services.ai.azure.com", group_id: GroupId::Account },
    Zone {
        suffix: "contentunderstanding.ai.azure.com",
        zone: "privatelink.contentunderstanding.ai.azure.com",
        group_id: GroupId::Account,
    },
    Zone { suffix: "azure-api.net", zone: "privatelink.azure-api.net", group_id: GroupId::Gateway },
    Zone { suffix: "api.azureml.ms", zone: "privatelink.api.azureml.ms", group_id: GroupId::Amlworkspace },
    Zone { suffix: "notebooks.azure.net", zone: "privatelink.notebooks.azure.net", group_id: GroupId::Amlworkspace },
];

/// The service to which a host belongs by its name; `None` for a name that is none of Azure's, or of a custom domain.
#[must_use]
pub fn of_host(host: &str) -> Option<&'static Zone> {
    ZONES.iter().find(|zone| is_within(host, zone.suffix))
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
        assert!(is_privatelink("x.privatelink.openai.azure.com") && is_privatelink("x.PrivateLink.y"));
        assert!(!is_privatelink("privatelinks.example.com") && !is_privatelink("x.openai.azure.com"));
    }
}
