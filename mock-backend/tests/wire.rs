//! What stands on the wire, byte for byte: every API, streaming and not, their refusals and their headers.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{Answer, CHAT, CLAUDE_KEY, Client, KEY, MESSAGES, RESPONSES, chat, message, responses, single, url};
use mock_backend::Simulator;
use mock_backend::config::{Config, Single};

/// The text with what differs from run to run replaced by its name.
fn normal(text: &str) -> String {
    let mut out = text.to_owned();
    for (key, name) in [("\"created\":", "CREATED"), ("\"created_at\":", "CREATED"), ("\"completed_at\":", "COMPLETED")]
    {
        out = replace_after(&out, key, |c| c.is_ascii_digit(), name);
    }
    for (key, name) in [("chatcmpl-", "ID"), ("resp_", "ID"), ("msg_", "ID"), ("c2ltdWxhdGVkLXNpZ25hdHVyZQ", "_ID")] {
        out = replace_after(&out, key, |c| c.is_ascii_hexdigit(), name);
    }
    out
}

fn replace_after(text: &str, key: &str, belongs: fn(char) -> bool, name: &str) -> String {
    let mut parts = text.split(key);
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(belongs);
        out.push_str(key);
        out.push_str(if rest.len() < part.len() { name } else { "" });
        out.push_str(rest);
    }
    out
}

/// Holds an answer against a file, or writes it there if `HOPMARK_BLESS` is set.
fn check(answer: &Answer, fixture: &str) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
    let found = normal(answer.text());
    if std::env::var_os("HOPMARK_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap(), "{fixture}");
}

fn post(path: &str, headers: &str, body: &str) -> Answer {
    let simulator = single(0.0, 0.0);
    Client::new(&url(&simulator)).post(path, headers, body)
}

#[test]
fn a_chat_completion() {
    let answer = post(CHAT, KEY, &chat(r#","max_tokens":3"#));
    check(&answer, "chat.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn a_chat_stream_with_usage() {
    let answer = post(
        CHAT,
        KEY,
        &chat(
            r#","stream":true,"max_completion_tokens":2,"stream_options":{"include_usage":true,"include_obfuscation":false}"#,
        ),
    );
    check(&answer, "chat-usage.sse");
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
}

#[test]
fn a_chat_stream_without_usage_does_not_mention_it() {
    let answer = post(CHAT, KEY, &chat(r#","stream":true,"max_tokens":2"#));
    check(&answer, "chat.sse");
}

#[test]
fn a_response() {
    check(&post(RESPONSES, KEY, &responses(r#","max_output_tokens":16"#)), "responses.json");
}

#[test]
fn a_response_stream() {
    let answer =
        post(RESPONSES, KEY, &responses(r#","max_output_tokens":16,"stream":true,"instructions":"Be \"brief\"""#));
    check(&answer, "responses.sse");
}

#[test]
fn a_message() {
    let answer = post(MESSAGES, CLAUDE_KEY, &message(r#","max_tokens":3"#));
    check(&answer, "messages.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn a_message_stream_with_its_thoughts() {
    let more = r#","max_tokens":6,"stream":true,"thinking":{"type":"adaptive"}"#;
    let answer = post(MESSAGES, CLAUDE_KEY, &message(more).replace("haiku-4-5", "sonnet-4-6"));
    check(&answer, "messages.sse");
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
}

#[test]
fn both_apis_answer_on_every_address() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    for path in ["/v1", "/openai/v1", "/openai/deployments/gpt-4o"] {
        let query = if path.contains("deployments") { "?api-version=2025-04-01-preview" } else { "" };
        for stream in ["true", "false"] {
            let more = format!(",\"stream\":{stream}");
            let answer = client.post(&format!("{path}/chat/completions{query}"), KEY, &chat(&more));
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let answer = client.post(&format!("{path}/responses{query}"), KEY, &responses(&more));
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
    }
}

#[test]
fn usage_is_the_tokenizers_count_and_adds_up() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let tokenizer = tiktoken::get_encoding("o200k_base").unwrap();
    for n in [16, 17, 64, 300] {
        let body = chat(&format!(r#","stream":true,"max_tokens":{n},"stream_options":{{"include_usage":true}}"#));
        let answer = client.post(CHAT, KEY, &body);
        let events = answer.events();
        let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        let usage = &events.last().unwrap()["usage"];
        assert_eq!((tokenizer.count(&text), usage["completion_tokens"].as_u64()), (n, Some(n as u64)));
        // "hello world" is 2 tokens, the message 4, the opening of the answer 3.
        assert_eq!(usage["prompt_tokens"], 9);
        assert_eq!(usage["total_tokens"], 9 + n);

        let answer = client.post(RESPONSES, KEY, &responses(&format!(r#","stream":true,"max_output_tokens":{n}"#)));
        let events = answer.events();
        let text: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
        let last = &events.last().unwrap()["response"];
        assert_eq!(tokenizer.count(&text), n);
        assert_eq!(last["output"][0]["content"][0]["text"], *text);
        assert_eq!(last["usage"]["output_tokens"], n);
        assert_eq!((&last["usage"]["input_tokens"], &last["usage"]["total_tokens"]), (&27.into(), &(n + 27).into()));
        let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn a_limit_below_the_natural_length_cuts() {
    let natural = "name = \"natural\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\noutput_tokens = 30\n\
                   [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n";
    let simulator = Simulator::start(Config::parse(natural, "test").unwrap()).unwrap();
    let mut client = Client::new(&url(&simulator));
    let reason = |answer: Answer| answer.json()["choices"][0]["finish_reason"].as_str().unwrap().to_owned();
    assert_eq!(reason(client.post(CHAT, KEY, &chat(r#","max_tokens":4"#))), "length");
    assert_eq!(reason(client.post(CHAT, KEY, &chat(r#","max_tokens":40"#))), "stop");
    let answer = client.post(RESPONSES, KEY, &responses(r#","max_output_tokens":16"#)).json();
    assert_eq!(
        (&answer["status"], &answer["incomplete_details"]["reason"]),
        (&"incomplete".into(), &"max_output_tokens".into())
    );
    let answer = client.post(RESPONSES, KEY, &responses(r#","max_output_tokens":16,"stream":true"#));
    let last = answer.events().pop().unwrap();
    assert_eq!((&last["type"], &last["response"]["status"]), (&"response.incomplete".into(), &"incomplete".into()));
}

#[test]
fn refusals_have_the_shape_of_their_service() {
    let mut config = Config::single(&Single::default()).unwrap();
    config.key = Some("right".to_owned().into());
    let simulator = Simulator::start(config).unwrap();
    let mut client = Client::new(&url(&simulator));
    let right = "api-key: right\r\n";
    let dated = "/openai/deployments/gpt-4o/chat/completions";
    let unknown = chat("").replace("gpt-4o", "gpt-9");
    let table: [(&str, &str, &str, u16, &str); 18] = [
        (CHAT, "", "{}", 401, "invalid_api_key"),
        (CHAT, "authorization: Bearer wrong\r\n", "{}", 401, "invalid_api_key"),
        (CHAT, "authorization: Bearer right\r\n", "{}", 400, "missing_required_parameter"),
        (CHAT, right, &unknown, 404, "model_not_found"),
        (CHAT, right, "{", 400, "null"),
        (CHAT, right, r#"{"model":"gpt-4o","messages":"x"}"#, 400, "invalid_type"),
        (RESPONSES, right, r#"{"model":"gpt-4o"}"#, 400, "missing_required_parameter"),
        ("/v1/chat", right, "{}", 404, "null"),
        ("/openai/v1/chat/completions", "", "{}", 401, "401"),
        ("/openai/v1/chat/completions", right, &unknown, 404, "DeploymentNotFound"),
        (dated, right, "{}", 404, "404"),
        ("/openai/deployments/gpt-9/chat/completions?api-version=2024-10-21", right, "{}", 404, "DeploymentNotFound"),
        (
            "/openai/deployments/text-embedding-3-small/chat/completions?api-version=2024-10-21",
            right,
            "{}",
            400,
            "OperationNotSupported",
        ),
        ("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-22", right, "{}", 404, "404"),
        ("/openai/v1/responses?api-version=2025-04-01-preview", right, "{}", 404, "404"),
        ("/openai/responses?api-version=2024-10-21", right, "{}", 400, "BadRequest"),
        ("/models/chat/completions", right, "{}", 404, "404"),
        (
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            right,
            "{}",
            400,
            "missing_required_parameter",
        ),
    ];
    for (path, headers, body, status, code) in table {
        let answer = client.post(path, headers, body);
        let error = &answer.json()["error"];
        assert_eq!(answer.status, status, "{path} {headers}: {}", answer.text());
        assert_eq!(error["code"].as_str().unwrap_or("null"), code, "{path} {headers}: {}", answer.text());
        assert!(error["message"].is_string() && answer.header("x-request-id").is_some());
    }
    let answer = client.send(format!("PUT {CHAT} HTTP/1.1\r\nhost: s\r\n\r\n").as_bytes());
    assert_eq!(answer.status, 405);
}

#[test]
fn every_model_exists_if_told_so() {
    let mut config = Config::single(&Single { ttft: 0.0, itl: 0.0, output_tokens: 1 }).unwrap();
    config.any_model = true;
    let simulator = Simulator::start(config).unwrap();
    let answer = Client::new(&url(&simulator)).post(CHAT, KEY, &chat("").replace("gpt-4o", "my \\\"own\\\""));
    assert_eq!(answer.json()["model"], "my \"own\"");
}

#[test]
fn models_are_listed_and_shown() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let list = client.get("/v1/models").json();
    let names: Vec<&str> = list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    for name in [
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4.1",
        "gpt-5",
        "o3",
        "o4-mini",
        "gpt-4",
        "gpt-35-turbo",
        "text-embedding-3-small",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!(client.get("/v1/models/gpt-4o").json()["id"], "gpt-4o");
    assert_eq!(client.get("/v1/models/nope").status, 404);
}

#[test]
fn the_callers_ids_come_back_and_azure_says_where_it_is() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let ids = format!("{KEY}x-ms-client-request-id: mine\r\nx-request-id: other\r\n");
    let answer = client.post("/openai/v1/chat/completions", &ids, &chat(""));
    assert_eq!(answer.header("x-ms-client-request-id"), Some("mine"));
    assert_eq!(answer.header("x-request-id"), Some("mine"));
    assert_eq!(answer.header("x-ms-region"), Some("swedencentral"));
    assert!(answer.header("apim-request-id").is_some() && answer.header("openai-processing-ms").is_some());
    let answer = client.post(CHAT, &format!("{KEY}x-request-id: other\r\n"), &chat(""));
    assert_eq!((answer.header("x-request-id"), answer.header("x-ms-region")), (Some("other"), None));
    let found = client.get("/_sim/ledger?id=mine");
    assert_eq!(found.text().lines().count(), 1);
    assert!(found.text().contains(r#""api":"chat""#) && found.header("x-sim-ledger-capacity").is_some());
}
