//! Conversations: what was said in them, kept apart from the responses that said it.

use std::collections::BTreeSet;

use hyper::Uri;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::input_items::{input_items, with_id};
use super::stored::StoredResponse;
use crate::api::error::ApiError;
use crate::api::measure::History;
use crate::api::page::Page;
use crate::api::route::ConversationOp;
use crate::api::rules::parse;
use crate::api::store::{Storable, Store};
use crate::model::prompt::{self, KEPT, Kept, Wrong};
use crate::net::clock::unix_seconds;

/// The most items that are added at once.
const AT_ONCE: usize = 20;
/// What one item costs beyond its text, about, in bytes.
const EACH: usize = 256;

/// One conversation.
pub(crate) struct StoredConversation {
    name: u64,
    created: u64,
    metadata: Value,
    items: Vec<Item>,
}

/// Something that was said in it.
#[derive(Clone)]
struct Item {
    /// As the service shows it.
    shown: Value,
    tokens: usize,
    /// The tokens themselves, if the backend has a prefix cache.
    ids: Vec<u32>,
    size: usize,
}

impl Item {
    fn of(shown: Value, ids: bool) -> Result<Self, Wrong> {
        let text = format!("[{shown}]");
        let (mut tokens, mut kept) = (0usize, Kept::default());
        if ids {
            prompt::read(&text, &prompt::RESPONSES, &mut kept)?;
            tokens = kept.tokens;
        } else {
            prompt::read(&text, &prompt::RESPONSES, &mut tokens)?;
        }
        let size = EACH + 3 * text.len() + 4 * kept.ids.len();
        Ok(Self { shown, tokens, ids: kept.ids, size })
    }
}

impl Storable for StoredConversation {
    fn name(&self) -> u64 {
        self.name
    }

    fn size(&self) -> usize {
        1024 + self.metadata.to_string().len() + self.items.iter().map(|item| item.size).sum::<usize>()
    }
}

/// What a request about conversations brings.
#[derive(Default, Deserialize)]
struct Body<'a> {
    metadata: Option<Value>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

impl StoredConversation {
    fn id(&self) -> String {
        format!("conv_{:032x}", self.name)
    }

    fn shown(&self) -> Value {
        json!({"id": self.id(), "object": "conversation", "created_at": self.created, "metadata": self.metadata})
    }

    /// All that was said in it.
    pub(crate) fn history(&self) -> History {
        let mut open = BTreeSet::new();
        for item in &self.items {
            let (kind, call) = (item.shown["type"].as_str().unwrap_or_default(), item.shown["call_id"].as_str());
            match call {
                Some(id) if kind.ends_with("_call_output") => {
                    open.remove(id);
                }
                Some(id) => {
                    open.insert(id.to_owned());
                }
                None => {}
            }
        }
        History {
            tokens: self.items.iter().map(|item| item.tokens).sum(),
            ids: self.items.iter().flat_map(|item| item.ids.iter().copied()).take(KEPT).collect(),
            open,
        }
    }

    /// The same with other items after its own.
    fn with(&self, more: Vec<Item>) -> Self {
        let items = self.items.iter().cloned().chain(more).collect();
        Self { name: self.name, created: self.created, metadata: self.metadata.clone(), items }
    }
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found("Conversation", id, None)
}

/// The number in the id of a conversation of ours.
fn conversation_name(id: &str) -> Result<u64, ApiError> {
    let hex = id.strip_prefix("conv_").filter(|hex| hex.len() == 32);
    let name = hex.and_then(|hex| u128::from_str_radix(hex, 16).ok()).and_then(|name| u64::try_from(name).ok());
    name.ok_or_else(|| missing(id))
}

impl Store<StoredConversation> {
    /// The conversation of this id.
    ///
    /// # Errors
    /// If it is not here.
    pub(crate) fn find(&self, id: &str) -> Result<std::sync::Arc<StoredConversation>, ApiError> {
        self.get(conversation_name(id)?).ok_or_else(|| missing(id))
    }

    /// Adds what was asked and answered in a response; its tokens too if `ids`.
    pub(crate) fn add_response(&self, id: &str, stored: &StoredResponse, ids: bool) {
        let Ok(name) = conversation_name(id) else { return };
        let answered = serde_json::from_str::<Vec<Value>>(&format!("[{}]", stored.answer.output()));
        let said = input_items(&stored.body, stored.answer.name).into_iter().chain(answered.unwrap_or_default());
        let items: Vec<Item> = said.filter_map(|item| Item::of(item, ids).ok()).collect();
        // A conversation that was deleted meanwhile keeps nothing.
        let _ = self.update(name, |old| Ok::<_, ApiError>(old.with(items)));
    }

    /// Makes a conversation, with this number in its id.
    ///
    /// # Errors
    /// If the request is wrong.
    pub(crate) fn make(&self, name: u64, body: &[u8], ids: bool) -> Result<Value, ApiError> {
        let body: Body<'_> = if body.is_empty() { Body::default() } else { parse(body)? };
        let metadata = body.metadata.filter(Value::is_object).unwrap_or_else(|| json!({}));
        let items = read_items(body.items.as_deref().unwrap_or_default(), name, 0, ids)?;
        let conversation = StoredConversation { name, created: unix_seconds(), metadata, items };
        let shown = conversation.shown();
        self.put(conversation.into());
        Ok(shown)
    }

    /// Does `op` with the conversation `id`; what is answered. `body` is that of the request; `ids` is whether tokens
    /// are kept.
    ///
    /// # Errors
    /// If there is none, or if the request is wrong.
    pub(crate) fn apply(
        &self,
        (id, op): (&str, ConversationOp<'_>),
        uri: &Uri,
        body: &[u8],
        ids: bool,
    ) -> Result<Value, ApiError> {
        let conversation = self.find(id)?;
        let change = |change: &dyn Fn(&StoredConversation) -> Result<StoredConversation, ApiError>| {
            self.update(conversation.name, change).unwrap_or_else(|| Err(missing(id)))
        };
        let no_item = |item: &str| ApiError::not_found("Item", item, None);
        match op {
            ConversationOp::Show => Ok(conversation.shown()),
            ConversationOp::Change => {
                let body: Body<'_> = parse(body)?;
                let metadata = body.metadata.ok_or_else(|| ApiError::missing("metadata"))?;
                let changed =
                    change(&|old| Ok(StoredConversation { metadata: metadata.clone(), ..old.with(Vec::new()) }))?;
                Ok(changed.shown())
            }
            ConversationOp::Delete => {
                self.delete(conversation.name).ok_or_else(|| missing(id))?;
                Ok(json!({"id": id, "object": "conversation.deleted", "deleted": true}))
            }
            ConversationOp::Items => {
                let items = conversation.items.iter().map(|item| item.shown.clone()).collect();
                Page::of(uri, "desc", 100)?.cut(items)
            }
            ConversationOp::Add => {
                let body: Body<'_> = parse(body)?;
                let given = body.items.ok_or_else(|| ApiError::missing("items"))?;
                let items = read_items(&given, conversation.name, conversation.items.len(), ids)?;
                let shown: Vec<Value> = items.iter().map(|item| item.shown.clone()).collect();
                change(&|old| Ok(old.with(items.clone())))?;
                Page::of(uri, "asc", 100)?.cut(shown)
            }
            ConversationOp::ShowItem(item) => {
                let found = conversation.items.iter().find(|known| known.shown["id"] == item);
                found.map(|found| found.shown.clone()).ok_or_else(|| no_item(item))
            }
            ConversationOp::DeleteItem(item) => {
                let changed = change(&|old| {
                    let mut new = old.with(Vec::new());
                    let place = new.items.iter().position(|known| known.shown["id"] == item);
                    new.items.remove(place.ok_or_else(|| no_item(item))?);
                    Ok(new)
                })?;
                Ok(changed.shown())
            }
        }
    }
}

/// Items that are added to the conversation `name` after `before` others.
fn read_items(given: &[&RawValue], name: u64, before: usize, ids: bool) -> Result<Vec<Item>, ApiError> {
    if given.len() > AT_ONCE {
        let message = format!(
            "Invalid 'items': array too long. Expected an array with maximum length {AT_ONCE}, but got an array with \
             length {} instead.",
            given.len()
        );
        return Err(ApiError::coded("array_above_max_length", message, "items"));
    }
    let read = |(i, raw): (usize, &&RawValue)| {
        let param = format!("items[{i}]");
        let value: Value = serde_json::from_str(raw.get()).map_err(|_| ApiError::missing(&param))?;
        Item::of(with_id(value, name, before + i), ids).map_err(|wrong| match wrong {
            Wrong::NoRole(_) | Wrong::First(_) => ApiError::missing(&format!("{param}.role")),
            Wrong::Role(_, role) => ApiError::no_such_word(&role, prompt::RESPONSES.roles, &format!("{param}.role")),
            Wrong::Kind(_, what) => {
                let message = format!("Invalid type for '{param}': expected an object, but got {what} instead.");
                ApiError::coded("invalid_type", message, &param)
            }
            Wrong::Unreadable(why) => ApiError::invalid(format!("Invalid value in '{param}': {why}."), &*param),
        })
    };
    given.iter().enumerate().map(read).collect()
}
