//! Tools that are not functions, and functions that are not tools.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::LazyLock;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, ledger, responses, single, url};
use serde_json::{Value, json};

static TOKENIZER: LazyLock<&tiktoken::CoreBpe> = LazyLock::new(|| tiktoken::get_encoding("o200k_base").unwrap());

const FUNCTIONS: &str = r#","seed":1,"functions":[{"name":"weather","parameters":{"type":"object",
    "properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}},{"name":"other"}]"#;

fn deltas(answer: &Answer) -> Vec<Value> {
    answer.events().iter().map(|event| event["choices"][0]["delta"].clone()).collect()
}

fn finish(answer: &Answer) -> Vec<Value> {
    let finish = answer.events().into_iter().map(|event| event["choices"][0]["finish_reason"].clone());
    finish.filter(|finish| !finish.is_null()).collect()
}

#[test]
fn deprecated_functions_are_called_in_the_deprecated_way() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let whole = client.post(CHAT, KEY, &chat(FUNCTIONS)).json();
    let choice = &whole["choices"][0];
    let call = &choice["message"]["function_call"];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("function_call"), &Value::Null));
    assert_eq!((&call["name"], choice["message"].get("tool_calls")), (&json!("weather"), None));
    let arguments = call["arguments"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(arguments).unwrap()["city"].is_string());
    let tokens = TOKENIZER.count("weather") + TOKENIZER.count(arguments);
    assert_eq!(whole["usage"]["completion_tokens"], tokens);

    let stream = client.post(CHAT, KEY, &chat(&format!(r#"{FUNCTIONS},"stream":true"#)));
    let calls: Vec<Value> = deltas(&stream).iter().filter_map(|delta| delta.get("function_call").cloned()).collect();
    assert_eq!(calls[0], json!({"name": "weather", "arguments": ""}));
    let joined: String = calls.iter().map(|call| call["arguments"].as_str().unwrap()).collect();
    assert_eq!((joined.as_str(), finish(&stream)), (arguments, vec![json!("function_call")]));
    assert!(calls[1..].iter().all(|call| call.get("name").is_none()));

    let record = &ledger(&simulator, "direct", 2)[1];
    assert_eq!(record.tokens.unwrap() as usize, tokens);
    assert!(record.first_ns.is_some());
}

#[test]
fn function_call_chooses_and_a_result_is_answered_with_text() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let mut ask = |more: &str| client.post(CHAT, KEY, &chat(&format!("{FUNCTIONS}{more}"))).json();
    let named = ask(r#","function_call":{"name":"other"}"#);
    assert_eq!(named["choices"][0]["message"]["function_call"]["name"], "other");
    assert_eq!(ask(r#","function_call":"auto""#)["choices"][0]["finish_reason"], "function_call");
    assert_eq!(ask(r#","function_call":"none""#)["choices"][0]["finish_reason"], "stop");
    assert_eq!(ask(r#","function_call":{"name":"zz"}"#)["error"]["param"], "tool_choice");
    assert_eq!(ask(r#","tools":[]"#)["error"]["param"], "functions");
    let alone = client.post(CHAT, KEY, &chat(r#","function_call":"auto""#));
    assert_eq!((alone.status, &alone.json()["error"]["param"]), (400, &json!("function_call")));
    let answered = format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"x"}},
        {{"role":"assistant","content":null,"function_call":{{"name":"weather","arguments":"{{}}"}}}},
        {{"role":"function","name":"weather","content":"sunny"}}]{FUNCTIONS}}}"#
    );
    let answer = client.post(CHAT, KEY, &answered).json();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert!(answer["choices"][0]["message"]["content"].is_string());
}

#[test]
fn custom_tools_are_told_text_in_chat_completions() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let tools = r#","seed":4,"tools":[{"type":"custom","custom":{"name":"shell"}},{"type":"custom","custom":
        {"name":"sum","format":{"type":"grammar","grammar":{"syntax":"regex","definition":"^[0-9]{2} [+*] [0-9]{3}$"}}}}]"#;
    let whole = client.post(CHAT, KEY, &chat(tools)).json();
    let calls = whole["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    assert_eq!((calls.len(), &whole["choices"][0]["finish_reason"]), (2, &json!("tool_calls")));
    let mut tokens = 0;
    let stream = client.post(CHAT, KEY, &chat(&format!(r#"{tools},"stream":true"#)));
    for (i, name) in ["shell", "sum"].iter().enumerate() {
        let call = &calls[i];
        assert_eq!(
            (&call["type"], &call["custom"]["name"], call.get("function")),
            (&json!("custom"), &json!(name), None)
        );
        let input = call["custom"]["input"].as_str().unwrap();
        tokens += TOKENIZER.count(name) + TOKENIZER.count(input);
        let pieces: Vec<Value> = deltas(&stream)
            .iter()
            .filter_map(|delta| delta["tool_calls"].get(0).filter(|call| call["index"] == i).cloned())
            .collect();
        assert_eq!(
            (&pieces[0]["id"], &pieces[0]["type"], &pieces[0]["custom"]["name"]),
            (&call["id"], &call["type"], &json!(name))
        );
        let joined: String = pieces.iter().map(|piece| piece["custom"]["input"].as_str().unwrap()).collect();
        assert_eq!(joined, input);
    }
    assert_eq!(whole["usage"]["completion_tokens"], tokens);
    let sum = calls[1]["custom"]["input"].as_str().unwrap().as_bytes();
    assert!(sum.len() == 8 && sum[2] == b' ' && b"+*".contains(&sum[3]) && sum[5].is_ascii_digit(), "{calls:?}");
    let named = client.post(
        CHAT,
        KEY,
        &chat(&format!(r#"{tools},"tool_choice":{{"type":"custom","custom":{{"name":"sum"}}}}"#)),
    );
    assert_eq!(named.json()["choices"][0]["message"]["tool_calls"][0]["custom"]["name"], "sum");
    let nameless = client.post(CHAT, KEY, &chat(r#","tools":[{"type":"custom","custom":{}}]"#));
    assert!(nameless.text().contains("tools[0].custom.name"), "{}", nameless.text());
}

#[test]
fn custom_tools_have_events_of_their_own_in_responses() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let body = responses(
        r#","stream":true,"tools":[{"type":"custom","name":"shell","description":"d"},{"type":"function","name":"f",
        "parameters":{}}]"#,
    );
    let events = client.post(RESPONSES, KEY, &body).events();
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    assert_eq!(
        kinds[2..6],
        [
            "response.output_item.added",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.done",
            "response.output_item.done",
        ]
    );
    assert!(kinds[6..].contains(&"response.function_call_arguments.done"));
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let joined: String =
        of("response.custom_tool_call_input.delta").iter().map(|event| event["delta"].as_str().unwrap()).collect();
    let done = of("response.custom_tool_call_input.done")[0];
    assert_eq!((&done["input"], done.get("arguments")), (&json!(joined), None));
    let item = &events.last().unwrap()["response"]["output"][0];
    assert_eq!(
        (&item["type"], &item["name"], &item["input"]),
        (&json!("custom_tool_call"), &json!("shell"), &json!(joined))
    );
    assert!(item["id"].as_str().unwrap().starts_with("ctc_") && done["item_id"] == item["id"]);
    assert_eq!(item, &of("response.output_item.done")[0]["item"]);
    // The result is answered with text.
    let output = json!({"type": "custom_tool_call_output", "call_id": item["call_id"], "output": "done"});
    let body = json!({"model": "gpt-4o", "input": [item, output], "tools": [{"type": "custom", "name": "shell"}]});
    let answer = client.post(RESPONSES, KEY, &body.to_string()).json();
    assert_eq!(answer["output"][0]["type"], "message");
    let chosen = responses(
        r#","tools":[{"type":"custom","name":"a"},{"type":"custom","name":"b"}],"tool_choice":{"type":"custom","name":"b"}"#,
    );
    assert_eq!(client.post(RESPONSES, KEY, &chosen).json()["output"][0]["name"], "b");
}
