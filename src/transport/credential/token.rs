//! A token as somebody gave it, and how long it is good.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;

use crate::transport::credential::claims::claims;
use crate::transport::credential::no_token::NoToken;
use crate::transport::credential::secret::Secret;

/// A token, and how long it is good from now; `None` is for the whole run.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: Secret,
    pub(super) life: Option<Duration>,
}

/// An answer of a token endpoint, of the metadata service and of App Service: numbers or texts of digits.
#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "accessToken")]
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    expires_on: Value,
}

impl Token {
    /// A token that is good for as long as is told and as it says of itself: whichever ends first.
    ///
    /// # Errors
    /// When it is no text that a header can carry, or is no longer good.
    pub(super) fn of(text: String, told: Option<Duration>) -> Result<Self, NoToken> {
        let own = claims(&text).and_then(|claims| claims.exp).map(left_until);
        let life = [told, own].into_iter().flatten().min();
        if life.is_some_and(|life| life.is_zero()) {
            return Err(NoToken::passing("the token that came had expired; is this machine's clock right?"));
        }
        let secret = Secret::new(text).map_err(|bad| NoToken::lasting(format!("the token that came {bad}")))?;
        Ok(Self { secret, life })
    }

    /// The token in the JSON of an answer.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn of_answer(body: &str) -> Result<Self, NoToken> {
        let answer: Answer = serde_json::from_str(body).map_err(|_| {
            NoToken::lasting("the answer is not JSON with an access_token; does the address lead to a token endpoint?")
        })?;
        if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(NoToken::lasting("the token in the answer is not a bearer token"));
        }
        // A cached token may come with the full length of its life beside its true end. Its end at 1970 says that none is set.
        let end = number(&answer.expires_on).filter(|end| *end != 0.0);
        let told = [number(&answer.expires_in).map(seconds), end.map(left_until)];
        Self::of(answer.access_token, told.into_iter().flatten().min())
    }
}

/// A number, or the text of one.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// So many seconds, at most a year.
fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 31_622_400.0))
}

/// From now until so many seconds since 1970.
fn left_until(until: f64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    seconds(until - now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transport::credential::claims::tests::jwt;

    fn in_seconds(seconds: f64) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64() + seconds
    }

    #[test]
    fn every_form_of_a_length_of_life_is_read() {
        let on = in_seconds(600.0);
        for (word, answer, expected) in [
            ("numbers", json!({"access_token": "t", "expires_in": 600, "token_type": "Bearer"}), Some(600.0)),
            ("texts", json!({"access_token": "t", "expires_in": "600", "expires_on": "4102444800"}), Some(600.0)),
            ("cached", json!({"access_token": "t", "expires_in": 3600, "expires_on": on}), Some(600.0)),
            (
                "a date",
                json!({"access_token": "t", "expires_in": 600, "expires_on": "1/1/2020 0:00:00 AM"}),
                Some(600.0),
            ),
            (
                "of itself, sooner",
                json!({"access_token": jwt(json!({"exp": on})), "expires_in": 3600, "expires_on": 4_102_444_800_u64}),
                Some(600.0),
            ),
            (
                "of itself, later",
                json!({"access_token": jwt(json!({"exp": on + 3000.0})), "expires_in": 600}),
                Some(600.0),
            ),
            ("App Service", json!({"access_token": "t", "expires_on": on.to_string()}), Some(600.0)),
            (
                "the CLI",
                json!({"accessToken": "t", "expires_on": on as u64, "expiresOn": "x", "tokenType": "B"}),
                Some(600.0),
            ),
            ("of itself", json!({"access_token": jwt(json!({"exp": on, "aud": "a"}))}), Some(600.0)),
            ("an end that is not set", json!({"access_token": "t", "expires_in": 600, "expires_on": 0}), Some(600.0)),
            (
                "no end is set in text",
                json!({"access_token": "t", "expires_in": "600", "expires_on": "0"}),
                Some(600.0),
            ),
            (
                "an end that is not set, of itself",
                json!({"access_token": jwt(json!({"exp": on})), "expires_on": 0}),
                Some(600.0),
            ),
            ("no end is set", json!({"access_token": "t", "expires_on": 0}), None),
            ("nothing said", json!({"access_token": "t"}), None),
            ("for ever", json!({"access_token": "t", "expires_in": 1e300}), Some(31_622_400.0)),
        ] {
            let token = Token::of_answer(&answer.to_string()).expect(word);
            let near = |life: Duration| (life.as_secs_f64() - expected.unwrap_or(-9.0)).abs() < 2.0;
            assert!(token.life.map_or(expected.is_none(), near), "{word}: {:?}", token.life);
        }
    }

    #[test]
    fn what_is_no_good_token_is_refused_and_not_shown() {
        for (answer, part) in [
            ("<html>secret-token</html>".to_owned(), "is not JSON with an access_token"),
            (json!({"token": "secret-token"}).to_string(), "is not JSON with an access_token"),
            (json!({"access_token": "secret-token", "token_type": "DPoP"}).to_string(), "is not a bearer token"),
            (json!({"access_token": "secret\ntoken", "expires_in": 9}).to_string(), "that a header cannot carry"),
            (json!({"access_token": "", "expires_in": 9}).to_string(), "is empty"),
            (json!({"access_token": "secret-token", "expires_in": 0}).to_string(), "had expired"),
            (json!({"access_token": "secret-token", "expires_on": "12"}).to_string(), "had expired"),
            (json!({"access_token": jwt(json!({"exp": 12, "secret-token": 1}))}).to_string(), "had expired"),
            (
                json!({"access_token": "secret-token", "expires_in": "600", "expires_on": "1"}).to_string(),
                "had expired",
            ),
            (json!({"access_token": "secret-token", "expires_on": 1}).to_string(), "had expired"),
            (json!({"access_token": "secret-token", "expires_in": 600, "expires_on": 1}).to_string(), "had expired"),
            (json!({"access_token": "secret-token", "expires_in": 0, "expires_on": 0}).to_string(), "had expired"),
            (json!({"access_token": jwt(json!({"exp": 12})), "expires_on": 0}).to_string(), "had expired"),
            (json!({"access_token": jwt(json!({"exp": 12})), "expires_in": 600}).to_string(), "had expired"),
        ] {
            let error = Token::of_answer(&answer).expect_err(part);
            assert_eq!(error.lasts, part != "had expired", "{part}: {error}");
            let error = error.to_string();
            assert!(error.contains(part) && !error.contains("secret"), "{part}: {error}");
        }
    }

    #[test]
    fn a_lifetime_does_not_outlast_the_token_itself() {
        let hour = Some(Duration::from_secs(3600));
        for (text, told, expected) in [
            ("t".to_owned(), hour, Some(3600)),
            ("t".to_owned(), None, None),
            (jwt(json!({"exp": in_seconds(600.5)})), hour, Some(600)),
            (jwt(json!({"exp": in_seconds(7200.0)})), hour, Some(3600)),
            (jwt(json!({"aud": "a"})), hour, Some(3600)),
        ] {
            let life = Token::of(text, told).expect("a token").life.map(|life| life.as_secs());
            let near = |life: u64| expected.is_some_and(|expected: u64| life.abs_diff(expected) < 2);
            assert!(life.map_or(expected.is_none(), near), "{life:?}, not {expected:?}");
        }
        let error = Token::of(jwt(json!({"exp": in_seconds(-1.0)})), hour).expect_err("it has expired");
        assert!(!error.lasts && error.message.contains("had expired"), "{error}");
    }
}
