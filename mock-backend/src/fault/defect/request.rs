//! What a listener with defects makes of a request: it refuses it, or passes on less than it was asked.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::kind::{Defect, Defects};
use crate::net::connection::Connection;
use crate::net::entry::Marks;
use crate::net::exchange::Note;
use crate::net::reply::{Reply, whole};

/// What becomes of a request.
pub(crate) enum Passed {
    /// It goes on, as this.
    On(Bytes),
    /// It is refused.
    Refused(Response<Reply>),
}

/// The addresses that a listener may lack: the ledger's name of the API, and the defect.
const MISSING: [(&str, Defect); 4] = [
    ("chat", Defect::NoChat),
    ("responses", Defect::NoResponses),
    ("messages", Defect::NoMessages),
    ("embeddings", Defect::NoEmbeddings),
];

/// Takes in a request; `api` is the ledger's name of what it asks for.
pub(crate) fn receive_with(
    defects: &Defects,
    connection: &Connection,
    api: &'static str,
    head: &Parts,
    body: Bytes,
) -> Passed {
    let missing = MISSING.iter().find(|(of, defect)| *of == api && defects.has(*defect)).map(|(_, defect)| *defect);
    let unread = (api == "responses" && head.method == Method::GET).then_some(Defect::NoReading);
    if let Some(defect) = missing.or(unread.filter(|defect| defects.has(*defect))) {
        let words = json!({"statusCode": 404, "message": "Resource not found"});
        return Passed::Refused(refuse(connection, (api, head), defect, StatusCode::NOT_FOUND, &words));
    }
    let Ok(Value::Object(mut asked)) = serde_json::from_slice(&body) else { return Passed::On(body) };
    if let Some((defect, words)) = refusal(defects, api, &asked) {
        return Passed::Refused(refuse(connection, (api, head), defect, StatusCode::BAD_REQUEST, &words));
    }
    if drop_fields(defects, &mut asked) {
        Passed::On(Value::Object(asked).to_string().into())
    } else {
        Passed::On(body)
    }
}

/// Why what is asked is refused, in the words of the service.
fn refusal(defects: &Defects, api: &str, asked: &Map<String, Value>) -> Option<(Defect, Value)> {
    let is_responses = api == "responses";
    let previous = asked.get("previous_response_id").and_then(Value::as_str).filter(|_| is_responses);
    if let Some(id) = previous.filter(|_| defects.has(Defect::ForgetsResponses)) {
        let words = format!("Previous response with id '{id}' not found.");
        return Some((Defect::ForgetsResponses, error(&words, "previous_response_id", "previous_response_not_found")));
    }
    let background = is_responses && asked.get("background") == Some(&Value::Bool(true));
    let words = "Unsupported parameter: 'background' is not supported here.";
    (background && defects.has(Defect::NoBackground))
        .then(|| (Defect::NoBackground, error(words, "background", "unsupported_parameter")))
}

fn error(message: &str, param: &str, code: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}})
}

/// Drops what is not passed on; whether there was any.
fn drop_fields(defects: &Defects, asked: &mut Map<String, Value>) -> bool {
    const FIELDS: [(Defect, &[&str]); 5] = [
        (Defect::NoStreams, &["stream", "stream_options"]),
        (Defect::NoTools, &["tools", "tool_choice", "parallel_tool_calls"]),
        (Defect::NoSchemas, &["response_format"]),
        (Defect::NoPrevious, &["previous_response_id"]),
        (Defect::NoWaiting, &["background"]),
    ];
    let fields = FIELDS.iter().filter(|(defect, _)| defects.has(*defect)).flat_map(|(_, fields)| *fields);
    let mut dropped = fields.filter(|field| asked.remove(**field).is_some()).count();
    if defects.has(Defect::NoSchemas) {
        let within = ["text", "output_config"].iter().filter(|key| {
            let inner = asked.get_mut(**key).and_then(Value::as_object_mut);
            inner.is_some_and(|inner| inner.remove("format").is_some())
        });
        dropped += within.count();
    }
    dropped > 0
}

/// An answer of the listener itself.
fn refuse(
    connection: &Connection,
    (api, head): (&'static str, &Parts),
    defect: Defect,
    status: StatusCode,
    words: &Value,
) -> Response<Reply> {
    let entry = connection.open_record(connection.request_id(&head.headers), api, |record| {
        (record.status, record.fault) = (status.as_u16(), Some(defect.name()));
    });
    let due = connection.exchange.arrival().ideal;
    connection.exchange.note_head(Note { due, marks: Marks::ALL, entry: Some(entry) });
    let mut response = Response::new(whole(words.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_defect_names_is_dropped() {
        let asked = json!({
            "model": "m", "stream": true, "stream_options": {}, "tools": [], "tool_choice": "auto",
            "response_format": {}, "text": {"format": {}, "verbosity": "low"}, "output_config": {"format": {}},
            "previous_response_id": "r", "background": true,
        });
        let all: Vec<&String> = asked.as_object().unwrap().keys().collect();
        for (defect, gone) in [
            (Defect::NoStreams, &["stream", "stream_options"][..]),
            (Defect::NoTools, &["tools", "tool_choice"]),
            (Defect::NoSchemas, &["response_format"]),
            (Defect::NoPrevious, &["previous_response_id"]),
            (Defect::NoWaiting, &["background"]),
            (Defect::NoRegion, &[]),
        ] {
            let mut left = asked.as_object().unwrap().clone();
            let changed = drop_fields(&Defects(vec![defect]), &mut left);
            assert_eq!(changed, !gone.is_empty(), "{defect:?}");
            let missing: Vec<&str> =
                all.iter().map(|key| key.as_str()).filter(|key| !left.contains_key(*key)).collect();
            let mut gone = gone.to_vec();
            gone.sort_unstable();
            assert_eq!(missing, gone, "{defect:?}");
            let formats = ["text", "output_config"].map(|key| left[key].get("format").is_none());
            assert_eq!(formats, [defect == Defect::NoSchemas; 2], "{defect:?}");
        }
    }
}
