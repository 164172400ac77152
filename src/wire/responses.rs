//! Responses: the request's body, and what the events and bodies of the answer say.

use crate::wire::delta::{Delta, End, Whole};
use crate::wire::error::ApiError;
use crate::wire::form::BodyForm;
use crate::wire::json_scan::{BadEvent, JsonScan};
use crate::wire::sse::Event;
use crate::wire::text::{push_number, push_text};
use crate::wire::usage::Usage;
use crate::workload::body::Body;
use crate::workload::call::{Call, Prompt};

/// The request's body, over a path of this form. Nothing is asked to be stored, unless the path says so.
#[must_use]
pub(crate) fn encode(call: &Call, form: &BodyForm) -> Vec<u8> {
    let body = match &call.prompt {
        Prompt::Text(text) => return encode_text(call, text, form),
        Prompt::Messages(messages) => Body::of("input", messages.clone()),
        Prompt::Body(body) => body.clone(),
    };
    encode_body(call, body, form)
}

/// One text, written without a detour: most calls are this.
fn encode_text(call: &Call, text: &str, form: &BodyForm) -> Vec<u8> {
    let mut body = Vec::with_capacity(text.len() + form.size(call) + 96);
    body.extend_from_slice(b"{\"input\":");
    push_text(&mut body, text);
    body.extend_from_slice(b",\"model\":");
    form.push_model(&mut body, call);
    if let Some(limit) = call.max_output_tokens {
        body.extend_from_slice(b",\"max_output_tokens\":");
        push_number(&mut body, limit);
    }
    if form.field("store").is_none() {
        body.extend_from_slice(b",\"store\":false");
    }
    form.push_rest(&mut body, call.stream, form.own_options());
    body
}

/// A body that is passed on as it is written, but for what the call and its path decide.
fn encode_body(call: &Call, mut body: Body, form: &BodyForm) -> Vec<u8> {
    if let Some(limit) = call.max_output_tokens {
        body.set("max_output_tokens", limit.to_string());
    }
    if body.get("store").is_none() {
        body.set("store", false.to_string());
    }
    let options = form.own_options().map(str::to_owned).or_else(|| body.get("stream_options").map(str::to_owned));
    form.set(&mut body, call, options.as_deref());
    body.to_bytes()
}

/// What a response says of how it ended.
#[derive(Default)]
struct Response<'a> {
    status: &'a [u8],
    /// Why it is not whole.
    reason: &'a [u8],
    has_error: bool,
    usage: Option<Usage>,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// With all that was asked, or at the limit that the caller set.
    Complete,
    /// In any other way.
    Failed,
    /// Not yet, or it does not say.
    Open,
}

impl<'a> Response<'a> {
    /// Reads a response; members of another form than the API's say nothing.
    fn read(json: &'a [u8]) -> Result<Self, BadEvent> {
        let (mut response, mut object) = (Self::default(), JsonScan::new(json));
        object.object(|value, name| match name {
            b"status" if value.peek() == Some(b'"') => value.text().map(|text| response.status = text),
            b"incomplete_details" if value.peek() == Some(b'{') => value.object(|value, name| match name {
                b"reason" if value.peek() == Some(b'"') => value.text().map(|text| response.reason = text),
                _ => value.skip().map(drop),
            }),
            b"error" => value.filled().map(|error| response.has_error = error.is_some()),
            b"usage" => Usage::read(value).map(|read| response.usage = read),
            _ => value.skip().map(drop),
        })?;
        object.end()?;
        Ok(response)
    }

    fn ending(&self) -> Ending {
        match self.status {
            b"completed" => Ending::Complete,
            b"incomplete" => self.incomplete(),
            b"failed" | b"cancelled" | b"canceled" | b"error" => Ending::Failed,
            _ => Ending::Open,
        }
    }

    /// How a response ended that is not whole: the caller's own limit on tokens is the only good reason.
    fn incomplete(&self) -> Ending {
        if self.reason == b"max_output_tokens" { Ending::Complete } else { Ending::Failed }
    }
}

/// What one event of a Responses stream says. Unknown events say nothing; `type` in the JSON decides, and the `event:`
/// line where there is none.
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
    let (mut kind, mut carries, mut response, mut has_error) = (None, false, None, false);
    let mut object = JsonScan::new(data);
    object.object(|value, name| match name {
        b"type" if value.peek() == Some(b'"') => value.text().map(|text| kind = Some(text)),
        b"delta" | b"text" | b"arguments" | b"refusal" => value.carries().map(|yes| carries |= yes),
        b"response" => value.maybe().map(|bytes| response = bytes),
        b"error" => value.filled().map(|error| has_error |= error.is_some()),
        _ => value.skip().map(drop),
    })?;
    object.end()?;
    if has_error {
        return Ok(failed(ApiError::known(data)));
    }
    let named = (!event.name.is_empty()).then_some(event.name);
    match kind.or(named) {
        Some(kind) => Ok(of_kind(kind, carries, response, data)),
        None => ApiError::recognise(data).map(failed).ok_or(BadEvent),
    }
}

fn failed(error: ApiError<'_>) -> Delta<'_> {
    Delta { end: Some(End::Error(error)), ..Delta::default() }
}

fn of_kind<'a>(kind: &[u8], carries: bool, response: Option<&'a [u8]>, data: &'a [u8]) -> Delta<'a> {
    let mut delta = Delta::default();
    match kind {
        b"response.output_text.delta"
        | b"response.refusal.delta"
        | b"response.audio.delta"
        | b"response.output_audio.delta"
        | b"response.audio.transcript.delta" => delta.visible = carries,
        b"response.function_call_arguments.delta"
        | b"response.custom_tool_call_input.delta"
        | b"response.mcp_call_arguments.delta"
        | b"response.code_interpreter_call_code.delta" => delta.tool = carries,
        b"response.reasoning_text.delta"
        | b"response.reasoning_summary_text.delta"
        | b"response.reasoning.delta"
        | b"response.reasoning_summary.delta" => delta.reasoning = carries,
        b"response.output_text.done" | b"response.refusal.done" => (delta.visible, delta.repeats) = (carries, true),
        b"response.function_call_arguments.done" => (delta.tool, delta.repeats) = (carries, true),
        b"response.completed" => return ended(response, |response| response.ending(), data),
        b"response.incomplete" => return ended(response, |response| response.incomplete(), data),
        b"response.failed" | b"response.cancelled" | b"response.canceled" => return failed(ApiError::known(data)),
        kind if kind.starts_with(b"response.") && !kind.ends_with(b"error") => {}
        _ => delta.end = ApiError::recognise(data).map(End::Error),
    }
    delta
}

/// What the event says that ends the response; it counts unless the response in it says that it failed.
fn ended<'a>(snapshot: Option<&'a [u8]>, ending: impl Fn(&Response<'_>) -> Ending, data: &'a [u8]) -> Delta<'a> {
    let response = snapshot.and_then(|bytes| Response::read(bytes).ok()).unwrap_or_default();
    let usage = response.usage;
    match ending(&response) {
        _ if response.has_error => Delta { usage, ..failed(ApiError::known(snapshot.unwrap_or(data))) },
        Ending::Failed => Delta { usage, ..failed(ApiError::known(data)) },
        Ending::Complete | Ending::Open => Delta { end: Some(End::Complete), usage, ..Delta::default() },
    }
}

/// What a whole answer that is not a stream says.
///
/// # Errors
/// [`BadEvent`] when it is neither a response that has ended nor an error.
pub(crate) fn decode_body(body: &[u8]) -> Result<Whole<'_>, BadEvent> {
    let response = Response::read(body)?;
    match response.ending() {
        _ if response.has_error => Ok(Whole::Error(ApiError::known(body))),
        Ending::Failed => Ok(Whole::Error(ApiError::known(body))),
        Ending::Complete => Ok(Whole::Answer(response.usage)),
        Ending::Open => Err(BadEvent),
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
        let body: Value = serde_json::from_slice(&encode(&call, &BodyForm::default())).expect("json");
        assert_eq!(
            body,
            json!({"model": "gpt-4o", "input": "hi", "max_output_tokens": 7, "store": false, "stream": false})
        );
    }

    fn of(data: &str) -> Result<Delta<'_>, BadEvent> {
        named("", data)
    }

    fn named<'a>(name: &'a str, data: &'a str) -> Result<Delta<'a>, BadEvent> {
        decode(Event { name: name.as_bytes(), data: data.as_bytes() })
    }

    #[test]
    fn events_are_told_apart() {
        let plain = Delta::default();
        let usage = |input, output, reasoning| {
            Some(Usage { input: Some(input), output: Some(output), reasoning, ..Usage::default() })
        };
        let table: &[(&str, &str, Delta<'_>)] = &[
            (
                "created",
                r#"{"type":"response.created","response":{"status":"in_progress","error":null,"usage":null},"sequence_number":0}"#,
                plain,
            ),
            (
                "text",
                r#"{"type":"response.output_text.delta","delta":"Hel","logprobs":[]}"#,
                Delta { visible: true, ..plain },
            ),
            ("empty text", r#"{"type":"response.output_text.delta","delta":""}"#, plain),
            ("null text", r#"{"type":"response.output_text.delta","delta":{"text":null}}"#, plain),
            (
                "text again",
                r#"{"type":"response.output_text.done","text":"Hello"}"#,
                Delta { visible: true, repeats: true, ..plain },
            ),
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
                Delta { end: Some(End::Complete), usage: usage(3, 2, Some(1)), ..plain },
            ),
            (
                "completed with odd usage",
                r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3.5,"output_tokens":"2"}}}"#,
                Delta { end: Some(End::Complete), usage: Some(Usage { output: Some(2), ..Usage::default() }), ..plain },
            ),
            ("completed and no more", r#"{"type":"response.completed"}"#, Delta { end: Some(End::Complete), ..plain }),
            (
                "completed with less",
                r#"{"type":"response.completed","response":{"id":"r","error":{}}}"#,
                Delta { end: Some(End::Complete), ..plain },
            ),
            (
                "at the caller's limit",
                r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#,
                Delta { end: Some(End::Complete), ..plain },
            ),
            ("done", "[DONE]", Delta { end: Some(End::Done), ..plain }),
        ];
        for (what, data, expected) in table {
            assert_eq!(of(data), Ok(*expected), "{what}");
        }
        let nameless = r#"{"response":{"status":"completed"}}"#;
        assert_eq!(named("response.completed", nameless), Ok(Delta { end: Some(End::Complete), ..plain }));
        for bad in ["{}", "{", "", "null", "[]", nameless] {
            assert_eq!(of(bad), Err(BadEvent), "{bad}");
        }
    }

    #[test]
    fn what_failed_is_an_error_in_every_dress() {
        let incomplete = |reason: &str| {
            format!(
                r#"{{"type":"response.incomplete","response":{{"status":"incomplete","incomplete_details":{reason}}}}}"#
            )
        };
        let completed = |rest: &str| format!(r#"{{"type":"response.completed","response":{{{rest}}}}}"#);
        let table = [
            (r#"{"type":"response.failed","response":{"status":"failed","error":null}}"#.to_owned(), false),
            (r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}"#.to_owned(), true),
            (r#"{"type":"response.cancelled","response":{"status":"cancelled"}}"#.to_owned(), false),
            (r#"{"type":"error","code":"server_error","message":"m","param":null}"#.to_owned(), false),
            (r#"{"type":"error","error":{"type":"too_many_requests","code":"too_many_requests"}}"#.to_owned(), true),
            (r#"{"error":{"message":"x","code":"429"}}"#.to_owned(), true),
            (r#"{"error":"x"}"#.to_owned(), false),
            (r#"{"object":"error","message":"Rate limit reached"}"#.to_owned(), true),
            (r#"{"type":"response.output_text.delta","delta":"","error":{"code":500}}"#.to_owned(), false),
            (r#"[{"error":{"code":429}}]"#.to_owned(), true),
            (incomplete(r#"{"reason":"content_filter"}"#), false),
            (incomplete(r#"{"reason":"interrupted"}"#), false),
            (incomplete(r#"{"reason":null}"#), false),
            (incomplete("null"), false),
            (r#"{"type":"response.incomplete"}"#.to_owned(), false),
            (completed(r#""status":"failed""#), false),
            (completed(r#""status":"cancelled""#), false),
            (completed(r#""status":"incomplete","incomplete_details":{"reason":"interrupted"}"#), false),
            (completed(r#""status":"completed","error":{"code":"rate_limit_exceeded"}"#), true),
        ];
        for (data, throttled) in table {
            let end = of(&data).expect("an event").end;
            assert!(matches!(end, Some(End::Error(error)) if error.throttled == throttled), "{data}: {end:?}");
        }
    }

    #[test]
    fn a_body_is_finished_or_an_error_or_refused() {
        let limit = br#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":1,"output_tokens":2}}"#;
        let usage = Usage { input: Some(1), output: Some(2), ..Usage::default() };
        assert_eq!(decode_body(limit), Ok(Whole::Answer(Some(usage))));
        assert_eq!(decode_body(br#"{"status":"completed","error":null,"usage":7}"#), Ok(Whole::Answer(None)));
        for failed in [
            r#"{"status":"failed"}"#,
            r#"{"status":"cancelled"}"#,
            r#"{"status":"incomplete"}"#,
            r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}"#,
            r#"{"error":{"message":"x"}}"#,
            r#"{"status":"completed","error":{"code":"server_error"}}"#,
        ] {
            assert!(matches!(decode_body(failed.as_bytes()), Ok(Whole::Error(_))), "{failed}");
        }
        for open in ["{}", "[]", "{", r#"{"status":"in_progress"}"#, r#"{"status":"queued"}"#, r#"{"choices":[]}"#] {
            assert_eq!(decode_body(open.as_bytes()), Err(BadEvent), "{open}");
        }
    }
}
