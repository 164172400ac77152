//! Conversations of a file, a line each: chat messages, or requests in the form of OpenAI's batch files.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::units::Api;
use crate::workload::call::{Message, Prompt};
use crate::workload::error::WorkloadError;
use crate::workload::material::{SALT_TOKENS, push_salt};
use crate::workload::tokens;
use crate::workload::trace::json_reason;

const LINE_EXPECTED: &str = r#"{"messages": [...]}, a bare array of messages, or {"method": "POST", "url": "/v1/chat/completions", "body": {...}}"#;
const MESSAGE_EXPECTED: &str =
    "messages of role (system, developer, user, assistant) and content (text or parts); the batch form takes any other";
const URL_EXPECTED: &str = r#"a "url" that ends in /chat/completions or /responses"#;
const BODY_EXPECTED: &str = r#"a "body" with "messages" (chat) or "input" (responses)"#;
const LIMIT_EXPECTED: &str = "a whole number of tokens above 0";

const LIMIT_KEYS: [&str; 3] = ["max_completion_tokens", "max_tokens", "max_output_tokens"];

/// One request of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// What is asked.
    pub ask: Ask,
    /// The limit on output tokens that the file itself sets.
    pub limit: Option<u32>,
    /// The tokens of its texts and the salt; `None` when it holds more than text.
    pub tokens: Option<u32>,
}

/// The two forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Messages that any API can carry.
    Messages(Vec<Message>),
    /// A body for one API.
    Body(Api, Map<String, Value>),
}

impl Conversation {
    /// The API that the file fixes, if it does.
    #[must_use]
    pub fn api(&self) -> Option<Api> {
        match &self.ask {
            Ask::Messages(_) => None,
            Ask::Body(api, _) => Some(*api),
        }
    }

    /// The prompt for the attempt with this salt, which goes in front of the first text on a line of its own.
    #[must_use]
    pub fn prompt(&self, seed: u64, salt: u64) -> Prompt {
        let mut front = String::new();
        push_salt(&mut front, seed, salt, SALT_TOKENS);
        front.push('\n');
        match &self.ask {
            Ask::Messages(messages) => {
                let mut messages = messages.clone();
                let mut contents = messages.iter_mut().map(|message| &mut message.content);
                contents.find_map(|content| salt_content(content, &front, "text"));
                Prompt::Messages(messages)
            }
            Ask::Body(api, body) => {
                let mut body = body.clone();
                salt_body(*api, &mut body, &front);
                Prompt::Body(body)
            }
        }
    }
}

/// Puts the salt in front of a content; `None` when it is neither text nor parts.
fn salt_content(content: &mut Value, salt: &str, part_kind: &str) -> Option<()> {
    match content {
        Value::String(text) => text.insert_str(0, salt),
        Value::Array(parts) => match parts.first_mut().and_then(|part| part.get_mut("text")) {
            Some(Value::String(text)) => text.insert_str(0, salt),
            _ => parts.insert(0, json!({"type": part_kind, "text": salt})),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    }
    Some(())
}

/// Puts the salt in front of whatever a model reads first.
fn salt_body(api: Api, body: &mut Map<String, Value>, salt: &str) {
    let (first, list, part_kind) = match api {
        Api::Chat => (None, "messages", "text"),
        Api::Responses => (body.get_mut("instructions"), "input", "input_text"),
    };
    if first.and_then(|instructions| salt_content(instructions, salt, part_kind)).is_some() {
        return;
    }
    match body.get_mut(list) {
        Some(Value::Array(items)) => {
            let mut contents = items.iter_mut().filter_map(|item| item.get_mut("content"));
            contents.find_map(|content| salt_content(content, salt, part_kind));
        }
        Some(Value::String(text)) => text.insert_str(0, salt),
        _ => {}
    }
}

/// Reads a file's conversations and counts their tokens.
///
/// # Errors
/// When a line is not what it should be, there is none, or the tokenizer fails.
pub fn load(text: &str, file: &Path) -> Result<Vec<Conversation>, WorkloadError> {
    let lines = (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty());
    let mut all = lines.map(|(line, row)| parse_line(row, file, line)).collect::<Result<Vec<_>, _>>()?;
    if all.is_empty() {
        return Err(WorkloadError::Empty { file: file.to_owned(), expected: LINE_EXPECTED });
    }
    count_tokens(&mut all)?;
    Ok(all)
}

fn parse_line(row: &str, file: &Path, line: u64) -> Result<Conversation, WorkloadError> {
    let wrong = |found: String, expected| WorkloadError::line(file, line, found, expected);
    let row: Value = serde_json::from_str(row).map_err(|error| wrong(json_reason(&error), LINE_EXPECTED))?;
    let mut row = match row {
        Value::Array(messages) => Map::from_iter([("messages".to_owned(), Value::Array(messages))]),
        Value::Object(row) => row,
        other => return Err(wrong(format!("the line is {}", kind_of(&other)), LINE_EXPECTED)),
    };
    let (ask, limits) = if let Some(body) = row.remove("body") {
        let api = batch_api(&row).map_err(|found| wrong(found, URL_EXPECTED))?;
        let body = batch_body(api, body).map_err(|found| wrong(found, BODY_EXPECTED))?;
        (Ask::Body(api, body.clone()), body)
    } else if let Some(messages) = row.remove("messages") {
        (Ask::Messages(parse_messages(messages).map_err(|found| wrong(found, MESSAGE_EXPECTED))?), row)
    } else {
        return Err(wrong("the line has neither \"messages\" nor \"body\"".to_owned(), LINE_EXPECTED));
    };
    let limit = own_limit(&limits).map_err(|found| wrong(found, LIMIT_EXPECTED))?;
    Ok(Conversation { ask, limit, tokens: None })
}

fn batch_api(row: &Map<String, Value>) -> Result<Api, String> {
    if let Some(method) = row.get("method").filter(|method| method.as_str() != Some("POST")) {
        return Err(format!("the method is {method} and not \"POST\""));
    }
    match row.get("url").and_then(Value::as_str) {
        Some(url) if url.ends_with("/chat/completions") => Ok(Api::Chat),
        Some(url) if url.ends_with("/responses") => Ok(Api::Responses),
        Some(url) => Err(format!("the url is '{url}'")),
        None => Err("there is no url".to_owned()),
    }
}

fn batch_body(api: Api, body: Value) -> Result<Map<String, Value>, String> {
    let Value::Object(body) = body else { return Err(format!("the body is {}", kind_of(&body))) };
    let asked = match api {
        Api::Chat => body.get("messages").and_then(Value::as_array).is_some_and(|messages| !messages.is_empty()),
        Api::Responses => body.get("input").is_some_and(|input| input.is_string() || input.is_array()),
    };
    if asked { Ok(body) } else { Err("the body asks nothing".to_owned()) }
}

fn parse_messages(messages: Value) -> Result<Vec<Message>, String> {
    let Value::Array(messages) = messages else { return Err(format!("\"messages\" is {}", kind_of(&messages))) };
    if messages.is_empty() {
        return Err("\"messages\" is empty".to_owned());
    }
    (1..).zip(messages).map(|(place, message)| parse_message(place, message)).collect()
}

fn parse_message(place: u32, message: Value) -> Result<Message, String> {
    let Value::Object(mut message) = message else {
        return Err(format!("message {place} is {}", kind_of(&message)));
    };
    let role = match message.remove("role") {
        Some(Value::String(role)) if matches!(role.as_str(), "system" | "developer" | "user" | "assistant") => role,
        Some(role) => return Err(format!("message {place} has the role {role}")),
        None => return Err(format!("message {place} has no role")),
    };
    let content = match message.remove("content") {
        Some(content @ (Value::String(_) | Value::Array(_))) => content,
        Some(other) => return Err(format!("the content of message {place} is {}", kind_of(&other))),
        None => return Err(format!("message {place} has no content")),
    };
    match message.keys().next() {
        Some(key) => Err(format!("message {place} has the key '{key}'")),
        None => Ok(Message { role, content }),
    }
}

fn own_limit(keys: &Map<String, Value>) -> Result<Option<u32>, String> {
    let Some((key, value)) = LIMIT_KEYS.iter().find_map(|key| keys.get_key_value(*key)) else { return Ok(None) };
    let limit = value.as_u64().and_then(|limit| u32::try_from(limit).ok()).filter(|limit| *limit > 0);
    limit.map(Some).ok_or_else(|| format!("\"{key}\" is {value}"))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Counts each conversation with a salt in place: every salt has the same number of tokens.
fn count_tokens(all: &mut [Conversation]) -> Result<(), WorkloadError> {
    let texts: Vec<Option<Vec<String>>> = all.iter().map(|one| texts(&one.prompt(0, 0))).collect();
    let mut counted = tokens::count(texts.iter().flatten().flatten().cloned().collect())?.into_iter();
    for (one, texts) in all.iter_mut().zip(&texts) {
        let sum = |texts: &Vec<String>| counted.by_ref().take(texts.len()).map(|(_, tokens)| tokens as u32).sum();
        one.tokens = texts.as_ref().map(sum);
    }
    Ok(())
}

/// Every text that the model reads; `None` when there is more than text.
fn texts(prompt: &Prompt) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    match prompt {
        Prompt::Text(text) => texts.push(text.clone()),
        Prompt::Messages(messages) => {
            messages.iter().try_for_each(|message| collect(&message.content, &mut texts))?;
        }
        Prompt::Body(body) if body.contains_key("tools") || body.contains_key("functions") => return None,
        Prompt::Body(body) => {
            for value in ["instructions", "messages", "input"].iter().filter_map(|key| body.get(*key)) {
                collect(value, &mut texts)?;
            }
        }
    }
    Some(texts)
}

fn collect(value: &Value, texts: &mut Vec<String>) -> Option<()> {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, texts))?,
        Value::Object(item) => collect(item.get("content").or_else(|| item.get("text"))?, texts)?,
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Vec<Conversation>, WorkloadError> {
        load(text, Path::new("d.jsonl"))
    }

    const THREE_FORMS: &str = r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Why is the sky blue?"}],"max_tokens":50}
[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]
{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}],"temperature":0}}
{"custom_id":"b","method":"POST","url":"/v1/responses","body":{"instructions":"Be brief.","input":"Hello","max_output_tokens":9}}
"#;

    #[test]
    fn every_form_is_read() {
        let all = load_text(THREE_FORMS).expect("read");
        let summary: Vec<_> = all.iter().map(|one| (one.api(), one.limit, one.tokens.is_some())).collect();
        let (chat, responses) = (Some(Api::Chat), Some(Api::Responses));
        assert_eq!(
            summary,
            [(None, Some(50), true), (None, None, false), (chat, None, true), (responses, Some(9), true)]
        );
    }

    #[test]
    fn the_count_holds_for_every_salt() {
        let all = load_text(THREE_FORMS).expect("read");
        for one in all.iter().filter(|one| one.tokens.is_some()) {
            let sum = |salt| {
                let counted = tokens::count(texts(&one.prompt(42, salt)).expect("text only")).expect("counted");
                counted.iter().map(|(_, tokens)| *tokens as u32).sum::<u32>()
            };
            assert_eq!([Some(sum(1)), Some(sum(999))], [one.tokens; 2]);
        }
    }

    #[test]
    fn the_salt_stands_in_front_of_what_is_read_first() {
        let all = load_text(THREE_FORMS).expect("read");
        let firsts: Vec<String> = all
            .iter()
            .map(|one| match one.prompt(42, 7) {
                Prompt::Messages(messages) => match &messages[0].content {
                    Value::String(text) => text.clone(),
                    parts => parts[0]["text"].as_str().unwrap_or_default().to_owned(),
                },
                Prompt::Body(body) => {
                    let first = body.get("instructions").unwrap_or_else(|| &body["messages"][0]["content"]);
                    first.as_str().unwrap_or_default().to_owned()
                }
                Prompt::Text(text) => text,
            })
            .collect();
        for (first, end) in firsts.iter().zip(["Be brief.", "What is this?", "Hello", "Be brief."]) {
            let (salt, rest) = first.split_once('\n').expect(first);
            assert!(salt.len() == 12 && salt.bytes().all(|byte| byte.is_ascii_digit()) && rest == end, "{first}");
        }
    }

    #[test]
    fn a_broken_line_is_named() {
        let good = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
        for (word, row, part) in [
            ("no JSON", "hello", "expected value"),
            ("a number", "7", "a number"),
            ("other keys", r#"{"prompt":"Hi"}"#, "neither"),
            ("no messages", r#"{"messages":[]}"#, "empty"),
            ("no role", r#"[{"content":"Hi"}]"#, "message 1 has no role"),
            ("a strange role", r#"[{"role":"bot","content":"Hi"}]"#, "\"bot\""),
            ("no content", r#"[{"role":"user"}]"#, "no content"),
            ("tool calls", r#"[{"role":"assistant","content":"","tool_calls":[]}]"#, "'tool_calls'"),
            ("another API", r#"{"method":"POST","url":"/v1/embeddings","body":{"input":"x"}}"#, "/v1/embeddings"),
            ("no url", r#"{"body":{"input":"x"}}"#, "no url"),
            ("another method", r#"{"method":"GET","url":"/v1/responses","body":{"input":"x"}}"#, "GET"),
            ("an empty body", r#"{"method":"POST","url":"/v1/responses","body":{}}"#, "asks nothing"),
            ("a limit of 0", r#"{"messages":[{"role":"user","content":"Hi"}],"max_tokens":0}"#, "\"max_tokens\" is 0"),
        ] {
            let error = load_text(&format!("{good}\n\n{row}\n")).expect_err(word).to_string();
            assert!(error.starts_with("d.jsonl:3: ") && error.contains(part), "{word}: {error}");
        }
        assert!(load_text("\n").expect_err("empty").to_string().contains("no requests"));
    }
}
