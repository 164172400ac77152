//! Callers that do not behave: the simulator refuses or hangs up, and goes on serving others.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use common::wire::{self, block_on, secure};
use common::{CHAT, CONNECTIONS, Client, KEY, chat, scenario, single, url};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mock_backend::Simulator;

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

/// A simulator that waits for nobody: so long for a head, a body, and between requests.
fn impatient(header: &str, body: &str, idle: &str, listener: &str) -> Simulator {
    scenario(&format!(
        "name = \"x\"\nheader_timeout = \"{header}\"\nbody_timeout = \"{body}\"\nidle_timeout = \"{idle}\"\n\
         [[backend]]\nname = \"b\"\nmodel = {{ first = \"0\", gap = \"1ms\" }}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n{listener}\n"
    ))
}

/// Sends one byte of `text` after the other, until the other side has had enough; how long that took.
fn drip(stream: &mut TcpStream, text: &str) -> Duration {
    let begun = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    for byte in text.bytes().cycle() {
        let ended = match stream.read(&mut [0; 1]) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        if ended || stream.write_all(&[byte]).is_err() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody minds");
    }
    begun.elapsed()
}

#[test]
fn slow_heads_are_closed_and_silence_is_not_until_its_own_time() {
    let simulator = impatient("100ms", "60s", "60s", "");
    let mut silent = Client::new(&url(&simulator));
    let mut slow = Client::new(&url(&simulator));
    let head = format!("POST {CHAT} HTTP/1.1\r\nx-long: ");
    assert!(
        drip(slow.stream(), &head.replace("\r\nx-long: ", &"\r\nx-long: y".repeat(20))) >= Duration::from_millis(100)
    );
    for beginning in ["POST", "PRI * HTTP/2.0\r\n\r\nSM"] {
        let mut slow = Client::new(&url(&simulator));
        slow.stream().write_all(beginning.as_bytes()).unwrap();
        assert!(slow.is_closed(), "{beginning:?}");
    }
    // After an answer a head may be slow as well.
    let mut second = Client::new(&url(&simulator));
    assert_eq!(second.post(CHAT, KEY, &chat("")).status, 200);
    drip(second.stream(), &format!("POST {CHAT} HTTP/1.1\r\nx-long: "));
    common::metric(&simulator, CONNECTIONS, 1);
    assert_eq!(silent.post(CHAT, KEY, &chat("")).status, 200);
    drop(silent);
    common::metric(&simulator, CONNECTIONS, 0);
}

#[test]
fn a_handshake_that_takes_too_long_is_given_up() {
    let simulator = impatient("100ms", "60s", "60s", "tls = \"self-signed\"");
    let address = url(&simulator).replace("https", "http");
    let mut slow = Client::new(&address);
    drip(slow.stream(), "\u{16}\u{3}\u{1}\u{1}");
    let mut half = Client::new(&address);
    // The beginning of a greeting that does not go on.
    half.stream().write_all(&[0x16, 3, 1, 2, 0, 1, 0]).unwrap();
    assert!(half.is_closed());
    common::metric(&simulator, CONNECTIONS, 0);
}

#[test]
fn silent_connections_are_closed_at_their_time_and_those_being_served_are_not() {
    let simulator = impatient("60s", "60s", "100ms", "");
    let mut served = Client::new(&url(&simulator));
    let request = common::request("POST", CHAT, KEY, &chat(",\"stream\":true,\"max_tokens\":400"));
    served.stream().write_all(request.as_bytes()).unwrap();
    let begun = Instant::now();
    assert!(Client::new(&url(&simulator)).is_closed() && begun.elapsed() >= Duration::from_millis(100));
    assert!(served.send(b"").text().ends_with("data: [DONE]\n\n"));
    assert!(served.is_closed());
    common::metric(&simulator, CONNECTIONS, 0);
}

#[test]
fn a_slow_body_is_408_and_its_connection_ends() {
    let simulator = impatient("60s", "100ms", "60s", "");
    for (path, code) in [(CHAT, None), ("/openai/v1/chat/completions", Some("Timeout"))] {
        let mut slow = Client::new(&url(&simulator));
        let begun = Instant::now();
        let head = format!("POST {path} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: 100\r\n\r\n{{\"mod");
        let answer = slow.send(head.as_bytes());
        assert!(begun.elapsed() >= Duration::from_millis(100));
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (408, code), "{}", answer.text());
        assert!(slow.is_closed());
    }
    assert_eq!(common::ledger(&simulator, "direct", 2)[1].status, 408);
    common::metric(&simulator, CONNECTIONS, 0);
}

/// A body that begins and does not go on.
struct Unfinished(bool);

impl Body for Unfinished {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{\"model\"")))))
    }
}

#[test]
fn slow_bodies_over_http_2_are_408_each_by_itself() {
    let simulator = impatient("60s", "100ms", "60s", "tls = \"self-signed\"");
    block_on(async {
        let stream = secure(&simulator, &[b"h2"]).await;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::post(format!("http://localhost{CHAT}")).header("api-key", "k");
        let slow = sender.send_request(request.body(Unfinished(false).boxed()).unwrap()).await.unwrap();
        assert_eq!(slow.status().as_u16(), 408);
        let whole = wire::request(CHAT, &[], chat("")).map(BodyExt::boxed);
        assert_eq!(sender.send_request(whole).await.unwrap().status().as_u16(), 200);
        drop((slow, sender));
        wire::metric(&simulator, "sim_streams", 0).await;
        wire::metric(&simulator, CONNECTIONS, 0).await;
    });
}

#[test]
fn callers_who_vanish_in_the_middle_leave_nothing_behind() {
    let faults = ["", "x-sim-fault: hang\r\n", "x-sim-fault: stall:1\r\n", "x-sim-fault: slow-head:100ms\r\n"];
    for link in ["1ms", "0"] {
        let simulator = impatient("60s", "60s", "60s", &format!("link = {{ rtt = \"{link}\" }}"));
        let mut clients: Vec<Client> = Vec::new();
        for headers in faults {
            let mut client = Client::new(&url(&simulator));
            let body = chat(",\"stream\":true,\"max_tokens\":1000000");
            let request = common::request("POST", CHAT, &format!("{KEY}{headers}"), &body);
            client.stream().write_all(request.as_bytes()).unwrap();
            clients.push(client);
        }
        common::metric(&simulator, "sim_in_flight", 4);
        clients.clear();
        common::metric(&simulator, "sim_in_flight", 0);
        common::metric(&simulator, CONNECTIONS, 0);
        let mut faults: Vec<_> =
            common::ledger(&simulator, "direct", 4).iter().map(|r| (r.fault, r.end_ns.is_some())).collect();
        faults.sort_unstable();
        let expected = ["client_closed", "hang", "slow-head", "stall"].map(|fault| (Some(fault), false));
        assert_eq!(faults, expected);
    }
}

#[test]
fn who_has_said_all_and_still_listens_is_answered() {
    for listener in ["", "link = { rtt = \"2ms\" }", "fault = [{ kind = \"slow-head:300ms\" }]"] {
        let simulator = impatient("60s", "60s", "60s", listener);
        for more in ["", ",\"stream\":true", ",\"stream\":true,\"max_tokens\":200"] {
            let mut client = Client::new(&url(&simulator));
            client.stream().write_all(common::request("POST", CHAT, KEY, &chat(more)).as_bytes()).unwrap();
            client.stream().shutdown(Shutdown::Write).unwrap();
            let answer = client.send(b"");
            assert!(answer.status == 200 && (more.is_empty() || answer.text().ends_with("data: [DONE]\n\n")));
            assert!(client.is_closed(), "there is nothing more to say");
        }
        // Two requests at once, and then no more.
        let mut client = Client::new(&url(&simulator));
        let two = common::request("POST", CHAT, KEY, &chat("")).repeat(2);
        client.stream().write_all(two.as_bytes()).unwrap();
        client.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!([client.send(b"").status, client.send(b"").status], [200; 2]);
        assert!(client.is_closed());
        common::metric(&simulator, CONNECTIONS, 0);
        assert!(common::ledger(&simulator, "direct", 5).iter().all(|record| record.end_ns.is_some()));
    }
}

#[test]
fn who_has_said_all_is_not_waited_for_for_ever() {
    // Nothing is sent within the time for which a caller may be silent.
    let simulator = impatient("60s", "60s", "100ms", "fault = [{ kind = \"slow-head:1m\" }]");
    let mut client = Client::new(&url(&simulator));
    client.stream().write_all(common::request("POST", CHAT, KEY, &chat("")).as_bytes()).unwrap();
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert!(client.is_closed());
    assert_eq!(common::ledger(&simulator, "direct", 1)[0].end_ns, None);
}

#[test]
fn a_caller_who_vanishes_behind_a_gateway_leaves_nothing_behind() {
    let simulator = scenario(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"5ms\" }\n\
         [[listener]]\nname = \"direct\"\nkind = \"gateway\"\nbackend = \"b\"\ngateway = { own = \"0\" }\n",
    );
    let mut client = Client::new(&url(&simulator));
    let body = chat(",\"stream\":true,\"max_tokens\":1000000");
    client.stream().write_all(common::request("POST", CHAT, KEY, &body).as_bytes()).unwrap();
    client.stream().read_exact(&mut [0; 16]).unwrap();
    drop(client);
    for name in
        [CONNECTIONS, "sim_upstream_connections", "sim_connections{listener=\"direct.upstream\"}", "sim_in_flight"]
    {
        common::metric(&simulator, name, 0);
    }
}

#[test]
fn addresses_methods_models_and_keys_that_are_wrong_are_told_in_both_shapes() {
    let simulator = single(0.0, 0.0);
    let azure = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
    let (good, unknown) = (chat(""), chat("").replace("gpt-4o", "gpt-nought"));
    let table = [
        ("POST", CHAT, KEY, unknown.as_str(), 404, "model_not_found"),
        ("POST", &azure.replace("gpt-4o/", "nought/"), KEY, &good, 404, "DeploymentNotFound"),
        ("POST", CHAT, "", &good, 401, "invalid_api_key"),
        ("POST", azure, "", &good, 401, "401"),
        ("PUT", CHAT, KEY, "", 405, "method_not_supported"),
        ("DELETE", azure, KEY, "", 405, "405"),
        ("POST", "/v1/chat/completion", KEY, &good, 404, ""),
        ("POST", "/openai/deployments/gpt-4o/chat/completions", KEY, &good, 404, "404"),
        ("POST", "/%00/..//v1", KEY, &good, 404, ""),
        ("BREW", CHAT, KEY, &good, 405, "method_not_supported"),
        ("GET", "/_sim/nothing", KEY, "", 404, ""),
        ("POST", "/v1/embeddings", KEY, &good, 400, ""),
        ("POST", CHAT, KEY, "{\"model\":", 400, ""),
        ("POST", CHAT, KEY, "{\"model\":\"gpt-4o\"}", 400, "missing_required_parameter"),
    ];
    for (method, path, headers, body, status, code) in table {
        let answer = Client::new(&url(&simulator)).send(common::request(method, path, headers, body).as_bytes());
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["code"].as_str().unwrap_or_default()),
            (status, code),
            "{method} {path}: {error}"
        );
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 5), "{error}");
    }
    common::metric(&simulator, CONNECTIONS, 0);
}

#[test]
fn what_would_be_too_much_is_refused_before_it_is_made() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        chat(",\"n\":128,\"max_tokens\":1000000"),
        chat(",\"n\":1e99"),
        chat(",\"max_tokens\":18446744073709551616"),
        chat(",\"max_tokens\":-1"),
        chat(&format!(",\"stop\":{deep}")),
    ] {
        let answer = client.post(CHAT, KEY, &body);
        assert_eq!(answer.status, 400, "{}: {}", &body[..body.len().min(200)], answer.text());
    }
    // What is not looked at may be as deep as it likes.
    assert_eq!(client.post(CHAT, KEY, &chat(&format!(",\"metadata\":{{\"x\":{deep}}}"))).status, 200);
    assert_eq!(client.post(CHAT, KEY, &chat("")).status, 200);
}
