//! Conversations of a file: chat messages, requests in the form of OpenAI's batch files, and the shapes of other people's
//! data sets.

use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::limits::Limit;
use crate::units::Api;
use crate::workload::body::{Body, Members};
use crate::workload::call::Prompt;
use crate::workload::error::WorkloadError;
use crate::workload::material::{SALT_TOKENS, push_salt};
use crate::workload::rows::{self, Row, json_reason};
use crate::workload::salt::{self, PartKind, SaltPlace};
use crate::workload::shapes;
use crate::workload::spec::MOST_TOKENS;
use crate::workload::table::Table;
use crate::workload::tokens;

const LINE_EXPECTED: &str = r#"{"messages": [...]}, a bare array of messages, {"method": "POST", "url": "/v1/chat/completions", "body": {...}}, {"custom_id": "...", "params": {...}} (a batch of messages), {"conversations": [...]} (ShareGPT), {"instruction": "..."} (Alpaca) or {"prompt": "..."}"#;
const MESSAGE_EXPECTED: &str =
    "messages of role (system, developer, user, assistant) and content (text or parts); the batch form takes any other";
const URL_EXPECTED: &str = r#"a "url" that ends in /chat/completions, /responses or /v1/messages"#;
const BODY_EXPECTED: &str = r#"a "body" with "messages" (chat, messages) or "input" (responses)"#;
const LIMIT_EXPECTED: &str = "a whole number of tokens from 1 to 2000000";

/// Keys beside messages that change what the model reads.
const SHAPING: [&str; 6] =
    ["tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format"];

const LIMIT_KEYS: [&str; 3] = ["max_completion_tokens", "max_tokens", "max_output_tokens"];

/// One request of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conversation {
    /// What is asked.
    pub ask: Ask,
    /// Where the salt of a call goes.
    salt: Option<Salted>,
    /// The limit on output tokens that the file itself sets.
    pub limit: Option<u32>,
    /// The tokens of its texts and the salt; `None` when it holds more than text.
    pub tokens: Option<u32>,
}

/// The two forms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ask {
    /// Messages that any API can carry: a JSON array as it is written.
    Messages(Box<str>),
    /// A body for one API.
    Body(Api, Body),
}

/// Where the salt goes: in the messages, or in a member of the body.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Salted {
    Messages(SaltPlace),
    Member(&'static str, SaltPlace),
}

impl Conversation {
    /// The API that the file fixes, if it does.
    #[must_use]
    pub(crate) fn api(&self) -> Option<Api> {
        match &self.ask {
            Ask::Messages(_) => None,
            Ask::Body(api, _) => Some(*api),
        }
    }

    /// The prompt for the attempt with this salt, which goes in front of the first text on a line of its own.
    #[must_use]
    pub(crate) fn prompt(&self, seed: u64, salt: u64) -> Prompt {
        let mut front = String::new();
        push_salt(&mut front, seed, salt, SALT_TOKENS);
        match &self.ask {
            Ask::Messages(messages) => {
                let mut messages = messages.to_string();
                if let Some(Salted::Messages(place)) = self.salt {
                    place.put(&mut messages, &front);
                }
                Prompt::Messages(messages)
            }
            Ask::Body(_, body) => {
                let mut body = body.clone();
                if let Some(Salted::Member(member, place)) = self.salt
                    && let Some(text) = body.get_mut(member)
                {
                    place.put(text, &front);
                }
                Prompt::Body(body)
            }
        }
    }

    fn of_messages(messages: String) -> Self {
        Self::new(Ask::Messages(messages.into()), None)
    }

    fn new(ask: Ask, limit: Option<u32>) -> Self {
        let salt = match &ask {
            Ask::Messages(messages) => salt::in_messages(messages, PartKind::Text).map(Salted::Messages),
            Ask::Body(api, body) => salt::in_body(*api, body).map(|(member, place)| Salted::Member(member, place)),
        };
        Self { ask, salt, limit, tokens: None }
    }
}

/// The conversations of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dataset {
    /// Those that ask something.
    pub all: Vec<Conversation>,
    /// How many rows ask nothing and are left out.
    pub left_out: u64,
}

/// Reads a file's conversations and counts their tokens.
///
/// # Errors
/// When a line is not what it should be, there is none, or the tokenizer fails.
pub(crate) fn load(text: &str, file: &Path) -> Result<Dataset, WorkloadError> {
    let mut dataset = parse(text, file)?;
    count_tokens(&mut dataset.all)?;
    Ok(dataset)
}

/// Reads a file's conversations.
///
/// # Errors
/// When a line is not what it should be, or there is none.
pub(crate) fn parse(text: &str, file: &Path) -> Result<Dataset, WorkloadError> {
    let mut dataset = Dataset::default();
    let mut take = |read: Option<Conversation>| match read {
        Some(conversation) => dataset.all.push(conversation),
        None => dataset.left_out += 1,
    };
    if let Some(table) = Table::find(text, file, LINE_EXPECTED)? {
        let wrong = |line, found| WorkloadError::line(file, line, found, LINE_EXPECTED);
        if !shapes::has_prompts(&table.columns) {
            return Err(wrong(1, shapes::describe(table.columns.iter().map(String::as_str))));
        }
        let columns = table.columns.clone();
        for (number, row) in (1..).zip(table.rows()) {
            let (line, row) = row?;
            Limit::DataRows.check(number).map_err(|found| wrong(line, found))?;
            let fields = columns.iter().zip(&row).map(|(key, value)| (key.clone(), Value::from(value)));
            let question = shapes::read(&fields.collect()).map_err(|found| wrong(line, found))?;
            take(question.map(Conversation::of_messages));
        }
    } else {
        for row in rows::find(text, file, is_row, LINE_EXPECTED)? {
            take(parse_row(row).map_err(|(found, expected)| WorkloadError::line(file, row.line, found, expected))?);
        }
    }
    if dataset.all.is_empty() {
        return Err(WorkloadError::Empty { file: file.to_owned(), expected: LINE_EXPECTED });
    }
    Ok(dataset)
}

/// Whether a JSON value is one row: a list of messages, or an object with a key by which rows are known.
fn is_row(text: &str) -> bool {
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
        let first = items.first().and_then(|item| serde_json::from_str::<Members<'_>>(item.get()).ok());
        return first.is_some_and(|message| message.get("role").is_some());
    }
    let row = serde_json::from_str::<Members<'_>>(text);
    row.map_or(true, |row| {
        let has = |key: &str| row.get(key).is_some();
        has("messages") || has("body") || has("params") || shapes::is_known(has)
    })
}

/// What is wrong with a row, and what should stand there.
type WrongRow = (String, &'static str);

/// A row; `None` when it asks nothing.
fn parse_row(row: Row<'_>) -> Result<Option<Conversation>, WrongRow> {
    row.check().map_err(|found| (found, LINE_EXPECTED))?;
    let value: Value = serde_json::from_str(row.text).map_err(|error| (json_reason(&error), LINE_EXPECTED))?;
    let object = match &value {
        Value::Array(_) => return messages(&value, row.text, None).map(Some),
        Value::Object(object) => object,
        other => return Err((format!("the line is {}", kind_of(other)), LINE_EXPECTED)),
    };
    let members: Members<'_> = serde_json::from_str(row.text).map_err(|error| (json_reason(&error), LINE_EXPECTED))?;
    if let (Some(Value::Object(_)), true, Some(text)) =
        (object.get("row"), object.contains_key("row_idx"), members.get("row"))
    {
        // The data sets' server of Hugging Face puts each row into one of its own.
        return parse_row(Row { text, ..row });
    }
    if let (Some(body), Some(text)) = (object.get("body"), members.get("body")) {
        let api = batch_api(object).map_err(|found| (found, URL_EXPECTED))?;
        return batch(api, body, text).map(Some);
    }
    if let (Some(body), true, Some(text)) =
        (object.get("params"), object.contains_key("custom_id"), members.get("params"))
    {
        // Anthropic's batches are of one API and say neither method nor url.
        return batch(Api::Messages, body, text).map(Some);
    }
    if let (Some(list), Some(text)) = (object.get("messages"), members.get("messages")) {
        let limit = own_limit(object).map_err(|found| (found, LIMIT_EXPECTED))?;
        return match shaping(&members) {
            Some(body) => Ok(Some(Conversation::new(Ask::Body(Api::Chat, body), limit))),
            None => messages(list, text, limit).map(Some),
        };
    }
    if shapes::is_known(|key| object.contains_key(key)) {
        return shapes::read(object)
            .map(|question| question.map(Conversation::of_messages))
            .map_err(|found| (found, LINE_EXPECTED));
    }
    Err((shapes::describe(object.keys().map(String::as_str)), LINE_EXPECTED))
}

fn messages(list: &Value, text: &str, limit: Option<u32>) -> Result<Conversation, WrongRow> {
    check_messages(list).map_err(|found| (found, MESSAGE_EXPECTED))?;
    Ok(Conversation::new(Ask::Messages(text.into()), limit))
}

fn batch(api: Api, body: &Value, text: &str) -> Result<Conversation, WrongRow> {
    let checked = check_body(api, body).map_err(|found| (found, BODY_EXPECTED))?;
    let limit = own_limit(checked).map_err(|found| (found, LIMIT_EXPECTED))?;
    let body = Body::parse(text).map_err(|error| (json_reason(&error), BODY_EXPECTED))?;
    Ok(Conversation::new(Ask::Body(api, body), limit))
}

/// The body of a row of messages with keys that shape the prompt too, which chat completions alone can carry.
fn shaping(members: &Members<'_>) -> Option<Body> {
    SHAPING.iter().any(|key| members.get(key).is_some()).then(|| {
        let passed_on = |key: &str| key == "messages" || SHAPING.contains(&key);
        let mut body = Body::default();
        for (key, value) in members.0.iter().filter(|(key, _)| passed_on(key)) {
            body.set(key, (*value).to_owned());
        }
        body
    })
}

fn batch_api(row: &Map<String, Value>) -> Result<Api, String> {
    if let Some(method) = row.get("method").filter(|method| method.as_str() != Some("POST")) {
        return Err(format!("the method is {method} and not \"POST\""));
    }
    match row.get("url").and_then(Value::as_str) {
        Some(url) => {
            let api = Api::ALL.into_iter().find(|api| url.ends_with(api.resource()));
            api.ok_or_else(|| format!("the url is '{url}'"))
        }
        None => Err("there is no url".to_owned()),
    }
}

fn check_body(api: Api, body: &Value) -> Result<&Map<String, Value>, String> {
    let Value::Object(body) = body else { return Err(format!("the body is {}", kind_of(body))) };
    let question = match api {
        Api::Chat | Api::Messages => {
            body.get("messages").and_then(Value::as_array).is_some_and(|messages| !messages.is_empty())
        }
        Api::Responses => body.get("input").is_some_and(|input| input.is_string() || input.is_array()),
    };
    if question { Ok(body) } else { Err("the body holds no request".to_owned()) }
}

fn check_messages(messages: &Value) -> Result<(), String> {
    let Value::Array(messages) = messages else { return Err(format!("\"messages\" is {}", kind_of(messages))) };
    if messages.is_empty() {
        return Err("\"messages\" is empty".to_owned());
    }
    (1..).zip(messages).try_for_each(|(place, message)| check_message(place, message))
}

fn check_message(place: u32, message: &Value) -> Result<(), String> {
    let Value::Object(message) = message else {
        return Err(format!("message {place} is {}", kind_of(message)));
    };
    match message.get("role") {
        Some(Value::String(role)) if matches!(role.as_str(), "system" | "developer" | "user" | "assistant") => {}
        Some(role) => return Err(format!("message {place} has the role {role}")),
        None => return Err(format!("message {place} has no role")),
    }
    match message.get("content") {
        Some(Value::String(_) | Value::Array(_)) => {}
        Some(other) => return Err(format!("the content of message {place} is {}", kind_of(other))),
        None => return Err(format!("message {place} has no content")),
    }
    match message.keys().find(|key| !matches!(key.as_str(), "role" | "content")) {
        Some(key) => Err(format!("message {place} has the key '{key}'")),
        None => Ok(()),
    }
}

fn own_limit(keys: &Map<String, Value>) -> Result<Option<u32>, String> {
    let Some((key, value)) = LIMIT_KEYS.iter().find_map(|key| keys.get_key_value(*key)) else { return Ok(None) };
    let limit =
        value.as_u64().and_then(|limit| u32::try_from(limit).ok()).filter(|limit| (1..=MOST_TOKENS).contains(limit));
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
    tokens::with_counter(|count| all.iter_mut().for_each(|one| one.tokens = tokens_of(&one.prompt(0, 0), count)))
}

/// The tokens of every text that the model reads; `None` when there is more than text.
fn tokens_of(prompt: &Prompt, count: &dyn Fn(&str) -> u32) -> Option<u32> {
    match prompt {
        Prompt::Text(text) => Some(count(text)),
        Prompt::Messages(messages) => {
            let messages: Vec<Value> = serde_json::from_str(messages).ok()?;
            messages.iter().map(|message| tokens_in(message.get("content")?, count)).sum()
        }
        Prompt::Body(body) if body.get("tools").is_some() || body.get("functions").is_some() => None,
        Prompt::Body(body) => {
            let texts = ["instructions", "system", "messages", "input"].iter().filter_map(|key| body.get(key));
            texts.map(|text| tokens_in(&serde_json::from_str(text).ok()?, count)).sum()
        }
    }
}

fn tokens_in(value: &Value, count: &dyn Fn(&str) -> u32) -> Option<u32> {
    match value {
        Value::String(text) => Some(count(text)),
        Value::Array(items) => items.iter().map(|item| tokens_in(item, count)).sum(),
        Value::Object(item) => tokens_in(item.get("content").or_else(|| item.get("text"))?, count),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Vec<Conversation>, WorkloadError> {
        load(text, Path::new("d.jsonl")).map(|dataset| dataset.all)
    }

    const FORMS: &str = r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Why is the sky blue?"}],"max_tokens":50}
[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]
{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}],"temperature":0}}
{"custom_id":"b","method":"POST","url":"/v1/responses","body":{"instructions":"Be brief.","input":"Hello","max_output_tokens":9}}
{"custom_id":"c","params":{"model":"claude-haiku-4-5","max_tokens":8,"system":[{"type":"text","text":"Be brief."}],"messages":[{"role":"user","content":"Hello"}]}}
{"method":"POST","url":"/anthropic/v1/messages","body":{"max_tokens":7,"messages":[{"role":"user","content":[{"type":"text","text":"Hello"}]}]}}
"#;

    #[test]
    fn every_form_is_read() {
        let all = load_text(FORMS).expect("read");
        let summary: Vec<_> = all.iter().map(|one| (one.api(), one.limit, one.tokens.is_some())).collect();
        let (chat, responses, messages) = (Some(Api::Chat), Some(Api::Responses), Some(Api::Messages));
        assert_eq!(
            summary,
            [
                (None, Some(50), true),
                (None, None, false),
                (chat, None, true),
                (responses, Some(9), true),
                (messages, Some(8), true),
                (messages, Some(7), true)
            ]
        );
    }

    #[test]
    fn what_is_read_is_what_is_asked_in_every_shape() {
        let user = |text: &str| format!(r#"[{{"role":"user","content":"{text}"}}]"#);
        let sharegpt = r#"{"id":"a","conversations":[{"from":"human","value":"A"},{"from":"gpt","value":"x"}]}"#;
        for (word, text, expected) in [
            ("JSONL with blank lines", format!("{{\"messages\":{}}}\n\n \n{}\n", user("A"), user("B")), vec!["A", "B"]),
            ("an array", format!("[{{\"messages\":{}}}, {{\"messages\":{}}}]", user("A"), user("B")), vec!["A", "B"]),
            ("an array of lists", format!("[{}, {}]", user("A"), user("B")), vec!["A", "B"]),
            ("one list of messages", user("A"), vec!["A"]),
            ("one list over many lines", user("A").replace('{', "{\n"), vec!["A"]),
            ("an array of ShareGPT", format!("[\n{sharegpt},\n{sharegpt}\n]"), vec!["A", "A"]),
            ("a line of ShareGPT", sharegpt.to_owned(), vec!["A"]),
            ("an object with data", format!("{{\"version\":1,\"data\":[{sharegpt}]}}"), vec!["A"]),
            ("rows of Hugging Face", format!("{{\"rows\":[{{\"row_idx\":0,\"row\":{sharegpt}}}]}}"), vec!["A"]),
            ("CSV", "id,Prompt\n1,A\n\n2,\"B\"\n".to_owned(), vec!["A", "B"]),
            ("CSV of Alpaca", "instruction;input;output\nA;;x\n".to_owned(), vec!["A"]),
            ("TSV", "prompt\tid\nA\t1\n".to_owned(), vec!["A"]),
        ] {
            let all = load_text(&text).unwrap_or_else(|error| panic!("{word}: {error}"));
            let question: Vec<_> = all.iter().map(|one| one.ask.clone()).collect();
            let expected: Vec<_> = expected.into_iter().map(user).collect();
            let plain = |ask: Ask| match ask {
                Ask::Messages(messages) => messages.replace('\n', ""),
                Ask::Body(..) => panic!("{word}: a body"),
            };
            assert_eq!(question.into_iter().map(plain).collect::<Vec<_>>(), expected, "{word}");
        }
    }

    #[test]
    fn rows_that_ask_nothing_are_counted() {
        let text = "{\"conversations\":[]}\n{\"prompt\":\"Hi\"}\n{\"prompt\":\"\"}\n";
        let dataset = load(text, Path::new("d.jsonl")).expect("read");
        assert_eq!((dataset.all.len(), dataset.left_out), (1, 2));
        assert!(load_text("{\"conversations\":[]}").expect_err("nothing").to_string().contains("no requests"));
    }

    #[test]
    fn messages_with_tools_are_sent_with_them_in_their_order() {
        let tools = r#"[{"type":"function","function":{"name":"f","parameters":{"z":{},"a":{}}}}]"#;
        let row = format!(r#"{{"id":7,"tools":{tools},"messages":[{{"role":"user","content":"Hi"}}],"max_tokens":5}}"#);
        let all = load_text(&row).expect("read");
        let Ask::Body(Api::Chat, body) = &all[0].ask else { panic!("{:?}", all[0].ask) };
        assert_eq!((body.get("tools"), body.get("id"), all[0].limit), (Some(tools), None, Some(5)));
        assert!(body.to_bytes().starts_with(b"{\"tools\":"), "{body:?}");
    }

    #[test]
    fn the_count_holds_for_every_salt() {
        let all = load_text(FORMS).expect("read");
        for one in all.iter().filter(|one| one.tokens.is_some()) {
            let with = |salt| tokens::with_counter(|count| tokens_of(&one.prompt(42, salt), count)).expect("counted");
            assert_eq!([with(1), with(999)], [one.tokens; 2]);
        }
    }

    #[test]
    fn the_salt_stands_in_front_of_what_is_read_first() {
        let all = load_text(FORMS).expect("read");
        let firsts: Vec<String> = all
            .iter()
            .map(|one| match one.prompt(42, 7) {
                Prompt::Messages(messages) => {
                    let messages: Value = serde_json::from_str(&messages).expect("JSON");
                    match &messages[0]["content"] {
                        Value::String(text) => text.clone(),
                        parts => parts[0]["text"].as_str().unwrap_or_default().to_owned(),
                    }
                }
                Prompt::Body(body) => {
                    let body: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
                    let first = body.get("instructions").or(body.get("system"));
                    let first = first.unwrap_or_else(|| &body["messages"][0]["content"]);
                    first.as_str().or(first[0]["text"].as_str()).unwrap_or_default().to_owned()
                }
                Prompt::Text(text) => text,
            })
            .collect();
        for (first, end) in
            firsts.iter().zip(["Be brief.", "What is this?", "Hello", "Be brief.", "Be brief.", "Hello"])
        {
            let (salt, rest) = first.split_once('\n').expect(first);
            assert!(salt.len() == 12 && salt.bytes().all(|byte| byte.is_ascii_digit()) && rest == end, "{first}");
        }
    }

    #[test]
    fn a_broken_line_is_named() {
        let good = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
        let deep = format!("{{\"messages\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for (word, row, part) in [
            ("too deep", deep.as_str(), "nested deeper than 128 levels"),
            ("no JSON", "hello", "expected value"),
            ("a number", "7", "a number"),
            ("other keys", r#"{"foo":"Hi"}"#, "neither"),
            ("no messages", r#"{"messages":[]}"#, "empty"),
            ("no role", r#"[{"content":"Hi"}]"#, "message 1 has no role"),
            ("a strange role", r#"[{"role":"bot","content":"Hi"}]"#, "\"bot\""),
            ("no content", r#"[{"role":"user"}]"#, "no content"),
            ("tool calls", r#"[{"role":"assistant","content":"","tool_calls":[]}]"#, "'tool_calls'"),
            ("another API", r#"{"method":"POST","url":"/v1/embeddings","body":{"input":"x"}}"#, "/v1/embeddings"),
            ("no url", r#"{"body":{"input":"x"}}"#, "no url"),
            ("another method", r#"{"method":"GET","url":"/v1/responses","body":{"input":"x"}}"#, "GET"),
            ("params that ask nothing", r#"{"custom_id":"a","params":{"messages":[]}}"#, "holds no request"),
            ("an empty body", r#"{"method":"POST","url":"/v1/responses","body":{}}"#, "holds no request"),
            ("a limit of 0", r#"{"messages":[{"role":"user","content":"Hi"}],"max_tokens":0}"#, "\"max_tokens\" is 0"),
        ] {
            let error = load_text(&format!("{good}\n\n{row}\n")).expect_err(word).to_string();
            assert!(error.starts_with("d.jsonl:3: ") && error.contains(part), "{word}: {error}");
        }
        assert!(load_text("\n").expect_err("empty").to_string().contains("no requests"));
    }
}
