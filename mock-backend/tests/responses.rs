//! Responses after they were asked for: kept, followed, read again, cancelled, deleted; each backend for itself.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};

use common::{Answer, Client, KEY, RESPONSES, ledger, responses, scenario, single, url};
use mock_backend::now_ns;
use serde_json::{Value, json};

fn delete(client: &mut Client, id: &str) -> Answer {
    client.send(format!("DELETE {RESPONSES}/{id} HTTP/1.1\r\nhost: sim\r\n{KEY}\r\n").as_bytes())
}

fn made(client: &mut Client, more: &str) -> Value {
    let answer = client.post(RESPONSES, KEY, &responses(more));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn id(response: &Value) -> String {
    response["id"].as_str().unwrap().to_owned()
}

fn follow(client: &mut Client, previous: &str) -> Answer {
    client.post(RESPONSES, KEY, &responses(&format!(r#","previous_response_id":"{previous}""#)))
}

/// Reads a response until `status`; says what it looked like then, and all states on the way.
fn poll(client: &mut Client, id: &str, status: &str) -> (Value, Vec<String>) {
    let until = now_ns() + 10_000_000_000;
    let mut seen: Vec<String> = Vec::new();
    while now_ns() < until {
        let now = client.get(&format!("{RESPONSES}/{id}")).json();
        let state = now["status"].as_str().unwrap_or_else(|| panic!("{now}")).to_owned();
        if seen.last() != Some(&state) {
            seen.push(state.clone());
        }
        if state == status {
            return (now, seen);
        }
    }
    panic!("{id} was never {status}: {seen:?}");
}

#[test]
fn what_is_kept_reads_as_it_was_sent_until_it_is_deleted() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let first = made(&mut client, "");
    let path = format!("{RESPONSES}/{}", id(&first));
    assert_eq!(client.get(&path).json(), first);
    let azure = format!("/openai/responses/{}?api-version=2025-04-01-preview", id(&first));
    assert_eq!(client.get(&azure).json()["id"], first["id"]);
    assert_eq!(
        delete(&mut client, &id(&first)).json(),
        json!({"id": first["id"], "object": "response", "deleted": true})
    );
    let gone = client.get(&path);
    assert_eq!(
        (gone.status, &gone.json()["error"]["message"]),
        (404, &json!(format!("Response with id '{}' not found.", id(&first))))
    );
    assert_eq!(delete(&mut client, &id(&first)).status, 404);
    let unkept = made(&mut client, r#","store":false"#);
    assert_eq!(client.get(&format!("{RESPONSES}/{}", id(&unkept))).status, 404);
    let streamed = client.post(RESPONSES, KEY, &responses(r#","stream":true"#)).events();
    let last = &streamed.last().unwrap()["response"];
    assert_eq!(&client.get(&format!("{RESPONSES}/{}", id(last))).json(), last);
}

#[test]
fn a_following_response_pays_for_what_was_said_before() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let first = made(&mut client, r#","instructions":"Be brief.","max_output_tokens":16"#);
    let second = follow(&mut client, &id(&first)).json();
    // "hello world" is 2 tokens and a message 4, now and before; the instructions are not inherited.
    assert_eq!(second["usage"]["input_tokens"], 21 + 6 + 20 + 6);
    assert_eq!(second["previous_response_id"], first["id"]);
    let third = follow(&mut client, &id(&second)).json();
    assert_eq!(third["usage"]["input_tokens"], 21 + 6 + 20 + 6 + 9 + 6);
    let nowhere = follow(&mut client, "resp_00000000000000000000000000000000");
    let error = &nowhere.json()["error"];
    assert_eq!((nowhere.status, &error["code"]), (400, &json!("previous_response_not_found")));
    assert_eq!(error["param"], "previous_response_id");
    assert_eq!(error["message"], "Previous response with id 'resp_00000000000000000000000000000000' not found.");
}

#[test]
fn each_backend_knows_only_its_own_however_it_is_reached() {
    let backend = |name: &str| format!("[[backend]]\nname = \"{name}\"\nmodel = {{ first = \"0\", gap = \"0\" }}\n");
    let listener = |name: &str, backend: &str, more: &str| {
        format!("[[listener]]\nname = \"{name}\"\nbackend = \"{backend}\"\n{more}\n")
    };
    let simulator = scenario(&format!(
        "name = \"x\"\n{}{}{}{}{}",
        backend("one"),
        backend("other"),
        listener("a", "one", "kind = \"direct\""),
        listener("b", "other", "kind = \"direct\""),
        listener("c", "one", "kind = \"gateway\"\ngateway = { own = \"0\" }")
    ));
    let client = |name: &str| Client::new(&simulator.url(name).unwrap());
    let first = made(&mut client("a"), "");
    assert_eq!(follow(&mut client("c"), &id(&first)).status, 200);
    assert_eq!(client("c").get(&format!("{RESPONSES}/{}", id(&first))).json(), first);
    let lost = follow(&mut client("b"), &id(&first));
    assert_eq!((lost.status, &lost.json()["error"]["code"]), (400, &json!("previous_response_not_found")));
    assert_eq!(client("b").get(&format!("{RESPONSES}/{}", id(&first))).status, 404);
}

#[test]
fn what_is_too_old_is_forgotten() {
    let simulator = scenario(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\nkeep_responses = \"1ns\"\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
    );
    let mut client = Client::new(&url(&simulator));
    let first = made(&mut client, "");
    assert_eq!(client.get(&format!("{RESPONSES}/{}", id(&first))).status, 404);
}

#[test]
fn input_items_come_in_pages_and_orders() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let input = r#"[{"role":"user","content":"a"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},
        {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c1","output":"fine"}]"#;
    let made = client.post(RESPONSES, KEY, &format!(r#"{{"model":"gpt-4o","input":{input}}}"#)).json();
    let mut list = |query: &str| {
        let answer = client.get(&format!("{RESPONSES}/{}/input_items{query}", id(&made)));
        (answer.status, answer.json())
    };
    let types = |list: &Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect()
    };
    let (_, all) = list("?order=asc");
    assert_eq!(types(&all), ["message", "message", "function_call", "function_call_output"]);
    assert_eq!(all["data"][0]["content"], json!([{"type": "input_text", "text": "a"}]));
    assert_eq!((&all["object"], &all["has_more"]), (&json!("list"), &json!(false)));
    let (_, two) = list("?limit=2");
    assert_eq!(
        (types(&two), &two["has_more"]),
        (vec!["function_call_output".to_owned(), "function_call".to_owned()], &json!(true))
    );
    let (_, rest) = list(&format!("?limit=2&after={}", two["last_id"].as_str().unwrap()));
    assert_eq!((types(&rest).len(), &rest["first_id"]), (2, &all["data"][1]["id"]));
    for wrong in ["?limit=0", "?limit=101", "?order=up", "?after=zz"] {
        assert_eq!(list(wrong).0, 400, "{wrong}");
    }
}

#[test]
fn a_response_in_the_background_is_queued_then_in_progress_then_completed() {
    let simulator = single(150.0, 30.0);
    let mut client = Client::new(&url(&simulator));
    let before = now_ns();
    let answer = client.post(RESPONSES, KEY, &responses(r#","background":true"#));
    let first = answer.json();
    assert_eq!((&first["status"], &first["output"], &first["usage"]), (&json!("queued"), &json!([]), &Value::Null));
    assert_eq!(first["background"], true);
    let (last, seen) = poll(&mut client, &id(&first), "completed");
    // 150 ms to the first token, and 4 gaps of 30 ms.
    assert!(now_ns() - before >= 270_000_000);
    assert_eq!(seen, ["queued", "in_progress", "completed"]);
    assert_eq!(last["usage"]["output_tokens"], 5);
    let unkept = client.post(RESPONSES, KEY, &responses(r#","background":true,"store":false"#));
    assert_eq!(unkept.status, 400);
}

#[test]
fn only_what_is_not_over_in_the_background_can_be_cancelled() {
    let simulator = single(5_000.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let made = made(&mut client, r#","background":true"#);
    let cancel = |client: &mut Client, id: &str| client.post(&format!("{RESPONSES}/{id}/cancel"), KEY, "");
    assert_eq!(cancel(&mut client, &id(&made)).json()["status"], "cancelled");
    assert_eq!(cancel(&mut client, &id(&made)).json()["status"], "cancelled");
    assert_eq!(client.get(&format!("{RESPONSES}/{}", id(&made))).json()["status"], "cancelled");
    let quick = single(0.0, 0.0);
    let mut client = Client::new(&url(&quick));
    for (more, what) in [("", "synchronous"), (r#","background":true"#, "completed")] {
        let done = finished(&mut client, more);
        let refused = cancel(&mut client, &id(&done));
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains(what), "{}", refused.text());
    }
}

fn finished(client: &mut Client, more: &str) -> Value {
    let made = made(client, more);
    poll(client, &id(&made), "completed").0
}

#[test]
fn a_cancelled_stream_ends() {
    let simulator = single(50.0, 3_000.0);
    let address = url(&simulator);
    let body = responses(r#","background":true,"stream":true"#);
    let (reader, mut seen) = open(&address, &body);
    let id = id(&seen.wait("response.created")["response"]);
    let answer = Client::new(&address).post(&format!("{RESPONSES}/{id}/cancel"), KEY, "");
    assert_eq!(answer.json()["status"], "cancelled");
    seen.wait_end();
    assert!(!seen.text.contains("response.completed"));
    drop(reader);
    assert_eq!(ledger(&simulator, "direct", 2).iter().find(|record| record.stream).unwrap().fault, Some("cancelled"));
}

/// A stream that is read as it comes.
struct Seen {
    stream: std::net::TcpStream,
    text: String,
}

fn open(address: &str, body: &str) -> (Client, Seen) {
    let mut client = Client::new(address);
    let head = format!("POST {RESPONSES} HTTP/1.1\r\nhost: sim\r\n{KEY}content-length: {}\r\n\r\n", body.len());
    client.stream().write_all(format!("{head}{body}").as_bytes()).unwrap();
    let stream = client.stream().try_clone().unwrap();
    (client, Seen { stream, text: String::new() })
}

impl Seen {
    fn read(&mut self) -> usize {
        let mut room = [0; 1 << 16];
        let n = self.stream.read(&mut room).unwrap();
        self.text.push_str(std::str::from_utf8(&room[..n]).unwrap());
        n
    }

    /// The data of the first event of this kind.
    fn wait(&mut self, kind: &str) -> Value {
        loop {
            if let Some((_, rest)) = self.text.split_once(&format!("event: {kind}\ndata: "))
                && let Some((data, _)) = rest.split_once("\n\n")
            {
                return serde_json::from_str(data).unwrap();
            }
            assert!(self.read() > 0, "no {kind} in {}", self.text);
        }
    }

    fn wait_end(&mut self) {
        while !self.text.ends_with("0\r\n\r\n") {
            assert!(self.read() > 0);
        }
    }
}

#[test]
fn a_lost_stream_in_the_background_goes_on_where_it_was_lost() {
    let simulator = single(20.0, 20.0);
    let address = url(&simulator);
    let body = responses(r#","background":true,"stream":true,"max_output_tokens":16"#);
    let (lost, mut seen) = open(&address, &body);
    let created = seen.wait("response.created");
    assert_eq!(created["response"]["status"], "queued");
    seen.wait("response.queued");
    let last = seen.wait("response.output_text.delta")["sequence_number"].as_u64().unwrap();
    drop((lost, seen));
    let name = id(&created["response"]);
    let mut client = Client::new(&address);
    let rest = client.get(&format!("{RESPONSES}/{name}?stream=true&starting_after={last}"));
    let events = rest.events();
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (last + 1..=last + events.len() as u64).collect::<Vec<_>>());
    let end = events.last().unwrap();
    assert_eq!((&end["type"], &end["response"]["status"]), (&json!("response.incomplete"), &json!("incomplete")));
    // All of it once more, after it is over; it is then sent at once.
    let all = client.get(&format!("{RESPONSES}/{name}?stream=true")).events();
    assert_eq!(all[0]["type"], "response.created");
    let text: String = all.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(all.last().unwrap()["response"]["output"][0]["content"][0]["text"], *text);
    assert_eq!(&all[last as usize + 1..], &events[..]);
    let nothing = client.get(&format!("{RESPONSES}/{name}?stream=true&starting_after={}", all.len()));
    assert_eq!((nothing.status, nothing.body.len()), (200, 0));
    assert_eq!(client.get(&format!("{RESPONSES}/{name}?stream=true&starting_after=x")).status, 400);
    let plain = made(&mut client, "");
    assert_eq!(client.get(&format!("{RESPONSES}/{}?stream=true", id(&plain))).status, 400);
}

#[test]
fn a_stream_that_its_caller_drops_is_not_kept() {
    let simulator = single(0.0, 200.0);
    let address = url(&simulator);
    let (lost, mut seen) = open(&address, &responses(r#","stream":true"#));
    let id = id(&seen.wait("response.created")["response"]);
    lost_now(lost, seen);
    ledger(&simulator, "direct", 1);
    assert_eq!(Client::new(&address).get(&format!("{RESPONSES}/{id}")).status, 404);
}

fn lost_now(lost: Client, seen: Seen) {
    seen.stream.shutdown(std::net::Shutdown::Both).unwrap();
    drop((lost, seen));
}
