//! Every fault as it stands on the wire, read by a raw client.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario, single, url};
use mock_backend::{Record, Simulator};
use serde_json::Value;

const AZURE: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// How a connection ended, and all that came over it.
#[derive(Debug)]
struct Raw {
    text: String,
    reset: bool,
}

fn request(path: &str, headers: &str, body: &str) -> String {
    common::request("POST", path, &format!("{KEY}{headers}"), body)
}

fn connect(simulator: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(url(simulator).strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends a request and reads until the connection ends.
fn raw(simulator: &Simulator, path: &str, fault: &str, body: &str) -> Raw {
    let mut stream = connect(simulator);
    stream.write_all(request(path, &format!("x-sim-fault: {fault}\r\n"), body).as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    let reset = match end {
        Ok(_) => false,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => true,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&bytes)),
    };
    Raw { text: String::from_utf8(bytes).unwrap(), reset }
}

fn post(simulator: &Simulator, path: &str, fault: &str, body: &str) -> common::Answer {
    Client::new(&url(simulator)).post(path, &format!("{KEY}x-sim-fault: {fault}\r\n"), body)
}

fn chat_stream() -> String {
    chat(r#","stream":true,"max_tokens":5,"stream_options":{"include_usage":true}"#)
}

fn responses_stream() -> String {
    responses(r#","stream":true"#)
}

fn the_fault(simulator: &Simulator) -> Record {
    ledger(simulator, "direct", 1).remove(0)
}

fn contents(text: &str) -> usize {
    text.matches("\"delta\":{\"content\":\"").count() + text.matches("event: response.output_text.delta").count()
}

#[test]
fn a_stream_is_cut_after_so_many_tokens() {
    for (path, body, opening) in [
        (CHAT, chat_stream(), "\"role\":\"assistant\""),
        (RESPONSES, responses_stream(), "event: response.in_progress"),
    ] {
        for (fault, reset, tokens) in [
            ("reset:2", true, 2),
            ("close:3", false, 3),
            ("reset:0", true, 0),
            ("close:0", false, 0),
            ("close:99", false, 5),
        ] {
            // Over no distance and over one.
            for simulator in [single(0.0, 0.0), single(1.0, 2.0)] {
                let raw = raw(&simulator, path, fault, &body);
                assert!(
                    raw.text.starts_with("HTTP/1.1 200 OK\r\n") && raw.text.contains(opening),
                    "{fault}: {}",
                    raw.text
                );
                assert_eq!((raw.reset, contents(&raw.text)), (reset, tokens), "{fault}: {}", raw.text);
                // The last chunk is whole, but not the stream.
                assert!(raw.text.ends_with("\n\n\r\n") && !raw.text.ends_with("0\r\n\r\n"), "{fault}: {}", raw.text);
                let record = the_fault(&simulator);
                assert_eq!(record.fault, Some(&fault[..5]));
                assert_eq!((record.tokens, record.end_ns, record.status), (Some(tokens as u32), None, 200));
            }
        }
    }
}

#[test]
fn a_chunk_is_cut_in_its_middle() {
    let simulator = single(0.0, 5.0);
    let raw = raw(&simulator, CHAT, "truncated:2", &chat_stream());
    assert!(!raw.reset && !raw.text.ends_with("\r\n"), "{}", raw.text);
    let (_, last) = raw.text.rsplit_once("\r\ndata: ").unwrap();
    let (_, size) = raw.text[..raw.text.len() - last.len() - 8].rsplit_once("\r\n").unwrap();
    let size = usize::from_str_radix(size, 16).unwrap();
    // The chunk promised more than came: half of it.
    assert_eq!(last.len() + "data: ".len(), size - size / 2, "{}", raw.text);
    assert_eq!(the_fault(&simulator).fault, Some("truncated"));
}

#[test]
fn an_answer_in_one_piece_is_cut_in_its_middle() {
    for (fault, reset) in [("reset:1", true), ("close:1", false), ("truncated", false)] {
        let simulator = single(0.0, 0.0);
        let raw = raw(&simulator, CHAT, fault, &chat(""));
        let (head, body) = raw.text.split_once("\r\n\r\n").unwrap();
        let length: usize = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
        assert_eq!((raw.reset, body.len()), (reset, length / 2), "{fault}: {}", raw.text);
    }
}

#[test]
fn a_connection_ends_instead_of_an_answer() {
    for (fault, reset) in [("close", false), ("reset", true)] {
        let simulator = single(0.0, 0.0);
        let raw = raw(&simulator, CHAT, fault, &chat_stream());
        assert_eq!((raw.text.as_str(), raw.reset), ("", reset), "{fault}");
        let record = the_fault(&simulator);
        assert_eq!((record.fault, record.status, record.writes), (Some(fault), 0, 0));
    }
}

#[test]
fn a_hanging_request_and_a_stalled_stream_say_nothing_more() {
    for (fault, tokens) in [("hang", None), ("stall:2", Some(2)), ("stall", Some(0))] {
        let simulator = single(0.0, 0.0);
        let mut stream = connect(&simulator);
        stream.write_all(request(CHAT, &format!("x-sim-fault: {fault}\r\n"), &chat_stream()).as_bytes()).unwrap();
        let mut text = String::new();
        let mut room = [0; 4096];
        while tokens.is_some_and(|tokens| contents(&text) < tokens || !text.contains("\"role\"")) {
            let n = stream.read(&mut room).unwrap();
            text.push_str(std::str::from_utf8(&room[..n]).unwrap());
        }
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let error = stream.read(&mut room).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{fault}: {error}");
        assert_eq!(contents(&text), tokens.unwrap_or(0), "{fault}");
        assert_eq!(text.is_empty(), tokens.is_none());
        drop(stream);
        assert_eq!(the_fault(&simulator).fault, fault.split(':').next());
    }
}

#[test]
fn a_stall_with_an_end_and_a_slow_head_take_their_time_and_lose_nothing() {
    for (body, path) in [(chat_stream(), CHAT), (responses_stream(), RESPONSES)] {
        let simulator = single(0.0, 1.0);
        let answer = post(&simulator, path, "stall:2:80ms", &body);
        let whole = post(&simulator, path, "stall:2:0", &body);
        assert_eq!((answer.events().len(), contents(answer.text())), (whole.events().len(), 5));
        let record = the_fault(&simulator);
        assert!(record.end_ns.unwrap() >= record.first_ns.unwrap() + 80_000_000 && record.planned.is_none());
    }
    let simulator = single(0.0, 0.0);
    for body in [chat(""), chat_stream()] {
        let answer = post(&simulator, CHAT, "slow-head:60ms", &body);
        assert!(answer.status == 200 && answer.head_ns >= answer.sent_ns + 60_000_000);
    }
    let records = ledger(&simulator, "direct", 2);
    assert!(records.iter().all(|r| r.fault == Some("slow-head") && r.head_ns.unwrap() >= r.recv_ns + 60_000_000));
}

/// The `data:` of a stream's events, and its events with all else.
fn data(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

#[test]
fn a_stream_lacks_its_end_or_has_too_much_of_it() {
    let simulator = single(0.0, 0.0);
    let whole = data(post(&simulator, CHAT, "stall:2:0", &chat_stream()).text());
    // role, five tokens, finish, usage, [DONE]
    assert_eq!((whole.len(), whole[8].as_str()), (9, "[DONE]"));
    let of = |fault: &str| data(post(&simulator, CHAT, fault, &chat_stream()).text());
    let no_done = of("no-done");
    assert!(no_done.len() == 8 && no_done[7].contains("\"usage\":{\"prompt"));
    let no_usage = of("no-usage");
    assert!(no_usage.len() == 8 && no_usage[6].contains("\"finish_reason\":\"length\"") && no_usage[7] == "[DONE]");
    let two = of("two-dones");
    assert_eq!((two.len(), &*two[8], &*two[9]), (10, "[DONE]", "[DONE]"));
    let no_final = of("no-final");
    assert!(no_final.len() == 6 && no_final[5].contains("\"finish_reason\":null"), "{no_final:?}");
    let answer = post(&simulator, RESPONSES, "no-final", &responses_stream());
    let kinds: Vec<String> = answer.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.last().unwrap(), "response.output_item.done");
    assert_eq!(kinds.iter().filter(|kind| *kind == "response.output_text.delta").count(), 5);
}

#[test]
fn events_are_broken_or_come_twice() {
    let simulator = single(0.0, 0.0);
    for (path, body, first) in [(CHAT, chat_stream(), 1), (RESPONSES, responses_stream(), 4)] {
        let broken = data(post(&simulator, path, "bad-json:3", &body).text());
        let wrong: Vec<usize> = broken
            .iter()
            .enumerate()
            .filter(|(_, data)| *data != "[DONE]" && serde_json::from_str::<Value>(data).is_err())
            .map(|(i, _)| i)
            .collect();
        assert_eq!(wrong, [first + 2], "{broken:?}");
        let twice = data(post(&simulator, path, "twice:2", &body).text());
        let again: Vec<usize> = (1..twice.len()).filter(|i| twice[*i] == twice[i - 1]).collect();
        assert_eq!(again, [first + 2], "{twice:?}");
    }
    let answer = post(&simulator, CHAT, "bad-json", &chat(""));
    assert!(answer.status == 200 && serde_json::from_slice::<Value>(&answer.body).is_err());
    let record = &ledger(&simulator, "direct", 5)[4];
    assert!(record.fault == Some("bad-json") && record.planned.is_some());
}

#[test]
fn an_error_comes_in_the_stream() {
    let simulator = single(0.0, 0.0);
    let answer = post(&simulator, CHAT, "in-stream:2", &chat_stream());
    let events = answer.events();
    assert_eq!((answer.status, contents(answer.text())), (200, 2));
    assert_eq!(events.last().unwrap()["error"]["type"], "server_error");
    assert!(!answer.text().contains("[DONE]"));
    let flat = post(&simulator, RESPONSES, "in-stream-flat:1", &responses_stream()).events().pop().unwrap();
    assert_eq!((&flat["type"], &flat["code"], flat.get("error")), (&"error".into(), &"server_error".into(), None));
    let answer = post(&simulator, RESPONSES, "in-stream", &responses_stream());
    let events = answer.events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["response.created", "response.in_progress"]);
    assert_eq!(kinds.last(), Some(&"error"));
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let records = ledger(&simulator, "direct", 3);
    assert!(records.iter().all(|r| r.fault.unwrap().starts_with("in-stream") && r.end_ns.is_some()), "{records:?}");
    assert_eq!((records[0].tokens, records[2].tokens), (Some(2), Some(0)));
}

#[test]
fn heads_lie_or_say_nothing_or_come_after_others() {
    let simulator = single(0.0, 0.0);
    let head = |fault: &str, body: &str, name: &str| {
        let answer = post(&simulator, CHAT, fault, body);
        assert_eq!(answer.status, 200);
        answer.header(name).map(str::to_owned)
    };
    assert_eq!(head("content-type", &chat_stream(), "content-type").as_deref(), Some("application/json"));
    assert_eq!(head("content-type", &chat(""), "content-type").as_deref(), Some("text/html"));
    assert_eq!(head("no-content-type", &chat_stream(), "content-type"), None);
    assert_eq!(head("empty-content-type", &chat_stream(), "content-type").as_deref(), Some(""));
    assert_eq!(head("false-gzip", &chat_stream(), "content-encoding").as_deref(), Some("gzip"));
    for (fault, first) in [
        ("continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        ("early-hints", "HTTP/1.1 103 Early Hints\r\nlink: </v1>; rel=preconnect\r\n\r\nHTTP/1.1 200 OK\r\n"),
    ] {
        for body in [chat(""), chat_stream()] {
            let mut stream = connect(&simulator);
            let headers = format!("x-sim-fault: {fault}\r\nconnection: close\r\n");
            stream.write_all(request(CHAT, &headers, &body).as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert!(text.starts_with(first) && (text.ends_with("0\r\n\r\n") || text.ends_with('}')), "{text}");
        }
    }
    let answer = post(&simulator, CHAT, "redirect", &chat(""));
    assert_eq!((answer.status, answer.header("location"), answer.body.len()), (307, Some(CHAT), 0));
}

/// What a body says once it is decompressed.
fn decompressed(answer: &common::Answer) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_stream_is_compressed_though_nobody_has_asked_for_it() {
    let simulator = single(0.0, 2.0);
    for (path, body) in [(CHAT, chat_stream()), (RESPONSES, responses_stream())] {
        let answer = post(&simulator, path, "gzip", &body);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")));
        let text = decompressed(&answer);
        assert_eq!(contents(&text), 5);
        assert!(text.ends_with("data: [DONE]\n\n") || text.contains("event: response.completed"), "{text}");
    }
    let whole = post(&simulator, CHAT, "gzip", &chat(""));
    let body: Value = serde_json::from_str(&decompressed(&whole)).unwrap();
    assert_eq!(body["object"], "chat.completion");
    let records = ledger(&simulator, "direct", 3);
    assert!(records.iter().all(|r| r.fault == Some("gzip") && r.planned.is_some() && r.end_ns.is_some()));
    // Each token is compressed by itself and leaves at its own time, as it does without.
    let mut client = Client::new(&url(&simulator));
    for (path, body) in [(CHAT, chat_stream()), (RESPONSES, responses_stream())] {
        client.post(path, KEY, &body);
    }
    let plain = ledger(&simulator, "direct", 5);
    assert_eq!([records[0].writes, records[1].writes], [plain[3].writes, plain[4].writes]);
    assert!(records[..2].iter().all(|record| record.writes >= 5), "{records:?}");
}

#[test]
fn a_model_s_name_may_ask_for_a_fault() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let named = |fault: &str, more: &str| chat(more).replace("gpt-4o", &format!("gpt-4o:sim-{fault}"));
    assert_eq!(client.post(CHAT, KEY, &named("429-tokens", "")).json()["error"]["code"], "rate_limit_exceeded");
    let twice = client.post(CHAT, KEY, &named("twice:1", r#","stream":true,"max_tokens":3"#));
    assert_eq!((twice.status, contents(twice.text())), (200, 3 + 1));
    assert!(twice.text().contains("\"model\":\"gpt-4o-2024-08-06\"") && !twice.text().contains("sim-"));
    for deployment in ["gpt-4o:sim-503", "gpt-4o%3Asim-503"] {
        let path = AZURE.replace("gpt-4o", deployment);
        assert_eq!(client.post(&path, KEY, &chat("")).status, 503, "{deployment}");
        let path = path.replace("503", "no-done");
        assert_eq!(client.post(&path, KEY, &chat("")).status, 200, "{deployment}");
    }
    let response = responses("").replace("gpt-4o", "gpt-4o:sim-500");
    assert_eq!(client.post(RESPONSES, KEY, &response).status, 500);
    // What the header asks for goes first, and who only speaks of it is served.
    let both = client.post(CHAT, &format!("{KEY}x-sim-fault: 400\r\n"), &named("500", ""));
    assert_eq!(both.status, 400);
    assert_eq!(client.post(CHAT, KEY, &chat("").replace("hello", "gpt-4o:sim-500")).status, 200);
    let wrong = client.post(CHAT, KEY, &named("rset", ""));
    let expected = ":sim-rset: unknown fault \"rset\", did you mean \"reset\"?";
    assert_eq!((wrong.status, wrong.json()["error"]["message"].as_str()), (400, Some(expected)));
    let mut stream = connect(&simulator);
    stream.write_all(request(CHAT, "", &named("close", "")).as_bytes()).unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
}

#[test]
fn every_status_has_the_shape_of_its_service() {
    let simulator = single(0.0, 0.0);
    let table: [(&str, u16, &str, &str); 24] = [
        ("400", 400, "unsupported_parameter", "unsupported_parameter"),
        ("400-filter", 400, "content_filter", "content_filter"),
        ("400-context", 400, "context_length_exceeded", "context_length_exceeded"),
        ("400-operation", 400, "null", "OperationNotSupported"),
        ("401", 401, "invalid_api_key", "401"),
        ("401-token", 401, "invalid_api_key", "Unauthorized"),
        ("403", 403, "unsupported_country_region_territory", "PermissionDenied"),
        ("403-network", 403, "unsupported_country_region_territory", "403"),
        ("404", 404, "model_not_found", "DeploymentNotFound"),
        ("404-path", 404, "null", "404"),
        ("408", 408, "null", "Timeout"),
        ("409", 409, "conflict", "conflict"),
        ("413", 413, "null", "413"),
        ("422", 422, "null", "OperationParameterInvalid"),
        ("429", 429, "rate_limit_exceeded", "429"),
        ("429-tokens", 429, "rate_limit_exceeded", "429"),
        ("429-demand", 429, "null", "429"),
        ("429-ptu", 429, "null", "429"),
        ("429-quota", 429, "insufficient_quota", "insufficient_quota"),
        ("429-models", 429, "rate_limit_exceeded", "RateLimitReached"),
        ("500", 500, "null", "InternalServerError"),
        ("502", 502, "null", "InternalServerError"),
        ("503", 503, "null", "ServiceUnavailable"),
        ("504", 504, "null", "InternalServerError"),
    ];
    for (fault, status, openai, azure) in table {
        for (path, code) in [(CHAT, openai), (AZURE, azure)] {
            let answer = post(&simulator, path, fault, &chat_stream());
            assert_eq!(answer.status, status, "{fault}");
            let body = answer.json();
            assert_eq!(body["error"]["code"].as_str().unwrap_or("null"), code, "{fault}: {body}");
            assert!(body["error"]["message"].as_str().is_some_and(|text| text.len() > 10), "{body}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    for (fault, status, kind, text) in [
        ("html-502", 502, "text/html", "<title>502 Bad Gateway</title>"),
        ("html-504", 504, "text/html", "<title>504 Gateway Time-out</title>"),
        ("text-503", 503, "text/plain", "upstream connect error"),
        ("empty-500", 500, "application/json", ""),
    ] {
        let answer = post(&simulator, CHAT, fault, &chat(""));
        assert_eq!((answer.status, answer.header("content-type")), (status, Some(kind)));
        assert!(answer.text().contains(text) && answer.text().is_empty() == text.is_empty());
    }
    let flat = post(&simulator, AZURE, "401-flat", &chat("")).json();
    assert_eq!((&flat["statusCode"], flat.get("error")), (&401.into(), None));
    assert!(flat["message"].as_str().unwrap().starts_with("Access denied due to invalid subscription key"));
    let records = ledger(&simulator, "direct", 53);
    assert!(records.iter().all(|r| r.planned.is_none() && r.end_ns.is_some()));
    assert_eq!((records[0].fault, records[51].fault), (Some("400"), Some("empty-500")));
}

#[test]
fn the_texts_that_tell_one_429_from_another() {
    let simulator = single(0.0, 0.0);
    let message = |path: &str, fault: &str| {
        post(&simulator, path, fault, &chat("")).json()["error"]["message"].as_str().unwrap().to_owned()
    };
    for (fault, openai, azure) in [
        ("429", "on requests per min (RPM)", "have exceeded call rate limit"),
        ("429-tokens", "on tokens per min (TPM)", "have exceeded token rate limit"),
        ("429-demand", "currently overloaded", "experiencing high demand"),
        ("429-ptu", "currently overloaded", "provisioned throughput"),
        ("429-quota", "exceeded your current quota", "exceeded your current quota"),
        ("429-models", "on requests per min (RPM)", "exceeded for UserByModelByMinute. Please wait 2 seconds"),
    ] {
        assert!(message(CHAT, fault).contains(openai), "{}", message(CHAT, fault));
        assert!(message(AZURE, fault).contains(azure), "{}", message(AZURE, fault));
    }
    let answer = post(&simulator, AZURE, "429", &chat(""));
    assert_eq!((answer.header("retry-after"), answer.header("retry-after-ms")), (Some("2"), Some("2000")));
    let network = post(&simulator, AZURE, "403-network", &chat(""));
    assert_eq!(network.header("policy-id"), Some("ThrowExceptionDueToTrafficDenied"));
    let filtered = post(&simulator, AZURE, "400-filter", &chat("")).json();
    assert_eq!(filtered["error"]["innererror"]["code"], "ResponsibleAIPolicyViolation");
    let filtered = post(&simulator, "/openai/v1/responses", "400-filter", &responses("")).json();
    assert_eq!(filtered["error"]["content_filters"][0]["blocked"], true);
}

#[test]
fn what_does_not_exist_is_told() {
    let simulator = single(0.0, 0.0);
    for (fault, expected) in [
        ("rset", "x-sim-fault: unknown fault \"rset\", did you mean \"reset\"?"),
        ("drop", "x-sim-fault: the fault \"drop\" applies to connections and cannot be requested by a call"),
    ] {
        let answer = post(&simulator, CHAT, fault, &chat(""));
        assert_eq!((answer.status, answer.json()["error"]["message"].as_str()), (400, Some(expected)));
    }
    // Meant for another listener.
    assert_eq!(post(&simulator, CHAT, "500@gateway", &chat("")).status, 200);
    assert_eq!(post(&simulator, CHAT, "500@direct", &chat("")).status, 500);
}

#[test]
fn streams_are_written_in_odd_ways_that_mean_the_same() {
    let simulator = single(0.0, 0.0);
    let text = |path: &str, fault: &str, body: &str| post(&simulator, path, fault, body).text().to_owned();
    let plain = text(CHAT, "twice:99", &chat_stream());
    let crlf = text(CHAT, "crlf", &chat_stream());
    assert_eq!((crlf.matches("\r\n\r\n").count(), crlf.matches('\n').count()), (9, 18));
    assert_eq!(crlf.replace("\r\n", "\n").len(), plain.len());
    let bom = text(CHAT, "bom", &chat_stream());
    assert!(bom.starts_with("\u{feff}data: {") && bom.matches('\u{feff}').count() == 1);
    assert_eq!(text(CHAT, "comments", &chat_stream()).matches(": keepalive\n\ndata: ").count(), 9);
    let keepalive = text(RESPONSES, "keepalive", &responses_stream());
    let one =
        "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":466}\n\nevent: response.output_text.delta";
    assert_eq!(keepalive.matches(one).count(), 1);
    assert_eq!(text(CHAT, "empty-data", &chat_stream()).matches("\n\ndata:\n\ndata: {").count(), 1);
    assert!(text(CHAT, "done-tight", &chat_stream()).ends_with("}\n\ndata:[DONE]\n\n"));
    assert!(text(CHAT, "done-loose", &chat_stream()).ends_with("}\n\ndata: [DONE]  \n\n"));
    assert!(!text(RESPONSES, "no-sequence", &responses_stream()).contains("sequence_number"));
    let zero = post(&simulator, RESPONSES, "zero-sequence", &responses_stream()).events();
    let merged = post(&simulator, CHAT, "usage-on-finish", &chat_stream()).events();
    let last = merged.last().unwrap();
    assert_eq!(
        (&last["choices"][0]["finish_reason"], &last["usage"]["completion_tokens"]),
        (&"length".into(), &5.into())
    );
    assert_eq!(merged.len(), 7);
    assert!(zero.len() == 13 && zero.iter().all(|event| event["sequence_number"] == 0));
}

#[test]
fn a_429_says_when_to_come_again_in_every_way() {
    let simulator = single(0.0, 0.0);
    for (form, after, ms) in [
        ("none", None, None),
        ("ms", None, Some("700")),
        ("s", Some("2"), None),
        ("differ", Some("5"), Some("700")),
        ("long", Some("300"), Some("300000")),
        ("negative", Some("-1"), Some("-1000")),
    ] {
        let answer = post(&simulator, AZURE, &format!("429-retry-{form}"), &chat(""));
        assert_eq!((answer.status, answer.header("retry-after"), answer.header("retry-after-ms")), (429, after, ms));
    }
    let answer = post(&simulator, AZURE, "429-retry-date", &chat(""));
    assert!(answer.header("retry-after").unwrap().ends_with(" GMT") && answer.header("retry-after-ms").is_none());
    assert_eq!(ledger(&simulator, "direct", 7)[0].fault, Some("429-retry-none"));
}

#[test]
fn a_refusal_may_come_under_status_200() {
    let simulator = single(0.0, 0.0);
    let answer = post(&simulator, "/openai/v1/responses", "429-in-stream", &responses_stream());
    let kinds: Vec<Value> = answer.events().iter().map(|event| event["type"].clone()).collect();
    assert_eq!((answer.status, kinds), (200, vec!["response.failed".into(), "error".into()]));
    assert_eq!(answer.header("retry-after"), Some("2"));
    let record = the_fault(&simulator);
    assert_eq!((record.fault, record.status), (Some("429-in-stream"), 200));
    assert_eq!(post(&simulator, AZURE, "429-in-stream", &chat("")).status, 429);
    let coded = post(&simulator, "/openai/v1/responses", "429-in-stream-code", &responses_stream());
    let events = coded.events();
    assert_eq!((coded.status, events.len(), &events[0]["type"]), (200, 1, &"response.failed".into()));
    assert_eq!(events[0]["response"]["error"]["code"], "rate_limit_exceeded");
}

fn with(backend: &str, listener: &str) -> Simulator {
    scenario(&format!(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"0\", gap = \"0\" }}\n{backend}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n{listener}\n"
    ))
}

#[test]
fn a_script_fails_the_first_three_and_then_works() {
    let simulator = with("fault = [{ kind = \"503\", script = \"fail 3, then work\" }]", "");
    let mut client = Client::new(&url(&simulator));
    let statuses: Vec<u16> = (0..6).map(|_| client.post(CHAT, KEY, &chat("")).status).collect();
    assert_eq!(statuses, [503, 503, 503, 200, 200, 200]);
}

#[test]
fn a_rate_is_rolled_once_a_request_whatever_its_length() {
    let run = |body: &str| {
        let simulator = with("fault = [{ kind = \"500\", rate = 0.3 }]", "");
        let mut client = Client::new(&url(&simulator));
        (0..60).map(|_| client.post(CHAT, KEY, body).status).collect::<Vec<u16>>()
    };
    let short = run(&chat(r#","max_tokens":1"#));
    assert_eq!(short, run(&chat(r#","max_tokens":50,"stream":true"#)));
    let failed = short.iter().filter(|status| **status == 500).count();
    assert!((8..=28).contains(&failed), "{failed}");
}

#[test]
fn connections_are_dropped_reset_or_told_of_an_alert() {
    let fault = |kind: &str| with("", &format!("fault = [{{ kind = \"{kind}\", script = \"fail 1, then work\" }}]"));
    for (kind, reset, expected) in
        [("drop", false, &b""[..]), ("reset-connection", true, b""), ("tls", false, &[0x15, 3, 3, 0, 2, 2, 0x28])]
    {
        let simulator = fault(kind);
        let mut stream = connect(&simulator);
        if kind == "tls" {
            stream.write_all(&[0x16, 3, 1, 0, 1, 1]).unwrap();
        }
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes);
        assert_eq!((end.is_err(), bytes.as_slice()), (reset, expected), "{kind}: {end:?}");
        let record = the_fault(&simulator);
        assert_eq!((record.fault, record.status), (Some(kind), 0));
        assert_eq!(Client::new(&url(&simulator)).post(CHAT, KEY, &chat("")).status, 200);
    }
}

#[test]
fn nobody_listens() {
    let simulator = with("", "fault = [{ kind = \"refused\" }]");
    let error = TcpStream::connect(url(&simulator).strip_prefix("http://").unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn nobody_hears_who_knocks() {
    let simulator = with("", "fault = [{ kind = \"unreachable\" }]");
    let address = url(&simulator).strip_prefix("http://").unwrap().parse().unwrap();
    for _ in 0..3 {
        let error = TcpStream::connect_timeout(&address, Duration::from_millis(150)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}

#[test]
fn a_connection_may_be_taken_up_late() {
    let simulator = with("", "fault = [{ kind = \"slow-accept:80ms\", script = \"fail 1, then work\" }]");
    let before = mock_backend::now_ns();
    let mut client = Client::new(&url(&simulator));
    let first = client.post(CHAT, KEY, &chat(""));
    assert!(first.status == 200 && first.head_ns >= before + 80_000_000);
    let records = ledger(&simulator, "direct", 2);
    assert_eq!((records[0].fault, records[0].status), (Some("slow-accept"), 0));
    // The request itself was read late and answered at once.
    assert_eq!((records[1].fault, records[1].status), (None, 200));
    assert!(records[1].recv_ns >= records[0].recv_ns + 80_000_000);
}
