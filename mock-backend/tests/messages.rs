//! Anthropic's messages: what is asked, what is answered, streamed and not, and what is refused.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, CLAUDE_KEY, Client, MESSAGES, ledger, message, scenario, single, url};
use serde_json::{Value, json};

const TOOLS: &str = r#","max_tokens":400,"tools":[{"name":"weather","description":"Tells it.","input_schema":{"type":
    "object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}},
    {"name":"other","type":"custom","input_schema":{"type":"object"}},{"type":"web_search_20250305","name":"web_search"}]"#;

/// The message that a stream amounts to, put together as its documentation says.
fn gathered(answer: &Answer) -> Value {
    let mut message = Value::Null;
    let mut inputs: Vec<String> = Vec::new();
    let mut kinds: Vec<String> = Vec::new();
    for event in answer.events() {
        let kind = event["type"].as_str().unwrap().to_owned();
        let index = event["index"].as_u64().unwrap_or(0) as usize;
        match kind.as_str() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                assert_eq!(message["content"].as_array().unwrap().len(), index);
                message["content"].as_array_mut().unwrap().push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let (block, delta) = (&mut message["content"][index], &event["delta"]);
                for (kind, key) in [("text_delta", "text"), ("thinking_delta", "thinking")] {
                    if delta["type"] == kind {
                        block[key] = format!("{}{}", block[key].as_str().unwrap(), delta[key].as_str().unwrap()).into();
                    }
                }
                if delta["type"] == "signature_delta" {
                    block["signature"] = delta["signature"].clone();
                }
                if delta["type"] == "input_json_delta" {
                    inputs[index].push_str(delta["partial_json"].as_str().unwrap());
                }
            }
            "content_block_stop" if !inputs[index].is_empty() => {
                message["content"][index]["input"] = serde_json::from_str(&inputs[index]).unwrap_or_else(|_| json!({}));
            }
            "message_delta" => {
                for key in ["stop_reason", "stop_sequence"] {
                    message[key] = event["delta"][key].clone();
                }
                message["usage"] = event["usage"].clone();
            }
            _ => {}
        }
        kinds.push(kind);
    }
    assert_eq!((kinds[0].as_str(), kinds.last().unwrap().as_str()), ("message_start", "message_stop"));
    assert_eq!(kinds[kinds.len() - 2], "message_delta");
    message
}

fn post(client: &mut Client, more: &str) -> Answer {
    client.post(MESSAGES, CLAUDE_KEY, &message(more))
}

#[test]
fn a_stream_amounts_to_the_whole_message() {
    for more in [
        r#","max_tokens":1"#,
        r#","max_tokens":64"#,
        r#","max_tokens":1200,"thinking":{"type":"enabled","budget_tokens":1024}"#,
        r#","max_tokens":40,"stop_sequences":["zebra"," network"]"#,
        r#","max_tokens":40,"system":"Be brief.","temperature":0.5,"top_k":5,"metadata":{"user_id":"u"}"#,
        TOOLS,
        &format!(r#"{TOOLS},"tool_choice":{{"type":"any","disable_parallel_tool_use":true}}"#),
        &format!(r#"{TOOLS},"tool_choice":{{"type":"tool","name":"other"}}"#),
        &format!(r#"{TOOLS},"tool_choice":{{"type":"none"}}"#),
        &TOOLS.replace("400", "5"),
        r#","max_tokens":90,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":
            {"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}}}"#,
    ] {
        let stream = format!(r#"{more},"stream":true"#);
        // Two simulators draw the same.
        let whole = post(&mut Client::new(&url(&single(0.0, 0.0))), more);
        let streamed = post(&mut Client::new(&url(&single(0.0, 0.0))), &stream);
        assert_eq!((whole.status, streamed.status), (200, 200), "{more}: {} {}", whole.text(), streamed.text());
        assert_eq!(gathered(&streamed), whole.json(), "{more}");
    }
}

#[test]
fn what_ends_an_answer_is_said() {
    let simulator = scenario(
        "name = \"natural\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\noutput_tokens = 30\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
    );
    let mut client = Client::new(&url(&simulator));
    let mut ended = |headers: &str, more: &str| {
        let answer = client.post(MESSAGES, &format!("{CLAUDE_KEY}{headers}"), &message(more)).json();
        (answer["stop_reason"].as_str().unwrap().to_owned(), answer["stop_sequence"].clone())
    };
    let plain = |reason: &str| (reason.to_owned(), Value::Null);
    assert_eq!(ended("", r#","max_tokens":10"#), plain("max_tokens"));
    assert_eq!(ended("", r#","max_tokens":100"#), plain("end_turn"));
    assert_eq!(ended("", TOOLS), plain("tool_use"));
    assert_eq!(ended("x-sim-refusal: 1\r\n", r#","max_tokens":100"#), plain("refusal"));
    assert_eq!(ended("x-sim-filtered: 1\r\n", r#","max_tokens":100"#), plain("refusal"));
    let stopped = ended("", r#","max_tokens":100,"stop_sequences":["zebra"," network"]"#);
    assert_eq!(stopped, ("stop_sequence".to_owned(), json!(" network")));
}

#[test]
fn thoughts_are_counted_and_shown_as_the_model_shows_them() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let mut ask = |model: &str, more: &str| {
        let body = message(&format!(r#","max_tokens":300{more}"#)).replace("claude-haiku-4-5", model);
        client.post(MESSAGES, CLAUDE_KEY, &body).json()
    };
    let shown = ask("claude-sonnet-4-6", r#","thinking":{"type":"adaptive"}"#);
    assert!(shown["content"][0]["thinking"].as_str().is_some_and(|thoughts| thoughts.len() > 100), "{shown}");
    assert_eq!(shown["usage"]["output_tokens_details"]["thinking_tokens"], 64);
    let hidden = ask("claude-opus-5-5", "");
    assert_eq!((&hidden["content"][0]["type"], &hidden["content"][0]["thinking"]), (&json!("thinking"), &json!("")));
    assert!(hidden["content"][0]["signature"].is_string() && hidden["content"][1]["text"].is_string());
    let low = ask("claude-opus-5-5", r#","output_config":{"effort":"low"}"#);
    assert_eq!(low["usage"]["output_tokens_details"]["thinking_tokens"], 32);
    assert_eq!(ask("claude-haiku-4-5", "")["content"][0]["type"], "text");
}

#[test]
fn prompts_are_counted_alike_and_what_is_cached_is_counted_apart() {
    let simulator = scenario(
        "name = \"cached\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\nprefix_cache = \"60s\"\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
    );
    let mut client = Client::new(&url(&simulator));
    let long = "measure twice ".repeat(2000);
    let body = |mark: &str| {
        format!(
            r#"{{"model":"claude-haiku-4-5","system":[{{"type":"text","text":"{long}"{mark}}}],"messages":
            [{{"role":"user","content":[{{"type":"text","text":"hello world"}}]}}]"#
        )
    };
    let counted = client.post(&format!("{MESSAGES}/count_tokens"), CLAUDE_KEY, &format!("{}}}", body(""))).json();
    let tokens = counted["input_tokens"].as_u64().unwrap();
    assert!(tokens > 4000, "{counted}");
    let mut usage = |mark: &str| {
        let usage = &client.post(MESSAGES, CLAUDE_KEY, &format!("{},\"max_tokens\":2}}", body(mark))).json()["usage"];
        ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
            .map(|key| usage[key].as_u64().unwrap())
    };
    let mark = r#","cache_control":{"type":"ephemeral"}"#;
    assert_eq!(usage(""), [tokens, 0, 0]);
    let (written, read) = (usage(mark), usage(mark));
    assert!(written[1] > 3000 && written[2] == 0 && written.iter().sum::<u64>() == tokens, "{written:?}");
    assert!(read[1] == 0 && read[2] == written[1] && read.iter().sum::<u64>() == tokens, "{read:?}");
    assert_eq!(usage(""), [tokens, 0, 0], "what nobody marks is not cached");
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let user = r#"{"role":"user","content":"x"}"#;
    let use_it = r#"{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1}}]}"#;
    let result = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"y"}]}"#;
    let messages = |list: &str| format!(r#"{{"model":"claude-haiku-4-5","max_tokens":5,"messages":[{list}]}}"#);
    let more = |more: &str| message(&format!(r#","max_tokens":2000{more}"#));
    let table = [
        (message(""), "max_tokens: Field required"),
        (message(r#","max_tokens":0"#), "max_tokens: "),
        (message(r#","max_tokens":"5""#), "max_tokens: "),
        (r#"{"max_tokens":5,"messages":[]}"#.to_owned(), "model: Field required"),
        (r#"{"model":"claude-haiku-4-5","max_tokens":5}"#.to_owned(), "messages: Field required"),
        (messages(""), "messages: "),
        (messages("7"), "messages.0: "),
        (messages(r#"{"content":"x"}"#), "messages.0.role: Field required"),
        (messages(&format!(r#"{user},{{"role":"tool","content":"x"}}"#)), "messages.1.role: "),
        (messages(r#"{"role":"assistant","content":"x"}"#), "messages: first message must use the \"user\" role"),
        (messages(&format!("{user},{use_it}")), "`tool_use` ids were found without `tool_result` blocks"),
        (messages(result), "unexpected `tool_use_id` found in `tool_result` blocks: toolu_1"),
        (more(r#","n":2"#), "n: Extra inputs are not permitted"),
        (more(r#","max_completion_tokens":5"#), "max_completion_tokens: Extra inputs are not permitted"),
        (more(r#","temperature":1.5"#), "temperature: "),
        (more(r#","stop_sequences":[" "]"#), "stop_sequences: each stop sequence must contain non-whitespace"),
        (more(r#","tool_choice":{"type":"auto"}"#), "tool_choice may only be specified while providing tools."),
        (more(r#","tools":[{"name":"f"}]"#), "tools.0.custom.input_schema: Field required"),
        (more(r#","tools":[{"name":"f f","input_schema":{"type":"object"}}]"#), "tools.0.custom.name: "),
        (more(r#","thinking":{"type":"enabled","budget_tokens":9}"#), "thinking.enabled.budget_tokens: "),
        (more(r#","thinking":{"type":"enabled","budget_tokens":2000}"#), "max_tokens: `max_tokens` must be greater"),
        (more(r#","thinking":{"type":"adaptive"}"#), "thinking.type: "),
        (more(r#","output_config":{"effort":"huge"}"#), "output_config.effort: "),
        ("{".to_owned(), "We could not parse the JSON body"),
    ];
    for (body, said) in table {
        let answer = client.post(MESSAGES, CLAUDE_KEY, &body);
        let error = answer.json();
        assert_eq!((answer.status, &error["type"]), (400, &json!("error")), "{body}: {error}");
        assert_eq!(error["error"]["type"], "invalid_request_error", "{body}");
        assert!(error["error"]["message"].as_str().unwrap().contains(said), "{body}: {error}");
        assert_eq!(error["request_id"].as_str(), answer.header("request-id"), "{body}");
    }
    let answered = client.post(MESSAGES, CLAUDE_KEY, &messages(&format!("{user},{use_it},{result}")));
    assert_eq!(answered.status, 200, "{}", answered.text());
}

#[test]
fn who_asks_and_where_is_checked() {
    let mut config = mock_backend::config::Config::single(&mock_backend::config::Single::default()).unwrap();
    config.key = Some("right".to_owned().into());
    let simulator = mock_backend::Simulator::start(config).unwrap();
    let mut client = Client::new(&url(&simulator));
    let version = "anthropic-version: 2023-06-01\r\n";
    let body = message(r#","max_tokens":2"#);
    let other = body.replace("claude-haiku-4-5", "gpt-4o");
    let unknown = body.replace("claude-haiku-4-5", "claude-9");
    for (path, headers, body, status, kind) in [
        (MESSAGES, format!("x-api-key: right\r\n{version}"), &body, 200, None),
        (MESSAGES, format!("api-key: right\r\n{version}"), &body, 200, None),
        (MESSAGES, format!("authorization: Bearer right\r\n{version}"), &body, 200, None),
        (MESSAGES, format!("x-api-key: wrong\r\n{version}"), &body, 401, Some("authentication_error")),
        (MESSAGES, version.to_owned(), &body, 401, Some("authentication_error")),
        (MESSAGES, "x-api-key: right\r\n".to_owned(), &body, 400, Some("invalid_request_error")),
        (
            MESSAGES,
            "x-api-key: right\r\nanthropic-version: 2024-10-21\r\n".to_owned(),
            &body,
            400,
            Some("invalid_request_error"),
        ),
        (MESSAGES, format!("x-api-key: right\r\n{version}"), &other, 400, Some("invalid_request_error")),
        (MESSAGES, format!("x-api-key: right\r\n{version}"), &unknown, 404, Some("not_found_error")),
        ("/anthropic/v1/complete", format!("x-api-key: right\r\n{version}"), &body, 404, Some("not_found_error")),
    ] {
        let answer = client.post(path, &headers, body);
        let said = answer.json();
        assert_eq!((answer.status, said["error"]["type"].as_str()), (status, kind), "{path} {headers} {said}");
        assert!(answer.header("request-id").is_some() && answer.header("apim-request-id").is_some());
        assert_eq!((answer.header("x-request-id"), answer.header("openai-processing-ms")), (None, None));
    }
    let latest = "x-api-key: right\r\nanthropic-version: 2026-10-21\r\n";
    assert_eq!(client.post(MESSAGES, latest, &body).status, 200);
    let sampled = client.post(MESSAGES, latest, &message(r#","max_tokens":2,"top_k":5"#));
    assert_eq!(
        (sampled.status, &sampled.json()["error"]["message"]),
        (400, &json!("top_k: Extra inputs are not permitted"))
    );
    // The key's header is that of Claude alone, and Claude is asked by messages alone.
    assert_eq!(client.post(common::CHAT, "x-api-key: right\r\n", &common::chat("")).status, 401);
    let chat = common::chat("").replace("gpt-4o", "claude-haiku-4-5");
    assert_eq!(client.post(common::CHAT, "api-key: right\r\n", &chat).status, 400);
}

#[test]
fn faults_and_limits_are_told_as_the_service_tells_them() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let body = message(r#","max_tokens":20,"stream":true"#);
    for (fault, status, kind) in [
        ("400", 400, "invalid_request_error"),
        ("400-context", 400, "invalid_request_error"),
        ("401", 401, "authentication_error"),
        ("403", 403, "permission_error"),
        ("404", 404, "not_found_error"),
        ("408", 408, "timeout_error"),
        ("413", 413, "request_too_large"),
        ("429", 429, "rate_limit_error"),
        ("429-tokens", 429, "rate_limit_error"),
        ("500", 500, "api_error"),
        ("504", 504, "timeout_error"),
        ("529", 529, "overloaded_error"),
    ] {
        let answer = client.post(MESSAGES, &format!("{CLAUDE_KEY}x-sim-fault: {fault}\r\n"), &body);
        let said = answer.json();
        assert_eq!((answer.status, said["error"]["type"].as_str()), (status, Some(kind)), "{fault}: {said}");
        assert_eq!(
            (answer.header("retry-after"), answer.header("retry-after-ms")),
            ((status == 429).then_some("2"), None)
        );
    }
    let kinds = |fault: &str| -> Vec<String> {
        let answer =
            Client::new(&url(&simulator)).post(MESSAGES, &format!("{CLAUDE_KEY}x-sim-fault: {fault}\r\n"), &body);
        answer.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds("in-stream:3").last().unwrap(), "error");
    assert_eq!(kinds("in-stream:3").iter().filter(|kind| *kind == "content_block_delta").count(), 3);
    let cut = kinds("no-final");
    assert!(!cut.contains(&"message_delta".to_owned()) && !cut.contains(&"message_stop".to_owned()), "{cut:?}");
    assert_eq!(cut.iter().filter(|kind| *kind == "content_block_delta").count(), 20);

    let limited = scenario(
        "name = \"limited\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\n\
         limits = { rpm = 1 }\n[[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
    );
    let mut client = Client::new(&url(&limited));
    assert_eq!(post(&mut client, r#","max_tokens":2"#).status, 200);
    let answer = post(&mut client, r#","max_tokens":2"#);
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (429, &json!("rate_limit_error")));
    assert!(answer.header("retry-after").is_some() && answer.header("x-ratelimit-remaining-requests").is_none());
}

#[test]
fn the_ledger_knows_messages_through_a_gateway_too() {
    let simulator = scenario(
        "name = \"two\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"1ms\", gap = \"0\" }\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n\
         [[listener]]\nname = \"gateway\"\nkind = \"gateway\"\nbackend = \"b\"\ngateway = { own = \"1ms\", subscription_keys = [\"k\"] }\n",
    );
    for (place, stream) in [(0, true), (0, false), (1, true), (1, false)] {
        let (name, address) = &simulator.listeners()[place];
        let more = format!(r#","max_tokens":7,"stream":{stream}"#);
        let answer = Client::new(address).post(MESSAGES, CLAUDE_KEY, &message(&more));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let record = ledger(&simulator, name, if stream { 1 } else { 2 }).pop().unwrap();
        assert_eq!((record.api, record.stream, record.status, record.tokens), ("messages", stream, 200, Some(7)));
        assert!(record.first_ns.is_some() && record.planned.is_some(), "{record:?}");
    }
}
