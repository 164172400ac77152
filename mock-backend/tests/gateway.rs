//! The gateway listener: in front of a backend of the simulator, and of a foreign server.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use common::{CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario};
use mock_backend::{Config, Simulator};

const MS: u64 = 1_000_000;

#[test]
fn a_gateway_adds_its_own_time_its_links_and_its_headers() {
    let simulator = Simulator::start(Config::scenario("three-paths").unwrap()).unwrap();
    let mut client = Client::new(&simulator.url("gateway").unwrap());
    for (path, body) in [
        (CHAT, chat(r#","stream":true,"max_tokens":16,"stream_options":{"include_usage":true}"#)),
        (RESPONSES, responses(r#","stream":true,"max_output_tokens":16"#)),
        (CHAT, chat(r#","max_tokens":16"#)),
    ] {
        let answer = client.post(path, &format!("{KEY}x-ms-client-request-id: {path}\r\n"), &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("via"), Some("1.1 hopmark-gateway"));
        assert_eq!(answer.header("x-gateway-overhead-ms"), Some("5.000"));
        assert!(answer.header("x-gateway-upstream-ms").is_some() && answer.header("x-sim-plan").is_none());
        assert_eq!(answer.header("x-ms-client-request-id"), Some(path));
    }
    let records = ledger(&simulator, "gateway", 3);
    let inner = ledger(&simulator, "gateway.upstream", 3);
    for (outer, inner) in records.iter().zip(&inner) {
        assert_eq!((outer.tokens, outer.status, outer.fault), (Some(16), 200, None));
        assert_eq!((&outer.request_id, outer.stream, outer.api), (&inner.request_id, inner.stream, inner.api));
        let (planned, below) = (outer.planned.unwrap(), inner.planned.unwrap());
        // At least its own time and two round trips; what it says includes what the model says.
        assert!(planned.first_ms >= below.first_ms + 6.0, "{planned:?} {below:?}");
        let first = (outer.first_ns.unwrap() - outer.recv_ns) as f64 / 1e6;
        assert!(first >= planned.first_ms - 1e-6, "{first} of {planned:?}");
        assert!(outer.first_ns >= inner.first_ns);
        assert!(inner.recv_ns >= outer.recv_ns + 5 * MS);
    }
}

#[test]
fn a_gateway_passes_refusals_on() {
    let simulator = Simulator::start(Config::scenario("three-paths").unwrap()).unwrap();
    let mut client = Client::new(&simulator.url("gateway").unwrap());
    let answer = client.post(CHAT, "", "{}");
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (401, Some("invalid_api_key")));
    assert_eq!(ledger(&simulator, "gateway", 1)[0].status, 401);
}

#[test]
fn a_gateway_has_the_description_of_its_scenario() {
    let simulator = Simulator::start(Config::scenario("three-paths").unwrap()).unwrap();
    let truth = Client::new(&simulator.url("gateway").unwrap()).get("/_sim/describe").json();
    assert_eq!(truth["listeners"][2]["own_ms"], 5.0);
    assert_eq!(truth["listeners"][2]["shift_ms"]["p50"], 6.0);
    assert_eq!(truth["listeners"][1]["rtt_ms"]["p50"], 28.0);
}

fn gateway_to(url: &str) -> Simulator {
    scenario(&format!(
        r#"
        name = "foreign"
        [[listener]]
        name = "gateway"
        kind = "gateway"
        link = {{ rtt = "1ms" }}
        gateway = {{ own = "2ms", link = {{ rtt = "1ms" }}, url = "{url}" }}
        "#
    ))
}

/// Reads one request and returns its first line and its headers.
fn read_request(stream: &TcpStream) -> Vec<String> {
    let mut reader = BufReader::new(stream);
    let lines: Vec<String> =
        reader.by_ref().lines().map(|line| line.unwrap()).take_while(|line| !line.is_empty()).collect();
    let length = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    lines
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[test]
fn a_foreign_stream_comes_through_unbuffered_on_connections_that_are_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let simulator = gateway_to(&format!("http://{}/base", listener.local_addr().unwrap()));
    let (seen, go_on) = mpsc::channel();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for _ in 0..2 {
            let lines = read_request(&stream);
            assert_eq!(lines[0], "POST /base/v1/chat/completions?x=1 HTTP/1.1");
            assert!(lines.iter().any(|line| line.eq_ignore_ascii_case("api-key: k")));
            let first = chunk("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n");
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-theirs: yes\r\ntransfer-encoding: chunked\r\n\r\n{first}").unwrap();
            // The second event is written only when the client has seen the first.
            go_on.recv().unwrap();
            let second = chunk("data: {\"choices\":[],\"usage\":{\"completion_tokens\":1}}\n\ndata: [DONE]\n\n");
            write!(stream, "{second}0\r\n\r\n").unwrap();
        }
    });
    let mut client = Client::new(&simulator.url("gateway").unwrap());
    for _ in 0..2 {
        let body = chat(r#","stream":true"#);
        let path = format!("{CHAT}?x=1");
        let head = format!("POST {path} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n", body.len());
        client.stream().write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        let mut got = String::new();
        while !got.contains("\"Hi\"") {
            let mut room = [0; 1024];
            let n = client.stream().read(&mut room).unwrap();
            got.push_str(std::str::from_utf8(&room[..n]).unwrap());
        }
        assert!(got.contains("x-theirs: yes") && !got.contains("[DONE]"));
        seen.send(()).unwrap();
        while !got.ends_with("0\r\n\r\n") {
            let mut room = [0; 1024];
            let n = client.stream().read(&mut room).unwrap();
            got.push_str(std::str::from_utf8(&room[..n]).unwrap());
        }
    }
    server.join().unwrap();
    for record in ledger(&simulator, "gateway", 2) {
        assert_eq!((record.tokens, record.status, record.stream, record.planned), (Some(1), 200, true, None));
        assert!(record.first_ns.unwrap() >= record.recv_ns + 4 * MS && record.end_ns >= record.last_ns);
    }
}

#[test]
fn an_upstream_that_does_not_answer_is_a_502_of_the_gateway() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let simulator = gateway_to(&format!("http://{closed}"));
    let answer = Client::new(&simulator.url("gateway").unwrap()).post(CHAT, KEY, &chat(""));
    assert_eq!((answer.status, answer.json()["statusCode"].as_u64()), (502, Some(502)));
    assert_eq!(ledger(&simulator, "gateway", 1)[0].fault, Some("upstream_failed"));
}

#[test]
fn an_upstream_that_breaks_off_breaks_the_answer_off() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let simulator = gateway_to(&format!("http://{}", listener.local_addr().unwrap()));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&stream);
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndata\r\n"
        )
        .unwrap();
    });
    let mut client = Client::new(&simulator.url("gateway").unwrap());
    let body = chat(r#","stream":true"#);
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n", body.len());
    client.stream().write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let mut got = Vec::new();
    // Either the end of the stream or a reset, but no proper last chunk.
    let _ = client.stream().read_to_end(&mut got);
    assert!(!got.ends_with(b"0\r\n\r\n"));
    server.join().unwrap();
    assert_eq!(ledger(&simulator, "gateway", 1)[0].fault, Some("upstream_failed"));
}

#[test]
fn an_idle_connection_that_the_upstream_has_closed_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let simulator = gateway_to(&format!("http://{}", listener.local_addr().unwrap()));
    let server = thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&stream);
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}")
                .unwrap();
        }
    });
    let mut client = Client::new(&simulator.url("gateway").unwrap());
    for _ in 0..3 {
        assert_eq!(client.post(CHAT, KEY, &chat("")).status, 200);
    }
    server.join().unwrap();
}

#[test]
fn a_foreign_server_over_tls_is_trusted_by_its_authority_alone() {
    let foreign = scenario(
        "name = \"f\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\n\
         [[listener]]\nname = \"secure\"\nkind = \"direct\"\nbackend = \"b\"\ntls = \"self-signed\"\n",
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), foreign.ca_pem("secure").unwrap()).unwrap();
    let start = |ca: &str| {
        let url = foreign.url("secure").unwrap();
        let file = folder.path().join("gateway.toml");
        let text = format!(
            "name = \"g\"\n[[listener]]\nname = \"gateway\"\nkind = \"gateway\"\n\
             gateway = {{ own = \"0\", url = \"{url}\"{ca} }}\n"
        );
        std::fs::write(&file, text).unwrap();
        Config::scenario(file.to_str().unwrap()).map(|config| Simulator::start(config).unwrap())
    };
    let simulator = start(", ca = \"ca.pem\"").unwrap();
    let mut client = Client::new(&simulator.url("gateway").unwrap());
    for body in [chat(""), chat(r#","stream":true"#), chat("")] {
        let answer = client.post(CHAT, KEY, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("gpt-4o-2024-08-06"));
    }
    assert_eq!(ledger(&foreign, "secure", 3).len(), 3);
    // The roots of the system do not know it.
    let stranger = start("").unwrap();
    let refused = Client::new(&stranger.url("gateway").unwrap()).post(CHAT, KEY, &chat(""));
    assert_eq!((refused.status, refused.json()["statusCode"].as_u64()), (502, Some(502)));
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    for file in ["empty.pem", "nowhere.pem"] {
        let error = start(&format!(", ca = \"{file}\"")).err().unwrap().0;
        assert!(error.contains(file) && error.contains("cannot be used"), "{error}");
    }
}
