//! The forms in which a stream can come: what a client must put together again, and when each part leaves.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario, url};
use mock_backend::{Record, Simulator};

/// A simulator of one listener whose backend has these settings.
fn with(model: &str, settings: &str) -> Simulator {
    scenario(&format!(
        "name = \"test\"\n[[backend]]\nname = \"b\"\nmodel = {model}\n{settings}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n"
    ))
}

const MODEL: &str = r#"{ first = "20ms", gap = "2ms" }"#;

/// One stream of `tokens` tokens, and its record.
fn stream(simulator: &Simulator, tokens: usize) -> (Answer, Record) {
    let more = format!(",\"stream\":true,\"max_tokens\":{tokens}");
    let answer = Client::new(&url(simulator)).post(CHAT, KEY, &chat(&more));
    let record = ledger(simulator, "direct", 1).remove(0);
    (answer, record)
}

fn text(answer: &Answer) -> String {
    answer
        .events()
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect()
}

fn ms(record: &Record, at: Option<u64>) -> f64 {
    (at.unwrap() - record.recv_ns) as f64 / 1e6
}

#[test]
fn several_tokens_share_an_event_and_several_events_a_write() {
    let plain = text(&stream(&with(MODEL, ""), 10).0);
    let (answer, record) = stream(&with(MODEL, "stream = { tokens_per_event = 2, events_per_write = 2 }"), 10);
    assert_eq!(text(&answer), plain);
    // The role, five deltas, the end; written with the head, and after four, eight and ten tokens.
    assert_eq!((answer.events().len(), record.writes, record.tokens), (7, 4, Some(10)));
    let planned = record.planned.unwrap();
    assert!((planned.first_ms - 26.0).abs() < 0.01 && (planned.end_ms - 38.0).abs() < 0.01, "{planned:?}");
    assert!(ms(&record, record.first_ns) >= planned.first_ms - 1e-6);
}

#[test]
fn a_filter_releases_in_bursts() {
    let (answer, record) = stream(&with(MODEL, "stream = { burst = \"10ms\" }"), 12);
    // Tokens at 20, 22, ... 42 ms: released at 30, 40 and with the last.
    assert_eq!((record.writes, answer.events().len()), (4, 14));
    let planned = record.planned.unwrap();
    assert!((planned.first_ms - 30.0).abs() < 0.01 && (planned.end_ms - 42.0).abs() < 0.01, "{planned:?}");
}

#[test]
fn writes_are_cut_inside_characters_and_line_ends() {
    let plain = text(&stream(&with(MODEL, ""), 40).0);
    assert!(!plain.is_ascii());
    for (split, pieces) in [("utf8", 2), ("crlf", 2), ("event", 2)] {
        let (answer, record) = stream(&with(MODEL, &format!("stream = {{ split = \"{split}\" }}")), 40);
        assert_eq!(text(&answer), plain, "{split}");
        assert_eq!(record.writes, 41 * pieces, "{split}");
        assert!((record.planned.unwrap().end_ms - 99.0).abs() < 0.01);
        assert!(ms(&record, record.end_ns) >= 98.999);
        assert_eq!(answer.text().contains("\r\n\r\n"), split == "crlf");
    }
}

#[test]
fn comments_bridge_the_silence() {
    let simulator = with(r#"{ first = "55ms", gap = "25ms" }"#, "stream = { keepalive = \"10ms\" }");
    let (answer, record) = stream(&simulator, 2);
    assert_eq!(answer.text().matches(": keepalive\n\n").count(), 5 + 2);
    assert_eq!((record.writes, answer.events().len()), (3 + 7, 4));
}

#[test]
fn heads_come_at_once_or_after_the_prompt_or_with_the_first_token() {
    let model = r#"{ first = "60ms", gap = "1ms", per_prompt_token = "5ms" }"#;
    // "hello world" is a prompt of 9 tokens: 45 ms.
    for (head, least, most) in [("at-once", 0.0, 45.0), ("after-prefill", 45.0, 105.0), ("at-first-token", 105.0, 1e9)]
    {
        // A busy machine may be late with any of them.
        let seen = (0..5).map(|_| {
            let (_, record) = stream(&with(model, &format!("stream = {{ head = \"{head}\" }}")), 2);
            assert!((record.planned.unwrap().first_ms - 105.0).abs() < 0.01);
            ms(&record, record.head_ns)
        });
        let seen = seen.reduce(f64::min).unwrap();
        assert!((least..most).contains(&seen), "{head}: {seen} ms");
    }
}

#[test]
fn recorded_times_are_played_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("times.jsonl"), "{\"offsets_ms\":[40, 50, 90]}\n").unwrap();
    let file = folder.path().join("s.toml");
    let text = "name = \"t\"\n[[backend]]\nname = \"b\"\nmodel = { trace = \"times.jsonl\", speed = 2.0 }\n\
                [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n";
    std::fs::write(&file, text).unwrap();
    let simulator = Simulator::start(mock_backend::Config::scenario(file.to_str().unwrap()).unwrap()).unwrap();
    let answer = Client::new(&url(&simulator)).post(CHAT, KEY, &chat(",\"stream\":true"));
    let record = &ledger(&simulator, "direct", 1)[0];
    let planned = record.planned.unwrap();
    assert_eq!((record.tokens, answer.events().len()), (Some(3), 5));
    assert!((planned.first_ms - 20.0).abs() < 0.01 && (planned.end_ms - 45.0).abs() < 0.01, "{planned:?}");
}

#[test]
fn a_cached_prefix_is_counted_and_comes_sooner() {
    let simulator = with(r#"{ first = "1ms", gap = "1ms", per_prompt_token = "100us" }"#, "prefix_cache = \"5m\"");
    let body = |end: &str| chat(",\"max_tokens\":1").replace("hello world", &format!("{}{end}", "word ".repeat(2000)));
    let mut client = Client::new(&url(&simulator));
    let cached = [body("a"), body("b")]
        .map(|body| client.post(CHAT, KEY, &body).json()["usage"]["prompt_tokens_details"]["cached_tokens"].clone());
    assert_eq!(cached, [0, 1920]);
    let records = ledger(&simulator, "direct", 2);
    let planned: Vec<f64> = records.iter().map(|record| record.planned.unwrap().first_ms).collect();
    assert!((planned[0] - planned[1] - 192.0).abs() < 0.2, "{planned:?}");
    let body = responses(",\"max_output_tokens\":16").replace("hello world", &"word ".repeat(2000));
    let cached = [&body, &body]
        .map(|body| client.post(RESPONSES, KEY, body).json()["usage"]["input_tokens_details"]["cached_tokens"].clone());
    assert_eq!(cached, [0, 1920]);
}

#[test]
fn a_brown_out_slows_all_and_refuses_its_share() {
    let changes = |at: &str| {
        format!("changes = [{{ kind = \"brown-out\", at = \"{at}\", for = \"60m\", share = 0.4, factor = 3.0 }}]")
    };
    let simulator = with(r#"{ first = "2ms", gap = "0" }"#, &changes("0"));
    let mut client = Client::new(&url(&simulator));
    let statuses: Vec<u16> = (0..100).map(|_| client.post(CHAT, KEY, &chat("")).status).collect();
    let refused = statuses.iter().filter(|status| **status == 503).count();
    assert!((25..=55).contains(&refused) && statuses.iter().all(|s| [200, 503].contains(s)), "{statuses:?}");
    let records = ledger(&simulator, "direct", 100);
    let served: Vec<f64> = records.iter().filter_map(|record| Some(record.planned?.end_ms)).collect();
    assert_eq!(served.len(), 100 - refused);
    assert!(served.iter().all(|end| (end - 6.0).abs() < 0.01), "{served:?}");
    // The same seed refuses the same, and before its time it is as if it were not.
    let again = with(r#"{ first = "2ms", gap = "0" }"#, &changes("0"));
    let mut client = Client::new(&url(&again));
    assert_eq!(statuses, (0..100).map(|_| client.post(CHAT, KEY, &chat("")).status).collect::<Vec<_>>());
    let later = with(r#"{ first = "2ms", gap = "0" }"#, &changes("60m"));
    let mut client = Client::new(&url(&later));
    assert!((0..20).all(|_| client.post(CHAT, KEY, &chat("")).status == 200));
}

#[test]
fn an_outage_and_a_full_queue_are_503() {
    let out = with(MODEL, "changes = [{ kind = \"outage\", at = \"0s\", for = \"1m\" }]");
    let answer = Client::new(&url(&out)).post(CHAT, KEY, &chat(""));
    assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (503, Some("server_error")));
    let full = with(r#"{ first = "1s" }"#, "load = { kind = \"batch\", size = 1, step = \"500ms\", queue = 0 }");
    let mut running = Client::new(&url(&full));
    let body = chat(",\"stream\":true,\"max_tokens\":1");
    let request = format!("POST {CHAT} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n{body}", body.len());
    std::io::Write::write_all(running.stream(), request.as_bytes()).unwrap();
    // Its head says that it has been admitted.
    std::io::Read::read_exact(running.stream(), &mut [0; 16]).unwrap();
    assert_eq!(Client::new(&url(&full)).post(CHAT, KEY, &body).status, 503);
}

/// A simulator that stamps every chunk; `settings` are those of its backend, `link` its distance.
fn stamping(settings: &str, link: &str) -> Simulator {
    scenario(&format!(
        "name = \"test\"\nledger_chunks = true\n[[backend]]\nname = \"b\"\nmodel = {MODEL}\n{settings}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\nlink = {link}\n"
    ))
}

#[test]
fn chunks_are_stamped_on_wish_and_never_after_they_were_seen() {
    for (settings, link, chunks) in [
        ("", "{}", 10),
        ("", "{ rtt = \"4ms\" }", 10),
        ("stream = { tokens_per_event = 2, events_per_write = 2 }", "{}", 3),
        ("stream = { split = \"utf8\" }", "{ rtt = \"4ms\" }", 10),
        ("stream = { keepalive = \"1ms\" }", "{}", 10),
    ] {
        let (answer, record) = stream(&stamping(settings, link), 10);
        let stamps = &record.chunks_ns;
        assert_eq!(stamps.len(), chunks, "{settings} {link}");
        assert_eq!(stamps.first(), record.first_ns.as_ref(), "{settings} {link}");
        assert!(stamps.is_sorted() && stamps.last() <= record.last_ns.as_ref(), "{settings} {link}: {record:?}");
        assert!(*stamps.last().unwrap() <= answer.end_ns());
    }
    let (_, record) = stream(&with(MODEL, ""), 10);
    assert!(record.chunks_ns.is_empty() && !serde_json::to_string(&record).unwrap().contains("chunks_ns"));
}

#[test]
fn a_gateway_stamps_the_chunks_that_it_passes_on() {
    let simulator = scenario(&format!(
        "name = \"test\"\nledger_chunks = true\n[[backend]]\nname = \"b\"\nmodel = {MODEL}\n\
         [[listener]]\nname = \"gateway\"\nkind = \"gateway\"\nbackend = \"b\"\ngateway = {{ own = \"1ms\" }}\n"
    ));
    let answer = Client::new(&url(&simulator)).post(CHAT, KEY, &chat(",\"stream\":true,\"max_tokens\":10"));
    let record = ledger(&simulator, "gateway", 1).remove(0);
    let inner = ledger(&simulator, "gateway.upstream", 1).remove(0);
    assert_eq!((text(&answer).is_empty(), inner.chunks_ns.len()), (false, 10));
    // Two chunks that one read brought leave as one.
    assert!((1..=10).contains(&record.chunks_ns.len()) && record.chunks_ns.is_sorted(), "{record:?}");
    assert!(inner.chunks_ns[0] <= record.chunks_ns[0]);
}

#[test]
fn the_reported_time_of_a_stream_lasts_until_its_head() {
    let model = r#"{ first = "40ms", gap = "2ms", per_prompt_token = "1ms" }"#;
    let reported = |head: &str| {
        let (answer, record) = stream(&with(model, &format!("stream = {{ head = \"{head}\" }}")), 4);
        (answer.header("openai-processing-ms").unwrap().parse::<f64>().unwrap(), record.planned.unwrap().first_ms)
    };
    let (at_once, _) = reported("at-once");
    let (after_prefill, whole) = reported("after-prefill");
    let (at_first_token, first) = reported("at-first-token");
    // The prefill is what the first token takes beside the 40 ms; the time is told in whole milliseconds.
    assert_eq!(at_once, 0.0);
    assert!((after_prefill - (whole - 40.0)).abs() <= 1.0, "{after_prefill} of {whole}");
    assert!((at_first_token - first).abs() <= 1.0, "{at_first_token} of {first}");
}
