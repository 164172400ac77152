//! What one event of a stream says, read from its JSON and from nothing else.
//!
//! Only what a measurement needs is kept: whether there was content, of what kind, token counts, ends and errors.
//! Text is looked at, never copied.

use serde::Deserialize;
use serde::de::Deserializer;

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

/// Token counts as the server gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens.
    pub input: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
    /// Reasoning tokens among them.
    pub reasoning: u64,
}

/// Reads a value that is rare enough to be copied.
pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, BadEvent> {
    serde_json::from_slice(json).map_err(|_| BadEvent)
}

/// The data of an event is not the JSON that the API promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is not the JSON that the API promises")]
pub struct BadEvent;

/// The usage object of either API.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UsageJson {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    completion_tokens_details: Option<DetailsJson>,
    output_tokens_details: Option<DetailsJson>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct DetailsJson {
    reasoning_tokens: Option<u64>,
}

impl From<UsageJson> for Usage {
    fn from(json: UsageJson) -> Self {
        let details = json.completion_tokens_details.or(json.output_tokens_details);
        Self {
            input: json.prompt_tokens.or(json.input_tokens).unwrap_or(0),
            output: json.completion_tokens.or(json.output_tokens).unwrap_or(0),
            reasoning: details.and_then(|details| details.reasoning_tokens).unwrap_or(0),
        }
    }
}

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
}

/// A text, a number as text, or nothing: error codes come in all three.
fn lax_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}
