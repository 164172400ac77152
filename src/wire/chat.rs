//! Chat completions: the request's body, and what the events and bodies of the answer say.

use std::io::Write;

use crate::wire::delta::{BadEvent, Delta, End, ErrorJson, Usage, UsageJson, parse};
use crate::wire::skim::Skim;
use crate::wire::text::push_text;
use crate::workload::body::{Body, json_text};
use crate::workload::call::{Call, Prompt};

/// The request's body.
#[must_use]
pub fn encode(call: &Call) -> Vec<u8> {
    let body = match &call.prompt {
        Prompt::Text(text) => return encode_text(call, text),
        Prompt::Messages(messages) => Body::of("messages", messages.clone()),
        Prompt::Body(body) => body.clone(),
    };
    encode_body(call, body)
}

/// One user message, written without a detour: most calls are this.
fn encode_text(call: &Call, text: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(text.len() + call.model.len() + 192);
    body.extend_from_slice(b"{\"messages\":[{\"role\":\"user\",\"content\":");
    push_text(&mut body, text);
    body.extend_from_slice(b"}],\"model\":");
    push_text(&mut body, &call.model);
    if let Some(limit) = call.max_output_tokens {
        // Writing into memory does not fail.
        let _ = write!(body, ",\"{}\":{limit}", limit_field(&call.model));
    }
    body.extend_from_slice(if call.stream {
        b",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"
    } else {
        b",\"stream\":false}"
    });
    body
}

/// A body that is passed on as it is written, but for what the call itself decides.
fn encode_body(call: &Call, mut body: Body) -> Vec<u8> {
    body.set("model", json_text(&call.model));
    if let Some(limit) = call.max_output_tokens {
        body.replace(&["max_tokens", "max_completion_tokens"], limit_field(&call.model), limit.to_string());
    }
    body.set("stream", call.stream.to_string());
    if call.stream {
        body.set("stream_options", r#"{"include_usage":true}"#.to_owned());
    } else {
        body.remove("stream_options");
    }
    body.to_bytes()
}

/// The name of the token limit: reasoning models refuse the older one, older servers do not know the newer one.
fn limit_field(model: &str) -> &'static str {
    let reasoning = ["o1", "o3", "o4", "gpt-5"].iter().any(|family| model.starts_with(family));
    if reasoning { "max_completion_tokens" } else { "max_tokens" }
}

/// What one event of a chat stream says.
///
/// # Errors
/// [`BadEvent`] when its data is no chat completion chunk.
pub fn decode(data: &[u8]) -> Result<Delta, BadEvent> {
    if data.starts_with(b"[DONE]") {
        return Ok(Delta { end: Some(End::Terminal), ..Delta::default() });
    }
    let (mut delta, mut usage, mut error) = (Delta::default(), None, None);
    let mut chunk = Skim::new(data);
    chunk.object(|value, name| match name {
        b"choices" => value.array(|choice| read_choice(choice, &mut delta)),
        b"usage" => value.maybe().map(|bytes| usage = bytes),
        b"error" => value.maybe().map(|bytes| error = bytes),
        _ => value.skip().map(drop),
    })?;
    chunk.end()?;
    delta.usage = usage.map(parse::<UsageJson>).transpose()?.map(Usage::from);
    if let Some(error) = error {
        delta.end = Some(End::Error { throttled: parse::<ErrorJson>(error)?.is_throttle() });
    }
    Ok(delta)
}

fn read_choice(choice: &mut Skim<'_>, delta: &mut Delta) -> Result<(), BadEvent> {
    choice.object(|value, name| match name {
        b"delta" if value.null() => Ok(()),
        b"delta" => value.object(|part, name| read_part(part, name, delta)),
        b"finish_reason" => {
            if value.is_filled()? {
                delta.end = Some(End::Finished);
            }
            Ok(())
        }
        _ => value.skip().map(drop),
    })
}

fn read_part(part: &mut Skim<'_>, name: &[u8], delta: &mut Delta) -> Result<(), BadEvent> {
    let kind = match name {
        b"content" | b"refusal" => &mut delta.visible,
        b"tool_calls" | b"function_call" => &mut delta.tool,
        b"reasoning_content" | b"reasoning" => &mut delta.reasoning,
        _ => return part.skip().map(drop),
    };
    *kind |= part.is_filled()?;
    Ok(())
}

/// What a whole answer that is not a stream says: its token counts, if it has them.
///
/// # Errors
/// [`BadEvent`] when it is no chat completion with at least one finished choice.
pub fn decode_body(body: &[u8]) -> Result<Option<Usage>, BadEvent> {
    let (mut choices, mut finished, mut usage, mut failed) = (0, 0, None, false);
    let mut text = Skim::new(body);
    text.object(|value, name| match name {
        b"choices" => value.array(|choice| {
            choices += 1;
            choice.object(|value, name| {
                finished += u32::from(value.is_filled()? && name == b"finish_reason");
                Ok(())
            })
        }),
        b"usage" => value.maybe().map(|bytes| usage = bytes),
        b"error" => value.maybe().map(|bytes| failed = bytes.is_some()),
        _ => value.skip().map(drop),
    })?;
    text.end()?;
    if failed || choices == 0 || finished < choices {
        return Err(BadEvent);
    }
    Ok(usage.map(parse::<UsageJson>).transpose()?.map(Usage::from))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        let given = r#"{"model": "x", "messages": [], "max_completion_tokens": 900, "temperature": 0.5}"#;
        let mut call = call(Prompt::Body(Body::parse(given).expect("an object")));
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
