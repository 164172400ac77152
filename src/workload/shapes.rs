//! The shapes of other people's data sets: conversations of ShareGPT and LMSYS, instructions of Alpaca, plain prompts.
//!
//! Of a recorded conversation everything up to its last question is asked; the answer that stands behind it is not sent.

use serde_json::{Map, Value};

use crate::workload::body::json_text;

/// Keys under which a recorded conversation stands.
const CONVERSATIONS: [&str; 2] = ["conversations", "conversation"];
/// Keys of a question that stands alone.
const PROMPTS: [&str; 4] = ["prompt", "question", "text_input", "instruction"];
/// What a dialect calls the roles of the API.
const ROLES: [(&str, &str); 11] = [
    ("user", "user"),
    ("human", "user"),
    ("assistant", "assistant"),
    ("gpt", "assistant"),
    ("chatgpt", "assistant"),
    ("bing", "assistant"),
    ("bard", "assistant"),
    ("model", "assistant"),
    ("bot", "assistant"),
    ("system", "system"),
    ("developer", "developer"),
];
/// Shapes that are not read: keys that all stand in a row, and what it is.
const KNOWN: [(&[&str], &str); 6] = [
    (&["custom_id", "response"], "the output of a batch; its input file holds the requests"),
    (&["input_length"], "a trace of lengths without texts; set workload.kind = \"trace\""),
    (&["contexttokens"], "a trace of lengths without texts; set workload.kind = \"trace\""),
    (&["turns"], "a list of turns (MT-Bench); write each question as {\"prompt\": \"...\"}"),
    (&["choices", "object"], "an answer of the API, not a request"),
    (&["text"], "documents, not questions; write them as {\"prompt\": \"...\"}"),
];

/// Whether a row that has these keys is of a shape that is read here.
#[must_use]
pub(crate) fn is_known(has: impl Fn(&str) -> bool) -> bool {
    CONVERSATIONS.iter().chain(&PROMPTS).any(|key| has(key))
}

/// Whether columns of a table are of a shape that is read here.
#[must_use]
pub(crate) fn has_prompts(columns: &[String]) -> bool {
    columns.iter().any(|column| PROMPTS.contains(&column.as_str()))
}

/// The messages by which a row asks, as JSON; `None` for a conversation without a question.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(row: &Map<String, Value>) -> Result<Option<String>, String> {
    if row.get("tools").is_some_and(|tools| !is_nothing(tools)) {
        return Err("it has tools, which only the batch form can carry".to_owned());
    }
    let system = row.get("system").or_else(|| row.get("system_prompt")).and_then(Value::as_str);
    let system = system.filter(|text| !text.trim().is_empty()).map(|text| message("system", text));
    let conversation = CONVERSATIONS.iter().find_map(|key| Some((*key, row.get(*key)?)));
    let turns = match conversation {
        Some((key, turns)) => recorded(key, turns)?,
        None => question(row)?,
    };
    let Some(last) = turns.iter().rposition(|(role, _)| *role == "user") else { return Ok(None) };
    let turns = turns[..=last].iter().map(|(role, text)| message(role, text));
    Ok(Some(format!("[{}]", system.into_iter().chain(turns).collect::<Vec<_>>().join(","))))
}

/// What a row that is not read is, as far as that is known, or at least its keys.
#[must_use]
pub(crate) fn describe<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    let keys: Vec<&str> = keys.collect();
    let has = |wanted: &&str| keys.iter().any(|key| key.eq_ignore_ascii_case(wanted));
    if let Some((_, what)) = KNOWN.iter().find(|(wanted, _)| wanted.iter().all(has)) {
        return format!("this looks like {what}");
    }
    let named: Vec<String> = keys.iter().take(8).map(|key| format!("\"{key}\"")).collect();
    let named = if named.is_empty() { "there are none".to_owned() } else { named.join(", ") };
    format!("the line has neither \"messages\" nor \"body\" nor another known key, but: {named}")
}

fn message(role: &str, text: &str) -> String {
    format!("{{\"role\":\"{role}\",\"content\":{}}}", json_text(text))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => matches!(text.trim(), "" | "[]"),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

type Turns<'a> = Vec<(&'static str, std::borrow::Cow<'a, str>)>;

fn recorded<'a>(key: &str, turns: &'a Value) -> Result<Turns<'a>, String> {
    let turns = turns.as_array().ok_or_else(|| format!("\"{key}\" is not a list of turns"))?;
    (1..).zip(turns).map(|(place, turn)| recorded_turn(place, turn)).collect()
}

fn recorded_turn(place: u32, turn: &Value) -> Result<(&'static str, std::borrow::Cow<'_, str>), String> {
    let text = |keys: [&str; 2]| keys.iter().find_map(|key| turn.get(*key)).and_then(Value::as_str);
    let name = text(["from", "role"]).ok_or_else(|| format!("turn {place} does not say who speaks"))?;
    let role = ROLES.iter().find(|(known, _)| *known == name).map(|(_, role)| *role);
    let role = role.ok_or_else(|| format!("turn {place} is from \"{name}\", which only the batch form can carry"))?;
    let text = text(["value", "content"]).ok_or_else(|| format!("turn {place} has no text"))?;
    Ok((role, text.into()))
}

/// The question of a row, with the input that belongs to an instruction.
fn question(row: &Map<String, Value>) -> Result<Turns<'_>, String> {
    let found = PROMPTS.iter().find_map(|key| Some((*key, row.get(*key)?)));
    let (key, value) = found.ok_or("it has no prompt")?;
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Array(_) => return recorded(key, value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err(format!("\"{key}\" is not a text"));
        }
    };
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let input =
        row.get("input").and_then(Value::as_str).filter(|input| key == "instruction" && !input.trim().is_empty());
    Ok(vec![("user", input.map_or_else(|| text.into(), |input| format!("{text}\n\n{input}").into()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_row(row: &str) -> Result<Option<String>, String> {
        let Value::Object(row) = serde_json::from_str(row).expect(row) else { panic!("no object: {row}") };
        assert!(is_known(|key| row.contains_key(key)));
        read(&row)
    }

    #[test]
    fn every_shape_asks_its_question() {
        let user = |text: &str| format!(r#"[{{"role":"user","content":"{text}"}}]"#);
        for (word, row, expected) in [
            (
                "ShareGPT",
                r#"{"id":"a","conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Hello"}]}"#,
                user("Hi"),
            ),
            (
                "ShareGPT over several turns",
                r#"{"conversations":[{"from":"human","value":"A"},{"from":"gpt","value":"B"},{"from":"human","value":"C"},{"from":"gpt","value":"D"}]}"#,
                r#"[{"role":"user","content":"A"},{"role":"assistant","content":"B"},{"role":"user","content":"C"}]"#
                    .into(),
            ),
            (
                "LMSYS",
                r#"{"conversation_id":"1","model":"vicuna","conversation":[{"content":"Hi","role":"user"},{"content":"Hello","role":"assistant"}]}"#,
                user("Hi"),
            ),
            (
                "with a system prompt",
                r#"{"system":"Be brief.","conversations":[{"from":"human","value":"Hi"}],"tools":"[]"}"#,
                r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]"#.into(),
            ),
            ("Alpaca", r#"{"instruction":"Add.","input":"1 2","output":"3"}"#, user(r"Add.\n\n1 2")),
            ("Alpaca without input", r#"{"instruction":"Add.","input":"","output":"3"}"#, user("Add.")),
            ("a prompt", r#"{"prompt":"Hi \"you\"","input":"not part of it"}"#, user(r#"Hi \"you\""#)),
            ("a question", r#"{"question":"Why?","answer":"So."}"#, user("Why?")),
            ("a prompt of messages", r#"{"prompt":[{"role":"user","content":"Hi"}],"chosen":"x"}"#, user("Hi")),
            ("aiperf", r#"{"text_input":"Hi"}"#, user("Hi")),
        ] {
            assert_eq!(read_row(row), Ok(Some(expected)), "{word}");
        }
    }

    #[test]
    fn a_row_without_a_question_asks_nothing() {
        for row in [
            r#"{"conversations":[]}"#,
            r#"{"conversations":[{"from":"gpt","value":"Hello"}]}"#,
            r#"{"prompt":" "}"#,
            r#"{"instruction":""}"#,
        ] {
            assert_eq!(read_row(row), Ok(None), "{row}");
        }
    }

    #[test]
    fn what_cannot_be_carried_is_said() {
        for (row, part) in [
            (r#"{"conversations":[{"from":"observation","value":"x"}]}"#, "turn 1 is from \"observation\""),
            (r#"{"conversations":[{"from":"human"}]}"#, "turn 1 has no text"),
            (r#"{"conversations":[{"value":"x"}]}"#, "who speaks"),
            (r#"{"conversations":"x"}"#, "not a list of turns"),
            (r#"{"conversations":[],"tools":"[{}]"}"#, "tools"),
            (r#"{"prompt":7}"#, "\"prompt\" is not a text"),
        ] {
            let error = read_row(row).expect_err(row);
            assert!(error.contains(part), "{row}: {error}");
        }
        for (keys, part) in [
            (&["id", "custom_id", "response"][..], "output of a batch"),
            (&["timestamp", "input_length"], "kind = \"trace\""),
            (&["TIMESTAMP", "ContextTokens"], "kind = \"trace\""),
            (&["foo", "bar"], "neither \"messages\" nor \"body\" nor another known key, but: \"foo\", \"bar\""),
        ] {
            assert!(describe(keys.iter().copied()).contains(part), "{keys:?}");
        }
    }
}
