//! What a listener with defects makes of an answer: its head and its body lack something, or say something else.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::kind::{Defect, Defects};
use crate::net::exchange::{Exchange, Note};
use crate::net::reply::{Reply, whole};

/// The name that answers have for every model.
const OTHER_MODEL: &str = "gateway-model";
const REGION: HeaderName = HeaderName::from_static("x-ms-region");
const TRACE: HeaderName = HeaderName::from_static("apim-trace-id");
const REQUEST_IDS: [HeaderName; 5] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("apim-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-ms-request-id"),
    HeaderName::from_static("x-ms-client-request-id"),
];
/// Where a usage tells what its tokens are made of.
const DETAILS: [&str; 6] = [
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
];
const DONE: &str = "data: [DONE]\n\n";

/// Spoils an answer that is ready to be sent.
pub(crate) async fn spoil_with(
    defects: &Defects,
    exchange: &Exchange,
    mut response: Response<Reply>,
) -> Response<Reply> {
    spoil_head(defects, response.headers_mut());
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let (is_stream, is_json) = (kind.starts_with(b"text/event"), kind.starts_with(b"application/json"));
    let defects = defects.clone();
    if is_stream && !defects.has(Defect::HeldStreams) {
        let exchange = exchange.clone();
        return response.map(|inner| Box::pin(Spoilt { inner, exchange, defects, rest: Vec::new() }) as Reply);
    }
    if !is_stream && !is_json {
        return response;
    }
    let (mut head, body) = response.into_parts();
    match collect(exchange, body).await {
        Ok(bytes) => {
            head.headers.remove(CONTENT_LENGTH);
            let bytes = if is_stream { spoil_events(&defects, &bytes) } else { spoil_whole(&defects, &bytes) };
            Response::from_parts(head, whole(bytes))
        }
        Err(error) => Response::from_parts(head, broken(error)),
    }
}

/// A body that fails at once.
fn broken(error: io::Error) -> Reply {
    struct Broken(Option<io::Error>);
    impl Body for Broken {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            Poll::Ready(self.0.take().map(Err))
        }
    }
    Box::pin(Broken(Some(error)))
}

fn spoil_head(defects: &Defects, headers: &mut HeaderMap) {
    if defects.has(Defect::NoRegion) {
        headers.remove(REGION);
    }
    if defects.has(Defect::NoRequestId) {
        REQUEST_IDS.iter().for_each(|name| drop(headers.remove(name)));
    }
    if defects.has(Defect::NoTrace) {
        headers.remove(TRACE);
    }
    if defects.has(Defect::TracesAll) {
        headers.entry(TRACE).or_insert(HeaderValue::from_static("00000000000000000000000000000001"));
    }
}

/// Waits for the whole of a body; what its pieces were to mean, the whole means, when the last one was due.
async fn collect(exchange: &Exchange, mut body: Reply) -> io::Result<Vec<u8>> {
    let (mut all, mut note) = (Vec::new(), exchange.take_note());
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        all.extend_from_slice(&frame?.into_data().unwrap_or_default());
        note = joined(note, exchange.take_note());
    }
    if let Some(note) = joined(note, exchange.take_note()) {
        if let Some(entry) = &note.entry {
            // It was planned to come otherwise.
            entry.update(|record| record.planned = record.planned.take().filter(|_| !record.stream));
        }
        exchange.note_head(note);
    }
    Ok(all)
}

fn joined(earlier: Option<Note>, later: Option<Note>) -> Option<Note> {
    match (earlier, later) {
        (Some(earlier), Some(later)) => Some(Note { marks: later.marks.and(earlier.marks), ..later }),
        (earlier, later) => later.or(earlier),
    }
}

/// A stream, event by event.
struct Spoilt {
    inner: Reply,
    exchange: Exchange,
    defects: Defects,
    /// The beginning of an event whose end has not come yet.
    rest: Vec<u8>,
}

impl Spoilt {
    /// What becomes of the events that are whole now, and at the end of the rest.
    fn take(&mut self, bytes: &[u8], ends: bool) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let whole = if ends {
            self.rest.len()
        } else {
            self.rest.windows(2).rposition(|two| two == b"\n\n").map_or(0, |end| end + 2)
        };
        let left = self.rest.split_off(whole);
        let whole = std::mem::replace(&mut self.rest, left);
        spoil_events(&self.defects, &whole)
    }
}

impl Body for Spoilt {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            let frame = ready!(self.inner.as_mut().poll_frame(cx)).transpose()?;
            let ends = frame.is_none() || self.inner.is_end_stream();
            let over = frame.is_none();
            let bytes = frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
            let out = self.take(&bytes, ends);
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
            if over {
                return Poll::Ready(None);
            }
            if !ends {
                // What it was to mean has not come.
                self.exchange.take_note();
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && self.rest.is_empty()
    }
}

fn spoil_whole(defects: &Defects, bytes: &[u8]) -> Vec<u8> {
    let Ok(mut json) = serde_json::from_slice::<Value>(bytes) else { return bytes.to_vec() };
    spoil_json(defects, &mut json);
    json.to_string().into_bytes()
}

fn spoil_events(defects: &Defects, bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    text.split_inclusive("\n\n").filter_map(|event| spoil_event(defects, event)).collect::<String>().into_bytes()
}

/// One event; none if it does not come.
fn spoil_event(defects: &Defects, event: &str) -> Option<String> {
    if event.contains("data: [DONE]") {
        return (!defects.has(Defect::NoDone)).then(|| event.to_owned());
    }
    let data = event.lines().find_map(|line| line.strip_prefix("data: "));
    let Some((data, mut json)) = data.and_then(|data| Some((data, serde_json::from_str::<Value>(data).ok()?))) else {
        return Some(event.to_owned());
    };
    if defects.has(Defect::NoEnd) && is_end(&json) {
        return None;
    }
    let ends_message = json["type"] == "message_stop";
    spoil_json(defects, &mut json);
    let done = if ends_message && defects.has(Defect::DoneOnMessages) { DONE } else { "" };
    Some(event.replacen(data, &json.to_string(), 1) + done)
}

/// Whether an event ends its stream.
fn is_end(json: &Value) -> bool {
    let finished = |choice: &Value| choice["finish_reason"].is_string();
    json["choices"].as_array().is_some_and(|choices| choices.iter().any(finished))
        || matches!(json["type"].as_str(), Some("response.completed" | "response.incomplete" | "message_stop"))
}

/// Spoils an answer, or an event and the answer in it.
fn spoil_json(defects: &Defects, json: &mut Value) {
    spoil_object(defects, json);
    for key in ["response", "message"] {
        if let Some(inner) = json.get_mut(key) {
            spoil_object(defects, inner);
        }
    }
}

fn spoil_object(defects: &Defects, json: &mut Value) {
    let Some(object) = json.as_object_mut() else { return };
    if defects.has(Defect::OtherModel) && object.get("model").is_some_and(Value::is_string) {
        object.insert("model".to_owned(), OTHER_MODEL.into());
    }
    if defects.has(Defect::NoFingerprint) {
        object.remove("system_fingerprint");
    }
    if defects.has(Defect::NoUsage) {
        object.remove("usage");
    }
    if defects.has(Defect::NoUsageDetails)
        && let Some(usage) = object.get_mut("usage").and_then(Value::as_object_mut)
    {
        DETAILS.iter().for_each(|key| drop(usage.remove(*key)));
    }
    if defects.has(Defect::BrokenArguments) {
        break_arguments(json);
    }
}

/// Takes the last character from the arguments of each call; where they are no text, text takes their place.
fn break_arguments(json: &mut Value) {
    let shorten = |call: &mut Value| {
        if let Some(Value::String(text)) = call.get_mut("arguments") {
            text.pop();
        }
    };
    fn items<'a>(json: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
        json.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
    }
    for choice in items(json, "choices") {
        if let Some(message) = choice.get_mut("message") {
            items(message, "tool_calls").filter_map(|call| call.get_mut("function")).for_each(shorten);
        }
    }
    items(json, "output").for_each(shorten);
    for block in items(json, "content").filter(|block| block["type"] == "tool_use") {
        let input = block["input"].to_string();
        block["input"] = input.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoilt(defect: Defect, events: &str) -> String {
        String::from_utf8(spoil_events(&Defects(vec![defect]), events.as_bytes())).unwrap()
    }

    #[test]
    fn an_event_loses_what_a_defect_takes_and_nothing_else() {
        let chat = "data: {\"model\":\"m\",\"usage\":null}\n\n";
        let end = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
        let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        let response =
            "event: response.created\ndata: {\"response\":{\"model\":\"m\"},\"type\":\"response.created\"}\n\n";
        for (defect, before, after) in [
            (Defect::NoDone, format!("{chat}{DONE}"), chat.to_owned()),
            (Defect::NoEnd, format!("{chat}{end}{DONE}"), format!("{chat}{DONE}")),
            (Defect::NoEnd, stop.to_owned(), String::new()),
            (Defect::DoneOnMessages, stop.to_owned(), format!("{stop}{DONE}")),
            (Defect::DoneOnMessages, format!("{chat}{DONE}"), format!("{chat}{DONE}")),
            (Defect::OtherModel, response.to_owned(), response.replace("\"m\"", "\"gateway-model\"")),
            (Defect::NoRegion, format!("{chat}: comment\n\n{end}"), format!("{chat}: comment\n\n{end}")),
            (Defect::NoUsage, "data: no json\n\n".to_owned(), "data: no json\n\n".to_owned()),
        ] {
            assert_eq!(spoilt(defect, &before), after, "{defect:?}");
        }
    }

    #[test]
    fn arguments_are_broken_in_every_api() {
        for answer in [
            r#"{"choices":[{"message":{"tool_calls":[{"function":{"arguments":"{\"a\":1}"}}]}}]}"#,
            r#"{"output":[{"arguments":"{\"a\":1}","type":"function_call"}]}"#,
            r#"{"content":[{"input":{"a":1},"type":"tool_use"}]}"#,
        ] {
            let spoilt = spoil_whole(&Defects(vec![Defect::BrokenArguments]), answer.as_bytes());
            assert_ne!(String::from_utf8_lossy(&spoilt), answer);
        }
    }
}
