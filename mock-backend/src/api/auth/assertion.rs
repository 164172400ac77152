//! The assertion of an application with a certificate: whether its key has signed it, and for this endpoint.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use webpki::EndEntityCert;
use webpki::ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};

use super::token::{parts, read};
use crate::net::clock::unix_seconds;

/// What is wrong with an assertion, as Entra says it.
pub(super) type Wrong = &'static str;

const UNTRUSTED: Wrong = "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered \
                          on application, or the signature is invalid.";
const OUT_OF_TIME: Wrong = "AADSTS700024: Client assertion is not within its valid time range.";
const AUDIENCE: Wrong = "AADSTS700023: Client assertion audience claim does not match Realm issuer.";
const MALFORMED: Wrong = "AADSTS50027: JWT token is invalid or malformed.";

/// Checks an assertion of `client`, who has the certificate `pem`, to the endpoint `url`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(assertion: &str, client: &str, pem: &[u8], url: &str) -> Result<(), Wrong> {
    let [head, claims, signature] = parts(assertion).ok_or(MALFORMED)?;
    let json = |part| read(part).and_then(|part| serde_json::from_slice::<Value>(&part).ok()).ok_or(MALFORMED);
    let (head_said, said) = (json(head)?, json(claims)?);
    let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| UNTRUSTED)?;
    let leaf = EndEntityCert::try_from(&certificate).map_err(|_| UNTRUSTED)?;
    let algorithm = match head_said["alg"].as_str() {
        Some("PS256") => RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        Some("RS256") => RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(MALFORMED),
    };
    let hash = ring::digest::digest(&ring::digest::SHA256, &certificate);
    if head_said["x5t#S256"] != URL_SAFE_NO_PAD.encode(hash) {
        return Err(UNTRUSTED);
    }
    let signed = &assertion.as_bytes()[..head.len() + 1 + claims.len()];
    let signature = read(signature).ok_or(MALFORMED)?;
    leaf.verify_signature(algorithm, signed, &signature).map_err(|_| UNTRUSTED)?;
    if said["iss"] != client || said["sub"] != client || !said["jti"].is_string() {
        return Err(MALFORMED);
    }
    if said["aud"] != url {
        return Err(AUDIENCE);
    }
    let (now, time) = (unix_seconds(), |claim: &str| said[claim].as_u64());
    let begun = time("nbf").is_none_or(|from| from <= now + 300);
    if begun && time("exp").is_some_and(|until| until > now) { Ok(()) } else { Err(OUT_OF_TIME) }
}
