//! Tokens: they have the shape of JWTs and are not signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::{AUDIENCES, AuthSettings};
use crate::net::clock::unix_seconds;

/// For whom a token is, and of whom.
pub(super) struct Claim<'a> {
    pub(super) tenant: &'a str,
    pub(super) client: &'a str,
    pub(super) audience: &'a str,
    pub(super) roles: &'a [String],
    /// How long it lives, in seconds.
    pub(super) lives: u64,
}

impl Claim<'_> {
    /// The token.
    pub(super) fn token(&self) -> String {
        let Self { tenant, client, audience, roles, lives } = self;
        let now = unix_seconds();
        // Whole seconds, rounded up, so that a token lives for as long as is told.
        let until = lives + u64::from(*lives > 0);
        let head = json!({"typ": "JWT", "alg": "RS256", "kid": "hopmark-simulator"});
        let mut claims = json!({
            "aud": audience, "iss": format!("https://sts.windows.net/{tenant}/"), "iat": now, "nbf": now,
            "exp": now + until, "appid": client, "tid": tenant, "ver": "1.0",
        });
        if !roles.is_empty() {
            claims["roles"] = json!(roles);
        }
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}.{}", encode(head), encode(claims), URL_SAFE_NO_PAD.encode("not signed"))
    }
}

/// What a token says.
#[derive(Deserialize)]
struct Claims {
    aud: String,
    exp: u64,
    #[serde(default)]
    roles: Vec<String>,
}

/// What becomes of a bearer that is a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passes,
    /// It is for another audience, has expired, or cannot be read.
    Invalid,
    /// Its owner lacks the role.
    NoRole,
}

/// Whether `bearer` passes; nothing if it is no token at all.
pub(super) fn verdict(bearer: &str, wanted: &AuthSettings) -> Option<Verdict> {
    let [head, claims, _] = parts(bearer)?;
    let is_head = |head: Vec<u8>| serde_json::from_slice::<Value>(&head).is_ok_and(|head| head["alg"].is_string());
    read(head).filter(|head| is_head(head.clone()))?;
    let claims = read(claims).and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
    let is_for_us = |aud: &str| match &wanted.audience {
        Some(audience) => aud == audience.trim_end_matches('/'),
        None => AUDIENCES.contains(&aud),
    };
    Some(match claims {
        Some(claims) if is_for_us(claims.aud.trim_end_matches('/')) && claims.exp > unix_seconds() => {
            let has_role = wanted.role.as_ref().is_none_or(|role| claims.roles.contains(role));
            if has_role { Verdict::Passes } else { Verdict::NoRole }
        }
        _ => Verdict::Invalid,
    })
}

/// The three parts of a JWT.
pub(super) fn parts(token: &str) -> Option<[&str; 3]> {
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(head), Some(claims), Some(signature), None) => Some([head, claims, signature]),
        _ => None,
    }
}

/// A part of a JWT, decoded.
pub(super) fn read(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_pass_for_the_service_and_as_long_as_they_live() {
        let none = AuthSettings::default();
        let of = |audience: &str, lives, roles: &[String], wanted: &AuthSettings| {
            verdict(&Claim { tenant: "t", client: "c", audience, roles, lives }.token(), wanted)
        };
        assert_eq!(of("https://cognitiveservices.azure.com", 60, &[], &none), Some(Verdict::Passes));
        assert_eq!(of("https://ai.azure.com/", 60, &[], &none), Some(Verdict::Passes));
        assert_eq!(of("https://graph.microsoft.com", 60, &[], &none), Some(Verdict::Invalid));
        assert_eq!(of("https://ai.azure.com", 0, &[], &none), Some(Verdict::Invalid));
        let wanted =
            AuthSettings { audience: Some("https://ai.azure.com".into()), role: Some("User".into()), keys: false };
        assert_eq!(of("https://ai.azure.com/", 60, &[], &wanted), Some(Verdict::NoRole));
        assert_eq!(of("https://ai.azure.com", 60, &["User".to_owned()], &wanted), Some(Verdict::Passes));
        assert_eq!(
            of("https://cognitiveservices.azure.com", 60, &["User".to_owned()], &wanted),
            Some(Verdict::Invalid)
        );
        for key in ["sk-abc", "a.b.c", "", "a.b", "eyJhbGciOiJub25lIn0.e"] {
            assert_eq!(verdict(key, &none), None, "{key}");
        }
        // A token whose claims cannot be read.
        assert_eq!(verdict("eyJhbGciOiJub25lIn0.e.x", &none), Some(Verdict::Invalid));
    }
}
