//! What the words of a refusal tell of the network: one table of the texts by which Azure's services and gateways, and this
//! machine, say that a call came by the wrong way.
//!
//! Source: Azure's answers as published in its documentation and seen in issues of public repositories, as of 2026-11.

use crate::measure::outcome::ErrorClass;

/// What a refusal says of the way that a call took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It came over the public route.
    PublicRoute,
    /// It came from where it may not come from: another endpoint, a proxy, a network that no rule allows.
    Denied,
    /// The name, or its certificate, is not what it should be.
    Name,
    /// What lies behind a gateway cannot be reached.
    Beyond,
    /// The way is closed.
    Closed,
}

/// A text and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Stable.
    pub code: &'static str,
    /// On which errors it stands.
    class: ErrorClass,
    /// Parts of the text, all of which must be there, in lower case.
    parts: &'static [&'static str],
    /// Whether it says something of private paths alone.
    of_private: bool,
    /// What it says of the way.
    pub meaning: Meaning,
    /// The cause, in a sentence without its stop.
    pub cause: &'static str,
    /// What helps.
    pub remedy: &'static str,
}

/// All of them, the more special first.
pub const FINGERPRINTS: [Fingerprint; 12] = [
    Fingerprint {
        code: "apim_public_access_disabled",
        class: ErrorClass::Http(403),
        parts: &["request originated from client", "public network access on this", "is disabled"],
        of_private: false,
        meaning: Meaning::PublicRoute,
        cause: "the gateway was reached by its public route, which it does not take",
        remedy: "call from inside the network, and link the zone privatelink.azure-api.net to it so that the gateway's \
                 name leads to its private endpoint",
    },
    Fingerprint {
        code: "public_access_disabled",
        class: ErrorClass::Http(403),
        parts: &["public access is disabled"],
        of_private: false,
        meaning: Meaning::PublicRoute,
        cause: "the resource was reached by its public route, which it does not take",
        remedy: "call from inside the network, link the privatelink zone of this very host name to it, and look for a \
                 proxy or firewall that connects in your place",
    },
    Fingerprint {
        code: "not_an_approved_endpoint",
        class: ErrorClass::Http(403),
        parts: &["not from an approved private endpoint"],
        of_private: false,
        meaning: Meaning::Denied,
        cause: "the call came by another way than an approved private endpoint of this resource",
        remedy: "approve the private endpoint's connection on the resource, and look for a proxy or a private endpoint of \
                 another resource on the way",
    },
    Fingerprint {
        code: "network_rules",
        class: ErrorClass::Http(403),
        parts: &["access denied due to virtual network/firewall rules"],
        of_private: false,
        meaning: Meaning::Denied,
        cause: "the resource takes calls from selected networks, and this is none of them",
        remedy: "add this network to the resource's rules or use its private endpoint; a change takes minutes to count",
    },
    Fingerprint {
        code: "unknown_subdomain",
        class: ErrorClass::Http(404),
        parts: &["subdomain does not map to a resource"],
        of_private: false,
        meaning: Meaning::Name,
        cause: "no resource has this subdomain",
        remedy: "check the host of base_url: the custom subdomain of the resource, not a regional endpoint; a new one \
                 takes minutes to be known",
    },
    Fingerprint {
        code: "foreign_key",
        class: ErrorClass::Http(401),
        parts: &["invalid subscription key or wrong api endpoint"],
        of_private: false,
        meaning: Meaning::Name,
        cause: "the key belongs to another resource or region, or was replaced",
        remedy: "put a key of the resource that base_url names where auth.env or auth.file says",
    },
    Fingerprint {
        code: "backend_unreachable",
        class: ErrorClass::Http(500),
        parts: &["backendconnectionfailure"],
        of_private: false,
        meaning: Meaning::Beyond,
        cause: "API Management cannot connect to what lies behind it",
        remedy: "check the backend's URL, that it is not the gateway's own, and the DNS zones of the gateway's network",
    },
    Fingerprint {
        code: "no_record_in_zone",
        class: ErrorClass::Dns,
        parts: &["nxdomain", "privatelink."],
        of_private: false,
        meaning: Meaning::Name,
        cause: "the private DNS zone is linked, but has no record of this name",
        remedy: "add the name's A record to the zone (a DNS zone group of the private endpoint does it)",
    },
    Fingerprint {
        code: "name_mismatch",
        class: ErrorClass::Tls,
        parts: &["not valid for name"],
        of_private: false,
        meaning: Meaning::Name,
        cause: "the certificate is another host's",
        remedy: "use the public name in base_url, not the privatelink name or an address; if it is right, something on the \
                 way answers in the server's place",
    },
    Fingerprint {
        code: "unknown_issuer",
        class: ErrorClass::Tls,
        parts: &["unknownissuer"],
        of_private: true,
        meaning: Meaning::Name,
        cause: "the certificate was issued by an authority that this machine does not trust",
        remedy: "look for a firewall that inspects TLS on the way; if it is meant to be there, name its authority with \
                 tls.ca_file",
    },
    Fingerprint {
        code: "no_way",
        class: ErrorClass::ConnectTimeout,
        parts: &[],
        of_private: true,
        meaning: Meaning::Closed,
        cause: "nothing answers at the private address",
        remedy: "check the network security group of the private endpoint's subnet, routes and firewalls, and that the \
                 endpoint was not deleted while its DNS record stayed",
    },
    Fingerprint {
        code: "refused",
        class: ErrorClass::ConnectRefused,
        parts: &[],
        of_private: true,
        meaning: Meaning::Closed,
        cause: "the address refuses connections, which a private endpoint does not do",
        remedy: "check that the name leads to the private endpoint and not to another machine",
    },
];

/// What the words of an error tell; `is_private` says that the path is meant to be.
#[must_use]
pub fn of(class: ErrorClass, words: &str, is_private: bool) -> Option<&'static Fingerprint> {
    let words = words.to_lowercase();
    FINGERPRINTS.iter().find(|known| {
        known.class == class && (is_private || !known.of_private) && known.parts.iter().all(|part| words.contains(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_its_cause() {
        use ErrorClass as E;
        let private = "Public access is disabled. Please configure private endpoint.";
        let apim = "Request originated from client public IP address 20.1.2.3, public network access on this \
                    'Microsoft.ApiManagement/service/x' is disabled. To connect to 'Microsoft.ApiManagement/service/x', \
                    please use the Private Endpoint from inside your virtual network.";
        let mismatch = "TLS with x:443 failed: invalid peer certificate: certificate not valid for name \"x\"";
        let nxdomain = "the name 'x' does not resolve (DNS server 10.0.0.4: NXDOMAIN: the name \
                        'x.privatelink.openai.azure.com' does not exist)";
        for (class, words, code, of_private_alone) in [
            (E::Http(403), private, "public_access_disabled", false),
            (E::Http(403), apim, "apim_public_access_disabled", false),
            (E::Http(403), "Traffic is not from an approved private endpoint.", "not_an_approved_endpoint", false),
            (E::Http(403), "Access denied due to Virtual Network/Firewall rules.", "network_rules", false),
            (E::Http(404), "Subdomain does not map to a resource.", "unknown_subdomain", false),
            (
                E::Http(401),
                "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key",
                "foreign_key",
                false,
            ),
            (E::Http(500), "BackendConnectionFailure", "backend_unreachable", false),
            (E::Dns, nxdomain, "no_record_in_zone", false),
            (E::Tls, mismatch, "name_mismatch", false),
            (E::Tls, "invalid peer certificate: UnknownIssuer", "unknown_issuer", true),
            (E::ConnectTimeout, "no connection in time", "no_way", true),
            (E::ConnectRefused, "connection refused by 10.0.2.4:443", "refused", true),
        ] {
            assert_eq!(of(class, words, true).map(|found| found.code), Some(code), "{words}");
            assert_eq!(of(class, words, false).is_none(), of_private_alone, "{words}");
            let other = of(E::Http(429), words, true);
            assert_eq!(other, None, "the same words under another status: {words}");
        }
        for (class, words) in [
            (E::Http(403), "The principal lacks the required data action"),
            (E::Http(404), "The API deployment for this resource does not exist."),
            (E::Dns, "the name 'x' does not resolve"),
            (E::Tls, "invalid peer certificate: Expired"),
        ] {
            assert_eq!(of(class, words, true), None, "{words}");
        }
    }

    #[test]
    fn every_row_is_a_sentence_of_its_own() {
        for (place, row) in FINGERPRINTS.iter().enumerate() {
            assert!(
                [row.cause, row.remedy].iter().all(|text| !text.is_empty() && !text.ends_with('.')),
                "{}",
                row.code
            );
            assert!(FINGERPRINTS[..place].iter().all(|other| other.code != row.code), "{}", row.code);
            assert!(row.parts.iter().all(|part| *part == part.to_lowercase()), "{}", row.code);
        }
    }
}
