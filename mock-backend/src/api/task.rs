//! What a request asks for.

use bytes::Bytes;

use super::embeddings::Vectors;
use super::error::ApiError;
use super::models;
use super::reader::Reader;
use super::request::Request;
use super::responses::compact::Conversation;
use super::route::{Address, ChatOp, Operation, StoredOp};
use super::rules::{check_repeated, check_values};

/// What a request turned out to ask for.
pub(crate) enum Task {
    /// A text that is there already.
    Known(String),
    /// An answer to generate.
    Answer(Request),
    Embeddings(Vectors),
    /// Something of a response that was made before.
    Stored(String, StoredOp),
    /// Something of a chat completion that was stored.
    StoredChat(String, ChatOp),
    /// The list of stored chat completions.
    StoredChats,
    Compact(Conversation),
    CountTokens(Conversation),
}

impl Reader<'_> {
    /// What the request asks for, or why it is refused.
    pub(crate) fn read(&self, address: &Address<'_>, body: Result<Bytes, ApiError>) -> Result<Task, ApiError> {
        let route = address.route(&self.head.method)?;
        self.check_key()?;
        let body = body.and_then(check_values);
        match route.operation {
            Operation::Models(None) => Ok(Task::Known(models::list())),
            Operation::Models(Some(name)) => {
                self.snapshot(name, None)?;
                Ok(Task::Known(models::show(name)))
            }
            Operation::Deployments(None) => Ok(Task::Known(models::deployments())),
            Operation::Deployments(Some(name)) => {
                models::show_deployment(name).map(Task::Known).ok_or_else(|| ApiError::NoModel(name.to_owned()))
            }
            Operation::Stored(id, op) => Ok(Task::Stored(id.to_owned(), op)),
            Operation::StoredChat(id, op) => Ok(Task::StoredChat(id.to_owned(), op)),
            Operation::StoredChats => Ok(Task::StoredChats),
            Operation::Compact => self.read_conversation(&route, body?).map(Task::Compact),
            Operation::CountTokens => self.read_conversation(&route, body?).map(Task::CountTokens),
            Operation::Chat => self.read_chat(&route, &body?).map(Task::Answer),
            Operation::Completions => self.read_completions(&route, &body?).map(Task::Answer),
            Operation::Embeddings => self.read_embeddings(&route, &body?).map(Task::Embeddings),
            Operation::Responses => {
                let body = body?;
                check_repeated(&body)?;
                self.read_responses(&route, &body).map(Task::Answer)
            }
        }
    }
}
