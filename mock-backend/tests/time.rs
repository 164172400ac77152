//! When things are sent: never before their time, in the order of the plan, and as the ledger says. Lower bounds are
//! strict, upper ones generous: a busy machine is late, but nothing may be early.
#![allow(clippy::unwrap_used)]

mod common;

use std::thread;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario, single, url};
use mock_backend::{Record, now_ns};

const MS: u64 = 1_000_000;

fn linked(link: &str) -> String {
    format!(
        r#"
        name = "test"
        [[backend]]
        name = "b"
        model = {{ first = "20ms", gap = "5ms" }}
        [[listener]]
        name = "direct"
        kind = "direct"
        backend = "b"
        link = {link}
        "#
    )
}

/// The client's stamps can never be tighter than the ledger's.
fn check_bounds(answer: &Answer, first: u64, record: &Record) {
    let (head, end) = (record.head_ns.unwrap(), record.end_ns.unwrap());
    let (ledger_first, last) = (record.first_ns.unwrap(), record.last_ns.unwrap());
    assert!(answer.sent_ns <= record.recv_ns);
    assert!(record.recv_ns <= head && head <= ledger_first && ledger_first <= last && last <= end);
    assert!(answer.head_ns >= head && first >= ledger_first && answer.end_ns() >= end);
    let planned = record.planned.unwrap();
    let ms = |ns: u64| (ns - record.recv_ns) as f64 / 1e6;
    assert!(ms(ledger_first) >= planned.first_ms - 1e-6, "{record:?}");
    assert!(ms(end) >= planned.end_ms - 1e-6, "{record:?}");
}

#[test]
fn a_stream_is_never_earlier_than_planned_and_the_client_never_earlier_than_the_ledger() {
    for rtt in ["0", "3ms"] {
        let simulator = scenario(&linked(&format!("{{ rtt = \"{rtt}\" }}")));
        let mut client = Client::new(&url(&simulator));
        let chat = client.post(CHAT, KEY, &chat(r#","stream":true,"max_tokens":16"#));
        let response = client.post(RESPONSES, KEY, &responses(r#","stream":true,"max_output_tokens":16"#));
        let records = ledger(&simulator, "direct", 2);
        check_bounds(&chat, chat.seen_ns("\"delta\":{\"content\""), &records[0]);
        check_bounds(&response, response.seen_ns("output_text.delta"), &records[1]);
        for (record, answer) in records.iter().zip([&chat, &response]) {
            assert_eq!((record.tokens, record.status, record.stream, record.fault), (Some(16), 200, true, None));
            // Head with opening events, fifteen tokens, and the last with the end.
            assert_eq!(record.writes, 17);
            assert!(answer.end_ns() - answer.sent_ns >= 35 * MS);
            // The opening has a write of its own, before that of the first token.
            assert!(record.head_ns < record.first_ns);
        }
    }
}

#[test]
fn an_answer_in_one_piece_comes_when_its_last_token_would() {
    let simulator = scenario(&linked("{ rtt = \"2ms\" }"));
    let mut client = Client::new(&url(&simulator));
    let answer = client.post(CHAT, KEY, &chat(r#","max_tokens":4"#));
    let record = &ledger(&simulator, "direct", 1)[0];
    check_bounds(&answer, answer.end_ns(), record);
    assert!(answer.end_ns() - answer.sent_ns >= (20 + 15 + 2 + 2) * MS);
    assert_eq!((record.writes, record.stream), (1, false));
}

#[test]
fn events_that_are_due_together_leave_together() {
    let simulator = single(0.0, 0.0);
    let answer = Client::new(&url(&simulator)).post(CHAT, KEY, &chat(r#","stream":true,"max_tokens":64"#));
    assert_eq!(answer.events().len(), 66);
    assert_eq!(ledger(&simulator, "direct", 1)[0].writes, 1);
}

#[test]
fn a_round_trip_is_charged_to_every_exchange_and_one_more_to_a_new_connection() {
    let simulator = scenario(&linked("{ rtt = \"30ms\" }"));
    let mut client = Client::new(&url(&simulator));
    let took = |answer: Answer| answer.end_ns() - answer.sent_ns;
    assert!(took(client.get("/_sim/health")) >= 60 * MS);
    // The quickest of several: a busy machine may be late with any of them.
    let warm = (0..5).map(|_| took(client.get("/_sim/health"))).min().unwrap();
    assert!((30 * MS..59 * MS).contains(&warm), "{warm} ns");
}

#[test]
fn round_trips_have_the_quantiles_of_their_link_and_the_same_seed_draws_the_same() {
    let text = r#"
        name = "test"
        [[backend]]
        name = "b"
        model = { first = { dist = "normal", mean = "5ms", sd = "1ms" }, gap = { dist = "lognormal", p50 = "1ms", p95 = "2ms" } }
        [[listener]]
        name = "direct"
        kind = "direct"
        backend = "b"
        link = { rtt = { p50 = "4ms", p95 = "5ms" } }
    "#;
    let run = || {
        let simulator = scenario(text);
        let mut client = Client::new(&url(&simulator));
        for _ in 0..20 {
            client.post(CHAT, KEY, &chat(r#","stream":true,"max_tokens":3"#));
        }
        ledger(&simulator, "direct", 20).iter().map(|record| record.planned.unwrap()).collect::<Vec<_>>()
    };
    let planned = run();
    assert_eq!(planned, run());
    let warm = &planned[1..];
    assert!(warm.iter().all(|planned| (5.0..15.0).contains(&planned.first_ms)), "{planned:?}");
    assert!(warm.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn a_large_body_takes_its_time_up() {
    // 1 MB at 40 Mbit/s is 200 ms.
    let simulator = scenario(&linked("{ rtt = \"1ms\", bandwidth = \"40Mbit/s\" }"));
    let mut client = Client::new(&url(&simulator));
    client.get("/_sim/health");
    let prompt = "word ".repeat(200_000);
    let body = chat(r#","max_tokens":1"#).replace("hello world", &prompt);
    let answer = client.post(CHAT, KEY, &body);
    assert_eq!(answer.status, 200);
    assert!(answer.end_ns() - answer.sent_ns >= 221 * MS);
    assert_eq!(answer.json()["usage"]["completion_tokens"], 1);
}

#[test]
fn a_large_body_and_a_large_stream_take_their_time_down() {
    let simulator =
        scenario(&linked("{ rtt = \"1ms\", bandwidth = \"40Mbit/s\" }").replace("gap = \"5ms\"", "gap = \"0\""));
    let mut client = Client::new(&url(&simulator));
    client.get("/_sim/health");
    for more in [r#","max_tokens":230000"#, r#","max_tokens":4000,"stream":true"#] {
        let answer = client.post(CHAT, KEY, &chat(more));
        assert!(answer.body.len() >= 900_000, "{} bytes", answer.body.len());
        let least = 21 * MS + answer.body.len() as u64 * 200;
        let took = answer.end_ns() - answer.sent_ns;
        assert!(took >= least, "{took} of {least} ns");
    }
    let records = ledger(&simulator, "direct", 2);
    for record in records {
        // It comes all along, not at the end.
        assert!(record.planned.unwrap().end_ms >= 200.0 && record.writes > 10, "{record:?}");
    }
}

#[test]
fn bytes_are_never_reordered_by_jitter() {
    let simulator = scenario(
        &linked("{ rtt = { p50 = \"2ms\", p95 = \"20ms\" } }")
            .replace("\"5ms\"", "\"100us\"")
            .replace("\"20ms\", gap", "\"0\", gap"),
    );
    let address = url(&simulator);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || {
                let mut client = Client::new(&address);
                for _ in 0..5 {
                    let answer = client.post(RESPONSES, KEY, &responses(r#","stream":true,"max_output_tokens":50"#));
                    let numbers: Vec<_> =
                        answer.events().iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
                    assert_eq!(numbers, (0..58).collect::<Vec<_>>());
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_stall_holds_running_streams_and_new_requests() {
    let simulator = scenario(&linked("{ rtt = \"0\" }"));
    let address = url(&simulator);
    let mut running = Client::new(&address);
    let body = chat(r#","stream":true,"max_tokens":4000"#);
    let request = format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n{body}", body.len());
    std::io::Write::write_all(running.stream(), request.as_bytes()).unwrap();
    let mut room = vec![0; 1 << 16];
    let mut got = String::new();
    while !got.contains("\"delta\":{\"content\"") {
        let n = std::io::Read::read(running.stream(), &mut room).unwrap();
        got.push_str(std::str::from_utf8(&room[..n]).unwrap());
    }
    let mut client = Client::new(&address);
    let answer = client.send(b"POST /_sim/stall?ms=1000 HTTP/1.1\r\nhost: s\r\ncontent-length: 0\r\n\r\n");
    let until = answer.json()["until_ns"].as_u64().unwrap();
    let new = thread::spawn(move || client.post(CHAT, KEY, &chat(r#","stream":true,"max_tokens":2"#)));
    // What was sent before the stall was set is read here; what comes after it comes after its end.
    let mut before = now_ns();
    while std::io::Read::read(running.stream(), &mut room).unwrap() > 0 && now_ns() < until {
        before = now_ns();
    }
    assert!(before < until - 200 * MS, "bytes came during the stall");
    let new = new.join().unwrap();
    assert!(new.sent_ns < until && new.head_ns >= until && new.end_ns() >= until);
}

#[test]
fn a_caller_who_goes_away_leaves_an_unfinished_record() {
    let simulator = single(5000.0, 10.0);
    let mut client = Client::new(&url(&simulator));
    let body = chat(r#","stream":true"#);
    let request = format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n{body}", body.len());
    std::io::Write::write_all(client.stream(), request.as_bytes()).unwrap();
    let mut head = [0; 64];
    std::io::Read::read_exact(client.stream(), &mut head).unwrap();
    drop(client);
    let record = &ledger(&simulator, "direct", 1)[0];
    assert_eq!((record.fault, record.end_ns, record.first_ns), (Some("client_closed"), None, None));
    assert!(record.head_ns.is_some());
}
