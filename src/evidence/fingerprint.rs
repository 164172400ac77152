//! What the words of a refusal tell: one table of the texts by which Azure's services and gateways, and this machine, say that
//! a call came by the wrong way, or that its caller did not prove who it is.
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
    /// The caller did not prove who it is, or may not do this; it says nothing of the way.
    Caller,
}

/// On which errors a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// On this class alone.
    Only(ErrorClass),
    /// On any, since gateways change the status; what token endpoints say has a table of its own.
    AnyCall,
}

impl On {
    fn includes(self, class: ErrorClass) -> bool {
        match self {
            Self::Only(only) => only == class,
            Self::AnyCall => class != ErrorClass::Credential,
        }
    }
}

/// A text and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Stable.
    pub code: &'static str,
    /// On which errors it stands.
    on: On,
    /// Texts in lower case, one of which must be there, each with all of its parts; of no text any error of the class is.
    texts: &'static [&'static [&'static str]],
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
pub const FINGERPRINTS: [Fingerprint; 20] = [
    Fingerprint {
        code: "apim_public_access_disabled",
        on: On::Only(ErrorClass::Http(403)),
        texts: &[&["request originated from client", "public network access on this", "is disabled"]],
        of_private: false,
        meaning: Meaning::PublicRoute,
        cause: "the gateway was reached over its public route, which is disabled",
        remedy: "call from inside the network, and link the zone privatelink.azure-api.net to it so that the gateway's \
                 name leads to its private endpoint",
    },
    Fingerprint {
        code: "public_access_disabled",
        on: On::Only(ErrorClass::Http(403)),
        texts: &[&["public access is disabled"]],
        of_private: false,
        meaning: Meaning::PublicRoute,
        cause: "the resource was reached over its public route, which is disabled",
        remedy: "call from inside the network, link the privatelink zone of this very host name to it, and look for a \
                 proxy or firewall that connects in your place",
    },
    Fingerprint {
        code: "not_an_approved_endpoint",
        on: On::Only(ErrorClass::Http(403)),
        texts: &[&["not from an approved private endpoint"]],
        of_private: false,
        meaning: Meaning::Denied,
        cause: "the call did not come through an approved private endpoint of this resource",
        remedy: "approve the private endpoint's connection on the resource, and look for a proxy or a private endpoint of \
                 another resource on the way",
    },
    Fingerprint {
        code: "network_rules",
        on: On::Only(ErrorClass::Http(403)),
        texts: &[&["access denied due to virtual network/firewall rules"]],
        of_private: false,
        meaning: Meaning::Denied,
        cause: "the resource accepts calls only from selected networks, and this is not one of them",
        remedy: "add this network to the resource's rules or use its private endpoint; a change takes minutes to take effect",
    },
    Fingerprint {
        code: "unknown_subdomain",
        on: On::Only(ErrorClass::Http(404)),
        texts: &[&["subdomain does not map to a resource"]],
        of_private: false,
        meaning: Meaning::Name,
        cause: "no resource has this subdomain",
        remedy: "check the host of base_url: the custom subdomain of the resource, not a regional endpoint; a new one \
                 takes minutes to be known",
    },
    Fingerprint {
        code: "foreign_key",
        on: On::AnyCall,
        texts: &[&["invalid subscription key or wrong api endpoint"]],
        of_private: false,
        meaning: Meaning::Name,
        cause: "the key belongs to another resource or region, or was replaced",
        remedy: "use a key of the resource in base_url, in the place that auth.env or auth.file names",
    },
    Fingerprint {
        code: "backend_unreachable",
        on: On::Only(ErrorClass::Http(500)),
        texts: &[&["backendconnectionfailure"]],
        of_private: false,
        meaning: Meaning::Beyond,
        cause: "API Management cannot connect to its backend",
        remedy: "check the backend's URL, that it is not the gateway's own, and the DNS zones of the gateway's network",
    },
    Fingerprint {
        code: "no_record_in_zone",
        on: On::Only(ErrorClass::Dns),
        texts: &[&["nxdomain", "privatelink."]],
        of_private: false,
        meaning: Meaning::Name,
        cause: "the private DNS zone is linked, but has no record for this name",
        remedy: "add the name's A record to the zone (a DNS zone group of the private endpoint does it)",
    },
    Fingerprint {
        code: "name_mismatch",
        on: On::Only(ErrorClass::Tls),
        texts: &[&["not valid for name"]],
        of_private: false,
        meaning: Meaning::Name,
        cause: "the certificate is for another host",
        remedy: "use the public name in base_url, not the privatelink name or an address; if it is right, something on the \
                 way answers in the server's place",
    },
    Fingerprint {
        code: "unknown_issuer",
        on: On::Only(ErrorClass::Tls),
        texts: &[&["unknownissuer"]],
        of_private: true,
        meaning: Meaning::Name,
        cause: "the certificate was issued by an authority that this machine does not trust",
        remedy: "look for a firewall that inspects TLS on the way; if it is meant to be there, name its authority with \
                 tls.ca_file",
    },
    Fingerprint {
        code: "no_way",
        on: On::Only(ErrorClass::ConnectTimeout),
        texts: &[&[]],
        of_private: true,
        meaning: Meaning::Closed,
        cause: "nothing answers at the private address",
        remedy: "check the network security group of the private endpoint's subnet, routes and firewalls, and that the \
                 endpoint was not deleted while its DNS record stayed",
    },
    Fingerprint {
        code: "refused",
        on: On::Only(ErrorClass::ConnectRefused),
        texts: &[&[]],
        of_private: true,
        meaning: Meaning::Closed,
        cause: "the address refuses connections, which a private endpoint does not do",
        remedy: "check that the name leads to the private endpoint and not to another machine",
    },
    caller(
        "keys_disabled",
        &[&["key based authentication is disabled"], &["authenticationtypedisabled"]],
        "keys are switched off on this resource (disableLocalAuth)",
        "sign in with a token, such as auth.kind = \"managed-identity\" or \"entra-client-secret\"",
    ),
    caller(
        "foreign_tenant",
        &[&["tenant provided in token does not match"], &["issuer validation failed"]],
        "the token is from another directory than the resource",
        "check auth.tenant",
    ),
    caller(
        "wrong_audience",
        &[&["audience is incorrect"], &["audience validation failed"], &["invalid audience"]],
        "the token is for another audience, or expired",
        "check auth.scope (https://cognitiveservices.azure.com/.default or https://ai.azure.com/.default)",
    ),
    caller(
        "token_expired",
        &[&["lifetime validation failed"], &["token is expired"], &["token has expired"]],
        "the token has expired",
        "check this machine's clock, and that the issuer gives a new token",
    ),
    caller(
        "missing_role",
        &[&["does not have access to api/operation"], &["lacks the required data action"]],
        "the caller has no role that allows this",
        "assign one such as Cognitive Services OpenAI User, and wait some minutes until it takes effect",
    ),
    caller(
        "gateway_key",
        &[&["missing subscription key"], &["invalid subscription key"]],
        "the gateway needs a valid key of its own",
        "set auth.kind = \"subscription-key\", together with the token of the service if it needs both",
    ),
    caller(
        "certificate_missing",
        &[&["certificaterequired"], &["certificate required"], &["required ssl certificate was sent"]],
        "the server requires a client certificate",
        "add auth.kind = \"mtls\"",
    ),
    caller(
        "certificate_refused",
        &[&["certificateunknown"], &["unknownca"], &["badcertificate"]],
        "the server does not accept the client certificate",
        "check that an authority that the server trusts has signed it, and that it is still valid",
    ),
];

/// A row of what a caller lacks, under whatever status.
const fn caller(
    code: &'static str,
    texts: &'static [&'static [&'static str]],
    cause: &'static str,
    remedy: &'static str,
) -> Fingerprint {
    Fingerprint { code, on: On::AnyCall, texts, of_private: false, meaning: Meaning::Caller, cause, remedy }
}

/// What the words of an error tell; `is_private` says that the path is meant to be.
#[must_use]
pub fn of(class: ErrorClass, words: &str, is_private: bool) -> Option<&'static Fingerprint> {
    let words = words.to_lowercase();
    FINGERPRINTS.iter().find(|known| {
        let is_said = || known.texts.iter().any(|parts| parts.iter().all(|part| words.contains(part)));
        known.on.includes(class) && (is_private || !known.of_private) && is_said()
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
            (E::Http(401), "Access denied due to missing subscription key. Make sure to include", "gateway_key", false),
            (
                E::Http(401),
                "Access denied due to invalid subscription key. Make sure to provide a valid key for an active",
                "gateway_key",
                false,
            ),
            (
                E::Http(401),
                "Unauthorized. Access token is missing, invalid, audience is incorrect \
                 (https://cognitiveservices.azure.com), or have expired.",
                "wrong_audience",
                false,
            ),
            (E::Http(401), "IDX10223: Lifetime validation failed. The token is expired.", "token_expired", false),
            (E::Http(401), "Principal does not have access to API/Operation.", "missing_role", false),
            (E::Http(403), "The principal `x` lacks the required data action `y`", "missing_role", false),
            (E::Http(403), "Key based authentication is disabled for this resource.", "keys_disabled", false),
            (E::Http(403), "AuthenticationTypeDisabled", "keys_disabled", false),
            (E::Http(400), "Tenant provided in token does not match resource tenant.", "foreign_tenant", false),
            (E::Tls, "received fatal alert: CertificateRequired", "certificate_missing", false),
            (E::Http(400), "400 No required SSL certificate was sent", "certificate_missing", false),
            (E::Tls, "received fatal alert: CertificateUnknown", "certificate_refused", false),
            (E::Http(500), "BackendConnectionFailure", "backend_unreachable", false),
            (E::Dns, nxdomain, "no_record_in_zone", false),
            (E::Tls, mismatch, "name_mismatch", false),
            (E::Tls, "invalid peer certificate: UnknownIssuer", "unknown_issuer", true),
            (E::ConnectTimeout, "no connection in time", "no_way", true),
            (E::ConnectRefused, "connection refused by 10.0.2.4:443", "refused", true),
        ] {
            assert_eq!(of(class, words, true).map(|found| found.code), Some(code), "{words}");
            assert_eq!(of(class, words, false).is_none(), of_private_alone, "{words}");
            let other = of(E::Http(429), words, true).map(|found| found.code);
            let of_any = of(class, words, true).filter(|found| found.on == On::AnyCall).map(|found| found.code);
            assert_eq!(other, of_any, "the same words under another status: {words}");
            assert_eq!(of(E::Credential, words, true), None, "what a token endpoint says: {words}");
        }
        for (class, words) in [
            (E::Http(403), "The server is busy"),
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
            let mut parts = row.texts.iter().copied().flatten();
            assert!(parts.all(|part| *part == part.to_lowercase() && !part.is_empty()), "{}", row.code);
            // No text of a row is one of a row before it, which would answer in its place.
            let shadows = |other: &&Fingerprint| {
                let said = |text: &&[&str]| of(ErrorClass::Http(401), &text.join(" "), true).map(|found| found.code);
                row.on == On::AnyCall && row.texts.iter().any(|text| said(text) == Some(other.code))
            };
            assert_eq!(FINGERPRINTS[..place].iter().find(shadows), None, "{}", row.code);
        }
    }
}
