//! Chat completions: the request's body, and what the events and bodies of the answer say.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::wire::delta::{BadEvent, Delta, End, ErrorJson, Filled, Usage, UsageJson};
use crate::workload::call::{Call, Prompt};

/// The request's body.
#[must_use]
pub fn encode(call: &Call) -> Vec<u8> {
    let mut body = match &call.prompt {
        Prompt::Text(text) => Map::from_iter([("messages".to_owned(), json!([{"role": "user", "content": text}]))]),
        Prompt::Messages(messages) => {
            let messages: Vec<Value> =
                messages.iter().map(|message| json!({"role": message.role, "content": message.content})).collect();
            Map::from_iter([("messages".to_owned(), Value::Array(messages))])
        }
        Prompt::Body(body) => body.clone(),
    };
    body.insert("model".to_owned(), Value::from(&*call.model));
    if let Some(limit) = call.max_output_tokens {
        body.remove("max_tokens");
        body.remove("max_completion_tokens");
        body.insert(limit_field(&call.model).to_owned(), Value::from(limit));
    }
    body.remove("stream_options");
    body.insert("stream".to_owned(), Value::from(call.stream));
    if call.stream {
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The name of the token limit: reasoning models refuse the older one, older servers do not know the newer one.
fn limit_field(model: &str) -> &'static str {
    let reasoning = ["o1", "o3", "o4", "gpt-5"].iter().any(|family| model.starts_with(family));
    if reasoning { "max_completion_tokens" } else { "max_tokens" }
}

#[derive(Deserialize)]
struct ChunkJson {
    #[serde(default)]
    choices: Vec<ChoiceJson>,
    #[serde(default)]
    usage: Option<UsageJson>,
    #[serde(default)]
    error: Option<ErrorJson>,
}

#[derive(Deserialize)]
struct ChoiceJson {
    #[serde(default)]
    delta: Option<DeltaJson>,
    #[serde(default)]
    finish_reason: Filled,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeltaJson {
    content: Filled,
    refusal: Filled,
    tool_calls: Filled,
    function_call: Filled,
    reasoning_content: Filled,
    reasoning: Filled,
}

/// What one event of a chat stream says.
///
/// # Errors
/// [`BadEvent`] when its data is no chat completion chunk.
pub fn decode(data: &[u8]) -> Result<Delta, BadEvent> {
    if data.starts_with(b"[DONE]") {
        return Ok(Delta { end: Some(End::Terminal), ..Delta::default() });
    }
    let chunk: ChunkJson = serde_json::from_slice(data).map_err(|_| BadEvent)?;
    let mut delta = Delta { usage: chunk.usage.map(Usage::from), ..Delta::default() };
    for choice in &chunk.choices {
        if let Some(part) = &choice.delta {
            delta.visible |= part.content.0 || part.refusal.0;
            delta.tool |= part.tool_calls.0 || part.function_call.0;
            delta.reasoning |= part.reasoning_content.0 || part.reasoning.0;
        }
        if choice.finish_reason.0 {
            delta.end = Some(End::Finished);
        }
    }
    if let Some(error) = chunk.error {
        delta.end = Some(End::Error { throttled: error.is_throttle() });
    }
    Ok(delta)
}

/// What a whole answer that is not a stream says: its token counts, if it has them.
///
/// # Errors
/// [`BadEvent`] when it is no chat completion with at least one finished choice.
pub fn decode_body(body: &[u8]) -> Result<Option<Usage>, BadEvent> {
    let body: ChunkJson = serde_json::from_slice(body).map_err(|_| BadEvent)?;
    if body.error.is_some() || body.choices.is_empty() || !body.choices.iter().all(|choice| choice.finish_reason.0) {
        return Err(BadEvent);
    }
    Ok(body.usage.map(Usage::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Api;

    fn call(prompt: Prompt) -> Call {
        Call {
            api: Api::Chat,
            stream: true,
            model: "gpt-4o".into(),
            prompt,
            max_output_tokens: Some(7),
            input_tokens: None,
        }
    }

    #[test]
    fn the_body_asks_for_what_the_call_wants() {
        let body: Value = serde_json::from_slice(&encode(&call(Prompt::Text("hi".into())))).expect("json");
        assert_eq!(
            body,
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 7,
                   "stream": true, "stream_options": {"include_usage": true}})
        );
    }

    #[test]
    fn a_batch_body_keeps_its_own_fields() {
        let given = json!({"model": "x", "messages": [], "max_completion_tokens": 900, "temperature": 0.5});
        let Value::Object(given) = given else { unreachable!() };
        let mut call = call(Prompt::Body(given));
        call.stream = false;
        call.model = "gpt-5-mini".into();
        let body: Value = serde_json::from_slice(&encode(&call)).expect("json");
        assert_eq!(
            body,
            json!({"model": "gpt-5-mini", "messages": [], "max_completion_tokens": 7, "temperature": 0.5, "stream": false})
        );
    }

    #[test]
    fn events_are_told_apart() {
        let plain = Delta::default();
        let table: &[(&str, &str, Delta)] = &[
            (
                "role",
                r#"{"choices":[{"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}"#,
                plain,
            ),
            (
                "text",
                r#"{"choices":[{"delta":{"content":"Hel"},"finish_reason":null}]}"#,
                Delta { visible: true, ..plain },
            ),
            ("refusal", r#"{"choices":[{"delta":{"refusal":"no"}}]}"#, Delta { visible: true, ..plain }),
            ("tool", r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, Delta { tool: true, ..plain }),
            ("reasoning", r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, Delta { reasoning: true, ..plain }),
            (
                "finish",
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                Delta { end: Some(End::Finished), ..plain },
            ),
            ("filter first", r#"{"choices":[],"created":0,"id":"","prompt_filter_results":[]}"#, plain),
            ("filter only", r#"{"choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{}}]}"#, plain),
            ("done", "[DONE]", Delta { end: Some(End::Terminal), ..plain }),
            (
                "error",
                r#"{"error":{"message":"The server had an error","type":"server_error"}}"#,
                Delta { end: Some(End::Error { throttled: false }), ..plain },
            ),
            (
                "usage",
                r#"{"choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":4}}}"#,
                Delta { usage: Some(Usage { input: 19, output: 10, reasoning: 4 }), ..plain },
            ),
        ];
        for (what, data, expected) in table {
            assert_eq!(decode(data.as_bytes()), Ok(*expected), "{what}");
        }
        assert_eq!(decode(b"{"), Err(BadEvent));
        assert_eq!(decode(b""), Err(BadEvent));
    }

    #[test]
    fn a_body_is_whole_or_refused() {
        let whole = br#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        assert_eq!(decode_body(whole), Ok(Some(Usage { input: 1, output: 2, reasoning: 0 })));
        for broken in [&b"{}"[..], b"[]", b"{\"choices\":[]}", b"{\"choices\":[{\"finish_reason\":null}]}"] {
            assert_eq!(decode_body(broken), Err(BadEvent));
        }
    }
}
