//! The same faults over HTTP/1.1, over TLS, and over HTTP/2, where each befalls its stream and no other.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::wire::{End, Sender, WIRES, Wire, block_on, metric, read, request, secure, text};
use common::{CHAT, CONNECTIONS, chat, ledger, scenario};
use h2::Reason;
use http_body_util::BodyExt;
use mock_backend::{Record, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn start(wire: Wire, gap: &str, backend: &str) -> Simulator {
    scenario(&format!(
        "name = \"test\"\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"0\", gap = \"{gap}\" }}\n{backend}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n{}\n",
        wire.listener()
    ))
}

fn streamed() -> String {
    chat(",\"stream\":true,\"max_tokens\":5,\"stream_options\":{\"include_usage\":true}")
}

/// What came of a request: status, headers that matter, text, end; no answer is status 0.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: u16,
    kind: Option<String>,
    retry: Option<String>,
    text: String,
    end: End,
}

async fn ask(sender: &mut Sender, fault: &str, body: String) -> Outcome {
    let header = ("x-sim-fault", fault);
    let headers = if fault.is_empty() { &[][..] } else { std::slice::from_ref(&header) };
    let response = match sender.send(request(CHAT, headers, body)).await {
        Ok(response) => response,
        Err(error) => {
            return Outcome { status: 0, kind: None, retry: None, text: String::new(), end: End::of(&error) };
        }
    };
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (status, kind, retry) = (response.status().as_u16(), header("content-type"), header("retry-after"));
    let (text, end) = read(response.into_body()).await;
    Outcome { status, kind, retry, text: undated(&text), end }
}

/// A text without the second in which it was made.
fn undated(text: &str) -> String {
    let mut parts = text.split("\"created\":");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| all + "\"created\":" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// What the ledger says of it, less its times.
fn truth(record: &Record) -> impl PartialEq + std::fmt::Debug {
    (
        (record.fault, record.status, record.tokens, record.stream, record.planned.is_some()),
        (record.head_ns.is_some(), record.first_ns.is_some(), record.last_ns.is_some(), record.end_ns.is_some()),
    )
}

#[test]
fn every_fault_is_the_same_over_every_wire() {
    // What it does to a stream and to an answer in one piece, over HTTP/2: how that ends.
    let (whole, given_up) = (End::Whole, End::Reset(Reason::CANCEL));
    let failed = End::Reset(Reason::INTERNAL_ERROR);
    let broken = End::Reset(Reason::PROTOCOL_ERROR);
    let table = [
        ("", &whole, &whole),
        ("429", &whole, &whole),
        ("500", &whole, &whole),
        ("html-502", &whole, &whole),
        ("429-retry-s", &whole, &whole),
        ("redirect", &whole, &whole),
        ("slow-head:5ms", &whole, &whole),
        ("stall:2:5ms", &whole, &whole),
        ("in-stream:2", &whole, &whole),
        ("no-final", &whole, &whole),
        ("no-done", &whole, &whole),
        ("no-usage", &whole, &whole),
        ("two-dones", &whole, &whole),
        ("bad-json:3", &whole, &whole),
        ("twice:2", &whole, &whole),
        ("content-type", &whole, &whole),
        ("no-content-type", &whole, &whole),
        ("empty-content-type", &whole, &whole),
        ("false-gzip", &whole, &whole),
        ("in-stream-flat:2", &whole, &whole),
        ("usage-on-finish", &whole, &whole),
        ("async-filter", &whole, &whole),
        ("crlf", &whole, &whole),
        ("comments", &whole, &whole),
        ("close", &given_up, &given_up),
        ("reset", &failed, &failed),
        // The end of the stream is proper, but an answer in one piece is shorter than it has said.
        ("close:3", &whole, &broken),
        ("close:0", &whole, &broken),
        ("truncated:2", &whole, &broken),
        ("reset:2", &failed, &failed),
        ("reset:0", &failed, &failed),
    ];
    for (fault, stream, piece) in table {
        for (body, h2) in [(streamed(), stream), (chat(",\"max_tokens\":5"), piece)] {
            let of = |wire: Wire| {
                let simulator = start(wire, "1ms", "");
                let outcome =
                    block_on(async { ask(&mut Sender::new(&simulator, wire).await, fault, body.clone()).await });
                (outcome, ledger(&simulator, "direct", 1).remove(0))
            };
            let (mut plain, record) = of(Wire::Plain);
            for wire in [Wire::Tls, Wire::H2] {
                let (outcome, other) = of(wire);
                assert_eq!(truth(&other), truth(&record), "{fault} over {wire:?}: {body}");
                if wire == Wire::H2 {
                    assert_eq!(outcome.end, *h2, "{fault}: {}", outcome.text);
                    plain.end = outcome.end.clone();
                }
                assert_eq!(outcome, plain, "{fault} over {wire:?}: {body}");
            }
        }
    }
}

/// Reads a stream until it has brought so many tokens.
async fn until(body: &mut hyper::body::Incoming, tokens: usize) {
    let mut text = String::new();
    while text.matches("\"delta\":{\"content\":\"").count() < tokens {
        let frame = body.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
}

#[test]
fn only_the_stream_that_is_meant_stands_still_or_ends() {
    let simulator = start(Wire::H2, "1ms", "");
    block_on(async {
        let mut sender = Sender::new(&simulator, Wire::H2).await;
        let fault = |fault| request(CHAT, &[("x-sim-fault", fault)], streamed());
        let mut stalled = sender.send(fault("stall:2")).await.unwrap().into_body();
        until(&mut stalled, 2).await;
        let Sender::Many(other) = &mut sender else { panic!("not HTTP/2") };
        let hanging = tokio::spawn(other.send_request(fault("hang")));
        let mut reset = sender.send(fault("reset:2")).await.unwrap().into_body();
        until(&mut reset, 2).await;
        assert!(matches!(reset.frame().await, Some(Err(_))));
        // Whatever these three do, the connection serves others.
        for _ in 0..3 {
            let outcome = ask(&mut sender, "", streamed()).await;
            assert!(outcome.end == End::Whole && outcome.text.ends_with("data: [DONE]\n\n"), "{outcome:?}");
        }
        let still = tokio::time::timeout(Duration::ZERO, stalled.frame()).await;
        assert!(still.is_err() && !hanging.is_finished(), "{still:?}");
        metric(&simulator, "sim_streams", 2).await;
        hanging.abort();
        drop(stalled);
        metric(&simulator, "sim_streams", 0).await;
        assert_eq!(common::measured(&simulator, CONNECTIONS), 1);
    });
    let mut faults: Vec<_> = ledger(&simulator, "direct", 6).iter().map(|record| record.fault).collect();
    faults.sort_unstable();
    assert_eq!(faults, [None, None, None, Some("hang"), Some("reset"), Some("stall")]);
}

#[test]
fn a_provisioned_throughput_is_settled_over_every_wire() {
    for wire in WIRES {
        let simulator =
            start(wire, "0", "output_tokens = 10\nlimits = { ptu = { capacity = 1e6, output_weight = 4 } }");
        block_on(async {
            let mut sender = Sender::new(&simulator, wire).await;
            for (asked, expected) in [(100_000, "40.0%"), (50_000, "20.0%")] {
                for stream in ["false", "true"] {
                    let body = chat(&format!(",\"max_tokens\":{asked},\"stream\":{stream}"));
                    let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
                    let response = sender.send(request(path, &[], body)).await.unwrap();
                    let level = response.headers()["azure-openai-deployment-utilization"].to_str().unwrap().to_owned();
                    assert_eq!(level, expected, "{wire:?}");
                    text(response).await;
                    metric(&simulator, "sim_in_flight", 0).await;
                }
            }
        });
        let records = ledger(&simulator, "direct", 4);
        assert!(records.iter().all(|record| (record.tokens, record.fault) == (Some(10), None)), "{records:?}");
    }
}

#[test]
fn what_only_http_1_has_is_refused_over_http_2_and_works_over_tls() {
    let simulator = start(Wire::Tls, "0", "");
    block_on(async {
        for (fault, first) in
            [("continue", "HTTP/1.1 100 Continue\r\n"), ("early-hints", "HTTP/1.1 103 Early Hints\r\n")]
        {
            let refused = ask(&mut Sender::new(&simulator, Wire::H2).await, fault, streamed()).await;
            assert_eq!(refused.status, 400);
            assert!(
                refused.text.contains(&format!("the fault \\\"{fault}\\\" is one of HTTP/1.1")),
                "{}",
                refused.text
            );
            let mut stream = secure(&simulator, &[b"http/1.1"]).await;
            let headers = format!("api-key: k\r\nx-sim-fault: {fault}\r\nconnection: close\r\n");
            stream.write_all(common::request("POST", CHAT, &headers, &streamed()).as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            assert!(text.starts_with(first) && text.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"), "{text}");
            assert!(text.ends_with("0\r\n\r\n"), "{text}");
        }
    });
}

#[test]
fn a_chunk_is_cut_in_its_middle_over_tls_too() {
    let simulator = start(Wire::Tls, "5ms", "");
    block_on(async {
        let mut stream = secure(&simulator, &[b"http/1.1"]).await;
        let headers = "api-key: k\r\nx-sim-fault: truncated:2\r\n";
        stream.write_all(common::request("POST", CHAT, headers, &streamed()).as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        // Without a word of farewell, which TLS calls an error.
        let error = stream.read_to_end(&mut bytes).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        let text = String::from_utf8(bytes).unwrap();
        let (_, last) = text.rsplit_once("\r\ndata: ").unwrap();
        let (_, size) = text[..text.len() - last.len() - 8].rsplit_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        assert_eq!(last.len() + "data: ".len(), size - size / 2, "{text}");
    });
}
