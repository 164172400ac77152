//! What a token says of itself: nothing that is checked, but enough to find a mistake early.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// What a token says of itself, if it is a JWT.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Claims {
    /// For whom it is.
    #[serde(default)]
    pub(crate) aud: Value,
    /// Seconds since 1970 until which it is good.
    #[serde(default)]
    pub(crate) exp: Option<f64>,
}

/// What a token says of itself; `None` if it is no JWT.
pub(crate) fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (Some(head), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let read = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
    let head: Value = serde_json::from_slice(&read(head)?).ok()?;
    head["alg"].as_str()?;
    serde_json::from_slice(&read(claims)?).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A JWT that says this of itself.
    pub(in crate::transport::credential) fn jwt(claims: Value) -> String {
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}.{}", encode(json!({"alg": "RS256"})), encode(claims), URL_SAFE_NO_PAD.encode("signature"))
    }

    #[test]
    fn only_a_jwt_says_something_of_itself() {
        let said = claims(&jwt(json!({"aud": "https://a", "exp": 5.5}))).expect("a JWT");
        assert_eq!((said.aud.as_str(), said.exp), (Some("https://a"), Some(5.5)));
        assert_eq!(claims(&jwt(json!({}))), Some(Claims::default()));
        for text in ["", "a.b.c", "sk-1", "eyJhbGciOiJub25lIn0.e", "eyJhbGciOiJub25lIn0.e.x"] {
            assert_eq!(claims(text), None, "{text}");
        }
    }
}
