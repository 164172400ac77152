//! A chat completion that a backend remembers, since its caller has asked for that with `store`: reading it, its messages,
//! the list, its metadata, deleting it.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use hyper::Uri;
use serde_json::{Value, json};

use crate::api::error::ApiError;
use crate::api::page::Page;
use crate::api::query::{parameters, query};
use crate::api::route::ChatOp;
use crate::api::rules::parse;
use crate::api::store::{Storable, Store};

/// One chat completion that is kept.
pub(crate) struct StoredChat {
    name: u64,
    /// The completion as it was answered, or would have been in one piece.
    body: Vec<u8>,
    /// The body of the request.
    request: Bytes,
    /// The only thing that can be changed later.
    metadata: Mutex<Value>,
}

impl StoredChat {
    pub(crate) fn new(name: u64, body: Vec<u8>, request: Bytes) -> Self {
        let asked: Value = serde_json::from_slice(&request).unwrap_or_default();
        let metadata = asked.get("metadata").filter(|metadata| metadata.is_object()).cloned();
        Self { name, body, request, metadata: Mutex::new(metadata.unwrap_or_else(|| json!({}))) }
    }

    pub(crate) fn id(&self) -> String {
        format!("chatcmpl-{:016x}", self.name)
    }

    pub(crate) fn metadata(&self) -> Value {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_metadata(&self, metadata: Value) {
        *self.metadata.lock().unwrap_or_else(PoisonError::into_inner) = metadata;
    }

    /// The completion with its metadata.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        shown["metadata"] = self.metadata();
        shown
    }

    /// The messages of the request, as the service shows them.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let asked: Value = serde_json::from_slice(&self.request).unwrap_or_default();
        let messages = asked["messages"].as_array().cloned().unwrap_or_default();
        messages.into_iter().enumerate().map(|(i, message)| self.message(i, message)).collect()
    }

    fn message(&self, i: usize, mut message: Value) -> Value {
        let parts = message["content"].is_array().then(|| message["content"].take());
        if let Some(parts) = &parts {
            let texts = parts.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
            message["content"] = texts.collect::<String>().into();
        }
        message["id"] = format!("{}-{i}", self.id()).into();
        message["content_parts"] = parts.unwrap_or(Value::Null);
        if message.get("name").is_none() {
            message["name"] = Value::Null;
        }
        message
    }
}

impl Storable for StoredChat {
    fn name(&self) -> u64 {
        self.name
    }

    fn size(&self) -> usize {
        // Its metadata stands there a second time.
        1024 + self.body.len() + 2 * self.request.len()
    }
}

/// The number in the id of a chat completion of ours.
fn chat_name(id: &str) -> Option<u64> {
    let hex = id.strip_prefix("chatcmpl-").filter(|hex| hex.len() == 16)?;
    u64::from_str_radix(hex, 16).ok()
}

/// Does `op` with the chat completion `id`; what is answered. `body` is that of the request.
///
/// # Errors
/// If there is none, or if the request is wrong.
pub(crate) fn apply(
    store: &Store<StoredChat>,
    id: &str,
    op: ChatOp,
    uri: &Uri,
    body: &[u8],
) -> Result<Value, ApiError> {
    let missing = || ApiError::not_found("Chat completion", id, Some("completion_id"));
    let name = chat_name(id).ok_or_else(missing)?;
    let chat = store.get(name).ok_or_else(missing)?;
    match op {
        ChatOp::Show => Ok(chat.to_json()),
        ChatOp::Messages => Page::of(uri, "asc", 100)?.cut(chat.messages()),
        ChatOp::Change => {
            chat.set_metadata(read_metadata(body)?);
            Ok(chat.to_json())
        }
        ChatOp::Delete => {
            store.delete(name).ok_or_else(missing)?;
            Ok(json!({"object": "chat.completion.deleted", "id": id, "deleted": true}))
        }
    }
}

/// The metadata that a request sets.
fn read_metadata(body: &[u8]) -> Result<Value, ApiError> {
    let asked: Value = parse(body)?;
    let metadata = asked.get("metadata").filter(|metadata| metadata.is_object() || metadata.is_null());
    let metadata = metadata.cloned().ok_or_else(|| ApiError::missing("metadata"))?;
    Ok(if metadata.is_null() { json!({}) } else { metadata })
}

/// The list of those that are stored here.
///
/// # Errors
/// If the request is wrong.
pub(crate) fn list(store: &Store<StoredChat>, uri: &Uri) -> Result<Value, ApiError> {
    let model = query(uri, "model");
    let wanted = wanted_metadata(uri);
    let fits = |chat: &Value| {
        model.is_none_or(|model| chat["model"] == model)
            && wanted.iter().all(|(key, value)| chat["metadata"][key] == **value)
    };
    let all = store.list().iter().map(|chat| chat.to_json()).filter(fits).collect();
    Page::of(uri, "asc", 100)?.cut(all)
}

/// The metadata that the query asks for: `metadata[key]=value`.
fn wanted_metadata(uri: &Uri) -> Vec<(String, String)> {
    let key = |key: &str| {
        let key = key.replace("%5B", "[").replace("%5D", "]");
        key.strip_prefix("metadata[")?.strip_suffix(']').map(str::to_owned)
    };
    parameters(uri.query().unwrap_or_default()).filter_map(|(name, value)| Some((key(&name)?, value))).collect()
}
