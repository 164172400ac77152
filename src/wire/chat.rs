//! Chat completions: the request's body, and what the events and bodies of the answer say.

use crate::wire::delta::{Choices, Delta, End, Finish, Whole};
use crate::wire::error::ApiError;
use crate::wire::form::BodyForm;
use crate::wire::json_scan::{BadEvent, JsonScan};
use crate::wire::text::{push_number, push_text};
use crate::wire::usage::Usage;
use crate::workload::body::Body;
use crate::workload::call::{Call, Prompt};

/// The request's body, over a path of this form.
#[must_use]
pub(crate) fn encode(call: &Call, form: &BodyForm) -> Vec<u8> {
    let body = match &call.prompt {
        Prompt::Text(text) => return encode_text(call, text, form),
        Prompt::Messages(messages) => Body::of("messages", messages.clone()),
        Prompt::Body(body) => body.clone(),
    };
    encode_body(call, body, form)
}

/// One user message, written without a detour: most calls are this.
fn encode_text(call: &Call, text: &str, form: &BodyForm) -> Vec<u8> {
    let mut body = Vec::with_capacity(text.len() + form.size(call) + 160);
    body.extend_from_slice(b"{\"messages\":[{\"role\":\"user\",\"content\":");
    push_text(&mut body, text);
    body.extend_from_slice(b"}],\"model\":");
    form.push_model(&mut body, call);
    if let Some(limit) = call.max_output_tokens {
        body.extend_from_slice(b",\"");
        body.extend_from_slice(form.limit_field().as_bytes());
        body.extend_from_slice(b"\":");
        push_number(&mut body, limit);
    }
    form.push_rest(&mut body, call.stream, form.stream_options());
    body
}

/// A body that is passed on as it is written, but for what the call and its path decide.
fn encode_body(call: &Call, mut body: Body, form: &BodyForm) -> Vec<u8> {
    if let Some(limit) = call.max_output_tokens {
        body.replace(&["max_tokens", "max_completion_tokens"], form.limit_field(), limit.to_string());
    }
    form.set(&mut body, call, form.stream_options());
    body.to_bytes()
}

/// How many choices a call asks for: a body of a batch file or the path itself may ask for several.
#[must_use]
pub(crate) fn choices(call: &Call, form: &BodyForm) -> u32 {
    let own = match &call.prompt {
        Prompt::Body(body) => body.get("n"),
        Prompt::Text(_) | Prompt::Messages(_) => None,
    };
    let asked = form.field("n").or(own).and_then(|n| n.trim().parse::<u64>().ok());
    asked.map_or(1, |asked| u32::try_from(asked).unwrap_or(u32::MAX))
}

/// What one event of a chat stream says.
///
/// # Errors
/// [`BadEvent`] when its data is neither a chat completion chunk nor any other JSON object.
pub(crate) fn decode(data: &[u8]) -> Result<Delta<'_>, BadEvent> {
    if data.starts_with(b"[DONE]") {
        return Ok(Delta { end: Some(End::Done), ..Delta::default() });
    }
    if data.trim_ascii_start().first() == Some(&b'[') {
        return from_list(data);
    }
    let (mut said, mut usage, mut is_chunk) = (Said::default(), None, false);
    let mut chunk = JsonScan::new(data);
    chunk.object(|value, name| match name {
        b"choices" if value.peek() == Some(b'[') => {
            is_chunk = true;
            value.array(|choice| read_choice(choice, &mut said))
        }
        b"usage" => Usage::read(value).map(|read| usage = read.or(usage)),
        b"error" => value.filled().map(|error| said.failed = error.map_or(said.failed, |_| Some(data))),
        _ => value.skip().map(drop),
    })?;
    chunk.end()?;
    let Said { parts, choices, finished, failed } = said;
    let end = match failed {
        Some(said) => Some(End::Error(ApiError::known(said))),
        None if is_chunk => None,
        None => ApiError::recognise(data).map(End::Error),
    };
    let Parts { visible, tool, reasoning } = parts;
    Ok(Delta { visible, tool, reasoning, repeats: false, choices, finished, end, usage })
}

/// What choices say.
#[derive(Default)]
struct Said<'a> {
    parts: Parts,
    choices: Choices,
    finished: Choices,
    /// The text that tells a failure.
    failed: Option<&'a [u8]>,
}

/// What kinds of content a choice brings.
#[derive(Clone, Copy, Default)]
struct Parts {
    visible: bool,
    tool: bool,
    reasoning: bool,
}

/// Some wrap their errors in a list; nothing else comes as one.
fn from_list(data: &[u8]) -> Result<Delta<'_>, BadEvent> {
    let error = ApiError::recognise(data).ok_or(BadEvent)?;
    Ok(Delta { end: Some(End::Error(error)), ..Delta::default() })
}

fn read_choice<'a>(choice: &mut JsonScan<'a>, said: &mut Said<'a>) -> Result<(), BadEvent> {
    if choice.null() {
        return Ok(());
    }
    let (mut index, mut finish, mut failed) = (0, Finish::Open, None);
    let (mut delta, mut message) = (None, Parts::default());
    choice.object(|value, name| match name {
        b"delta" if value.null() => Ok(()),
        b"delta" => {
            let parts = delta.get_or_insert_default();
            value.object(|part, name| read_part(part, name, parts))
        }
        b"message" if value.peek() == Some(b'{') => value.object(|part, name| read_part(part, name, &mut message)),
        b"finish_reason" => {
            let reason = value.skip()?;
            finish = Finish::read(reason);
            failed = failed.or((finish == Finish::GivenUp).then_some(reason));
            Ok(())
        }
        b"index" => value.skip().map(|number| index = small(number)),
        b"error" => value.filled().map(|error| failed = error.or(failed)),
        _ => value.skip().map(drop),
    })?;
    let Parts { visible, tool, reasoning } = delta.unwrap_or(message);
    said.parts.visible |= visible;
    said.parts.tool |= tool;
    said.parts.reasoning |= reasoning;
    said.choices.add(Choices::one(index));
    if finish == Finish::Reached {
        said.finished.add(Choices::one(index));
    }
    said.failed = said.failed.or(failed);
    Ok(())
}

/// A small whole number, in quotes or not; what is none, or negative, is nought.
fn small(number: &[u8]) -> u32 {
    let digits = number.strip_prefix(b"\"").unwrap_or(number).iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number: u32, digit| number.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
}

fn read_part(part: &mut JsonScan<'_>, name: &[u8], parts: &mut Parts) -> Result<(), BadEvent> {
    let kind = match name {
        b"content" if part.peek() == Some(b'[') => return part.array(|piece| read_piece(piece, parts)),
        b"content" | b"refusal" | b"audio" | b"images" => &mut parts.visible,
        b"tool_calls" | b"function_call" => &mut parts.tool,
        b"reasoning_content" | b"reasoning" | b"reasoning_details" | b"reasoning_text" | b"thinking"
        | b"thinking_blocks" => &mut parts.reasoning,
        _ => return part.skip().map(drop),
    };
    *kind |= part.carries()?;
    Ok(())
}

/// One of several pieces of content: its `type` says whether it is thought or meant to be seen.
fn read_piece(piece: &mut JsonScan<'_>, parts: &mut Parts) -> Result<(), BadEvent> {
    if piece.peek() != Some(b'{') {
        parts.visible |= piece.carries()?;
        return Ok(());
    }
    let (mut kind, mut carries) = (&b""[..], false);
    piece.object(|value, name| match name {
        b"type" if value.peek() == Some(b'"') => value.text().map(|text| kind = text),
        b"type" | b"id" | b"index" | b"signature" => value.skip().map(drop),
        _ => value.carries().map(|yes| carries |= yes),
    })?;
    match kind {
        b"thinking" | b"reasoning" | b"reasoning_text" | b"redacted_thinking" => parts.reasoning |= carries,
        // What is said elsewhere is cited.
        b"reference" => {}
        _ => parts.visible |= carries,
    }
    Ok(())
}

/// What a whole answer that is not a stream says, to a call that asked for so many choices.
///
/// # Errors
/// [`BadEvent`] when it is neither a chat completion with all its choices finished nor an error.
pub(crate) fn decode_body(body: &[u8], requested: u32) -> Result<Whole<'_>, BadEvent> {
    let (mut choices, mut finished, mut usage, mut failed) = (0, 0, None, None);
    let mut text = JsonScan::new(body);
    text.object(|value, name| match name {
        b"choices" if value.peek() == Some(b'[') => value.array(|choice| {
            let mut one = Said::default();
            read_choice(choice, &mut one)?;
            failed = failed.or(one.failed);
            choices += one.choices.count();
            finished += one.finished.count();
            Ok(())
        }),
        b"usage" => Usage::read(value).map(|read| usage = read.or(usage)),
        b"error" => value.filled().map(|error| failed = error.map_or(failed, |_| Some(body))),
        _ => value.skip().map(drop),
    })?;
    text.end()?;
    if let Some(said) = failed {
        return Ok(Whole::Error(ApiError::known(said)));
    }
    if choices == 0 || finished < choices.max(requested) {
        return Err(BadEvent);
    }
    Ok(Whole::Answer(usage))
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
        let body: Value =
            serde_json::from_slice(&encode(&call(Prompt::Text("hi".into())), &BodyForm::default())).expect("json");
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
        let form = BodyForm::new(None, "max_completion_tokens", true, &serde_json::Map::new());
        let body: Value = serde_json::from_slice(&encode(&call, &form)).expect("json");
        assert_eq!(
            body,
            json!({"model": "gpt-5-mini", "messages": [], "max_completion_tokens": 7, "temperature": 0.5, "stream": false})
        );
    }

    /// What an event about choice 0 says.
    fn open() -> Delta<'static> {
        Delta {
            visible: false,
            tool: false,
            reasoning: false,
            repeats: false,
            choices: Choices::one(0),
            finished: Choices::default(),
            end: None,
            usage: None,
        }
    }

    fn of(data: &str) -> Result<Delta<'_>, BadEvent> {
        decode(data.as_bytes())
    }

    #[test]
    fn events_are_told_apart() {
        let none = Delta::default();
        let usage = |input, output, reasoning| {
            Some(Usage { input: Some(input), output: Some(output), reasoning, ..Usage::default() })
        };
        let table: &[(&str, &str, Delta<'_>)] = &[
            (
                "role",
                r#"{"choices":[{"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}"#,
                open(),
            ),
            (
                "text",
                r#"{"choices":[{"delta":{"content":"Hel"},"finish_reason":null}]}"#,
                Delta { visible: true, ..open() },
            ),
            ("refusal", r#"{"choices":[{"delta":{"refusal":"no"}}]}"#, Delta { visible: true, ..open() }),
            (
                "tool",
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]}"#,
                Delta { tool: true, ..open() },
            ),
            ("reasoning", r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, Delta { reasoning: true, ..open() }),
            (
                "finish",
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                Delta { finished: Choices::one(0), ..open() },
            ),
            ("filter first", r#"{"choices":[],"created":0,"id":"","prompt_filter_results":[]}"#, none),
            ("filter only", r#"{"choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{}}]}"#, open()),
            ("done", "[DONE]", Delta { end: Some(End::Done), ..none }),
            (
                "usage",
                r#"{"choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":4}}}"#,
                Delta { usage: usage(19, 10, Some(4)), ..none },
            ),
            (
                "null choices",
                r#"{"choices":null,"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
                Delta { usage: usage(1, 2, None), ..none },
            ),
            ("odd usage", r#"{"choices":[],"usage":"none"}"#, none),
            ("null choice", r#"{"choices":[null]}"#, none),
            ("keepalive", r#"{"type":"ping"}"#, none),
            (
                "whole message",
                r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#,
                Delta { visible: true, finished: Choices::one(0), ..open() },
            ),
            ("repeated message", r#"{"choices":[{"delta":{"content":""},"message":{"content":"Hi"}}]}"#, open()),
        ];
        for (what, data, expected) in table {
            assert_eq!(of(data), Ok(*expected), "{what}");
        }
        for bad in ["{", "", "null", "\"x\"", "[]", "[1]", r#"{"choices":[7]}"#] {
            assert_eq!(of(bad), Err(BadEvent), "{bad}");
        }
    }

    #[test]
    fn what_carries_nothing_moves_nothing_and_thoughts_are_not_seen() {
        let table = [
            (r#"{}"#, open()),
            (r#"null"#, open()),
            (r#"{"role":"assistant"}"#, open()),
            (r#"{"content":null,"tool_calls":null,"reasoning":null}"#, open()),
            (r#"{"role":"","content":"","tool_calls":[],"reasoning_content":""}"#, open()),
            (r#"{"tool_calls":[{"index":0}]}"#, open()),
            (r#"{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"arguments":""}}]}"#, open()),
            (r#"{"content":[]}"#, open()),
            (r#"{"content":[{"type":"text","text":""}]}"#, open()),
            (r#"{"content":[{"type":"thinking","thinking":[]}]}"#, open()),
            (r#"{"content":[{"type":"reference","reference_ids":["a"]}]}"#, open()),
            (r#"{"reasoning_details":[{"type":"reasoning.text","text":"","index":0,"format":"x"}]}"#, open()),
            (r#"{"thinking_blocks":[{"type":"thinking","thinking":"","signature":"s"}]}"#, open()),
            (r#"{"content":[{"type":"text","text":"a"}]}"#, Delta { visible: true, ..open() }),
            (r#"{"content":["a"]}"#, Delta { visible: true, ..open() }),
            (r#"{"audio":{"id":"x","transcript":"a"}}"#, Delta { visible: true, ..open() }),
            (
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#,
                Delta { reasoning: true, ..open() },
            ),
            (r#"{"content":[{"thinking":"hm","type":"thinking"}]}"#, Delta { reasoning: true, ..open() }),
            (
                r#"{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}]}"#,
                Delta { reasoning: true, visible: true, ..open() },
            ),
            (r#"{"reasoning":"hm","content":""}"#, Delta { reasoning: true, ..open() }),
            (r#"{"reasoning_details":[{"type":"reasoning.text","text":"hm"}]}"#, Delta { reasoning: true, ..open() }),
            (r#"{"thinking":"hm"}"#, Delta { reasoning: true, ..open() }),
            (r#"{"function_call":{"name":"","arguments":"{"}}"#, Delta { tool: true, ..open() }),
        ];
        for (delta, expected) in table {
            assert_eq!(of(&format!(r#"{{"choices":[{{"delta":{delta},"index":0}}]}}"#)), Ok(expected), "{delta}");
        }
    }

    #[test]
    fn a_choice_is_told_by_its_number_and_finishes_by_a_reason() {
        let finished = |index: &str, reason: &str| {
            let data = format!(r#"{{"choices":[{{"finish_reason":{reason},"index":{index}}}]}}"#);
            let delta = of(&data).expect("a chunk");
            assert!(delta.end.is_none(), "{data}");
            (delta.choices, delta.finished)
        };
        for (index, number) in
            [("0", 0), ("3", 3), ("\"3\"", 3), ("3.0", 3), ("null", 0), ("-1", 0), ("99999999999", 127)]
        {
            let one = Choices::one(number);
            assert_eq!(finished(index, "\"length\""), (one, one), "{index}");
        }
        for open in ["null", "\"\"", "\"null\"", "false"] {
            assert_eq!(finished("0", open), (Choices::one(0), Choices::default()), "{open}");
        }
        for reached in ["stop", "length", "tool_calls", "function_call", "content_filter", "eos", "end_turn"] {
            assert_eq!(finished("0", &format!("\"{reached}\"")), (Choices::one(0), Choices::one(0)), "{reached}");
        }
    }

    #[test]
    fn what_failed_is_an_error_wherever_it_says_so() {
        let throttled = |data: &str| match of(data).expect("a chunk").end {
            Some(End::Error(error)) => Some(error.throttled),
            Some(End::Complete | End::Done) | None => None,
        };
        let table = [
            (r#"{"error":{"message":"The server had an error","type":"server_error"}}"#, Some(false)),
            (r#"{"choices":[{"delta":{"content":"a"}}],"error":{"code":429}}"#, Some(true)),
            (r#"{"choices":[{"delta":{},"error":{"code":502,"message":"x"},"finish_reason":"stop"}]}"#, Some(false)),
            (r#"{"choices":[{"delta":{},"error":{"code":429,"message":"x"}}]}"#, Some(true)),
            (r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#, Some(false)),
            (r#"{"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}"#, Some(true)),
            (r#"{"choices":[{"finish_reason":"ABORT"}]}"#, Some(false)),
            (r#"{"error":"x","error_type":"overloaded"}"#, Some(true)),
            (r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}"#, Some(true)),
            (r#"[{"error":{"code":500,"message":"x"}}]"#, Some(false)),
            (r#"{"choices":[{"delta":{"content":"a"}}],"error":null}"#, None),
            (r#"{"choices":[{"delta":{"content":"a"},"error":null}],"error":{}}"#, None),
        ];
        for (data, expected) in table {
            assert_eq!(throttled(data), expected, "{data}");
        }
    }

    #[test]
    fn a_body_is_whole_or_an_error_or_refused() {
        let whole = br#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"error":null,"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        let usage = Usage { input: Some(1), output: Some(2), ..Usage::default() };
        assert_eq!(decode_body(whole, 1), Ok(Whole::Answer(Some(usage))));
        assert_eq!(decode_body(whole, 2), Err(BadEvent));
        let both = br#"{"choices":[{"finish_reason":"stop"},{"finish_reason":"length"}],"usage":[]}"#;
        assert_eq!((decode_body(both, 1), decode_body(both, 2)), (Ok(Whole::Answer(None)), Ok(Whole::Answer(None))));
        for broken in
            ["{}", "[]", r#"{"choices":[]}"#, r#"{"choices":[{"finish_reason":null}]}"#, r#"{"choices":null}"#]
        {
            assert_eq!(decode_body(broken.as_bytes(), 1), Err(BadEvent), "{broken}");
        }
        for failed in [
            r#"{"error":"x"}"#,
            r#"{"choices":[{"finish_reason":"error"}]}"#,
            r#"{"choices":[{"error":{"code":1},"finish_reason":"stop"}]}"#,
        ] {
            assert!(matches!(decode_body(failed.as_bytes(), 1), Ok(Whole::Error(_))), "{failed}");
        }
    }

    #[test]
    fn as_many_choices_are_asked_for_as_the_body_says() {
        let body = |n: Value| Prompt::Body(Body::of("n", n.to_string()));
        let table =
            [(Prompt::Text("hi".into()), 1), (body(json!(3)), 3), (body(json!(null)), 1), (body(json!("x")), 1)];
        for (prompt, asked) in table {
            assert_eq!(choices(&call(prompt.clone()), &BodyForm::default()), asked);
            let two = json!({"n": 2});
            let form = BodyForm::new(None, "max_tokens", true, two.as_object().expect("an object"));
            assert_eq!(choices(&call(prompt), &form), 2);
        }
    }
}
