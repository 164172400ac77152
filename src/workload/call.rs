//! One call as the workload wants it, before a path or an instant is chosen.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::units::Api;

/// What to ask the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The API to speak.
    pub api: Api,
    /// Whether to ask for a stream.
    pub stream: bool,
    /// The model or deployment name.
    pub model: Arc<str>,
    /// What is asked.
    pub prompt: Prompt,
    /// The limit on output tokens, sent in the API's own field; `None` leaves it to the server.
    pub max_output_tokens: Option<u32>,
    /// The prompt's tokens by our own count (o200k_base), where it is known.
    pub input_tokens: Option<u32>,
}

/// The forms a prompt comes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// One user message.
    Text(String),
    /// A conversation.
    Messages(Vec<Message>),
    /// A whole request body from a batch file; model, stream and token limit of the call stand over its own.
    Body(Map<String, Value>),
}

/// One message of a conversation. `content` is a text or the API's array of parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// The content as the API takes it.
    pub content: Value,
}
