//! What can be told of an answer from its bytes on the way: whether a piece brings content, and the tokens of the usage.

/// Whether a piece of a stream brings something of an answer, in any API: text, a refusal, or a call.
pub(crate) fn has_content(text: &str) -> bool {
    const DELTAS: [&str; 5] =
        ["output_text", "refusal", "function_call_arguments", "custom_tool_call_input", "reasoning_summary_text"];
    let filled = |key: &str| {
        rest_after(text, key).any(|rest| rest.trim_start().strip_prefix('"').is_some_and(|rest| !rest.starts_with('"')))
    };
    if text.contains("\"content_block_") {
        let deltas = ["\"text\":", "\"partial_json\":", "\"thinking\":"];
        return deltas.iter().any(|key| filled(key)) || text.contains("\"type\":\"tool_use\"");
    }
    if text.contains("\"response.") || text.contains("event: response.") {
        return DELTAS.iter().any(|delta| text.contains(&format!("response.{delta}.delta")));
    }
    filled("\"content\":")
        || filled("\"refusal\":")
        || text.contains("\"tool_calls\":")
        || rest_after(text, "\"function_call\":").any(|rest| rest.trim_start().starts_with('{'))
        || (text.contains("\"text_completion\"") && filled("\"text\":"))
}

/// The tokens of the answer, if its usage stands in `text`; of several the last counts.
pub(crate) fn output_tokens(text: &str) -> Option<u32> {
    let number = |rest: &str| rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    ["\"completion_tokens\":", "\"output_tokens\":"]
        .iter()
        .find_map(|key| rest_after(text, key).filter_map(number).last())
}

/// What follows each `key` in `text`.
fn rest_after<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(key).map(move |(at, _)| &text[at + key.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_told_from_roles_and_ends() {
        let table = [
            (r#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#, false),
            (r#"data: {"choices":[{"delta":{"content":"Hi"}}]}"#, true),
            (r#"data: {"choices": [{"delta": {"content": "Hi"}}]}"#, true),
            (r#"data: {"choices":[{"delta":{}}]}"#, false),
            (r#"data: {"type":"response.output_text.delta","delta":"Hi"}"#, true),
            (r#"data: {"type":"response.function_call_arguments.delta","delta":"{"}"#, true),
            (r#"data: {"type":"response.created","response":{"instructions":"x","content":"x"}}"#, false),
            (r#"data: {"choices":[{"delta":{"refusal":"I"}}]}"#, true),
            (r#"data: {"choices":[{"delta":{"content":null,"refusal":null}}]}"#, false),
            (r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, true),
            (r#"data: {"object":"text_completion","choices":[{"text":" a"}]}"#, true),
            (r#"data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\""}}]}}]}"#, true),
            (r#"data: {"choices":[{"delta":{"function_call":{"arguments":"{\""}}}]}"#, true),
            (r#"data: {"choices":[{"delta":{},"finish_reason":"function_call"}]}"#, false),
            (r#"data: {"type":"response.custom_tool_call_input.delta","delta":"x"}"#, true),
            ("event: response.output_text.delta\n", true),
            (r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#, true),
            (r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#, false),
            (r#"data: {"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{"}}"#, true),
            (r#"data: {"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}"#, true),
            (r#"data: {"type":"content_block_delta","delta":{"type":"signature_delta","signature":"x"}}"#, false),
            (r#"data: {"type":"content_block_start","content_block":{"type":"text","text":""}}"#, false),
            (r#"data: {"type":"content_block_start","content_block":{"type":"tool_use","name":"f"}}"#, true),
            (r#"data: {"type":"message_start","message":{"content":[],"model":"x"}}"#, false),
            (r#"data: {"type":"response.content_part.added","part":{"text":""}}"#, false),
        ];
        for (text, expected) in table {
            assert_eq!(has_content(text), expected, "{text}");
        }
    }

    #[test]
    fn the_usage_tells_the_tokens() {
        assert_eq!(
            output_tokens(r#"{"usage":{"prompt_tokens":7,"completion_tokens":12,"total_tokens":19}}"#),
            Some(12)
        );
        assert_eq!(output_tokens(r#""usage": {"output_tokens": 3}"#), Some(3));
        assert_eq!(output_tokens(r#"{"usage":null}"#), None);
        let begun = r#""usage":{"output_tokens":1}"#;
        assert_eq!(output_tokens(&format!(r#"{begun} "usage":{{"output_tokens":9}}"#)), Some(9));
    }
}
