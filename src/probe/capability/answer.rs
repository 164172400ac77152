//! An answer to one of the calls, as far as features are seen in it.

use std::time::Duration;

use hyper::header::HeaderMap;
use serde_json::Value;

use super::row::Observed;
use crate::attempt::exchange::Kept;
use crate::limits::Limit;
use crate::units::{Api, Nanos};
use crate::wire::error::ApiError;
use crate::wire::filter::Filter;
use crate::wire::sse::SseDecoder;
use crate::wire::words;

/// What was asked and what came.
pub(super) struct Answer {
    /// Which API was asked.
    pub(super) api: Api,
    /// Whether for a stream.
    pub(super) stream: bool,
    /// As it came, or why nothing did, cleaned.
    kept: Result<Kept, String>,
    /// Hides secrets in what is told of it.
    filter: Filter,
}

/// One event of a stream.
pub(super) struct Event {
    /// When the read came that completed it.
    pub(super) read: Nanos,
    /// Its name; empty for none.
    pub(super) name: String,
    /// What it says; text where it is no JSON.
    pub(super) data: Value,
}

impl Event {
    /// Whether it is the mark of the end.
    pub(super) fn is_done(&self) -> bool {
        self.data.as_str().is_some_and(|text| text.trim() == "[DONE]")
    }

    /// Its type, as it says itself.
    pub(super) fn kind(&self) -> &str {
        self.data["type"].as_str().unwrap_or(&self.name)
    }
}

impl Answer {
    pub(super) fn new((api, stream): (Api, bool), kept: Result<Kept, String>, filter: &Filter) -> Self {
        let kept = kept.map_err(|why| filter.line(&why, Limit::ErrorText));
        Self { api, stream, kept, filter: filter.clone() }
    }

    /// "chat, streamed".
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.api, if self.stream { ", streamed" } else { "" })
    }

    /// As it came, if its status is one of success.
    pub(super) fn good(&self) -> Option<&Kept> {
        self.kept.as_ref().ok().filter(|kept| kept.is_success())
    }

    /// As it came, if its status is one of success; else what that means for the feature that was asked for.
    ///
    /// # Errors
    /// What it means for the feature.
    pub(super) fn accepted(&self) -> Result<&Kept, Observed> {
        match &self.kept {
            Err(why) => Err(Observed::failed(why.clone())),
            Ok(kept) if kept.is_success() => Ok(kept),
            Ok(kept) => Err(self.refusal(kept)),
        }
    }

    /// Whether nothing can be asked over the path: nobody answers, or the caller or the model is refused.
    pub(super) fn is_hopeless(&self) -> bool {
        match &self.kept {
            Err(_) => true,
            Ok(kept) => matches!(kept.status, 300..=399 | 401 | 403 | 407) || names_no_model(&kept.body()),
        }
    }

    /// Whether the server answered that it has no such model or deployment, or that it cannot do this.
    pub(super) fn refuses_model(&self) -> bool {
        let refused = self.kept.as_ref().ok().filter(|kept| kept.status >= 400);
        refused.is_some_and(|kept| names_no_model(&kept.body()))
    }

    /// The status of a refusal, with the server's words, cleaned.
    pub(super) fn words(&self) -> String {
        let Ok(kept) = &self.kept else { return String::new() };
        let said = self.filter.line(&words::said(&kept.body()), Limit::ErrorText);
        let colon = if said.is_empty() { "" } else { ": " };
        format!("status {}{colon}{said}", kept.status)
    }

    fn refusal(&self, kept: &Kept) -> Observed {
        match kept.status {
            400 | 404 | 405 | 410 | 415 | 422 | 501 if !names_no_model(&kept.body()) => {
                Observed::unsupported(self.words())
            }
            _ => Observed::failed(self.words()),
        }
    }

    /// The headers of a good answer.
    pub(super) fn headers(&self) -> Option<&HeaderMap> {
        self.good().map(|kept| &kept.headers)
    }

    /// A good answer that is one text of JSON.
    ///
    /// # Errors
    /// What it is instead.
    pub(super) fn json(&self) -> Result<Value, Observed> {
        let kept = self.accepted()?;
        if let Some(why) = &kept.broken {
            return Err(Observed::failed(format!("the answer broke off: {}", self.clean(why))));
        }
        let body = kept.body();
        let json: Value = serde_json::from_slice(&body)
            .map_err(|_| Observed::broken(format!("the answer is not JSON: {}", self.clean(&words::said(&body)))))?;
        if is_error(&json) { Err(self.error(&body)) } else { Ok(json) }
    }

    /// The events of a good stream.
    ///
    /// # Errors
    /// What it is instead.
    pub(super) fn events(&self) -> Result<Vec<Event>, Observed> {
        let kept = self.accepted()?;
        if let Some(why) = &kept.broken {
            return Err(Observed::broken(format!("the stream broke off: {}", self.clean(why))));
        }
        let (mut decoder, mut events) = (SseDecoder::new(), Vec::new());
        for (read, piece) in &kept.pieces {
            let each = |event: crate::wire::sse::Event<'_>| {
                if !event.data.is_empty() {
                    let text = String::from_utf8_lossy(event.data);
                    let data = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
                    let name = String::from_utf8_lossy(event.name).into_owned();
                    events.push(Event { read: *read, name, data });
                }
            };
            decoder.feed(piece, each).map_err(|beyond| Observed::failed(beyond.to_string()))?;
        }
        if events.iter().all(|event| event.data.is_string()) {
            return Err(self.no_stream(&kept.body()));
        }
        match events.iter().find(|event| is_error(&event.data)) {
            Some(event) => Err(self.error(event.data.to_string().as_bytes())),
            None => Ok(events),
        }
    }

    /// What a body is that was to be a stream, and has no event.
    fn no_stream(&self, body: &[u8]) -> Observed {
        match serde_json::from_slice::<Value>(body) {
            Ok(json) if is_error(&json) => self.error(body),
            Ok(_) => Observed::broken("one complete answer, not the stream that was asked for"),
            Err(_) => Observed::broken(format!(
                "no events, not the stream that was asked for: {}",
                self.clean(&words::said(body))
            )),
        }
    }

    /// From the sending of the request to an event.
    pub(super) fn since_sent(&self, read: Nanos) -> Duration {
        self.good().map_or(Duration::ZERO, |kept| read.since(kept.sent))
    }

    /// Text of a server, cleaned.
    pub(super) fn clean(&self, text: &str) -> String {
        self.filter.line(text, Limit::ShownText)
    }

    /// What an error means that came in place of an answer: of a limit that it says nothing of the feature.
    fn error(&self, body: &[u8]) -> Observed {
        let said = format!("an error under status 200: {}", self.clean(&words::said(body)));
        if ApiError::known(body).throttled { Observed::failed(said) } else { Observed::broken(said) }
    }
}

/// Whether JSON is an error instead of an answer.
fn is_error(json: &Value) -> bool {
    let holds = |value: &Value| !value.is_null() && *value != Value::Bool(false);
    (holds(&json["error"]) && json["status"] != "completed")
        || json["type"] == "error"
        || json["type"] == "response.failed"
        || json["object"] == "error"
}

/// What refusals say of a model or a deployment that is not there, or that cannot do what was asked.
const NO_MODEL: [&str; 6] = [
    "DeploymentNotFound",
    "model_not_found",
    "ModelNotFound",
    "unknown_model",
    "OperationNotSupported",
    "does not exist or you do not have access",
];

fn names_no_model(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(Limit::ErrorBody.most())]);
    // Anthropic's words: `model: claude-x` under `not_found_error`.
    NO_MODEL.iter().any(|word| text.contains(word)) || text.contains("not_found_error") && text.contains("\"model:")
}
