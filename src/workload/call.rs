//! One call as the workload wants it, before a path or an instant is chosen.

use std::sync::Arc;

use crate::units::Api;
use crate::workload::body::Body;

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
    /// A conversation: a JSON array of messages, as it is written.
    Messages(String),
    /// A whole request body from a batch file; model, stream and token limit of the call stand over its own.
    Body(Body),
}
