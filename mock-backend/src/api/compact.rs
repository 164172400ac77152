//! What the Responses API does with a conversation beyond answering it: compacting it, and counting its tokens.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::answer::{Call, Sending};
use super::error::ApiError;
use super::prompt::COMPACTION;
use super::retrieve::input_items;
use crate::backend::{Length, Prompt};
use crate::clock::unix_seconds;
use crate::latency::dice;
use crate::limits::Cost;
use crate::reply::Reply;
use crate::responses_store::response_name;

/// A conversation.
pub(crate) struct Conversation {
    /// The model or deployment that was asked for.
    pub(crate) name: String,
    /// The tokens of the input and the instructions.
    pub(crate) tokens: usize,
    /// The response that it goes on from.
    pub(crate) previous: Option<String>,
    pub(crate) body: Bytes,
}

impl Call<'_> {
    /// All tokens of a conversation, those before it included.
    fn conversation_tokens(&self, asked: &Conversation) -> Result<usize, ApiError> {
        let Some(previous) = &asked.previous else { return Ok(asked.tokens) };
        let before = response_name(previous).and_then(|name| self.backend.responses.get(name));
        let before = before.ok_or_else(|| ApiError::NoPrevious(previous.clone()))?;
        Ok(asked.tokens + before.answer.context())
    }

    /// Says how many tokens a conversation has.
    pub(super) fn count_tokens(&self, asked: &Conversation) -> Result<Response<Reply>, ApiError> {
        let tokens = self.conversation_tokens(asked)?;
        let counted = json!({"object": "response.input_tokens", "input_tokens": tokens});
        Ok(self.at_once(StatusCode::OK, "responses", counted.to_string()))
    }

    /// Makes a short item of a conversation, in the time of an answer, if the deployment takes it.
    pub(super) async fn compact(&self, asked: Conversation) -> Result<Response<Reply>, ApiError> {
        let tokens = self.conversation_tokens(&asked)?;
        let cost = Cost { prompt: tokens as u64, cached: 0, limit: None, choices: 1 };
        self.admit_other("responses", &asked.name, &cost, self.make_compaction(&asked, tokens)).await
    }

    async fn make_compaction(&self, asked: &Conversation, tokens: usize) -> Result<Response<Reply>, ApiError> {
        let number = self.visit.listener.arrivals.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut dice = dice(self.visit.worker.world.seed, &self.visit.listener.name, number);
        let prompt = Prompt { tokens, cached: 0 };
        let plan = self.backend.admit(self.arrival.ideal, &mut dice, prompt, Length::Free { limit: None, thinking: 0 });
        let plan = plan.ok_or(ApiError::Unavailable)?;
        let (entry, id) = self.entry("responses", false, StatusCode::OK);
        let made = plan.tokens;
        entry.update(|record| record.tokens = u32::try_from(made).ok());
        let body = compaction(asked, rand::Rng::next_u64(&mut dice), tokens, made);
        let sending = Sending { plan, entry, id: &id, name: &asked.name, kept: None };
        Ok(self.whole(body.to_string().into_bytes(), sending).await)
    }
}

/// What the user said, and one item that stands for all else and costs `made` tokens when it is sent again.
fn compaction(asked: &Conversation, name: u64, tokens: usize, made: usize) -> Value {
    let mut output = input_items(&asked.body, name);
    output.retain(|item| item["type"] == "message" && item["role"] == "user");
    output.push(json!({
        "type": "compaction", "id": format!("cmp_{name:032x}"), "encrypted_content": format!("{COMPACTION}{made:08x}"),
    }));
    json!({
        "id": format!("resp_{name:032x}"), "object": "response.compaction", "created_at": unix_seconds(),
        "output": output,
        "usage": {
            "input_tokens": tokens, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": tokens + made,
        },
    })
}
