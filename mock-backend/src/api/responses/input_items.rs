//! The items of a response's input, as the service shows them.

use serde_json::{Value, json};

/// The items of the input of a request for the response `name`, each with an id.
pub(crate) fn input_items(body: &[u8], name: u64) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let items = match &body["input"] {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        text => vec![json!({"role": "user", "content": text})],
    };
    items.into_iter().enumerate().map(|(i, item)| with_id(item, name, i)).collect()
}

/// The item as the service shows it.
pub(super) fn with_id(mut item: Value, name: u64, i: usize) -> Value {
    let role = item["role"].as_str().unwrap_or("user").to_owned();
    let Some(members) = item.as_object_mut() else { return item };
    let kind = members.entry("type").or_insert_with(|| "message".into()).as_str().unwrap_or("message").to_owned();
    let prefix = match kind.as_str() {
        "message" => "msg",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "custom_tool_call_output" => "ctco",
        "compaction" => "cmp",
        "reasoning" => "rs",
        _ => "item",
    };
    members.entry("id").or_insert_with(|| format!("{prefix}_{name:032x}{i:04x}").into());
    if kind == "message" || kind.ends_with("_call") || kind.ends_with("_call_output") {
        members.entry("status").or_insert_with(|| "completed".into());
    }
    if kind == "message" {
        if let Some(text) = members.get("content").and_then(Value::as_str) {
            let part = if role == "assistant" { "output_text" } else { "input_text" };
            let content = json!([{"type": part, "text": text}]);
            members.insert("content".to_owned(), content);
        }
        members.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten().for_each(complete);
    }
    item
}

/// Adds to a part of a message what the service always tells of it.
fn complete(part: &mut Value) {
    let (kind, Some(members)) = (part["type"].as_str().unwrap_or_default().to_owned(), part.as_object_mut()) else {
        return;
    };
    match kind.as_str() {
        "input_image" => {
            members.entry("detail").or_insert_with(|| "auto".into());
        }
        "output_text" => {
            members.entry("annotations").or_insert_with(|| json!([]));
            members.entry("logprobs").or_insert_with(|| json!([]));
        }
        _ => {}
    }
}
