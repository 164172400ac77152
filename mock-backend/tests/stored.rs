//! Chat completions that were stored, and conversations that are compacted and counted.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario, single, url};
use serde_json::{Value, json};

fn send(client: &mut Client, method: &str, path: &str) -> Answer {
    client.send(format!("{method} {path} HTTP/1.1\r\nhost: sim\r\n{KEY}\r\n").as_bytes())
}

fn stored(client: &mut Client, more: &str) -> Value {
    let answer = client.post(CHAT, KEY, &chat(&format!(r#","store":true{more}"#)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn path(completion: &Value) -> String {
    format!("{CHAT}/{}", completion["id"].as_str().unwrap())
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[test]
fn a_stored_completion_is_read_changed_and_deleted() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let made = stored(&mut client, r#","metadata":{"team":"blue"}"#);
    let mut shown = client.get(&path(&made)).json();
    assert_eq!(shown["metadata"].take(), json!({"team": "blue"}));
    let mut expected = made.clone();
    expected["metadata"] = Value::Null;
    assert_eq!(shown, expected);

    let changed = client.post(&path(&made), KEY, r#"{"metadata":{"team":"red"}}"#).json();
    assert_eq!((&changed["id"], &changed["metadata"]), (&made["id"], &json!({"team": "red"})));
    assert_eq!(client.get(&path(&made)).json()["metadata"], json!({"team": "red"}));
    let wrong = client.post(&path(&made), KEY, "{}");
    assert_eq!((wrong.status, &wrong.json()["error"]["param"]), (400, &json!("metadata")));

    let deleted = send(&mut client, "DELETE", &path(&made)).json();
    assert_eq!(deleted, json!({"object": "chat.completion.deleted", "id": made["id"], "deleted": true}));
    for (method, path) in [("GET", path(&made)), ("DELETE", path(&made)), ("GET", format!("{}/messages", path(&made)))]
    {
        let gone = send(&mut client, method, &path);
        assert_eq!(gone.status, 404, "{method} {path}");
        let expected = format!("Chat completion with id '{}' not found.", made["id"].as_str().unwrap());
        assert_eq!(gone.json()["error"]["message"], expected);
    }
    // Only who asks for it is remembered, and an id is no more than what it was made of.
    let unkept = client.post(CHAT, KEY, &chat("")).json();
    assert_eq!(client.get(&path(&unkept)).status, 404);
    assert_eq!(client.get(&format!("{CHAT}/chatcmpl-x")).status, 404);
}

#[test]
fn a_stored_stream_reads_as_one_piece_as_soon_as_it_has_ended() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    for _ in 0..20 {
        let answer = client.post(CHAT, KEY, &chat(r#","store":true,"stream":true,"max_tokens":4"#));
        let events = answer.events();
        let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        let shown = client.get(&path(&events[0])).json();
        assert_eq!(shown["choices"][0]["message"]["content"], text);
        assert_eq!((&shown["object"], &shown["usage"]["completion_tokens"]), (&json!("chat.completion"), &json!(4)));
    }
    // Who hangs up before the end leaves nothing.
    let simulator = single(0.0, 5000.0);
    let mut client = Client::new(&url(&simulator));
    let body = chat(r#","store":true,"stream":true"#);
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n{body}", body.len());
    std::io::Write::write_all(client.stream(), head.as_bytes()).unwrap();
    std::io::Read::read_exact(client.stream(), &mut [0; 64]).unwrap();
    drop(client);
    ledger(&simulator, "direct", 1);
    let list = Client::new(&url(&simulator)).get(CHAT).json();
    assert_eq!(list, json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false}));
}

#[test]
fn messages_are_those_of_the_request() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let body = r#"{"model":"gpt-4o","store":true,"messages":[{"role":"system","content":"Be brief."},
        {"role":"user","name":"ann","content":[{"type":"text","text":"hello "},{"type":"text","text":"world"}]}]}"#;
    let made = client.post(CHAT, KEY, body).json();
    let list = client.get(&format!("{}/messages", path(&made))).json();
    let id = |i: usize| format!("{}-{i}", made["id"].as_str().unwrap());
    assert_eq!(
        list["data"],
        json!([
            {"id": id(0), "role": "system", "content": "Be brief.", "name": null, "content_parts": null},
            {"id": id(1), "role": "user", "content": "hello world", "name": "ann",
             "content_parts": [{"type": "text", "text": "hello "}, {"type": "text", "text": "world"}]},
        ])
    );
    assert_eq!((&list["first_id"], &list["last_id"], &list["has_more"]), (&json!(id(0)), &json!(id(1)), &json!(false)));
    let page = client.get(&format!("{}/messages?limit=1&order=desc", path(&made))).json();
    assert_eq!((ids(&page), &page["has_more"]), (vec![id(1).as_str()], &json!(true)));
}

#[test]
fn the_list_has_pages_and_can_be_asked_for_a_model_and_metadata() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let made: Vec<Value> =
        (0..5).map(|i| stored(&mut client, &format!(r#","metadata":{{"n":"{}"}}"#, i % 2))).collect();
    let other =
        client.post(CHAT, KEY, r#"{"model":"gpt-4.1","store":true,"messages":[{"role":"user","content":"x"}]}"#);
    let all = client.get("/openai/v1/chat/completions").json();
    let expected: Vec<&str> = made.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids(&all)[..5], expected);
    assert_eq!(ids(&all)[5], other.json()["id"]);
    let page = client.get(&format!("{CHAT}?limit=2&after={}", expected[1])).json();
    assert_eq!((ids(&page), &page["has_more"]), (expected[2..4].to_vec(), &json!(true)));
    let mut odd = ids(&all)[..5].to_vec();
    odd.retain(|id| [expected[1], expected[3]].contains(id));
    for query in ["metadata[n]=1", "metadata%5Bn%5D=1"] {
        assert_eq!(ids(&client.get(&format!("{CHAT}?{query}")).json()), odd, "{query}");
    }
    assert_eq!(ids(&client.get(&format!("{CHAT}?model=gpt-4.1-2025-04-14")).json()).len(), 1);
    for (query, param) in [("limit=0", "limit"), ("order=up", "order"), ("after=x", "after")] {
        let wrong = client.get(&format!("{CHAT}?{query}"));
        assert_eq!((wrong.status, &wrong.json()["error"]["param"]), (400, &json!(param)), "{query}");
    }
}

#[test]
fn each_backend_remembers_its_own_chats_as_long_as_it_is_told_to() {
    let simulator = scenario(
        "name = \"x\"\n[[backend]]\nname = \"one\"\nmodel = { first = \"0\", gap = \"0\" }\n\
         [[backend]]\nname = \"short\"\nmodel = { first = \"0\", gap = \"0\" }\nkeep_responses = \"1ns\"\n\
         [[listener]]\nname = \"a\"\nkind = \"direct\"\nbackend = \"one\"\n\
         [[listener]]\nname = \"b\"\nkind = \"direct\"\nbackend = \"short\"\n",
    );
    let mut a = Client::new(&simulator.url("a").unwrap());
    let mut b = Client::new(&simulator.url("b").unwrap());
    let kept = stored(&mut a, "");
    assert_eq!((a.get(&path(&kept)).status, b.get(&path(&kept)).status), (200, 404));
    let short = stored(&mut b, "");
    assert_eq!(b.get(&path(&short)).status, 404);
    assert_eq!(ids(&b.get(CHAT).json()).len(), 0);
}

#[test]
fn a_conversation_is_compacted_to_an_item_that_costs_what_it_says() {
    let simulator = single(30.0, 1.0);
    let mut client = Client::new(&url(&simulator));
    let first = client.post(RESPONSES, KEY, &responses(r#","max_output_tokens":16"#)).json();
    let compact = format!("{RESPONSES}/compact");
    let asked = responses(&format!(r#","previous_response_id":"{}""#, first["id"].as_str().unwrap()));
    let made = client.post(&compact, KEY, &asked);
    assert_eq!(made.status, 200, "{}", made.text());
    let made = made.json();
    // "hello world" now and before, and the sixteen tokens between, each in a message of 4; the simulator's answers are of 5 tokens.
    assert_eq!(made["object"], "response.compaction");
    assert_eq!((&made["usage"]["input_tokens"], &made["usage"]["output_tokens"]), (&json!(21 + 6 + 20 + 6), &json!(5)));
    assert_eq!(made["usage"]["total_tokens"], 58);
    let output = made["output"].as_array().unwrap();
    assert_eq!(output.len(), 2);
    assert_eq!((&output[0]["role"], &output[0]["content"][0]["text"]), (&json!("user"), &json!("hello world")));
    assert_eq!(output[1]["type"], "compaction");
    let record = &ledger(&simulator, "direct", 2)[1];
    assert_eq!((record.api, record.tokens, record.status), ("responses", Some(5), 200));
    assert!((record.planned.unwrap().end_ms - 34.0).abs() < 0.01, "{record:?}");
    // Sent again, it costs its five tokens, and its item four.
    let count = |client: &mut Client, input: &Value| {
        let body = json!({"model": "gpt-4o", "input": input}).to_string();
        client.post(&format!("{RESPONSES}/input_tokens"), KEY, &body).json()
    };
    let with = count(&mut client, &made["output"]);
    let without = count(&mut client, &json!([output[0]]));
    assert_eq!(with["object"], "response.input_tokens");
    assert_eq!(with["input_tokens"].as_u64().unwrap() - without["input_tokens"].as_u64().unwrap(), 5 + 4);
    let body = json!({"model": "gpt-4o", "input": made["output"]}).to_string();
    let next = client.post(RESPONSES, KEY, &body).json();
    assert_eq!(next["usage"]["input_tokens"], with["input_tokens"]);

    let lost = responses(r#","previous_response_id":"resp_00000000000000000000000000000000""#);
    for path in [compact.clone(), format!("{RESPONSES}/input_tokens")] {
        let answer = client.post(&path, KEY, &lost);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("previous_response_not_found")));
        assert_eq!(client.post(&path, KEY, r#"{"model":"gpt-4o"}"#).status, 400);
        assert_eq!(client.post(&path, KEY, r#"{"model":"zz","input":"x"}"#).status, 404);
    }
}
