//! `/_sim/*`: the ledger, the planned truth, and the levers of a running simulator.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Uri};
use serde_json::json;

use super::access;
use crate::api::backend::Backend;
use crate::api::error::ApiError;
use crate::api::query::parameters;
use crate::net::entry::Marks;
use crate::net::exchange::Note;
use crate::net::reply::{Reply, whole};
use crate::observe::ledger::{Ledger, Query};
use crate::state::context::Context;
use crate::state::snapshot::State;
use crate::units::Nanos;
use crate::units::bounds::Bound;

/// Answers a request to the simulator itself.
pub(crate) fn answer(context: &Context, head: &Parts, body: Result<Bytes, ApiError>) -> Response<Reply> {
    context.connection.exchange.note_head(Note { due: Nanos::now(), marks: Marks::ALL, entry: None });
    let state = &context.state;
    if let Err(refused) = access::check(head, &state.config) {
        return wrong(refused.status, refused.message);
    }
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/_sim/ledger") => ledger(state, &head.uri),
        (&Method::GET, "/_sim/describe") => json_response(StatusCode::OK, state.description().to_owned()),
        (&Method::GET, "/_sim/ca.pem") => ca(state),
        (&Method::GET, "/_sim/health") => health(state),
        (&Method::GET, "/_sim/metrics") => text(METRICS, state.metrics()),
        (&Method::GET, "/_sim/config") => json_response(StatusCode::OK, state.config.source.to_string()),
        (&Method::PATCH, "/_sim/config") => patch(context, &body.unwrap_or_default()),
        (&Method::POST, "/_sim/reset") => {
            context.worker.current.reset();
            json_response(StatusCode::OK, json!({"status": "reset"}).to_string())
        }
        (&Method::POST, "/_sim/stall") => stall(context, &head.uri),
        (method, path) => wrong(StatusCode::NOT_FOUND, &format!("there is no {method} {path}")),
    }
}

/// A request to the simulator, in the head of another, that it does not understand.
pub(crate) fn refuse(context: &Context, message: &str) -> Response<Reply> {
    context.connection.exchange.note_head(Note { due: Nanos::now(), marks: Marks::ALL, entry: None });
    wrong(StatusCode::BAD_REQUEST, message)
}

fn json_response(status: StatusCode, body: String) -> Response<Reply> {
    let mut response = text("application/json", body);
    *response.status_mut() = status;
    response
}

fn wrong(status: StatusCode, message: &str) -> Response<Reply> {
    json_response(status, json!({"error": {"message": message}}).to_string())
}

/// The ledger as JSONL; how many records it holds and how many gave way stand in the head.
fn ledger(state: &Arc<State>, uri: &Uri) -> Response<Reply> {
    let query = match query(uri) {
        Ok(query) => query,
        Err(message) => return wrong(StatusCode::BAD_REQUEST, &message),
    };
    let ledger = &state.ground.ledger;
    let left = query.limit.unwrap_or(usize::MAX);
    let lines: Reply = Box::pin(Lines { ledger: Arc::clone(ledger), query, left });
    let mut response = Response::new(lines);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert("x-sim-ledger-capacity", HeaderValue::from(ledger.capacity()));
    headers.insert("x-sim-ledger-dropped", HeaderValue::from(ledger.dropped()));
    response
}

/// The lines of the ledger, page by page, so that they never stand in memory all together.
struct Lines {
    ledger: Arc<Ledger>,
    /// What comes after the last page.
    query: Query,
    left: usize,
}

impl Body for Lines {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut page = self.ledger.read_page(&self.query);
        page.truncate(self.left);
        let Some(last) = page.last() else { return Poll::Ready(None) };
        self.query.since = last.recv_ns;
        self.left -= page.len();
        let mut lines = Vec::new();
        for record in page {
            serde_json::to_writer(&mut lines, &record)?;
            lines.push(b'\n');
        }
        Poll::Ready(Some(Ok(Frame::data(lines.into()))))
    }
}

/// What callers have to trust, of all listeners with TLS.
fn ca(state: &State) -> Response<Reply> {
    let mut all: Vec<&str> =
        state.listeners.iter().filter_map(|listener| Some(&*listener.tls.as_ref()?.trust)).collect();
    all.dedup();
    if all.is_empty() {
        return wrong(StatusCode::NOT_FOUND, "no listener has TLS");
    }
    text("application/x-pem-file", all.concat())
}

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn text(kind: &'static str, text: impl Into<Bytes>) -> Response<Reply> {
    let mut response = Response::new(whole(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// 503 until the simulator is ready.
fn health(state: &State) -> Response<Reply> {
    if Nanos::now() < state.ready_at() {
        return json_response(StatusCode::SERVICE_UNAVAILABLE, json!({"status": "starting"}).to_string());
    }
    json_response(StatusCode::OK, json!({"status": "ok"}).to_string())
}

/// Changes the scenario, whole or not at all; says what it is then.
fn patch(context: &Context, body: &[u8]) -> Response<Reply> {
    if body.len() > Bound::Change.most() {
        let most = Bound::Change.row();
        return wrong(StatusCode::PAYLOAD_TOO_LARGE, &format!("a change of the scenario has at most {most}"));
    }
    let patch = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"));
    match patch.and_then(|patch| context.worker.current.patch(&patch).map_err(|error| error.0)) {
        Ok(()) => json_response(StatusCode::OK, context.worker.current.state().config.source.to_string()),
        Err(message) => wrong(StatusCode::BAD_REQUEST, &message),
    }
}

fn query(uri: &Uri) -> Result<Query, String> {
    let mut query = Query::default();
    for (key, value) in pairs(uri) {
        let number = || value.parse::<u64>().map_err(|_| format!("{key} must be a whole number, not \"{value}\""));
        match key.as_str() {
            "id" => query.id = Some(value),
            "listener" => query.listener = Some(value),
            "since" => query.since = number()?,
            "limit" => query.limit = Some(usize::try_from(number()?).unwrap_or(usize::MAX)),
            _ => return Err(format!("unknown parameter \"{key}\"; the known ones are id, listener, since, limit")),
        }
    }
    Ok(query)
}

/// Holds a backend still for `ms`: the one named, else that of the listener asked.
fn stall(context: &Context, uri: &Uri) -> Response<Reply> {
    let mut backend = context.listener.backend.clone();
    let mut ms = None;
    for (key, value) in pairs(uri) {
        match key.as_str() {
            "ms" => ms = value.parse::<u32>().ok(),
            "backend" => backend = find(&context.state, &value),
            _ => {
                return wrong(
                    StatusCode::BAD_REQUEST,
                    &format!("unknown parameter \"{key}\"; the known ones are ms, backend"),
                );
            }
        }
    }
    let (Some(backend), Some(ms)) = (backend, ms) else {
        return wrong(StatusCode::BAD_REQUEST, "write POST /_sim/stall?ms=3000, or also &backend=NAME");
    };
    let until = Nanos::now() + Duration::from_millis(u64::from(ms));
    backend.model.stall(until);
    json_response(StatusCode::OK, json!({"backend": backend.settings.name, "until_ns": until.0}).to_string())
}

fn find(state: &State, name: &str) -> Option<Arc<Backend>> {
    state.backends.iter().find(|backend| backend.settings.name == name).cloned()
}

/// The parameters of an address, decoded.
fn pairs(uri: &Uri) -> impl Iterator<Item = (String, String)> {
    parameters(uri.query().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let uri: Uri = "/_sim/ledger?id=a%2Fb+c%zz&limit=3".parse().unwrap();
        let query = query(&uri).unwrap();
        assert_eq!((query.id.as_deref(), query.limit), (Some("a/b c%zz"), Some(3)));
        assert!(super::query(&"/x?limt=3".parse().unwrap()).unwrap_err().contains("unknown parameter"));
    }
}
