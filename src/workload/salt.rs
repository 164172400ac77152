//! Where the salt of a request goes: in front of whatever a model reads first, found once when a file is read.

use serde_json::value::RawValue;

use crate::units::Api;
use crate::workload::body::{Body, Members};

/// A place in a text of JSON of at most 4 GiB; small, since every row of a file has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SaltPlace {
    /// The byte before which it goes.
    at: u32,
    form: Form,
}

/// What has to be written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Text, in front of a text.
    Text,
    /// A part of this type, in front of others or alone.
    Part { kind: PartKind, alone: bool },
}

/// The type of a part that holds text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum PartKind {
    /// In messages.
    Text,
    /// In the input of a response.
    InputText,
}

impl SaltPlace {
    /// Puts a salt, which is digits alone, into the text in which this place was found, on a line of its own.
    pub(crate) fn put(self, text: &mut String, salt: &str) {
        let written = match self.form {
            Form::Text => format!("{salt}\\n"),
            Form::Part { kind, alone } => {
                let more = if alone { "" } else { "," };
                format!("{{\"type\":\"{kind}\",\"text\":\"{salt}\\n\"}}{more}")
            }
        };
        text.insert_str(self.at as usize, &written);
    }

    fn behind(self, bytes: u32) -> Self {
        Self { at: self.at + bytes, ..self }
    }
}

/// The place in a list of messages: the first content that is text or parts. `None` when there is none.
#[must_use]
pub(crate) fn in_messages(messages: &str, part_kind: PartKind) -> Option<SaltPlace> {
    let items: Vec<&RawValue> = serde_json::from_str(messages).ok()?;
    items.into_iter().find_map(|item| {
        let content = serde_json::from_str::<Members<'_>>(item.get()).ok()?.get("content")?;
        Some(in_content(content, part_kind)?.behind(offset(messages, content)?))
    })
}

/// The member of a body that a model reads first, and the place in it.
#[must_use]
pub(crate) fn in_body(api: Api, body: &Body) -> Option<(&'static str, SaltPlace)> {
    match api {
        Api::Chat => Some(("messages", in_messages(body.get("messages")?, PartKind::Text)?)),
        Api::Messages => {
            if let Some(place) = body.get("system").and_then(|system| in_content(system, PartKind::Text)) {
                return Some(("system", place));
            }
            Some(("messages", in_messages(body.get("messages")?, PartKind::Text)?))
        }
        Api::Responses => {
            let instructions = body.get("instructions").and_then(|text| in_content(text, PartKind::InputText));
            if let Some(place) = instructions {
                return Some(("instructions", place));
            }
            let input = body.get("input")?;
            let text = input.starts_with('"').then_some(SaltPlace { at: 1, form: Form::Text });
            Some(("input", text.or_else(|| in_messages(input, PartKind::InputText))?))
        }
    }
}

/// The place in a content; `None` when it is neither text nor parts.
fn in_content(content: &str, part_kind: PartKind) -> Option<SaltPlace> {
    if content.starts_with('"') {
        return Some(SaltPlace { at: 1, form: Form::Text });
    }
    let parts: Vec<&RawValue> = serde_json::from_str(content).ok()?;
    let first = parts.first().and_then(|part| serde_json::from_str::<Members<'_>>(part.get()).ok()?.get("text"));
    Some(match first.filter(|text| text.starts_with('"')) {
        Some(text) => SaltPlace { at: offset(content, text)? + 1, form: Form::Text },
        None => SaltPlace { at: 1, form: Form::Part { kind: part_kind, alone: parts.is_empty() } },
    })
}

/// Where a slice of a text begins in it.
fn offset(text: &str, slice: &str) -> Option<u32> {
    u32::try_from(slice.as_ptr() as usize - text.as_ptr() as usize).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_salt_stands_in_front_of_what_is_read_first_and_nothing_else_changes() {
        for (api, body, expected) in [
            (Api::Chat, r#"{"messages":[{"role":"user","content":"Hi"}]}"#, r#"[{"role":"user","content":"7\nHi"}]"#),
            (
                Api::Chat,
                r#"{"messages": [ {"role":"assistant","content":null} , {"content" : "a","role":"tool"}]}"#,
                r#"[ {"role":"assistant","content":null} , {"content" : "7\na","role":"tool"}]"#,
            ),
            (
                Api::Chat,
                r#"{"messages":[{"role":"user","content":[{"x":1.0,"text":"Hi","type":"text"}]}]}"#,
                r#"[{"role":"user","content":[{"x":1.0,"text":"7\nHi","type":"text"}]}]"#,
            ),
            (
                Api::Chat,
                r#"{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
                r#"[{"role":"user","content":[{"type":"text","text":"7\n"},{"type":"image_url"}]}]"#,
            ),
            (
                Api::Chat,
                r#"{"messages":[{"role":"user","content":[ ]}]}"#,
                r#"[{"role":"user","content":[{"type":"text","text":"7\n"} ]}]"#,
            ),
            (Api::Responses, r#"{"input":"Hi","instructions":"Be brief."}"#, r#""7\nBe brief.""#),
            (Api::Responses, r#"{"input":"Hi","instructions":null}"#, r#""7\nHi""#),
            (
                Api::Responses,
                r#"{"input":[{"type":"function_call_output","output":"x"},{"role":"user","content":[{"type":"input_image"}]}]}"#,
                r#"[{"type":"function_call_output","output":"x"},{"role":"user","content":[{"type":"input_text","text":"7\n"},{"type":"input_image"}]}]"#,
            ),
            (
                Api::Messages,
                r#"{"messages":[{"role":"user","content":"Hi"}]}"#,
                r#"[{"role":"user","content":"7\nHi"}]"#,
            ),
            (
                Api::Messages,
                r#"{"messages":[{"role":"user","content":"Hi"}],"system":"Be brief."}"#,
                r#""7\nBe brief.""#,
            ),
            (
                Api::Messages,
                r#"{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[]}"#,
                r#"[{"type":"text","text":"7\nBe brief.","cache_control":{"type":"ephemeral"}}]"#,
            ),
            (
                Api::Messages,
                r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}],"system":null}"#,
                r#"[{"role":"user","content":[{"type":"text","text":"7\n"},{"type":"tool_result","tool_use_id":"t"}]}]"#,
            ),
        ] {
            let mut body = Body::parse(body).expect("an object");
            let (member, place) = in_body(api, &body).expect("a place");
            place.put(body.get_mut(member).expect("there"), "7");
            assert_eq!(body.get(member), Some(expected));
        }
        let nothing = Body::parse(r#"{"messages":[{"role":"assistant","tool_calls":[]}]}"#).expect("an object");
        assert_eq!(in_body(Api::Chat, &nothing), None);
    }
}
