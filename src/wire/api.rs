//! The APIs as one: the only match on how each of them is written and read, and what holds for all.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use crate::limits::Limit;
use crate::units::Api;
use crate::wire::delta::{Delta, End, Whole};
use crate::wire::error::ApiError;
use crate::wire::form::BodyForm;
use crate::wire::json_scan::BadEvent;
use crate::wire::sse::{ERROR, Event, UNFRAMED};
use crate::wire::{chat, messages, responses};
use crate::workload::call::Call;

/// The request's body, over a path of this form.
#[must_use]
pub fn encode(call: &Call, form: &BodyForm) -> Vec<u8> {
    match call.api {
        Api::Chat => chat::encode(call, form),
        Api::Responses => responses::encode(call, form),
        Api::Messages => messages::encode(call, form),
    }
}

/// How many choices a call asks for, over a path of this form.
#[must_use]
pub fn choices(call: &Call, form: &BodyForm) -> u32 {
    match call.api {
        Api::Chat => chat::choices(call, form),
        Api::Responses | Api::Messages => 1,
    }
}

/// The headers that a call of an API has beside those of every call.
#[must_use]
pub(crate) fn headers(api: Api) -> Option<(&'static str, &'static str)> {
    match api {
        Api::Chat | Api::Responses => None,
        Api::Messages => Some(messages::VERSION),
    }
}

/// The header in which an API takes the key that others take in `api-key`.
#[must_use]
pub(crate) fn key_header(api: Api) -> &'static str {
    match api {
        Api::Chat | Api::Responses => "api-key",
        Api::Messages => messages::KEY,
    }
}

/// Whether an event of this name is one of the API's own.
fn is_own(api: Api, name: &[u8]) -> bool {
    match api {
        Api::Chat | Api::Responses => name.starts_with(b"response."),
        Api::Messages => messages::is_own(name),
    }
}

/// To whom the name of an event speaks.
enum Addressee {
    /// To a caller of the API.
    Caller,
    /// To a caller, of an error.
    Failed,
    /// To nobody in particular: text outside every field.
    Nobody,
    /// To somebody else: keepalives, or what a gateway adds for clients of its own.
    Other,
}

impl Addressee {
    fn of(api: Api, name: &[u8]) -> Self {
        if name.is_empty() {
            return Self::Caller;
        }
        if name == UNFRAMED {
            return Self::Nobody;
        }
        let tail = &name[name.len().saturating_sub(ERROR.len())..];
        if tail.eq_ignore_ascii_case(ERROR) || name.eq_ignore_ascii_case(b"exception") {
            return Self::Failed;
        }
        if name == b"message" || is_own(api, name) { Self::Caller } else { Self::Other }
    }
}

/// What one event of a stream says.
///
/// # Errors
/// `BadEvent` when it is meant for a caller of this API and is none of its events, nor an error.
#[inline]
pub fn decode(api: Api, event: Event<'_>) -> Result<Delta<'_>, BadEvent> {
    let failed = |error| Delta { end: Some(End::Error(error)), ..Delta::default() };
    match Addressee::of(api, event.name) {
        Addressee::Caller if event.data.is_empty() => Ok(Delta::default()),
        Addressee::Caller => decode_own(api, event),
        Addressee::Failed => Ok(failed(ApiError::known(event.data))),
        Addressee::Nobody => Ok(ApiError::recognise(event.data).map(failed).unwrap_or_default()),
        Addressee::Other => Ok(decode_other(api, event)),
    }
}

#[inline]
fn decode_own(api: Api, event: Event<'_>) -> Result<Delta<'_>, BadEvent> {
    match api {
        Api::Chat => chat::decode(event.data),
        Api::Responses => responses::decode(event),
        Api::Messages => messages::decode(event),
    }
}

/// An event for somebody else decides nothing, but some servers give names of their own to the API's events.
fn decode_other(api: Api, event: Event<'_>) -> Delta<'_> {
    let delta = decode_own(api, event).unwrap_or_default();
    match delta.end {
        Some(End::Error(_)) if ApiError::explicit(event.data).is_none() => Delta::default(),
        Some(End::Error(_) | End::Complete | End::Done) | None => delta,
    }
}

/// What a whole answer that is not a stream says, to a call that asked for so many choices.
///
/// # Errors
/// `BadEvent` when it is neither a whole answer of this API nor an error.
pub fn decode_body(api: Api, body: &[u8], choices: u32) -> Result<Whole<'_>, BadEvent> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let read = match api {
        Api::Chat => chat::decode_body(body, choices),
        Api::Responses => responses::decode_body(body),
        Api::Messages => messages::decode_body(body),
    };
    read.or_else(|bad| error_among(body).map(Whole::Error).ok_or(bad))
}

/// The first error of a body of one JSON text or several, one behind the other.
fn error_among(body: &[u8]) -> Option<ApiError<'_>> {
    let mut texts = Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    let mut begin = 0;
    for _ in 0..Limit::ErrorTexts.most() {
        texts.next()?.ok()?;
        let end = texts.byte_offset();
        if let Some(error) = ApiError::recognise(&body[begin..end]) {
            return Some(error);
        }
        begin = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(api: Api, name: &'a str, data: &'a str) -> Result<Delta<'a>, BadEvent> {
        decode(api, Event { name: name.as_bytes(), data: data.as_bytes() })
    }

    const APIS: [Api; 3] = Api::ALL;
    const TEXTS: [(Api, &str); 3] = [
        (Api::Chat, r#"{"choices":[{"delta":{"content":"a"}}]}"#),
        (Api::Responses, r#"{"type":"response.output_text.delta","delta":"a"}"#),
        (Api::Messages, r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#),
    ];

    #[test]
    fn an_event_is_read_under_its_own_name_and_any_other() {
        for (api, data) in TEXTS {
            for name in ["", "message", "response.output_text.delta", "chunk", "completion", "data"] {
                assert!(of(api, name, data).expect("an event").visible, "{name}");
            }
            assert_eq!(of(api, "done", "[DONE]").expect("an event").end, Some(End::Done));
        }
    }

    #[test]
    fn an_event_for_somebody_else_decides_nothing() {
        let table = [
            ("ping", "2024-02-20 08:40:33.556053"),
            ("ping", ""),
            ("ping", "{}"),
            ("keepalive", "null"),
            ("heartbeat", r#"{"message":"alive"}"#),
            ("copilot_references", r#"[{"type":"x","id":"1"}]"#),
            ("copilot_errors", r#"[{"type":"reference","code":"1","message":"m","identifier":"i"}]"#),
            ("metadata", "<xml/>"),
            ("progress", r#"{"detail":"loading"}"#),
        ];
        for api in APIS {
            for (name, data) in table {
                assert_eq!(of(api, name, data), Ok(Delta::default()), "{name}: {data}");
            }
        }
    }

    #[test]
    fn an_error_is_one_by_name_in_no_field_and_in_any_event() {
        let is_error = |end: Option<End<'_>>| match end {
            Some(End::Error(error)) => Some(error.throttled),
            Some(End::Complete | End::Done) | None => None,
        };
        let table = [
            ("error", "", false),
            ("error", "null", false),
            ("error", "[DONE]", false),
            ("error", "upstream died", false),
            ("error", r#"{"code":400,"details":"too many logprobs"}"#, false),
            ("error", "Too Many Requests", true),
            ("ERROR", r#"{"code":"429"}"#, true),
            ("upstream_error", r#"{"message":"x","reason":"capacity"}"#, true),
            ("response.error", "gone", false),
            ("exception", "{}", false),
            ("\n", r#"{"error":"x"}"#, false),
            ("\n", r#"{"detail":"Rate limit exceeded"}"#, true),
            ("whatever", r#"{"error":{"code":429}}"#, true),
            ("", r#"{"error":{"code":429}}"#, true),
            ("message", r#"{"object":"error","message":"x","code":500}"#, false),
        ];
        for api in APIS {
            for (name, data, throttled) in table {
                assert_eq!(of(api, name, data).map(|delta| is_error(delta.end)), Ok(Some(throttled)), "{name}: {data}");
            }
        }
    }

    #[test]
    fn a_body_that_is_no_answer_is_searched_for_an_error() {
        let error = |api, body: &'static str| match decode_body(api, body.as_bytes(), 1) {
            Ok(Whole::Error(error)) => Some(error.throttled),
            Ok(Whole::Answer(_)) | Err(BadEvent) => None,
        };
        let table = [
            (r#"{"error":{"code":"rate_limit_exceeded"}}"#, Some(true)),
            (r#"{"error":"x"}"#, Some(false)),
            ("\u{feff}{\"error\":\"x\"}", Some(false)),
            (r#"{"detail":"Too Many Requests"}"#, Some(true)),
            (r#"{"object":"error","message":"x","code":400}"#, Some(false)),
            (r#"[{"error":{"code":429}}]"#, Some(true)),
            ("{\"model\":\"m\",\"message\":{},\"done\":false}\n{\"error\":\"x\"}\n", Some(false)),
            ("{\"error\":\"x\"}\n\ndata: [DONE]\n\n", Some(false)),
            ("{\"model\":\"m\",\"done\":false}\n{\"model\":\"m\",\"done\":true}\n", None),
            ("{}", None),
            ("", None),
            ("Too Many Requests", None),
        ];
        for api in APIS {
            for (body, throttled) in table {
                assert_eq!(error(api, body), throttled, "{body}");
            }
        }
    }
}
