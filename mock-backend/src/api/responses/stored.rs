//! A response that a backend remembers: reading it, following it, cancelling it, deleting it, and responses that go on
//! from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hyper::Uri;
use serde_json::json;

use super::answer::{Progress, ResponsesAnswer};
use super::events::ResponsesEvents;
use super::input_items::input_items;
use crate::api::error::ApiError;
use crate::api::measure::History;
use crate::api::page::Page;
use crate::api::query::query;
use crate::api::route::StoredOp;
use crate::api::script::Script;
use crate::api::store::{Storable, Store};
use crate::model::deployment::Plan;
use crate::units::Nanos;

/// What one response costs beyond its texts, about.
const EACH: usize = 2048;

/// One response that is kept.
pub(crate) struct StoredResponse {
    pub(crate) answer: Arc<ResponsesAnswer>,
    /// The body of the request.
    pub(crate) body: Bytes,
    /// When it is made, if that goes on in the background.
    pub(crate) background: Option<Plan>,
    /// Whether it was asked for as a stream.
    pub(crate) streamed: bool,
    /// All that was said in its conversation, with it.
    pub(crate) history: History,
    /// The id of the conversation that it belongs to.
    pub(crate) conversation: Option<String>,
    pub(crate) cancelled: AtomicBool,
}

impl StoredResponse {
    /// Ends it before its time.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl Storable for StoredResponse {
    fn name(&self) -> u64 {
        self.answer.name
    }

    fn size(&self) -> usize {
        EACH + self.body.len() + 8 * self.answer.choice.tokens() + self.history.size()
    }
}

/// The number in the id of a response of ours.
pub(crate) fn response_name(id: &str) -> Option<u64> {
    let hex = id.strip_prefix("resp_").filter(|hex| hex.len() == 32)?;
    u128::from_str_radix(hex, 16).ok().and_then(|name| u64::try_from(name).ok())
}

impl Store<StoredResponse> {
    /// The response of this id, if it is here.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<StoredResponse>> {
        response_name(id).and_then(|name| self.get(name))
    }
}

/// What a request about a stored response comes to.
pub(crate) enum Found {
    /// A text.
    Text(String),
    /// The events of a response in the background, which are still going on.
    Events(Box<Resumed>),
}

/// The events of a response in the background, from where its caller has lost it.
pub(crate) struct Resumed {
    pub(crate) stored: Arc<StoredResponse>,
    pub(crate) events: ResponsesEvents,
    pub(crate) plan: Plan,
    /// What the caller has not seen though it is due, and the token that comes next.
    pub(crate) before: (Bytes, usize),
}

/// Does `op` with the response `id`.
///
/// # Errors
/// If there is none, or if the request is wrong.
pub(crate) fn apply(store: &Store<StoredResponse>, id: &str, op: StoredOp, uri: &Uri) -> Result<Found, ApiError> {
    let missing = || ApiError::not_found("Response", id, None);
    let stored = store.find(id).ok_or_else(missing)?;
    let text = match op {
        StoredOp::Show if query(uri, "stream") == Some("true") => {
            return resume(stored, uri).map(|resumed| Found::Events(Box::new(resumed)));
        }
        StoredOp::Show => stored.answer.snapshot(present_progress(&stored)),
        StoredOp::Delete => {
            store.delete(stored.answer.name).ok_or_else(missing)?.cancel();
            json!({"id": id, "object": "response", "deleted": true}).to_string()
        }
        StoredOp::Cancel => cancel(&stored)?,
        StoredOp::InputItems => {
            Page::of(uri, "desc", 100)?.cut(input_items(&stored.body, stored.answer.name))?.to_string()
        }
    };
    Ok(Found::Text(text))
}

/// The events of a response in the background, from where the caller has lost it.
fn resume(stored: Arc<StoredResponse>, uri: &Uri) -> Result<Resumed, ApiError> {
    let plan = match &stored.background {
        Some(plan) if stored.streamed => plan.clone(),
        _ => {
            let message =
                "This response cannot be streamed because it was not created with background=true and stream=true.";
            return Err(ApiError::invalid(message, "stream"));
        }
    };
    let from = match query(uri, "starting_after").map(str::parse::<u64>) {
        None => 0,
        Some(Ok(after)) => after.saturating_add(1),
        Some(Err(_)) => {
            return Err(ApiError::invalid("'starting_after' must be a whole number.", "starting_after"));
        }
    };
    let obfuscated = query(uri, "include_obfuscation") != Some("false");
    let mut events = ResponsesEvents::new(Arc::clone(&stored.answer), obfuscated, from);
    let before = catch_up(&mut events, &plan, from);
    Ok(Resumed { stored, events, plan, before })
}

/// Where a response stands now.
fn present_progress(stored: &StoredResponse) -> Progress {
    match &stored.background {
        _ if stored.is_cancelled() => Progress::Cancelled,
        Some(plan) if Nanos::now() < plan.due(0) => Progress::Queued,
        Some(plan) if Nanos::now() < plan.end() => Progress::Running,
        _ => Progress::Final,
    }
}

fn cancel(stored: &StoredResponse) -> Result<String, ApiError> {
    let wrong = |message: &str| Err(ApiError::invalid(message, None));
    if stored.background.is_none() {
        return wrong("Cannot cancel a synchronous response.");
    }
    if present_progress(stored) == Progress::Final {
        return wrong("Cannot cancel a completed response.");
    }
    stored.cancel();
    Ok(stored.answer.snapshot(Progress::Cancelled))
}

/// The events that the caller has not seen though they are due, and the token that comes next.
fn catch_up(events: &mut ResponsesEvents, plan: &Plan, from: u64) -> (Bytes, usize) {
    let now = Nanos::now();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_ours_have_numbers() {
        assert_eq!(response_name(&format!("resp_{:032x}", 7)), Some(7));
        for id in ["resp_7", "x", "resp_ffffffffffffffffffffffffffffffff", "resp_zz000000000000000000000000000000"] {
            assert_eq!(response_name(id), None, "{id}");
        }
    }
}
