//! What the words of a refusal mean, where a service or a gateway of Azure says them: one table.
//!
//! Each row is what was seen of the service, of its documentation, or in reports of its users (2026-11). The words are looked
//! for in what a refusal says, whatever its status: gateways change that.

/// What a server says, and what it means.
struct Row {
    /// Words of the answer, in small letters.
    said: &'static str,
    /// What is wrong, and what to do.
    means: &'static str,
}

const fn row(said: &'static str, means: &'static str) -> Row {
    Row { said, means }
}

const AUDIENCE: &str = "the token is for another audience, or expired: check auth.scope \
                        (https://cognitiveservices.azure.com/.default or https://ai.azure.com/.default)";
const EXPIRED: &str = "the token has expired";
const ROLE: &str = "the caller has no role for this: assign one such as Cognitive Services OpenAI User, and wait some \
                    minutes until it holds";
const TENANT: &str = "the token is of another directory than the resource: check auth.tenant";
const KEYS: &str = "keys are switched off on this resource (disableLocalAuth): sign in with a token, such as auth.kind = \
                    \"managed-identity\" or \"entra-client-secret\"";
const GATEWAY_KEY: &str = "the gateway wants a key of its own that is valid: auth.kind = \"subscription-key\", beside the \
                           token of the service where it wants both";
const CERTIFICATE: &str = "the server wants a certificate of the caller: add auth.kind = \"mtls\"";
const UNKNOWN_CALLER: &str = "the server does not accept the certificate of the caller: is it signed by an authority that \
                              the server trusts, and still good";

/// More exact words stand before others.
const ROWS: [Row; 26] = [
    row("key based authentication is disabled", KEYS),
    row("authenticationtypedisabled", KEYS),
    row("tenant provided in token does not match", TENANT),
    row("issuer validation failed", TENANT),
    row("audience is incorrect", AUDIENCE),
    row("audience validation failed", AUDIENCE),
    row("invalid audience", AUDIENCE),
    row("lifetime validation failed", EXPIRED),
    row("token is expired", EXPIRED),
    row("token has expired", EXPIRED),
    row("does not have access to api/operation", ROLE),
    row("lacks the required data action", ROLE),
    row("invalid subscription key or wrong api endpoint", "the key is of another resource or region, or was replaced"),
    row("missing subscription key", GATEWAY_KEY),
    row("invalid subscription key", GATEWAY_KEY),
    row("public access is disabled", "reached over the public route, and the resource is private"),
    row(
        "not from an approved private endpoint",
        "the private endpoint is not approved, or it is another one, or a proxy stands between",
    ),
    row("virtual network/firewall rules", "the network rules of the resource do not allow this caller's address"),
    row("subdomain does not map to a resource", "the host is no name of a resource, or not yet: check base_url"),
    row(
        "request originated from client public ip address",
        "the gateway was reached over its public address, and it is private",
    ),
    row("certificaterequired", CERTIFICATE),
    row("certificate required", CERTIFICATE),
    row("required ssl certificate was sent", CERTIFICATE),
    row("certificateunknown", UNKNOWN_CALLER),
    row("unknownca", UNKNOWN_CALLER),
    row("badcertificate", UNKNOWN_CALLER),
];

/// What a refusal means, if its words are known.
#[must_use]
pub(crate) fn meaning(said: &str) -> Option<&'static str> {
    let said = said.to_ascii_lowercase();
    ROWS.iter().find(|row| said.contains(row.said)).map(|row| row.means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_found_by_its_words_and_by_no_row_before_it() {
        for row in &ROWS {
            assert_eq!(meaning(&format!("401: {}.", row.said.to_ascii_uppercase())), Some(row.means), "{}", row.said);
            assert!(!row.means.ends_with('.') && row.said == row.said.to_ascii_lowercase(), "{}", row.means);
        }
        assert_eq!(meaning("The server is busy"), None);
    }

    #[test]
    fn what_azure_says_is_understood() {
        for (said, part) in [
            (
                "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide",
                "another resource",
            ),
            ("Access denied due to missing subscription key. Make sure to include", "key of its own"),
            (
                "Access denied due to invalid subscription key. Make sure to provide a valid key for an active",
                "of its own",
            ),
            (
                "Unauthorized. Access token is missing, invalid, audience is incorrect \
                 (https://cognitiveservices.azure.com), or have expired.",
                "another audience",
            ),
            ("Principal does not have access to API/Operation.", "no role"),
            ("The principal `x` lacks the required data action `y`", "no role"),
            ("Key based authentication is disabled for this resource.", "disableLocalAuth"),
            ("Tenant provided in token does not match resource tenant.", "another directory"),
            ("received fatal alert: CertificateRequired", "mtls"),
            ("received fatal alert: CertificateUnknown", "does not accept the certificate of the caller"),
        ] {
            assert!(meaning(said).is_some_and(|means| means.contains(part)), "{said}: {:?}", meaning(said));
        }
    }
}
