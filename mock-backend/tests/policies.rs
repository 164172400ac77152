//! The policies of a gateway listener, as a caller meets them.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario};
use mock_backend::Simulator;

const AZURE: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// Two regions, with what they are beyond that, and a gateway in front of them.
fn two(sweden: &str, france: &str, gateway: &str) -> Simulator {
    scenario(&format!(
        r#"
        name = "two"
        threads = 1
        [[backend]]
        name = "sweden"
        region = "swedencentral"
        model = {{ first = "0", gap = "0" }}
        {sweden}
        [[backend]]
        name = "france"
        region = "francecentral"
        model = {{ first = "0", gap = "0" }}
        {france}
        [[listener]]
        name = "gateway"
        kind = "gateway"
        gateway = {{ own = "0", {gateway} }}
        "#
    ))
}

const POOL: &str = r#"pool = [{ backend = "sweden" }, { backend = "france" }]"#;

fn client(simulator: &Simulator) -> Client {
    Client::new(&simulator.url("gateway").unwrap())
}

fn ask(client: &mut Client) -> Answer {
    client.post(AZURE, KEY, &chat(r#","max_tokens":1"#))
}

/// The regions that answer one request after the other: s, f, or what status there is.
fn regions(client: &mut Client, n: usize) -> String {
    let region = |answer: &Answer| match answer.header("x-ms-region") {
        Some("swedencentral") => "s".to_owned(),
        Some("francecentral") => "f".to_owned(),
        _ => format!("({})", answer.status),
    };
    (0..n).map(|_| region(&ask(client))).collect()
}

#[test]
fn a_pool_takes_turns_by_weight_and_by_priority() {
    assert_eq!(regions(&mut client(&two("", "", POOL)), 6), "sfsfsf");
    let weighted = r#"pool = [{ backend = "sweden", weight = 3 }, { backend = "france" }]"#;
    assert_eq!(regions(&mut client(&two("", "", weighted)), 8), "ssfsssfs");
    let priority = r#"pool = [{ backend = "sweden", priority = 2 }, { backend = "france" }]"#;
    let simulator = two("", "", priority);
    assert_eq!(regions(&mut client(&simulator), 4), "ffff");
    let inner = ledger(&simulator, "gateway.france", 4);
    assert_eq!(inner.len(), 4);
}

#[test]
fn a_breaker_opens_after_its_failures_and_all_open_is_503() {
    let breaker = r#"breaker = { failures = 3, interval = "60m", trip = "60m" }"#;
    let failing = r#"fault = [{ kind = "500" }]"#;
    let simulator = two(failing, "", &format!("{POOL}, {breaker}"));
    let statuses = |client: &mut Client, n: usize| (0..n).map(|_| ask(client).status).collect::<Vec<_>>();
    // Turns are taken until the third failure, which is the fifth request; then only the other is asked.
    assert_eq!(statuses(&mut client(&simulator), 9), [500, 200, 500, 200, 500, 200, 200, 200, 200]);
    let simulator = two(failing, failing, &format!("{POOL}, {breaker}"));
    let mut client = client(&simulator);
    assert_eq!(statuses(&mut client, 7), [500, 500, 500, 500, 500, 500, 503]);
    let answer = ask(&mut client);
    assert_eq!(answer.json(), serde_json::json!({"statusCode": 503, "message": "Service Unavailable"}));
    assert_eq!(ledger(&simulator, "gateway.sweden", 3).len() + ledger(&simulator, "gateway.france", 3).len(), 6);
}

#[test]
fn a_retry_hides_the_failure_of_one_behind_the_answer_of_the_other() {
    let failing = r#"fault = [{ kind = "429" }]"#;
    let simulator = two(failing, "", &format!("{POOL}, retry = {{ count = 1 }}"));
    assert_eq!(regions(&mut client(&simulator), 4), "ffff");
    assert!(!ledger(&simulator, "gateway.sweden", 2).is_empty());
    // Also of a connection that breaks off before there is an answer.
    let dropping = r#"fault = [{ kind = "reset" }]"#;
    let simulator = two(dropping, "", &format!("{POOL}, retry = {{ count = 1 }}"));
    assert_eq!(regions(&mut client(&simulator), 4), "ffff");
    // When none is left that answers, the last word stands.
    let simulator = two(failing, failing, &format!("{POOL}, retry = {{ count = 1 }}"));
    let answer = ask(&mut client(&simulator));
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (429, Some("429")));
    // Not every status is worth another try.
    let simulator = two(r#"fault = [{ kind = "400" }]"#, "", &format!("{POOL}, retry = {{ count = 1 }}"));
    let mut client = client(&simulator);
    assert_eq!([ask(&mut client).status, ask(&mut client).status], [400, 200]);
}

#[test]
fn a_cookie_binds_a_caller_to_one_region_and_without_it_the_next_call_goes_elsewhere() {
    let simulator = two("", "", &format!("{POOL}, affinity = true"));
    let mut client = client(&simulator);
    let first = ask(&mut client);
    let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("APIM-Backend-Affinity="), "{cookie}");
    for _ in 0..5 {
        let answer = client.post(AZURE, &format!("{KEY}cookie: other=1; {cookie}\r\n"), &chat(r#","max_tokens":1"#));
        assert_eq!(answer.header("x-ms-region"), Some("swedencentral"));
    }
    // The bound calls took no turn.
    assert_eq!(regions(&mut client, 3), "fsf");
    let simulator = two("", "", POOL);
    assert_eq!(ask(&mut self::client(&simulator)).header("set-cookie"), None);
}

#[test]
fn without_affinity_a_response_that_the_other_region_made_cannot_be_followed() {
    for (gateway, bound, status) in
        [("", false, 400), (", affinity = true", true, 200), (", affinity = true", false, 400)]
    {
        let simulator = two("", "", &format!("{POOL}{gateway}"));
        let mut client = client(&simulator);
        let first = client.post(RESPONSES, KEY, &responses(""));
        let id = first.json()["id"].as_str().unwrap().to_owned();
        let cookie = first
            .header("set-cookie")
            .filter(|_| bound)
            .map_or(String::new(), |cookie| format!("cookie: {}\r\n", cookie.split(';').next().unwrap()));
        let follow = responses(&format!(",\"previous_response_id\":\"{id}\""));
        let next = client.post(RESPONSES, &format!("{KEY}{cookie}"), &follow);
        assert_eq!(next.status, status, "{gateway}: {}", next.text());
        if status == 400 {
            let error = &next.json()["error"];
            assert_eq!(
                (&error["code"], &error["param"]),
                (&"previous_response_not_found".into(), &"previous_response_id".into())
            );
            // The third call is the first region's turn again.
            assert_eq!(client.post(RESPONSES, KEY, &follow).status, 200);
        }
    }
}

#[test]
fn a_subscription_key_is_asked_for() {
    let simulator = two("", "", &format!(r#"{POOL}, subscription_keys = ["right"], preset = "apim""#));
    let mut client = client(&simulator);
    let missing = client.post(CHAT, "", &chat(""));
    assert_eq!(
        (missing.status, missing.text()),
        (
            401,
            r#"{"message":"Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.","statusCode":401}"#
        )
    );
    assert!(missing.header("www-authenticate").unwrap().starts_with("AzureApiManagementKey realm="));
    let wrong = client.post(CHAT, KEY, &chat(""));
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("Access denied due to invalid subscription key."), "{}", wrong.text());
    for headers in ["Ocp-Apim-Subscription-Key: right\r\n", "api-key: right\r\n"] {
        assert_eq!(client.post(CHAT, headers, &chat("")).status, 200);
    }
    assert_eq!(client.post(&format!("{CHAT}?subscription-key=right"), "", &chat("")).status, 200);
}

#[test]
fn tokens_are_limited_and_so_is_their_sum() {
    // A prompt of 2 tokens and an answer of 10.
    let simulator = two("", "", &format!("{POOL}, tokens_per_minute = 13"));
    let mut client = client(&simulator);
    let body = chat(r#","max_tokens":10"#);
    let first = client.post(CHAT, KEY, &body);
    assert_eq!((first.status, first.header("remaining-tokens")), (200, Some("11")));
    ledger(&simulator, "gateway", 1);
    let second = client.post(CHAT, KEY, &body);
    let message = second.json()["message"].as_str().unwrap().to_owned();
    assert_eq!((second.status, second.json()["statusCode"].as_u64()), (429, Some(429)));
    let seconds: u64 = second.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    assert_eq!(message, format!("Token limit is exceeded. Try again in {seconds} seconds."));

    let simulator = two("", "", &format!("{POOL}, token_quota = 13"));
    let mut client = self::client(&simulator);
    assert_eq!(client.post(CHAT, KEY, &body).status, 200);
    ledger(&simulator, "gateway", 1);
    let second = client.post(CHAT, KEY, &body);
    assert_eq!(second.status, 403);
    assert!(second.json()["message"].as_str().unwrap().starts_with("Token quota is exceeded."), "{}", second.text());
    let simulator = two("", "", &format!("{POOL}, tokens_per_minute = 1"));
    let never = self::client(&simulator).post(CHAT, KEY, &body);
    assert_eq!((never.status, never.header("retry-after")), (429, None));
}

#[test]
fn the_same_question_gets_the_same_answer_at_once() {
    let simulator = scenario(
        r#"
        name = "cached"
        [[backend]]
        name = "b"
        model = { first = "60ms", gap = "1ms" }
        [[listener]]
        name = "gateway"
        kind = "gateway"
        backend = "b"
        gateway = { own = "0", cache = "60m" }
        "#,
    );
    let mut client = client(&simulator);
    for (path, body) in [(CHAT, chat("")), (CHAT, chat(r#","stream":true"#)), (RESPONSES, responses(""))] {
        let first = client.post(path, KEY, &body);
        ledger(&simulator, "gateway.upstream", 1);
        let second = client.post(path, KEY, &body);
        assert_eq!((first.status, second.status, second.header("x-cache")), (200, 200, Some("HIT")));
        assert_eq!((first.header("x-cache"), first.text()), (None, second.text()));
        let other = client.post(path, KEY, &body.replace("hello", "hallo"));
        assert_ne!(other.text(), first.text());
    }
    // Three questions, each asked twice and a variant of it once.
    let records = ledger(&simulator, "gateway", 9);
    let quick: Vec<bool> = records.iter().map(|r| r.end_ns.unwrap() < r.recv_ns + 60_000_000).collect();
    assert_eq!(ledger(&simulator, "gateway.upstream", 6).len(), 6);
    assert!([0, 2, 3, 5, 6, 8].iter().all(|i| !quick[*i]), "{quick:?}");
    assert_eq!(records[1].tokens, records[0].tokens);
}

/// The sizes of the chunks of a stream, and its text.
fn chunks(simulator: &Simulator, body: &str) -> (Vec<usize>, String) {
    let mut stream = TcpStream::connect(simulator.url("gateway").unwrap().strip_prefix("http://").unwrap()).unwrap();
    let head =
        format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\nconnection: close\r\n{KEY}content-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    let (mut sizes, mut text) = (Vec::new(), String::new());
    let mut rest = all.split_once("\r\n\r\n").unwrap().1;
    while let Some((size, more)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        sizes.push(size);
        text.push_str(&more[..size]);
        rest = &more[size + 2..];
    }
    (sizes, text)
}

fn slow(gateway: &str) -> Simulator {
    scenario(&format!(
        "name = \"slow\"\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"1ms\", gap = \"1ms\" }}\n[[listener]]\n\
         name = \"gateway\"\nkind = \"gateway\"\nbackend = \"b\"\ngateway = {{ own = \"0\", {gateway} }}\n"
    ))
}

#[test]
fn buffering_makes_blocks_of_8192_bytes_or_one_whole() {
    let body = chat(r#","stream":true,"max_tokens":100"#);
    let simulator = slow("buffer = \"none\"");
    let (sizes, text) = chunks(&simulator, &body);
    assert!(sizes.len() > 20, "{sizes:?}");
    let simulator = slow("buffer = \"8KB\"");
    let (sizes, blocks) = chunks(&simulator, &body);
    let (last, full) = sizes.split_last().unwrap();
    assert!(full.len() >= 2 && full.iter().all(|size| *size == 8192) && *last < 8192, "{sizes:?}");
    assert_eq!((blocks.len(), blocks.matches("\"content\":\"").count()), (text.len(), 101));
    assert!(blocks.ends_with("data: [DONE]\n\n"));
    let record = &ledger(&simulator, "gateway", 1)[0];
    assert!(record.planned.is_none() && record.first_ns.is_some() && record.tokens.is_none());
    assert!(record.first_ns < record.last_ns && record.last_ns <= record.end_ns);

    let simulator = slow("buffer = \"whole\"");
    let answer = client(&simulator).post(CHAT, KEY, &body);
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some(&*text.len().to_string()), text.len()));
    let record = &ledger(&simulator, "gateway", 1)[0];
    assert_eq!((record.head_ns, record.first_ns), (record.end_ns, record.end_ns));
    let planned = record.planned.unwrap();
    assert!(planned.first_ms >= 100.0 && planned.first_ms.to_bits() == planned.end_ms.to_bits());
}

#[test]
fn a_silent_connection_is_cut() {
    let simulator = slow("idle_cut = \"50ms\"");
    let url = simulator.url("gateway").unwrap();
    for (fault, begun) in [("stall:3", true), ("hang", false)] {
        let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        let body = chat(r#","stream":true,"max_tokens":9"#);
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}x-sim-fault: {fault}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text.matches("\"delta\":{\"content\":\"").count(), if begun { 3 } else { 0 }, "{text}");
        assert!(!text.ends_with("0\r\n\r\n"));
    }
    let records = ledger(&simulator, "gateway", 2);
    assert!(records.iter().all(|record| record.fault == Some("idle_cut") && record.end_ns.is_none()), "{records:?}");
    // Who speaks often enough is not cut, however long it takes.
    let answer = client(&simulator).post(CHAT, KEY, &chat(r#","stream":true,"max_tokens":100"#));
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
}

#[test]
fn four_minutes_of_silence_are_cut_in_the_time_of_a_test() {
    let simulator = scenario(
        r#"
        name = "idle"
        time_factor = 0.0002
        [[backend]]
        name = "b"
        model = { first = "0", gap = "0" }
        [[listener]]
        name = "gateway"
        kind = "gateway"
        backend = "b"
        gateway = { own = "0", idle_cut = "240s" }
        "#,
    );
    let mut client = client(&simulator);
    let body = chat("");
    let head =
        format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}x-sim-fault: hang\r\ncontent-length: {}\r\n\r\n", body.len());
    client.stream().write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    assert!(client.is_closed());
    assert_eq!(ledger(&simulator, "gateway", 1)[0].fault, Some("idle_cut"));
}

#[test]
fn each_gateway_has_its_own_headers() {
    let table: [(&str, &[&str]); 5] = [
        ("plain", &["via", "x-gateway-overhead-ms", "x-gateway-upstream-ms", "x-gateway-name"]),
        ("apim", &[]),
        ("kong", &["x-kong-upstream-latency", "x-kong-proxy-latency", "x-kong-request-id", "via"]),
        ("envoy", &["x-envoy-upstream-service-time", "server"]),
        (
            "litellm",
            &[
                "x-litellm-call-id",
                "x-litellm-overhead-duration-ms",
                "x-litellm-response-duration-ms",
                "x-litellm-model-api-base",
                "llm_provider-x-ms-region",
            ],
        ),
    ];
    let all: Vec<&str> = table.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    for (preset, names) in table {
        let simulator = two("", "", &format!(r#"{POOL}, preset = "{preset}""#));
        let answer = ask(&mut client(&simulator));
        let found: Vec<&str> = all.iter().copied().filter(|name| answer.header(name).is_some()).collect();
        assert!(names.iter().all(|name| found.contains(name)), "{preset}: {}", answer.head);
        assert!(found.iter().all(|name| names.contains(name)), "{preset}: {}", answer.head);
        assert!(answer.header("x-request-id").is_some() && answer.header("x-ms-region").is_some());
    }
    let simulator = scenario(
        "name = \"k\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"20ms\", gap = \"0\" }\n[[listener]]\nname = \"gateway\"\n\
         kind = \"gateway\"\nbackend = \"b\"\ngateway = { own = \"7ms\", preset = \"kong\" }\n",
    );
    let answer = client(&simulator).post(CHAT, KEY, &chat(""));
    assert_eq!(answer.header("x-kong-proxy-latency"), Some("7"));
    assert!(answer.header("x-kong-upstream-latency").unwrap().parse::<u64>().unwrap() >= 20);
}

#[test]
fn litellm_sends_no_head_before_the_first_chunk_and_others_do() {
    for (preset, waits) in [("litellm", true), ("plain", false)] {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let simulator = scenario(&format!(
            "name = \"f\"\n[[listener]]\nname = \"gateway\"\nkind = \"gateway\"\n\
             gateway = {{ own = \"0\", preset = \"{preset}\", url = \"http://{}\" }}\n",
            upstream.local_addr().unwrap()
        ));
        let (seen, go_on) = std::sync::mpsc::channel::<()>();
        let server = thread::spawn(move || {
            let (mut stream, _) = upstream.accept().unwrap();
            let mut room = [0; 4096];
            let mut text = String::new();
            while !text.ends_with('}') {
                let n = stream.read(&mut room).unwrap();
                text.push_str(std::str::from_utf8(&room[..n]).unwrap());
            }
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                .unwrap();
            go_on.recv().unwrap();
            write!(stream, "9\r\ndata: x\n\n\r\n0\r\n\r\n").unwrap();
        });
        let mut client = client(&simulator);
        let body = chat(r#","stream":true"#);
        let head = format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n", body.len());
        client.stream().write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        let mut room = [0; 4096];
        if waits {
            client.stream().set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
            assert!(client.stream().read(&mut room).is_err());
            client.stream().set_read_timeout(None).unwrap();
        }
        if !waits {
            assert!(client.stream().read(&mut room).unwrap() > 0);
        }
        seen.send(()).unwrap();
        let mut text = String::new();
        while !text.ends_with("0\r\n\r\n") {
            let n = client.stream().read(&mut room).unwrap();
            text.push_str(std::str::from_utf8(&room[..n]).unwrap());
        }
        assert!(text.contains("data: x"));
        server.join().unwrap();
    }
}

#[test]
fn a_gateway_has_faults_of_its_own() {
    let simulator = two("", "", POOL);
    let mut client = client(&simulator);
    for (fault, status, text) in [
        ("429@gateway", 429, "\"statusCode\":429"),
        ("html-502@gateway", 502, "<title>502 Bad Gateway</title>"),
        ("500@gateway", 500, "Internal server error"),
        ("429", 429, "\"error\""),
    ] {
        let answer = client.post(AZURE, &format!("{KEY}x-sim-fault: {fault}\r\n"), &chat(""));
        assert_eq!(answer.status, status);
        assert!(answer.text().contains(text), "{fault}: {}", answer.text());
    }
    let records = ledger(&simulator, "gateway", 4);
    assert_eq!(records.iter().map(|r| r.fault).collect::<Vec<_>>(), [Some("429"), Some("html-502"), Some("500"), None]);
}
