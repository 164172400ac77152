//! From a request to its answer, at the time that is planned for it.

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use rand::Rng;
use serde_json::json;

use super::backend::Kept;
use super::call::{Call, Sending};
use super::chat;
use super::error::ApiError;
use super::reader::Reader;
use super::responses::compact::Conversation;
use super::responses::stored::{self, Found, Resumed};
use super::route::{Address, StoredOp};
use super::service::Service;
use super::task::Task;
use crate::fault::ErrorKind;
use crate::net::reply::Reply;

/// Answers a request to the API, at the time that is planned for it; `error_kind` is the error that the scenario gives
/// it.
pub(crate) async fn answer(
    service: &Service<'_>,
    address: &Address<'_>,
    head: &Parts,
    body: Result<Bytes, ApiError>,
    error_kind: Option<ErrorKind>,
) -> Response<Reply> {
    let Service { connection, backend, access, .. } = *service;
    let arrival = connection.exchange.arrival();
    let call = Call { service, backend, head, arrival, dialect: address.dialect };
    let text = body.clone().unwrap_or_default();
    let (deployments, keeps_tokens) = (&backend.settings.deployments, backend.model.prefixes.is_on());
    let mut asked = Reader { head, access, deployments, keeps_tokens }.read(address, body);
    if let Ok(Task::Answer(request)) = &mut asked
        && let Err(error) = call.prepare(request)
    {
        asked = Err(error);
    }
    let done = match (asked, error_kind) {
        (Ok(Task::Answer(request)), fault) => call.admit(*request, fault).await,
        (_, Some(kind)) => Ok(call.fail_unread(address.api, kind)),
        // Boxed, since they are seldom and would make every answer larger.
        (Ok(task), None) => Box::pin(call.perform(address, task, &text)).await,
        (Err(error), None) => Err(error),
    };
    done.unwrap_or_else(|error| call.at_once(error.status(), address.api, |id| error.body(call.dialect, id)))
}

impl Call<'_> {
    /// Does what is neither an answer to generate nor an error.
    async fn perform(&self, address: &Address<'_>, task: Task<'_>, body: &[u8]) -> Result<Response<Reply>, ApiError> {
        let (chats, conversations, uri) = (&self.backend.chats, &self.backend.conversations, &self.head.uri);
        let ids = self.backend.model.prefixes.is_on();
        let text = match task {
            Task::Answer(request) => return self.admit(*request, None).await,
            Task::Embeddings(vectors) => return self.admit_vectors(vectors).await,
            Task::Compact(conversation) => return self.admit_compaction(conversation).await,
            Task::Stored(id, op) => return self.apply_to_response(id, op).await,
            Task::Known(text) => text,
            Task::StoredChat(id, op) => chat::stored::apply(chats, id, op, uri, body)?.to_string(),
            Task::OpenConversation => conversations.make(self.number().1.next_u64(), body, ids)?.to_string(),
            Task::Conversation(id, op) => conversations.apply((id, op), uri, body, ids)?.to_string(),
            Task::StoredChats => chat::stored::list(chats, uri)?.to_string(),
            Task::CountTokens(conversation) => self.count_tokens(&conversation)?,
        };
        Ok(self.at_once(StatusCode::OK, address.api, |_| text))
    }

    /// Says how many tokens a conversation has.
    fn count_tokens(&self, conversation: &Conversation) -> Result<String, ApiError> {
        let tokens = conversation.count_tokens(self.backend)?;
        Ok(json!({"object": "response.input_tokens", "input_tokens": tokens}).to_string())
    }

    /// Does `op` with the response `id`.
    async fn apply_to_response(&self, id: &str, op: StoredOp) -> Result<Response<Reply>, ApiError> {
        match stored::apply(&self.backend.responses, id, op, &self.head.uri)? {
            Found::Text(text) => Ok(self.at_once(StatusCode::OK, "responses", |_| text)),
            Found::Events(resumed) => Ok(self.resume(*resumed).await),
        }
    }

    /// Sends the rest of the events of a response in the background.
    async fn resume(&self, resumed: Resumed) -> Response<Reply> {
        let Resumed { stored, events, plan, before } = resumed;
        let (entry, id) = self.open_record("responses", true, StatusCode::OK);
        let answer = Arc::clone(&stored.answer);
        let name = answer.model.trim_matches('"');
        let sending = Sending { plan, entry, id: &id, name, kept: Some(Kept::Response(stored)) };
        self.stream(Box::new(events), sending, Some(before)).await
    }
}
