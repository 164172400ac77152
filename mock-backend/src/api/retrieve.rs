//! What becomes of a response after it was asked for: reading it, following it, cancelling it, deleting it.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::answer::{Call, Sending};
use super::error::ApiError;
use super::kept::Kept;
use super::page::Page;
use super::responses::Stage;
use super::responses_events::ResponsesEvents;
use super::route::{Errand, query};
use super::sse::Script;
use crate::backend::Plan;
use crate::clock::now_ns;
use crate::reply::Reply;
use crate::responses_store::{Stored, response_name};

impl Call<'_> {
    /// Does what is wanted of the response `id`.
    pub(super) async fn retrieve(&self, id: &str, errand: Errand) -> Result<Response<Reply>, ApiError> {
        let missing = || ApiError::NoResponse(id.to_owned());
        let name = response_name(id).ok_or_else(missing)?;
        let stored = self.backend.responses.get(name).ok_or_else(missing)?;
        let text = match errand {
            Errand::Show if query(&self.head.uri, "stream") == Some("true") => return self.resume(&stored).await,
            Errand::Show => stored.answer.snapshot(stage(&stored)),
            Errand::Delete => {
                self.backend.responses.delete(name).ok_or_else(missing)?.cancel();
                json!({"id": id, "object": "response", "deleted": true}).to_string()
            }
            Errand::Cancel => cancel(&stored)?,
            Errand::InputItems => {
                Page::of(&self.head.uri, "desc", 100)?.cut(input_items(&stored.body, stored.answer.name))?.to_string()
            }
        };
        Ok(self.at_once(StatusCode::OK, "responses", text))
    }

    /// The events of a response in the background, from where the caller has lost it.
    async fn resume(&self, stored: &Arc<Stored>) -> Result<Response<Reply>, ApiError> {
        let plan = match &stored.background {
            Some(plan) if stored.streamed => plan.clone(),
            _ => {
                let message = "This response cannot be streamed because it was not created with background=true and \
                               stream=true."
                    .to_owned();
                return Err(ApiError::Invalid(message, Some("stream")));
            }
        };
        let from = match query(&self.head.uri, "starting_after").map(str::parse::<u64>) {
            None => 0,
            Some(Ok(after)) => after.saturating_add(1),
            Some(Err(_)) => {
                let message = "'starting_after' must be a whole number.".to_owned();
                return Err(ApiError::Invalid(message, Some("starting_after")));
            }
        };
        let obfuscated = query(&self.head.uri, "include_obfuscation") != Some("false");
        let mut events = ResponsesEvents::new(Arc::clone(&stored.answer), obfuscated, from);
        let before = catch_up(&mut events, &plan, from);
        let (entry, id) = self.entry("responses", true, StatusCode::OK);
        let name = stored.answer.model.trim_matches('"');
        let sending = Sending { plan, entry, id: &id, name, kept: Some(Kept::Response(Arc::clone(stored))) };
        Ok(self.stream(Script::Responses(Box::new(events)), sending, Some(before)).await)
    }
}

/// Where a response stands now.
fn stage(stored: &Stored) -> Stage {
    match &stored.background {
        _ if stored.is_cancelled() => Stage::Cancelled,
        Some(plan) if now_ns() < plan.due(0) => Stage::Queued,
        Some(plan) if now_ns() < plan.end() => Stage::InProgress,
        _ => Stage::Final,
    }
}

fn cancel(stored: &Stored) -> Result<String, ApiError> {
    let wrong = |message: &str| Err(ApiError::Invalid(message.to_owned(), None));
    if stored.background.is_none() {
        return wrong("Cannot cancel a synchronous response.");
    }
    if stage(stored) == Stage::Final {
        return wrong("Cannot cancel a completed response.");
    }
    stored.cancel();
    Ok(stored.answer.snapshot(Stage::Cancelled))
}

/// The events that the caller has not seen though they are due, and the token that comes next.
fn catch_up(events: &mut ResponsesEvents, plan: &Plan, from: u64) -> (Bytes, usize) {
    let now = now_ns();
    let mut out = Vec::new();
    events.opening(&mut out);
    let mut k = 0;
    while k < plan.tokens && (plan.due(k) <= now || events.sequence() < from) {
        events.tokens(k..k + 1, &mut out);
        k += 1;
    }
    if k == plan.tokens {
        events.closing(&mut out);
    }
    (Bytes::from(out), k)
}

/// The items of the input of a request for the response `name`, each with an id.
pub(super) fn input_items(body: &[u8], name: u64) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let items = match &body["input"] {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        text => vec![json!({"role": "user", "content": text})],
    };
    items.into_iter().enumerate().map(|(i, item)| identified(item, name, i)).collect()
}

/// The item as the service shows it.
fn identified(mut item: Value, name: u64, i: usize) -> Value {
    let role = item["role"].as_str().unwrap_or("user").to_owned();
    let Some(members) = item.as_object_mut() else { return item };
    let kind = members.entry("type").or_insert_with(|| "message".into()).as_str().unwrap_or("message").to_owned();
    let prefix = match kind.as_str() {
        "message" => "msg",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "custom_tool_call_output" => "ctco",
        "compaction" => "cmp",
        "reasoning" => "rs",
        _ => "item",
    };
    members.entry("id").or_insert_with(|| format!("{prefix}_{name:032x}{i:04x}").into());
    if kind == "message" {
        members.entry("status").or_insert_with(|| "completed".into());
        if let Some(text) = members.get("content").and_then(Value::as_str).map(str::to_owned) {
            let content = if role == "assistant" {
                json!([{"type": "output_text", "text": text, "annotations": []}])
            } else {
                json!([{"type": "input_text", "text": text}])
            };
            members.insert("content".to_owned(), content);
        }
    }
    item
}
