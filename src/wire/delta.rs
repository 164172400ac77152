//! What one event of a stream says, read from its JSON and from nothing else.
//!
//! Only what a measurement needs is kept: whether there was content, of what kind, token counts, ends and errors.
//! Text is looked at, never copied.

use serde::Deserialize;
use serde::de::Deserializer;

use crate::wire::usage::Usage;

/// What an event brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Text or a refusal: what a person would see.
    pub visible: bool,
    /// Tool names or arguments.
    pub tool: bool,
    /// Reasoning text.
    pub reasoning: bool,
    /// The event that ends the answer, or one of its parts.
    pub end: Option<End>,
    /// Token counts.
    pub usage: Option<Usage>,
}

impl Delta {
    /// Whether there was output that a caller receives: text, refusal or tool arguments.
    #[must_use]
    pub fn is_content(&self) -> bool {
        self.visible || self.tool
    }
}

/// How an event ends an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The answer (chat: one choice of it) is finished, in whatever way the model chose.
    Finished,
    /// The terminal mark: nothing comes after it.
    Terminal,
    /// An error in the stream.
    Error {
        /// Whether it is a rate limit.
        throttled: bool,
    },
}

/// Reads a value that is rare enough to be copied.
pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, BadEvent> {
    serde_json::from_slice(json).map_err(|_| BadEvent)
}

/// The data of an event is not the JSON that the API promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is not the JSON that the API promises")]
pub struct BadEvent;

/// The `error` object of either API, flat or nested.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorJson {
    #[serde(deserialize_with = "lax_text")]
    code: Option<String>,
    #[serde(rename = "type", deserialize_with = "lax_text")]
    kind: Option<String>,
    #[serde(deserialize_with = "lax_text")]
    message: Option<String>,
}

impl ErrorJson {
    /// Whether it speaks of a rate limit.
    pub(super) fn is_throttle(&self) -> bool {
        let speaks = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| {
                let text = text.to_ascii_lowercase();
                ["rate_limit", "ratelimit", "too_many_requests", "rate limit", "429"]
                    .iter()
                    .any(|word| text.contains(word))
            })
        };
        speaks(&self.code) || speaks(&self.kind) || speaks(&self.message)
    }

    /// The code or kind and the message, for a person.
    pub(super) fn describe(&self) -> String {
        let code = self.code.as_deref().or(self.kind.as_deref());
        match (code, self.message.as_deref()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(text), None) | (None, Some(text)) => text.to_owned(),
            (None, None) => String::new(),
        }
    }
}

/// A text, a number as text, or nothing: error codes come in all three.
fn lax_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// What an error body says, for a person: its code and message, from any of the shapes in use.
///
/// Returns an empty text when the body is no such JSON.
#[must_use]
pub fn describe_error(body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        error: Option<ErrorJson>,
        #[serde(rename = "statusCode", deserialize_with = "lax_text")]
        status_code: Option<String>,
        #[serde(deserialize_with = "lax_text")]
        message: Option<String>,
    }
    match serde_json::from_slice::<Body>(body) {
        Ok(Body { error: Some(error), .. }) => error.describe(),
        Ok(Body { message: Some(message), .. }) => message,
        Ok(_) | Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_every_shape_are_told() {
        let table = [
            (r#"{"error":{"message":"no","type":"t","code":"c"}}"#, "c: no"),
            (r#"{"error":{"code":401,"message":"no"}}"#, "401: no"),
            (r#"{"statusCode":429,"message":"slow down"}"#, "slow down"),
            (r#"{"error":{"message":"no","code":null}}"#, "no"),
            ("<html>502</html>", ""),
        ];
        for (body, told) in table {
            assert_eq!(describe_error(body.as_bytes()), told);
        }
    }
}
