//! Answers of a given form: plain ones, calls of a tool, and those under a schema.

use serde_json::Value;

use super::answer::Answer;
use super::call::TOOL;
use super::row::Observed;
use crate::units::Api;

/// Whether a plain answer is one.
pub(super) fn judge_plain(answer: &Answer) -> Observed {
    let json = match answer.json() {
        Ok(json) => json,
        Err(observed) => return observed,
    };
    let status = json["status"].as_str();
    let good = match answer.api {
        Api::Chat => json["choices"][0]["message"].is_object(),
        Api::Responses => json["output"].is_array() && matches!(status, Some("completed" | "incomplete")),
        Api::Messages => json["content"].is_array() && json["stop_reason"].is_string(),
    };
    let wanted = match answer.api {
        Api::Chat => "choices with a message",
        Api::Responses => "output, or is neither completed nor incomplete",
        Api::Messages => "content and a stop_reason",
    };
    if good { Observed::supported("answered") } else { Observed::broken(format!("the answer has no {wanted}")) }
}

/// Whether the tool was called that had to be.
pub(super) fn judge_tools(answer: &Answer) -> Observed {
    let json = match answer.json() {
        Ok(json) => json,
        Err(observed) => return observed,
    };
    let calls = calls_of(answer.api, &json);
    let Some((name, arguments)) = calls.first() else {
        let text = answer.clean(&text_of(answer.api, &json));
        if text.is_empty() && is_cut(answer.api, &json) {
            return Observed::failed("the limit on the answer was reached before a tool was called");
        }
        return Observed::broken(format!("the tools were ignored: text instead of the call that was forced: {text}"));
    };
    if name != TOOL {
        return Observed::broken(format!("a tool other than the forced one was called: {}", answer.clean(name)));
    }
    match arguments {
        Some(arguments) if arguments["city"].is_string() => Observed::supported("the forced tool was called"),
        Some(arguments) => Observed::broken(format!(
            "the arguments of the tool call do not fit its schema: {}",
            answer.clean(&arguments.to_string())
        )),
        None => Observed::broken("the arguments of the tool call are not JSON"),
    }
}

/// Whether an answer obeys its schema.
pub(super) fn judge_structured(answer: &Answer) -> Observed {
    let json = match answer.json() {
        Ok(json) => json,
        Err(observed) => return observed,
    };
    let text = text_of(answer.api, &json);
    let begun = text.is_empty() || text.trim_start().starts_with('{');
    if begun && is_cut(answer.api, &json) {
        return Observed::failed("the limit on the answer was reached before it was complete");
    }
    let Ok(Value::Object(reply)) = serde_json::from_str::<Value>(&text) else {
        return Observed::broken(format!(
            "the schema was ignored; instead of a JSON object came: {}",
            answer.clean(&text)
        ));
    };
    let fits = reply.len() == 2
        && matches!(reply.get("verdict").and_then(Value::as_str), Some("yes" | "no"))
        && reply.get("letters").is_some_and(|letters| letters.is_i64() || letters.is_u64());
    if fits {
        Observed::supported("the answer fits the strict schema")
    } else {
        Observed::broken(format!("the answer does not fit the strict schema: {}", answer.clean(&text)))
    }
}

/// The calls in an answer: the name of each, and its arguments if they can be read.
fn calls_of(api: Api, json: &Value) -> Vec<(String, Option<Value>)> {
    let name = |call: &Value| call["name"].as_str().unwrap_or_default().to_owned();
    let parsed = |call: &Value| call["arguments"].as_str().and_then(|text| serde_json::from_str(text).ok());
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
    match api {
        Api::Chat => items(&json["choices"][0]["message"]["tool_calls"])
            .iter()
            .map(|call| &call["function"])
            .map(|call| (name(call), parsed(call)))
            .collect(),
        Api::Responses => items(&json["output"])
            .iter()
            .filter(|item| item["type"] == "function_call")
            .map(|call| (name(call), parsed(call)))
            .collect(),
        Api::Messages => items(&json["content"])
            .iter()
            .filter(|block| block["type"] == "tool_use")
            .map(|call| (name(call), Some(call["input"].clone()).filter(Value::is_object)))
            .collect(),
    }
}

/// The text of an answer.
fn text_of(api: Api, json: &Value) -> String {
    let texts = |list: &Value| -> String {
        list.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect()
    };
    match api {
        Api::Chat => json["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned(),
        Api::Responses => json["output"].as_array().into_iter().flatten().map(|item| texts(&item["content"])).collect(),
        Api::Messages => texts(&json["content"]),
    }
}

/// Whether an answer ended at its limit.
fn is_cut(api: Api, json: &Value) -> bool {
    match api {
        Api::Chat => json["choices"][0]["finish_reason"] == "length",
        Api::Responses => json["incomplete_details"]["reason"] == "max_output_tokens",
        Api::Messages => json["stop_reason"] == "max_tokens",
    }
}
