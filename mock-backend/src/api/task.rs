//! What a request asks for.

use bytes::Bytes;

use super::embeddings::Vectors;
use super::error::ApiError;
use super::models;
use super::reader::Reader;
use super::request::Request;
use super::responses::compact::Conversation;
use super::route::{Address, ChatOp, ConversationOp, Operation, StoredOp};
use super::rules::{check_repeated, check_values};
use super::version;
use crate::fault::ErrorKind;

/// What a request turned out to ask for.
pub(crate) enum Task<'a> {
    /// A text that is there already.
    Known(String),
    /// An answer to generate.
    Answer(Box<Request>),
    Embeddings(Vectors),
    /// Something of a response that was made before.
    Stored(&'a str, StoredOp),
    /// Something of a chat completion that was stored.
    StoredChat(&'a str, ChatOp),
    /// A conversation to be opened.
    OpenConversation,
    /// Something of one that is open.
    Conversation(&'a str, ConversationOp<'a>),
    /// The list of stored chat completions.
    StoredChats,
    Compact(Conversation),
    CountTokens(Conversation),
}

impl Reader<'_> {
    /// What the request asks for, or why it is refused.
    pub(crate) fn read<'r>(&self, address: &Address<'r>, body: Result<Bytes, ApiError>) -> Result<Task<'r>, ApiError> {
        let route = address.route(&self.head.method)?;
        self.check_key(route.dialect)?;
        let body = body.and_then(check_values);
        match route.operation {
            Operation::Models(None) => Ok(Task::Known(models::list())),
            Operation::Models(Some(name)) => {
                self.snapshot(name, None)?;
                Ok(Task::Known(models::show(name)))
            }
            Operation::Deployments(None) if version::is_of_management(route.version) => {
                Ok(Task::Known(models::managed_deployments(self.deployments)))
            }
            Operation::Deployments(None) => Ok(Task::Known(models::deployments(self.deployments))),
            Operation::Deployments(Some(name)) => {
                let shown = if version::is_of_management(route.version) {
                    models::show_managed_deployment(self.deployments, name)
                } else {
                    models::show_deployment(self.deployments, name)
                };
                shown.map(Task::Known).ok_or_else(|| ApiError::Kind(ErrorKind::Deployment, name.to_owned()))
            }
            Operation::Stored(id, op) => Ok(Task::Stored(id, op)),
            Operation::StoredChat(id, op) => Ok(Task::StoredChat(id, op)),
            Operation::OpenConversation => body.map(|_| Task::OpenConversation),
            Operation::Conversation(id, op) => body.map(|_| Task::Conversation(id, op)),
            Operation::StoredChats => Ok(Task::StoredChats),
            Operation::Compact => self.read_conversation(&route, body?).map(Task::Compact),
            Operation::CountTokens => self.read_conversation(&route, body?).map(Task::CountTokens),
            Operation::Chat => self.read_chat(&route, &body?).map(|request| Task::Answer(Box::new(request))),
            Operation::Completions => {
                self.read_completions(&route, &body?).map(|request| Task::Answer(Box::new(request)))
            }
            Operation::Messages => self.read_messages(&route, &body?).map(|request| Task::Answer(Box::new(request))),
            Operation::CountMessage => self.count_message(&route, &body?).map(Task::Known),
            Operation::Embeddings => self.read_embeddings(&route, &body?).map(Task::Embeddings),
            Operation::Responses => {
                let body = body?;
                check_repeated(&body)?;
                self.read_responses(&route, &body).map(|request| Task::Answer(Box::new(request)))
            }
        }
    }
}
