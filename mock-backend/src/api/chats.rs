//! What becomes of a chat completion that was stored: reading it, its messages, the list, its metadata, deleting it.

use hyper::StatusCode;
use hyper::http::Uri;
use serde_json::{Value, json};

use super::answer::Call;
use super::error::ApiError;
use super::page::Page;
use super::route::{ChatErrand, query};
use crate::admin::parameters;
use crate::chats_store::chat_name;
use crate::reply::Reply;

impl Call<'_> {
    /// Does what is wanted of the chat completion `id`.
    pub(super) fn stored_chat(
        &self,
        id: &str,
        errand: ChatErrand,
        body: &[u8],
    ) -> Result<hyper::Response<Reply>, ApiError> {
        let missing = || ApiError::NoChat(id.to_owned());
        let name = chat_name(id).ok_or_else(missing)?;
        let chat = self.backend.chats.get(name).ok_or_else(missing)?;
        let shown = match errand {
            ChatErrand::Show => chat.shown(),
            ChatErrand::Messages => Page::of(&self.head.uri, "asc", 100)?.cut(chat.messages())?,
            ChatErrand::Change => {
                let asked: Value = serde_json::from_slice(body)
                    .map_err(|e| ApiError::Invalid(format!("We could not parse the JSON body: {e}."), None))?;
                let metadata = asked.get("metadata").filter(|metadata| metadata.is_object() || metadata.is_null());
                let metadata = metadata.cloned().ok_or_else(|| {
                    ApiError::Invalid("Missing required parameter: 'metadata'.".to_owned(), Some("metadata"))
                })?;
                chat.set_metadata(if metadata.is_null() { json!({}) } else { metadata });
                chat.shown()
            }
            ChatErrand::Delete => {
                self.backend.chats.delete(name).ok_or_else(missing)?;
                json!({"object": "chat.completion.deleted", "id": id, "deleted": true})
            }
        };
        Ok(self.at_once(StatusCode::OK, "chat", shown.to_string()))
    }

    /// The list of those that are stored here.
    pub(super) fn stored_chats(&self) -> Result<hyper::Response<Reply>, ApiError> {
        let uri = &self.head.uri;
        let model = query(uri, "model");
        let wanted = wanted(uri);
        let fits = |chat: &Value| {
            model.is_none_or(|model| chat["model"] == model)
                && wanted.iter().all(|(key, value)| chat["metadata"][key] == **value)
        };
        let all = self.backend.chats.list().iter().map(|chat| chat.shown()).filter(fits).collect();
        let list = Page::of(uri, "asc", 100)?.cut(all)?;
        Ok(self.at_once(StatusCode::OK, "chat", list.to_string()))
    }
}

/// The metadata that the query asks for: `metadata[key]=value`.
fn wanted(uri: &Uri) -> Vec<(String, String)> {
    let key = |key: &str| {
        let key = key.replace("%5B", "[").replace("%5D", "]");
        key.strip_prefix("metadata[")?.strip_suffix(']').map(str::to_owned)
    };
    parameters(uri.query().unwrap_or_default()).filter_map(|(name, value)| Some((key(&name)?, value))).collect()
}
