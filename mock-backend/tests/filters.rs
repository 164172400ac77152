//! What the content filter does to answers, and tokens that nobody gets to see.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario, single, url};
use mock_backend::Simulator;
use serde_json::{Value, json};

const AZURE: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

fn with(settings: &str) -> Simulator {
    scenario(&format!(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"20ms\", gap = \"1ms\" }}\n{settings}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n"
    ))
}

fn text(answer: &Answer) -> String {
    let events = answer.events();
    events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}

#[test]
fn a_filtered_answer_ends_in_its_middle_and_says_so() {
    let simulator = single(10.0, 1.0);
    let mut client = Client::new(&url(&simulator));
    let asks = format!("{KEY}x-sim-filtered: 1\r\n");
    let whole = client.post(AZURE, &asks, &chat(r#","max_tokens":10"#)).json();
    let choice = &whole["choices"][0];
    assert_eq!((&choice["finish_reason"], &whole["usage"]["completion_tokens"]), (&json!("content_filter"), &json!(5)));
    assert_eq!(choice["content_filter_results"]["violence"], json!({"filtered": true, "severity": "high"}));
    let stream = client.post(AZURE, &asks, &chat(r#","max_tokens":10,"stream":true"#));
    let events = stream.events();
    let last = &events.last().unwrap()["choices"][0];
    assert_eq!((&last["finish_reason"], &last["delta"]), (&json!("content_filter"), &json!({})));
    assert_eq!(last["content_filter_results"]["violence"]["filtered"], true);
    assert!(stream.text().ends_with("data: [DONE]\n\n"));
    let openai = client.post(CHAT, &asks, &chat("")).json();
    assert_eq!(openai["choices"][0]["finish_reason"], "content_filter");
    assert!(openai["choices"][0].get("content_filter_results").is_none());
    // It takes the time of what it says: the fifth token is due 4 ms after the first.
    let records = ledger(&simulator, "direct", 3);
    assert!(records[..2].iter().all(|r| (r.planned.unwrap().end_ms - 14.0).abs() < 0.01 && r.tokens == Some(5)));

    let response = client.post("/openai/v1/responses", &asks, &responses(r#","max_output_tokens":16"#)).json();
    assert_eq!(
        (&response["status"], &response["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("content_filter"))
    );
    assert_eq!(response["content_filters"][1]["blocked"], true);
    let events = client.post(RESPONSES, &asks, &responses(r#","stream":true"#)).events();
    assert_eq!(events.last().unwrap()["type"], "response.incomplete");
}

#[test]
fn a_share_of_the_answers_is_filtered() {
    let simulator = with("filtered = 0.25");
    let mut client = Client::new(&url(&simulator));
    let filtered = (0..200)
        .filter(|_| client.post(CHAT, KEY, &chat(r#","max_tokens":2"#)).text().contains("\"content_filter\""))
        .count();
    assert!((25..80).contains(&filtered), "{filtered}");
}

#[test]
fn an_asynchronous_filter_speaks_in_events_without_a_delta() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let body = chat(r#","stream":true,"max_tokens":60"#);
    let answer = client.post(AZURE, &format!("{KEY}x-sim-fault: async-filter\r\n"), &body);
    let said = text(&answer).chars().count() as u64;
    let events = answer.events();
    let verdicts: Vec<&Value> =
        events.iter().filter(|event| event["choices"][0].get("content_filter_offsets").is_some()).collect();
    assert!(verdicts.len() >= 2, "{}", answer.text());
    let mut at = 0;
    for verdict in &verdicts {
        let choice = &verdict["choices"][0];
        assert!(choice.get("delta").is_none() && choice["finish_reason"].is_null());
        assert_eq!((&verdict["id"], &verdict["created"]), (&json!(""), &json!(0)));
        assert_eq!(choice["content_filter_offsets"]["start_offset"], at);
        at = choice["content_filter_offsets"]["end_offset"].as_u64().unwrap();
    }
    // They cover the whole answer, and come before its end.
    assert_eq!(at, said);
    assert!(events.last().unwrap()["choices"][0]["finish_reason"].is_string());
}

#[test]
fn format_tokens_are_billed_take_their_time_and_are_not_sent() {
    let simulator = with("format_tokens = 11\nreasoning_tokens = 30\noutput_tokens = 7");
    let mut client = Client::new(&url(&simulator));
    let body = r#"{"model":"o3","messages":[{"role":"user","content":"x"}],"stream":true,
        "stream_options":{"include_usage":true}}"#;
    let answer = client.post(CHAT, KEY, body);
    let usage = answer.events().pop().unwrap()["usage"].clone();
    assert_eq!(usage["completion_tokens"], 30 + 11 + 7);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 30);
    assert_eq!(usage["total_tokens"].as_u64(), usage["prompt_tokens"].as_u64().map(|prompt| prompt + 48));
    let pieces = answer.events().iter().filter(|event| event["choices"][0]["delta"]["content"] != "").count();
    assert!(pieces >= 7 && !text(&answer).is_empty());
    let record = ledger(&simulator, "direct", 1).remove(0);
    assert_eq!(record.tokens, Some(48));
    assert!((record.planned.unwrap().first_ms - 61.0).abs() < 0.01, "{record:?}");

    let response = client.post(RESPONSES, KEY, r#"{"model":"o3","input":"x"}"#).json();
    let usage = &response["usage"];
    assert_eq!(
        (&usage["output_tokens"], &usage["output_tokens_details"]["reasoning_tokens"]),
        (&json!(48), &json!(30))
    );
    // A limit that ends within them leaves no text, and models that do not think have none.
    let cut = client.post(RESPONSES, KEY, r#"{"model":"o3","input":"x","max_output_tokens":35}"#).json();
    assert_eq!((&cut["status"], &cut["usage"]["output_tokens"]), (&json!("incomplete"), &json!(35)));
    assert_eq!(cut["output"].as_array().unwrap().len(), 1);
    assert_eq!(client.post(CHAT, KEY, &chat("")).json()["usage"]["completion_tokens"], 7);
}
