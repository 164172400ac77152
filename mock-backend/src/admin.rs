//! `/_sim/*`: the ledger, the planned truth, and the levers of a running simulator.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Uri};
use serde_json::json;

use crate::api::ApiError;
use crate::backend::Backend;
use crate::clock::now_ns;
use crate::ledger::Query;
use crate::reply::Reply;
use crate::tap::{Marks, Note};
use crate::visit::{Visit, World};

/// Answers a request to the simulator itself.
pub(crate) fn answer(visit: &Visit, head: &Parts, body: Result<Bytes, ApiError>) -> Response<Reply> {
    visit.tap.head(Note { due: now_ns(), marks: Marks::ALL, entry: None });
    let world = &visit.worker.world;
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/_sim/ledger") => ledger(world, &head.uri),
        (&Method::GET, "/_sim/describe") => json_response(StatusCode::OK, world.description().to_owned()),
        (&Method::GET, "/_sim/ca.pem") => ca(world),
        (&Method::GET, "/_sim/health") => health(world),
        (&Method::GET, "/_sim/metrics") => text(METRICS, world.metrics()),
        (&Method::GET, "/_sim/config") => json_response(StatusCode::OK, world.config.source.to_string()),
        (&Method::PATCH, "/_sim/config") => patch(visit, &body.unwrap_or_default()),
        (&Method::POST, "/_sim/reset") => {
            visit.worker.stage.reset();
            json_response(StatusCode::OK, json!({"status": "reset"}).to_string())
        }
        (&Method::POST, "/_sim/stall") => stall(visit, &head.uri),
        (method, path) => wrong(StatusCode::NOT_FOUND, &format!("there is no {method} {path}")),
    }
}

/// A request to the simulator, in the head of another, that it does not understand.
pub(crate) fn refuse(visit: &Visit, message: &str) -> Response<Reply> {
    visit.tap.head(Note { due: now_ns(), marks: Marks::ALL, entry: None });
    wrong(StatusCode::BAD_REQUEST, message)
}

fn json_response(status: StatusCode, body: String) -> Response<Reply> {
    let mut response = Response::new(Reply::whole(body.into_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn wrong(status: StatusCode, message: &str) -> Response<Reply> {
    json_response(status, json!({"error": {"message": message}}).to_string())
}

/// The ledger as JSONL; how many records it holds and how many gave way stand in the head.
fn ledger(world: &Arc<World>, uri: &Uri) -> Response<Reply> {
    let query = match query(uri) {
        Ok(query) => query,
        Err(message) => return wrong(StatusCode::BAD_REQUEST, &message),
    };
    let mut lines = Vec::new();
    for record in world.ledger.read(&query) {
        if serde_json::to_writer(&mut lines, &record).is_ok() {
            lines.push(b'\n');
        }
    }
    let mut response = Response::new(Reply::whole(lines));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert("x-sim-ledger-capacity", HeaderValue::from(world.ledger.capacity()));
    headers.insert("x-sim-ledger-dropped", HeaderValue::from(world.ledger.dropped()));
    response
}

/// What callers have to trust, of all listeners with TLS.
fn ca(world: &World) -> Response<Reply> {
    let mut all: Vec<&str> =
        world.listeners.iter().filter_map(|listener| Some(&*listener.tls.as_ref()?.trust)).collect();
    all.dedup();
    if all.is_empty() {
        return wrong(StatusCode::NOT_FOUND, "no listener has TLS");
    }
    text("application/x-pem-file", all.concat())
}

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn text(kind: &'static str, text: String) -> Response<Reply> {
    let mut response = Response::new(Reply::whole(text.into_bytes()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// 503 until the simulator is ready.
fn health(world: &World) -> Response<Reply> {
    if now_ns() < world.ready_at() {
        return json_response(StatusCode::SERVICE_UNAVAILABLE, json!({"status": "starting"}).to_string());
    }
    json_response(StatusCode::OK, json!({"status": "ok"}).to_string())
}

/// Changes the scenario, whole or not at all; says what it is then.
fn patch(visit: &Visit, body: &[u8]) -> Response<Reply> {
    let patch = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"));
    match patch.and_then(|patch| visit.worker.stage.patch(&patch).map_err(|error| error.0)) {
        Ok(()) => json_response(StatusCode::OK, visit.worker.stage.world().config.source.to_string()),
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
            _ => return Err(format!("unknown parameter \"{key}\"; known are id, listener, since, limit")),
        }
    }
    Ok(query)
}

/// Holds a backend still for `ms`: the one named, else that of the listener asked.
fn stall(visit: &Visit, uri: &Uri) -> Response<Reply> {
    let mut backend = visit.listener.backend.clone();
    let mut ms = None;
    for (key, value) in pairs(uri) {
        match key.as_str() {
            "ms" => ms = value.parse::<u32>().ok(),
            "backend" => backend = find(&visit.worker.world, &value),
            _ => return wrong(StatusCode::BAD_REQUEST, &format!("unknown parameter \"{key}\"; known are ms, backend")),
        }
    }
    let (Some(backend), Some(ms)) = (backend, ms) else {
        return wrong(StatusCode::BAD_REQUEST, "write POST /_sim/stall?ms=3000, or also &backend=NAME");
    };
    let until = now_ns() + u64::from(ms) * 1_000_000;
    backend.stall(until);
    json_response(StatusCode::OK, json!({"backend": backend.config.name, "until_ns": until}).to_string())
}

fn find(world: &World, name: &str) -> Option<Arc<Backend>> {
    world.backends.iter().find(|backend| backend.config.name == name).cloned()
}

/// The parameters of an address, decoded.
fn pairs(uri: &Uri) -> impl Iterator<Item = (String, String)> {
    parameters(uri.query().unwrap_or_default())
}

/// The parameters of a query or a form, decoded.
pub(crate) fn parameters(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.to_owned(), decode(value))
    })
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = text.get(i + 1..i + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[i], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
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
