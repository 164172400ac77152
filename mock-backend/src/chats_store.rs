//! A chat completion that a backend remembers, since its caller has asked for that with `store`.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::store::Keepsake;

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
    pub(crate) fn shown(&self) -> Value {
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

impl Keepsake for StoredChat {
    fn name(&self) -> u64 {
        self.name
    }

    fn size(&self) -> usize {
        1024 + self.body.len() + self.request.len()
    }
}

/// The number in the id of a chat completion of ours.
pub(crate) fn chat_name(id: &str) -> Option<u64> {
    let hex = id.strip_prefix("chatcmpl-").filter(|hex| hex.len() == 16)?;
    u64::from_str_radix(hex, 16).ok()
}
