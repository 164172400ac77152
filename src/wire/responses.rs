//! Responses: the request's body, and what the events and bodies of the answer say.

use std::io::Write;

use crate::wire::delta::{BadEvent, Delta, End, ErrorJson, Usage, UsageJson, parse};
use crate::wire::skim::Skim;
use crate::wire::text::push_text;
use crate::workload::body::{Body, json_text};
use crate::workload::call::{Call, Prompt};
use serde::Deserialize;

/// The request's body. Nothing is asked to be stored.
#[must_use]
pub fn encode(call: &Call) -> Vec<u8> {
    let body = match &call.prompt {
        Prompt::Text(text) => return encode_text(call, text),
        Prompt::Messages(messages) => Body::of("input", messages.clone()),
        Prompt::Body(body) => body.clone(),
    };
    encode_body(call, body)
}

/// One text, written without a detour: most calls are this.
fn encode_text(call: &Call, text: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(text.len() + call.model.len() + 96);
    body.extend_from_slice(b"{\"input\":");
    push_text(&mut body, text);
    body.extend_from_slice(b",\"model\":");
    push_text(&mut body, &call.model);
    if let Some(limit) = call.max_output_tokens {
        // Writing into memory does not fail.
        let _ = write!(body, ",\"max_output_tokens\":{limit}");
    }
    let _ = write!(body, ",\"store\":false,\"stream\":{}}}", call.stream);
    body
}

/// A body that is passed on as it is written, but for what the call itself decides.
fn encode_body(call: &Call, mut body: Body) -> Vec<u8> {
    body.set("model", json_text(&call.model));
    if let Some(limit) = call.max_output_tokens {
        body.set("max_output_tokens", limit.to_string());
    }
    if body.get("store").is_none() {
        body.set("store", false.to_string());
    }
    body.set("stream", call.stream.to_string());
    body.to_bytes()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseJson {
    status: Option<String>,
    usage: Option<UsageJson>,
    error: Option<ErrorJson>,
}

/// What one event of a Responses stream says. Unknown events say nothing; `type` in the JSON decides, not the
/// `event:` line.
///
/// # Errors
/// [`BadEvent`] when its data is no JSON object with a `type`.
pub fn decode(data: &[u8]) -> Result<Delta, BadEvent> {
    if data.starts_with(b"[DONE]") {
        return Ok(Delta::default());
    }
    let (mut kind, mut filled, mut response, mut error) = (None, false, None, None);
    let mut event = Skim::new(data);
    event.object(|value, name| match name {
        b"type" => value.text().map(|text| kind = Some(text)),
        b"delta" => value.is_filled().map(|yes| filled = yes),
        b"response" => value.maybe().map(|bytes| response = bytes),
        b"error" => value.maybe().map(|bytes| error = bytes),
        _ => value.skip().map(drop),
    })?;
    event.end()?;
    let mut delta = Delta::default();
    match kind.ok_or(BadEvent)? {
        b"response.output_text.delta" | b"response.refusal.delta" => delta.visible = filled,
        b"response.function_call_arguments.delta" | b"response.custom_tool_call_input.delta" => delta.tool = filled,
        b"response.reasoning_text.delta" | b"response.reasoning_summary_text.delta" => delta.reasoning = filled,
        b"response.completed" | b"response.incomplete" => {
            delta.end = Some(End::Terminal);
            delta.usage = read_response(response)?.usage.map(Usage::from);
        }
        b"response.failed" => {
            let error = read_response(response)?.error;
            delta.end = Some(End::Error { throttled: error.is_some_and(|error| error.is_throttle()) });
        }
        b"error" => {
            // Some put the error's fields into an object of their own, some into the event.
            let error: Option<ErrorJson> = serde_json::from_slice(error.unwrap_or(data)).ok();
            delta.end = Some(End::Error { throttled: error.is_some_and(|error| error.is_throttle()) });
        }
        _ => {}
    }
    Ok(delta)
}

fn read_response(response: Option<&[u8]>) -> Result<ResponseJson, BadEvent> {
    response.map_or_else(|| Ok(ResponseJson::default()), parse)
}

/// What a whole answer that is not a stream says: its token counts, if it has them.
///
/// # Errors
/// [`BadEvent`] when it is no finished response.
pub fn decode_body(body: &[u8]) -> Result<Option<Usage>, BadEvent> {
    let response: ResponseJson = parse(body)?;
    match response.status.as_deref() {
        Some("completed" | "incomplete") => Ok(response.usage.map(Usage::from)),
        Some(_) | None => Err(BadEvent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::units::Api;

    #[test]
    fn the_body_asks_for_what_the_call_wants() {
        let call = Call {
            api: Api::Responses,
            stream: false,
            model: "gpt-4o".into(),
            prompt: Prompt::Text("hi".into()),
            max_output_tokens: Some(7),
            input_tokens: None,
        };
        let body: Value = serde_json::from_slice(&encode(&call)).expect("json");
        assert_eq!(
            body,
            json!({"model": "gpt-4o", "input": "hi", "max_output_tokens": 7, "store": false, "stream": false})
        );
    }

    #[test]
    fn events_are_told_apart() {
        let plain = Delta::default();
        let failed = |throttled| Delta { end: Some(End::Error { throttled }), ..plain };
        let table: &[(&str, &str, Delta)] = &[
            (
                "created",
                r#"{"type":"response.created","response":{"status":"in_progress","usage":null},"sequence_number":0}"#,
                plain,
            ),
            (
                "text",
                r#"{"type":"response.output_text.delta","delta":"Hel","logprobs":[]}"#,
                Delta { visible: true, ..plain },
            ),
            ("empty text", r#"{"type":"response.output_text.delta","delta":""}"#, plain),
            (
                "tool",
                r#"{"type":"response.function_call_arguments.delta","delta":"{\""}"#,
                Delta { tool: true, ..plain },
            ),
            (
                "reasoning",
                r#"{"type":"response.reasoning_summary_text.delta","delta":"hm"}"#,
                Delta { reasoning: true, ..plain },
            ),
            ("unknown", r#"{"type":"keepalive","sequence_number":466}"#, plain),
            (
                "completed",
                r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":2,"output_tokens_details":{"reasoning_tokens":1}}}}"#,
                Delta { end: Some(End::Terminal), usage: Some(Usage { input: 3, output: 2, reasoning: 1 }), ..plain },
            ),
            (
                "failed with null error",
                r#"{"type":"response.failed","response":{"status":"failed","error":null}}"#,
                failed(false),
            ),
            (
                "failed by a limit",
                r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}"#,
                failed(true),
            ),
            ("flat error", r#"{"type":"error","code":"server_error","message":"m","param":null}"#, failed(false)),
            (
                "nested error",
                r#"{"type":"error","error":{"type":"too_many_requests","code":"too_many_requests"}}"#,
                failed(true),
            ),
            ("done, tolerated", "[DONE]", plain),
        ];
        for (what, data, expected) in table {
            assert_eq!(decode(data.as_bytes()), Ok(*expected), "{what}");
        }
        assert_eq!(decode(b"{}"), Err(BadEvent));
    }

    #[test]
    fn a_body_is_finished_or_refused() {
        let whole = br#"{"status":"incomplete","usage":{"input_tokens":1,"output_tokens":2}}"#;
        assert_eq!(decode_body(whole), Ok(Some(Usage { input: 1, output: 2, reasoning: 0 })));
        assert_eq!(decode_body(br#"{"status":"failed"}"#), Err(BadEvent));
        assert_eq!(decode_body(b"{}"), Err(BadEvent));
    }
}
