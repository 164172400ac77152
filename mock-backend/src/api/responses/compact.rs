//! What the Responses API does with a conversation beyond answering it: compacting it, and counting its tokens.

use bytes::Bytes;
use serde_json::{Value, json};

use super::input_items::input_items;
use crate::api::backend::Backend;
use crate::api::error::ApiError;
use crate::api::measure::History;
use crate::model::prompt::COMPACTION;
use crate::net::clock::unix_seconds;

/// A conversation.
pub(crate) struct Conversation {
    /// The model or deployment that was asked for.
    pub(crate) name: String,
    /// The tokens of the input and the instructions.
    pub(crate) tokens: usize,
    /// The response that it goes on from.
    pub(crate) previous: Option<String>,
    /// The id of the stored conversation that it belongs to.
    pub(crate) conversation: Option<String>,
    pub(crate) body: Bytes,
}

impl Conversation {
    /// All tokens of it, those before it included.
    pub(crate) fn count_tokens(&self, backend: &Backend) -> Result<usize, ApiError> {
        let before = before(backend, self.previous.as_deref(), self.conversation.as_deref())?;
        Ok(self.tokens + before.map_or(0, |history| history.tokens))
    }
}

/// What was said before a response that goes on from `previous` or belongs to `conversation`.
///
/// # Errors
/// If that is not here.
pub(crate) fn before(
    backend: &Backend,
    previous: Option<&str>,
    conversation: Option<&str>,
) -> Result<Option<History>, ApiError> {
    if let Some(id) = previous {
        let stored = backend.responses.find(id).ok_or_else(|| no_previous(id))?;
        return Ok(Some(stored.history.clone()));
    }
    let Some(id) = conversation else { return Ok(None) };
    backend.conversations.find(id).map(|conversation| Some(conversation.history()))
}

fn no_previous(id: &str) -> ApiError {
    let message = format!("Previous response with id '{id}' not found.");
    ApiError::coded("previous_response_not_found", message, "previous_response_id")
}

/// What the user said, and one item that stands for all else and costs `made` tokens when it is sent again.
pub(crate) fn compaction(conversation: &Conversation, name: u64, tokens: usize, made: usize) -> Value {
    let mut output = input_items(&conversation.body, name);
    output.retain(|item| item["type"] == "message" && item["role"] == "user");
    output.push(json!({
        "type": "compaction", "id": format!("cmp_{name:032x}"), "encrypted_content": format!("{COMPACTION}{made:08x}"),
    }));
    json!({
        "id": format!("resp_{name:032x}"), "object": "response.compaction", "created_at": unix_seconds(),
        "output": output,
        "usage": {
            "input_tokens": tokens, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": tokens + made,
        },
    })
}
