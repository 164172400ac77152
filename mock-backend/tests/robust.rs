//! Callers that do not behave: the simulator refuses or hangs up, and goes on serving others.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;

use common::{CHAT, Client, KEY, chat, single, url};

#[test]
fn what_is_not_http_or_too_large_is_refused_and_others_are_served() {
    let simulator = single(0.0, 0.0);
    let address = url(&simulator);
    for garbage in [
        "\r\n\r\nnonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\u{0}\u{1}\u{2}",
        "POST /v1 HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    ] {
        let mut client = Client::new(&address);
        client.stream().write_all(garbage.as_bytes()).unwrap();
        client.stream().shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = client.stream().read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{garbage:?}");
    }
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n", 17 << 20);
    let mut all = head.clone().into_bytes();
    all.resize(head.len() + (17 << 20), b' ');
    assert_eq!(Client::new(&address).send(&all).status, 413);
    let asking = head.replace("api-key", "expect: 100-continue\r\napi-key");
    assert_eq!(Client::new(&address).send(asking.as_bytes()).status, 413);
    let endless = head.replace(&(17 << 20).to_string(), "99999999999");
    assert_eq!(Client::new(&address).send(endless.as_bytes()).status, 413);
    assert_eq!(Client::new(&address).post(CHAT, KEY, &chat("")).status, 200);
}

#[test]
fn a_caller_who_hangs_up_in_the_middle_of_its_body_hurts_nobody() {
    let simulator = single(0.0, 0.0);
    let address = url(&simulator);
    for _ in 0..20 {
        let mut client = Client::new(&address);
        client.stream().write_all(format!("POST {CHAT} HTTP/1.1\r\ncontent-length: 100\r\n\r\n{{").as_bytes()).unwrap();
        client.stream().shutdown(Shutdown::Write).unwrap();
        let _ = client.is_closed();
    }
    assert_eq!(Client::new(&address).post(CHAT, KEY, &chat("")).status, 200);
}

#[test]
fn requests_may_come_in_pieces_in_chunks_and_one_after_the_other() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let body = chat(r#","max_tokens":1"#);
    let (a, b) = body.split_at(20);
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}transfer-encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
        a.len(),
        b.len()
    );
    let (first, rest) = request.split_at(40);
    client.stream().write_all(first.as_bytes()).unwrap();
    assert_eq!(client.send(rest.as_bytes()).status, 200);
    let twice = format!("{request}{request}");
    assert_eq!(client.send(twice.as_bytes()).status, 200);
    assert_eq!(client.send(b"").status, 200);
}

#[test]
fn bodies_that_are_not_json_are_refused_as_json() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    for body in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{\"model\":1}",
        "{\"model\":\"gpt-4o\",\"messages\":[1]}",
        "\u{fffd}",
        "{\"model\":\"gpt-4o\",\"messages\":[],\"stream\":\"yes\"}",
    ] {
        let answer = client.post(CHAT, KEY, body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"]["message"].is_string());
    }
}

#[test]
fn stopping_frees_the_address() {
    let simulator = single(10_000.0, 0.0);
    let address = url(&simulator);
    let mut client = Client::new(&address);
    client.stream().write_all(format!("POST {CHAT} HTTP/1.1\r\n").as_bytes()).unwrap();
    simulator.stop();
    assert!(client.is_closed());
    let again = address.strip_prefix("http://").unwrap().to_owned();
    assert!(std::net::TcpListener::bind(again).is_ok());
}
