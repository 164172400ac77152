//! TLS and HTTP/2, as a client of others sees them.
#![allow(clippy::unwrap_used)]

mod common;

use common::wire::{self, address, block_on, secure, text};
use common::{CHAT, chat, ledger, scenario};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mock_backend::{Simulator, now_ns};
use tokio::net::TcpStream;

const MS: u64 = 1_000_000;

fn start(tls: &str, rtt: &str) -> Simulator {
    scenario(&format!(
        "name = \"test\"\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"20ms\", gap = \"5ms\" }}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\nlink = {{ rtt = \"{rtt}\" }}\n{tls}\n"
    ))
}

fn request(path: &str, body: String) -> Request<Full<Bytes>> {
    wire::request(path, &[], body)
}

#[test]
fn http_1_over_tls_is_streamed_and_stamped_at_the_socket() {
    let simulator = start("tls = \"self-signed\"", "0");
    block_on(async {
        let stream = secure(&simulator, &[b"http/1.1"]).await;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let sent = now_ns();
        let answer = sender.send_request(request(CHAT, chat(",\"stream\":true,\"max_tokens\":4"))).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_11));
        assert!(text(answer).await.ends_with("data: [DONE]\n\n"));
        let end = now_ns();
        let record = &ledger(&simulator, "direct", 1)[0];
        let planned = record.planned.unwrap();
        assert!(sent <= record.recv_ns && record.end_ns.unwrap() <= end);
        assert!((planned.end_ms - 35.0).abs() < 0.01 && record.end_ns.unwrap() >= record.recv_ns + 35 * MS - 1);
        // The head with the opening, three tokens, the last with the end.
        assert_eq!(record.writes, 5);
    });
}

#[test]
fn a_distance_is_below_tls() {
    let simulator = start("tls = \"self-signed\"", "30ms");
    block_on(async {
        let before = now_ns();
        let stream = secure(&simulator, &[b"http/1.1"]).await;
        // One round trip for TCP, one for TLS.
        let shaken = now_ns();
        assert!(shaken - before >= 60 * MS, "{} ns", shaken - before);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let answer = sender.send_request(request(CHAT, chat(",\"max_tokens\":1"))).await.unwrap();
        text(answer).await;
        assert!(now_ns() - shaken >= (30 + 20) * MS);
    });
}

/// Many streams at once on one connection, each at its own time.
async fn multiplexed(mut sender: http2::SendRequest<Full<Bytes>>, simulator: &Simulator) {
    let mut answers = Vec::new();
    for tokens in 1..=20 {
        let body = chat(&format!(",\"stream\":true,\"max_tokens\":{tokens}"));
        answers.push(tokio::spawn(sender.send_request(request(CHAT, body))));
    }
    for (answer, tokens) in answers.into_iter().zip(1..) {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
        assert_eq!(text(answer).await.matches("\"delta\":{\"content\"").count(), tokens);
    }
    let end = now_ns();
    let records = ledger(simulator, "direct", 20);
    for record in records {
        let (planned, tokens) = (record.planned.unwrap(), f64::from(record.tokens.unwrap()));
        assert!((planned.end_ms - (20.0 + 5.0 * (tokens - 1.0))).abs() < 0.01, "{record:?}");
        let sent = (record.end_ns.unwrap() - record.recv_ns) as f64 / 1e6;
        assert!(sent >= planned.end_ms - 1e-6 && record.end_ns.unwrap() <= end, "{record:?}");
        assert_eq!((record.fault, record.status), (None, 200));
    }
}

#[test]
fn http_2_is_negotiated_over_tls() {
    let simulator = start("tls = \"self-signed\"", "0");
    block_on(async {
        let stream = secure(&simulator, &[b"h2", b"http/1.1"]).await;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        multiplexed(sender, &simulator).await;
    });
}

#[test]
fn http_2_is_known_by_its_first_bytes_without_tls() {
    let simulator = start("", "0");
    block_on(async {
        let stream = TcpStream::connect(address(&simulator)).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        multiplexed(sender, &simulator).await;
    });
}

#[test]
fn a_distance_delays_http_2_too() {
    let simulator = start("", "30ms");
    block_on(async {
        let stream = TcpStream::connect(address(&simulator)).await.unwrap();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let before = now_ns();
        text(sender.send_request(request(CHAT, chat(",\"max_tokens\":1"))).await.unwrap()).await;
        assert!(now_ns() - before >= (30 + 20) * MS);
    });
}

#[test]
fn a_listener_takes_its_certificate_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let files = format!("tls = {{ cert = \"{}\", key = \"{}\" }}", cert.display(), key.display());
    let simulator = start(&files, "0");
    assert_eq!(simulator.ca_pem("direct"), Some(made.cert.pem()));
    block_on(async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(secure(&simulator, &[]).await)).await.unwrap();
        tokio::spawn(connection);
        let mut ask = request("/_sim/ca.pem", String::new());
        *ask.method_mut() = hyper::Method::GET;
        assert_eq!(text(sender.send_request(ask).await.unwrap()).await, made.cert.pem());
    });
}

#[test]
fn a_certificate_that_is_not_there_is_named() {
    let text = "name = \"t\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\n[[listener]]\n\
                name = \"d\"\nkind = \"direct\"\nbackend = \"b\"\ntls = { cert = \"none.pem\", key = \"k.pem\" }\n";
    let error = Simulator::start(mock_backend::Config::parse(text, "test").unwrap()).err().unwrap().to_string();
    assert!(error.contains("none.pem cannot be read"), "{error}");
    let error = mock_backend::Config::parse(&text.replace("cert = ", "crt = "), "test").unwrap_err().0;
    assert!(error.contains("line 9: unknown key \"crt\", did you mean \"cert\"?"), "{error}");
}
