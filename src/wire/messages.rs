//! Anthropic's messages: the request's body, and what the events and bodies of the answer say.
//!
//! After the published documentation of the API (version 2023-06-01): blocks of text, thinking and tool use, which
//! arrive as deltas between `message_start` and `message_stop`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::delta::{Delta, End, Finish, Whole};
use crate::wire::error::ApiError;
use crate::wire::form::BodyForm;
use crate::wire::json_scan::{BadEvent, JsonScan};
use crate::wire::sse::Event;
use crate::wire::text::{push_number, push_text};
use crate::wire::usage::Usage;
use crate::workload::body::Body;
use crate::workload::call::{Call, Prompt};

/// The header with the version of the API, and the version that is spoken.
pub(crate) const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");
/// The header that carries a key.
pub(crate) const KEY: &str = "x-api-key";

/// The request's body, over a path of this form.
#[must_use]
pub(crate) fn encode(call: &Call, form: &BodyForm) -> Vec<u8> {
    let body = match &call.prompt {
        Prompt::Text(text) => return encode_text(call, text, form),
        Prompt::Messages(messages) => of_messages(messages),
        Prompt::Body(body) => body.clone(),
    };
    encode_body(call, body, form)
}

/// One user message, written without a detour: most calls are this.
fn encode_text(call: &Call, text: &str, form: &BodyForm) -> Vec<u8> {
    let mut body = Vec::with_capacity(text.len() + form.size(call) + 128);
    body.extend_from_slice(b"{\"messages\":[{\"role\":\"user\",\"content\":");
    push_text(&mut body, text);
    body.extend_from_slice(b"}],\"model\":");
    form.push_model(&mut body, call);
    if let Some(limit) = call.max_output_tokens {
        body.extend_from_slice(b",\"max_tokens\":");
        push_number(&mut body, limit);
    }
    form.push_rest(&mut body, call.stream, form.own_options());
    body
}

/// A body that is passed on as it is written, but for what the call and its path decide.
fn encode_body(call: &Call, mut body: Body, form: &BodyForm) -> Vec<u8> {
    if let Some(limit) = call.max_output_tokens {
        body.set("max_tokens", limit.to_string());
    }
    form.set(&mut body, call, form.own_options());
    body.to_bytes()
}

/// A message as other APIs have it.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// Messages that any API can carry: what the system or the developer says before all others has a member of its own
/// here.
fn of_messages(messages: &str) -> Body {
    let items: Vec<&RawValue> = serde_json::from_str(messages).unwrap_or_default();
    let instructions: Vec<&RawValue> = items.iter().map_while(|item| instruction(item.get())).collect();
    if instructions.is_empty() {
        return Body::of("messages", messages.to_owned());
    }
    let said: Vec<&str> = items[instructions.len()..].iter().map(|item| item.get()).collect();
    let mut body = Body::of("system", system(&instructions));
    body.set("messages", format!("[{}]", said.join(",")));
    body
}

/// The content of a message that instructs the model.
fn instruction(message: &str) -> Option<&RawValue> {
    let Message { role, content } = serde_json::from_str(message).ok()?;
    matches!(&*role, "system" | "developer").then_some(content)
}

/// Contents as one: a text alone, or the blocks of all.
fn system(contents: &[&RawValue]) -> String {
    if let [text] = contents
        && text.get().starts_with('"')
    {
        return text.get().to_owned();
    }
    let blocks = contents.iter().map(|content| {
        let content = content.get();
        match content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(blocks) => blocks.trim().to_owned(),
            None => format!("{{\"type\":\"text\",\"text\":{content}}}"),
        }
    });
    format!("[{}]", blocks.filter(|blocks| !blocks.is_empty()).collect::<Vec<_>>().join(","))
}

/// Whether an event of this name is one of the API.
pub(crate) fn is_own(name: &[u8]) -> bool {
    name.starts_with(b"message_") || name.starts_with(b"content_block_")
}

/// What an event holds beside its type.
#[derive(Default)]
struct Said<'a> {
    /// What of an answer is in it.
    visible: bool,
    tool: bool,
    reasoning: bool,
    /// Why the answer ended, in quotes.
    stop_reason: &'a [u8],
    usage: Option<Usage>,
    has_error: bool,
}

/// What one event of a stream says. Unknown events say nothing; `type` in the JSON decides, and the `event:` line where
/// there is none.
///
/// # Errors
/// [`BadEvent`] when its data is no JSON object with a `type`, nor an error.
pub(crate) fn decode(event: Event<'_>) -> Result<Delta<'_>, BadEvent> {
    let data = event.data;
    if data.starts_with(b"[DONE]") {
        return Ok(Delta { end: Some(End::Done), ..Delta::default() });
    }
    if data.trim_ascii_start().first() == Some(&b'[') {
        return ApiError::recognise(data).map(failed).ok_or(BadEvent);
    }
    let (mut kind, mut said) = (None, Said::default());
    let mut object = JsonScan::new(data);
    object.object(|value, name| match name {
        b"type" if value.peek() == Some(b'"') => value.text().map(|text| kind = Some(text)),
        b"delta" if value.peek() == Some(b'{') => value.object(|part, name| read_delta(part, name, &mut said)),
        b"content_block" if value.peek() == Some(b'{') => value.object(|part, name| read_block(part, name, &mut said)),
        b"message" if value.peek() == Some(b'{') => value.object(|part, name| read_start(part, name, &mut said)),
        b"usage" => Usage::read_apart(value).map(|read| said.usage = read.or(said.usage)),
        b"error" => value.filled().map(|error| said.has_error |= error.is_some()),
        _ => value.skip().map(drop),
    })?;
    object.end()?;
    if said.has_error {
        return Ok(failed(ApiError::known(data)));
    }
    let named = (!event.name.is_empty()).then_some(event.name);
    match kind.or(named) {
        Some(kind) => Ok(of_kind(kind, &said, data)),
        None => ApiError::recognise(data).map(failed).ok_or(BadEvent),
    }
}

fn failed(error: ApiError<'_>) -> Delta<'_> {
    Delta { end: Some(End::Error(error)), ..Delta::default() }
}

/// A piece of a block, or what changes in the message: their members have different names. A citation or a signature is
/// nothing that a caller waits for.
fn read_delta<'a>(part: &mut JsonScan<'a>, name: &[u8], said: &mut Said<'a>) -> Result<(), BadEvent> {
    match name {
        b"text" => part.carries().map(|yes| said.visible |= yes),
        b"partial_json" => part.carries().map(|yes| said.tool |= yes),
        b"thinking" => part.carries().map(|yes| said.reasoning |= yes),
        b"stop_reason" => part.skip().map(|reason| said.stop_reason = reason),
        _ => part.skip().map(drop),
    }
}

/// A block that begins: it may hold its first text, what a tool is called, or thinking that is encrypted whole.
fn read_block(part: &mut JsonScan<'_>, name: &[u8], said: &mut Said<'_>) -> Result<(), BadEvent> {
    match name {
        b"text" => part.carries().map(|yes| said.visible |= yes),
        b"name" => part.carries().map(|yes| said.tool |= yes),
        b"thinking" | b"data" => part.carries().map(|yes| said.reasoning |= yes),
        _ => part.skip().map(drop),
    }
}

/// The message as it begins. Its output tokens are those of its beginning, which is no count of the answer.
fn read_start(part: &mut JsonScan<'_>, name: &[u8], said: &mut Said<'_>) -> Result<(), BadEvent> {
    match name {
        b"usage" => Usage::read_apart(part).map(|read| said.usage = read.map(|usage| Usage { output: None, ..usage })),
        _ => part.skip().map(drop),
    }
}

fn of_kind<'a>(kind: &[u8], said: &Said<'_>, data: &'a [u8]) -> Delta<'a> {
    let mut delta = Delta::default();
    match kind {
        b"content_block_delta" | b"content_block_start" => {
            (delta.visible, delta.tool, delta.reasoning) = (said.visible, said.tool, said.reasoning);
        }
        b"message_start" => delta.usage = said.usage,
        b"message_delta" => {
            delta.usage = said.usage;
            if Finish::read(said.stop_reason) == Finish::GivenUp {
                delta.end = Some(End::Error(ApiError::known(data)));
            }
        }
        b"message_stop" => delta.end = Some(End::Complete),
        _ => delta.end = ApiError::recognise(data).map(End::Error),
    }
    delta
}

/// What a whole answer that is not a stream says.
///
/// # Errors
/// [`BadEvent`] when it is neither a message that has ended nor an error.
pub(crate) fn decode_body(body: &[u8]) -> Result<Whole<'_>, BadEvent> {
    let (mut has_content, mut stop_reason, mut usage, mut has_error) = (false, &b""[..], None, false);
    let mut object = JsonScan::new(body);
    object.object(|value, name| match name {
        b"content" => {
            has_content = value.peek() == Some(b'[');
            value.skip().map(drop)
        }
        b"stop_reason" => value.skip().map(|reason| stop_reason = reason),
        b"usage" => Usage::read_apart(value).map(|read| usage = read.or(usage)),
        b"error" => value.filled().map(|error| has_error |= error.is_some()),
        _ => value.skip().map(drop),
    })?;
    object.end()?;
    match Finish::read(stop_reason) {
        _ if has_error => Ok(Whole::Error(ApiError::known(body))),
        Finish::GivenUp => Ok(Whole::Error(ApiError::known(body))),
        Finish::Reached if has_content => Ok(Whole::Answer(usage)),
        Finish::Reached | Finish::Open => Err(BadEvent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::units::Api;

    fn encoded(prompt: Prompt, limit: Option<u32>) -> Value {
        let call = Call {
            api: Api::Messages,
            stream: true,
            model: "claude-haiku-4-5".into(),
            prompt,
            max_output_tokens: limit,
            input_tokens: None,
        };
        serde_json::from_slice(&encode(&call, &BodyForm::default())).expect("json")
    }

    #[test]
    fn the_body_asks_for_what_the_call_wants() {
        assert_eq!(
            encoded(Prompt::Text("hi".into()), Some(7)),
            json!({"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 7,
                   "stream": true})
        );
        let own = r#"{"model":"x","max_tokens":9,"thinking":{"type":"adaptive"},"messages":[]}"#;
        assert_eq!(
            encoded(Prompt::Body(Body::parse(own).expect("an object")), None),
            json!({"model": "claude-haiku-4-5", "messages": [], "max_tokens": 9, "thinking": {"type": "adaptive"},
                   "stream": true})
        );
    }

    #[test]
    fn what_instructs_the_model_before_all_others_stands_apart() {
        let user = json!({"role": "user", "content": "Hi"});
        let text = |text: &str| json!({"type": "text", "text": text});
        for (said, system, rest) in [
            (json!([user]), None, json!([user])),
            (json!([{"role": "system", "content": "A"}, user]), Some(json!("A")), json!([user])),
            (json!([{"role": "developer", "content": [text("A")]}, user]), Some(json!([text("A")])), json!([user])),
            (
                json!([{"role": "system", "content": "A"}, {"content": [text("B"), text("C")], "role": "developer"}, user]),
                Some(json!([text("A"), text("B"), text("C")])),
                json!([user]),
            ),
            (json!([{"role": "system", "content": []}, user]), Some(json!([])), json!([user])),
            (
                json!([user, {"role": "system", "content": "A"}]),
                None,
                json!([user, {"role": "system", "content": "A"}]),
            ),
        ] {
            let body = encoded(Prompt::Messages(said.to_string()), Some(1));
            assert_eq!((body.get("system"), &body["messages"]), (system.as_ref(), &rest), "{said}");
        }
    }

    fn named<'a>(name: &'a str, data: &'a str) -> Result<Delta<'a>, BadEvent> {
        decode(Event { name: name.as_bytes(), data: data.as_bytes() })
    }

    fn of(data: &str) -> Result<Delta<'_>, BadEvent> {
        named("", data)
    }

    #[test]
    fn events_are_told_apart() {
        let plain = Delta::default();
        let delta = |delta: Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
        let block = |block: Value| json!({"type": "content_block_start", "index": 1, "content_block": block});
        let counted = |usage: Usage| Delta { usage: Some(usage), ..plain };
        let start = json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "content": [],
            "stop_reason": null, "usage": {"input_tokens": 9, "cache_creation_input_tokens": 20,
            "cache_read_input_tokens": 300, "output_tokens": 1}}});
        let end = json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence": null},
            "usage": {"output_tokens": 15, "output_tokens_details": {"thinking_tokens": 4}}});
        let table = [
            ("start", start, counted(Usage { input: Some(9), apart: Some(320), ..Usage::default() })),
            ("a block of text", block(json!({"type": "text", "text": ""})), plain),
            ("one that holds text", block(json!({"type": "text", "text": "Hi"})), Delta { visible: true, ..plain }),
            ("text", delta(json!({"type": "text_delta", "text": "Hi"})), Delta { visible: true, ..plain }),
            ("empty text", delta(json!({"type": "text_delta", "text": ""})), plain),
            (
                "a tool's name",
                block(json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}})),
                Delta { tool: true, ..plain },
            ),
            ("no arguments yet", delta(json!({"type": "input_json_delta", "partial_json": ""})), plain),
            (
                "arguments",
                delta(json!({"type": "input_json_delta", "partial_json": "{\"a"})),
                Delta { tool: true, ..plain },
            ),
            ("a block of thinking", block(json!({"type": "thinking", "thinking": "", "signature": ""})), plain),
            (
                "thinking",
                delta(json!({"type": "thinking_delta", "thinking": "hm"})),
                Delta { reasoning: true, ..plain },
            ),
            (
                "encrypted thinking",
                block(json!({"type": "redacted_thinking", "data": "x"})),
                Delta { reasoning: true, ..plain },
            ),
            ("a signature", delta(json!({"type": "signature_delta", "signature": "x"})), plain),
            (
                "a citation",
                delta(json!({"type": "citations_delta", "citation": {"type": "x", "cited_text": "y", "text": "z"}})),
                plain,
            ),
            ("the end of a block", json!({"type": "content_block_stop", "index": 0}), plain),
            ("why it ends", end, counted(Usage { output: Some(15), reasoning: Some(4), ..Usage::default() })),
            ("stop", json!({"type": "message_stop"}), Delta { end: Some(End::Complete), ..plain }),
            ("ping", json!({"type": "ping"}), plain),
            (
                "an event of a later day",
                json!({"type": "content_block_pause", "index": 0, "delta": {"text": "x"}}),
                plain,
            ),
        ];
        for (what, data, expected) in table {
            assert_eq!(of(&data.to_string()), Ok(expected), "{what}");
        }
        assert_eq!(of("[DONE]").map(|delta| delta.end), Ok(Some(End::Done)));
        assert_eq!(named("message_stop", "{}").map(|delta| delta.end), Ok(Some(End::Complete)));
        for bad in ["{}", "{", "", "null", "[]", r#"{"delta":{"text":"x"}}"#] {
            assert_eq!(of(bad), Err(BadEvent), "{bad}");
        }
    }

    #[test]
    fn what_failed_is_an_error_in_every_dress() {
        let table = [
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, true),
            (r#"{"type":"error","error":{"type":"rate_limit_error","message":"x"},"request_id":"req_1"}"#, true),
            (r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#, false),
            (r#"{"error":{"type":"api_error"}}"#, false),
            (r#"{"type":"message_delta","delta":{"stop_reason":"error"},"usage":{"output_tokens":3}}"#, false),
            (r#"[{"error":{"code":529}}]"#, true),
        ];
        for (data, throttled) in table {
            let end = of(data).expect("an event").end;
            assert!(matches!(end, Some(End::Error(error)) if error.throttled == throttled), "{data}: {end:?}");
        }
    }

    #[test]
    fn a_body_is_finished_or_an_error_or_refused() {
        let body = |reason: &str| {
            format!(
                r#"{{"id":"msg_1","type":"message","content":[{{"type":"text","text":"Hi"}}],"stop_reason":{reason},
                "usage":{{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":2}}}}"#
            )
        };
        let usage = Usage { input: Some(3), apart: Some(4), output: Some(2), ..Usage::default() };
        for reason in ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "of_a_later_day"]
        {
            let body = body(&format!("\"{reason}\""));
            assert_eq!(decode_body(body.as_bytes()), Ok(Whole::Answer(Some(usage))), "{reason}");
        }
        for open in [&*body("null"), "{}", "[]", "{", r#"{"stop_reason":"end_turn"}"#, r#"{"content":[]}"#] {
            assert_eq!(decode_body(open.as_bytes()), Err(BadEvent), "{open}");
        }
        for failed in
            [&*body("\"error\""), r#"{"type":"error","error":{"type":"api_error","message":"x"},"request_id":null}"#]
        {
            assert!(matches!(decode_body(failed.as_bytes()), Ok(Whole::Error(_))), "{failed}");
        }
    }
}
