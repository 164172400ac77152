//! The prompt of a request in the order in which the model reads it: handed on while it is parsed, and not kept.

mod parts;
mod reading;
mod walk;

use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use reading::{CHAT, Facts, KEPT, Kept, Layout, MESSAGES, RESPONSES, Reading, Str, TEXT, Wrong};
pub(crate) use walk::{COMPACTION, read};

/// A tool, flat or nested.
#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    function: Option<&'a RawValue>,
    #[serde(borrow)]
    custom: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<Str<'a>>,
    #[serde(borrow)]
    description: Option<Str<'a>>,
    #[serde(borrow, alias = "format", alias = "input_schema")]
    parameters: Option<&'a RawValue>,
}

/// Reads tools, each of which costs its name, its description and its parameters, and one that is the service's own all
/// that stands there.
pub(crate) fn read_tools<R: Reading>(raw: &str, layout: &Layout, reading: &mut R) {
    let tools: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    for raw in &tools {
        let tool: Option<Tool<'_>> = serde_json::from_str(raw.get()).ok();
        let nested = tool.as_ref().and_then(|tool| tool.function.or(tool.custom));
        let tool = nested.map_or(tool, |inner| serde_json::from_str(inner.get()).ok());
        match tool {
            Some(Tool { name: Some(Str(name)), description, parameters, .. }) => {
                reading.text(&name);
                description.iter().for_each(|Str(text)| reading.text(text));
                parameters.iter().for_each(|shape| reading.text(shape.get()));
            }
            _ => reading.text(raw.get()),
        }
    }
    if !tools.is_empty() {
        reading.lump(layout.tools, 1);
    }
}

/// The tokens of a prompt, in either API, as a gateway estimates them: those of its text; 0 for what is none.
pub(crate) fn prompt_tokens(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Prompt<'a> {
        #[serde(borrow)]
        messages: Option<&'a RawValue>,
        #[serde(borrow)]
        input: Option<&'a RawValue>,
    }
    let prompt: Option<Prompt<'_>> = serde_json::from_slice(body).ok();
    let mut tokens = 0usize;
    let list = prompt.and_then(|prompt| prompt.messages.or(prompt.input));
    match list.map(|list| read(list.get(), &TEXT, &mut tokens)) {
        Some(Ok(_) | Err(Wrong::Role(..))) => tokens as u64,
        Some(Err(_)) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn counted(json: &str) -> (usize, Facts) {
        let layout = Layout { base: 0, item: 0, needs_role: false, ..RESPONSES };
        let mut tokens = 0usize;
        let facts = read(json, &layout, &mut tokens).unwrap();
        (tokens, facts)
    }

    #[test]
    fn text_is_counted_wherever_it_stands() {
        let table = [
            (r#""hello world""#, 2),
            (
                r#"[{"role":"system","content":"hello"},{"role":"user","content":[{"type":"text","text":"hello world"}]}]"#,
                3,
            ),
            (r#"[{"role":"assistant","content":null}]"#, 0),
            (r#"[{"role":"assistant","tool_calls":[{"custom":{"name":"hello","input":"hello world"}}]}]"#, 3),
            (r#"[{"role":"assistant","function_call":{"name":"hello","arguments":"hello world"}}]"#, 3),
            (r#"[{"type":"custom_tool_call_output","call_id":"c","output":"hello"}]"#, 1),
            (r#"[{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"hello"}]}]"#, 1),
        ];
        for (json, tokens) in table {
            assert_eq!(counted(json).0, tokens, "{json}");
        }
    }

    #[test]
    fn images_and_files_cost_the_same_however_many_bytes_they_are_sent_in() {
        let image = |url: &str| {
            counted(&format!(r#"[{{"role":"user","content":[{{"type":"input_image","image_url":"{url}"}}]}}]"#)).0
        };
        let data = format!("data:image/png;base64,{}", "A".repeat(100_000));
        assert_eq!((image("https://example.com/a.png"), image(&data)), (297, 297));
        let part = |part: &str| counted(&format!(r#"[{{"role":"user","content":[{part}]}}]"#)).0;
        assert_eq!(part(r#"{"type":"image_url","image_url":{"url":"x","detail":"low"}}"#), 85);
        assert_eq!(part(r#"{"type":"input_image","file_id":"file-1","detail":"low"}"#), 85);
        assert_eq!(part(r#"{"type":"input_file","file_id":"file-1"}"#), 8400);
        assert_eq!(
            part(
                r#"{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,AAAAAAAAAAAAAAAA"}}"#
            ),
            3
        );
    }

    #[test]
    fn calls_and_their_results_find_each_other() {
        let facts = |json: &str| counted(json).1;
        let called = r#"[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}"#;
        let open = facts(&format!("{called}]"));
        assert_eq!((open.open.len(), open.strays.len(), open.answered), (1, 0, false));
        let layout = Layout { needs_role: true, ..CHAT };
        let told =
            read(&format!(r#"{called},{{"role":"tool","tool_call_id":"c","content":"x"}}]"#), &layout, &mut 0usize);
        let told = told.unwrap();
        assert_eq!((told.open.len(), told.strays.len(), told.answered, told.items), (0, 0, true, 2));
        let stray = facts(r#"[{"type":"function_call_output","call_id":"d","output":"x"}]"#);
        assert_eq!(stray.strays, BTreeSet::from(["d".to_owned()]));
    }

    #[test]
    fn what_is_no_message_is_named_by_its_number() {
        let wrong = |json: &str| read(json, &CHAT, &mut 0usize).unwrap_err();
        assert_eq!(wrong(r#"["hello"]"#), Wrong::Kind(0, "a string"));
        assert_eq!(wrong(r#"[{"role":"user"},7]"#), Wrong::Kind(1, "an integer"));
        assert_eq!(wrong(r#"[{"content":"x"}]"#), Wrong::NoRole(0));
        assert_eq!(wrong(r#"[{"role":"boss","content":"x"}]"#), Wrong::Role(0, "boss".to_owned()));
    }

    #[test]
    fn tokens_are_kept_as_many_as_are_counted() {
        let json = r#"[{"role":"user","content":"hello world"},{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]"#;
        let (mut kept, mut tokens) = (Kept::default(), 0usize);
        read(json, &CHAT, &mut kept).unwrap();
        read(json, &CHAT, &mut tokens).unwrap();
        let all = 2 + 4 + 4 + 1105;
        assert_eq!((kept.tokens, kept.ids.len(), tokens), (all, all, all));
        kept.lump(2 * KEPT, 1);
        assert_eq!((kept.tokens, kept.ids.len()), (all + 2 * KEPT, KEPT));
    }
}
