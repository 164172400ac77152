//! Defects of listeners: they are of their listener alone, and leave everything else of an answer as it was.
#![allow(clippy::unwrap_used)]

mod common;

use common::{CHAT, Client, KEY, chat, ledger, scenario};
use mock_backend::Config;

const BACKEND: &str = "name = \"d\"\n[[backend]]\nname = \"b\"\nregion = \"swedencentral\"\n\
                       model = { first = \"20ms\", gap = \"10ms\" }\n";
const AZURE: &str = "/openai/v1/chat/completions";

#[test]
fn a_defect_is_of_its_listener_alone() {
    let simulator = scenario(&format!(
        "{BACKEND}[[listener]]\nname = \"good\"\nkind = \"direct\"\nbackend = \"b\"\n\
         [[listener]]\nname = \"bad\"\nkind = \"direct\"\nbackend = \"b\"\ndefects = [\"no-region\", \"no-usage\", \"no-done\"]\n"
    ));
    let body = chat(r#","stream":true,"max_tokens":8,"stream_options":{"include_usage":true}"#);
    let [good, bad] = ["good", "bad"].map(|name| {
        let mut client = Client::new(&simulator.url(name).unwrap());
        [client.post(AZURE, KEY, &body), client.post(AZURE, KEY, &chat(r#","max_tokens":8"#))]
    });
    for (good, bad) in good.iter().zip(&bad) {
        assert_eq!((good.status, bad.status), (200, 200), "{}", bad.text());
        assert_eq!((good.header("x-ms-region"), bad.header("x-ms-region")), (Some("swedencentral"), None));
        assert!(good.header("apim-request-id").is_some() && bad.header("apim-request-id").is_some());
        assert!(good.text().contains("\"usage\":{") && !bad.text().contains("\"usage\""), "{}", bad.text());
        assert!(!bad.text().contains("[DONE]"), "{}", bad.text());
    }
    let [stream, whole] = bad;
    // What is not spoilt comes when it was planned to, token by token.
    assert!(stream.reads.len() >= 8, "{:?}", stream.reads);
    let text = |answer: &str| answer.matches("\"content\"").count();
    assert_eq!(text(stream.text()), text(good[0].text()));
    assert_eq!(whole.json()["choices"][0]["finish_reason"], "length");
    let records = ledger(&simulator, "bad", 2);
    for record in &records {
        assert_eq!((record.status, record.tokens, record.fault), (200, Some(8), None));
        let first = (record.first_ns.unwrap() - record.recv_ns) as f64 / 1e6;
        assert!(record.planned.is_some_and(|planned| first >= planned.first_ms - 1e-6), "{record:?}");
        assert!(record.end_ns.is_some(), "{record:?}");
    }
}

#[test]
fn a_stream_that_is_held_back_comes_at_once_and_a_change_lets_it_go() {
    let simulator = scenario(&format!(
        "{BACKEND}[[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"b\"\ndefects = [\"held-streams\"]\n"
    ));
    let mut client = Client::new(&simulator.url("l").unwrap());
    let body = chat(r#","stream":true,"max_tokens":16"#);
    let held = client.post(CHAT, KEY, &body);
    let begin = |answer: &common::Answer| answer.reads.iter().find(|(_, known)| *known > 0).unwrap().0;
    let from = begin(&held);
    assert!(held.end_ns() - from < (from - held.sent_ns) / 4, "{:?}", held.reads);
    simulator.patch(&serde_json::json!({"listener": [{"name": "l", "defects": []}]})).unwrap();
    let free = client.post(CHAT, KEY, &body);
    let from = begin(&free);
    assert!(free.end_ns() - from > from - free.sent_ns, "{:?}", free.reads);
    assert_eq!(held.text().matches("data: ").count(), free.text().matches("data: ").count());
}

#[test]
fn a_trace_is_for_who_shows_a_debug_token() {
    let simulator = scenario(&format!(
        "{BACKEND}[[listener]]\nname = \"g\"\nkind = \"gateway\"\nbackend = \"b\"\n\
         gateway = {{ own = \"1ms\", preset = \"apim\", debug_tokens = [\"good-token\"] }}\n"
    ));
    let mut client = Client::new(&simulator.url("g").unwrap());
    for (token, traced) in [("", false), ("good-token", true), ("bad-token", false)] {
        let header = if token.is_empty() { String::new() } else { format!("apim-debug-authorization: {token}\r\n") };
        let answer = client.post(CHAT, &format!("{KEY}{header}"), &chat(r#","max_tokens":1"#));
        assert_eq!((answer.status, answer.header("apim-trace-id").is_some()), (200, traced), "{token}");
    }
}

#[test]
fn a_defect_that_is_none_is_told_with_its_line() {
    let text =
        format!("{BACKEND}[[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"b\"\ndefects = [\"no-regoin\"]\n");
    let told = Config::parse(&text, "a.toml").unwrap_err().to_string();
    assert_eq!(told, "a.toml line 10: unknown defect \"no-regoin\", did you mean \"no-region\"?");
}
