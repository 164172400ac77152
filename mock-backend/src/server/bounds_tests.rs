//! Every bound, gone beyond: what is within it is taken, what is beyond it is not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::simulator::Simulator;
use crate::config::Config;
use crate::model::rng::seeded_rng;
use crate::model::{schema, text};
use crate::observe::ledger::{Ledger, Query};
use crate::observe::metrics::Counters;
use crate::observe::record::Record;
use crate::units::bounds::{BOUNDS, Bound};
use crate::units::{budget, read_file};

const SCENARIO: &str = "name = \"x\"\nthreads = 1\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\n\
                        [[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"b\"\n";

fn simulator() -> Simulator {
    Simulator::start(Config::parse(SCENARIO, "test").unwrap()).unwrap()
}

/// The status of the answer to a request with these header lines and this body, and the answer.
fn ask(simulator: &Simulator, method: &str, path: &str, lines: &str, body: &str) -> (u16, String) {
    let mut stream = connect(simulator);
    let head = format!("{method} {path} HTTP/1.1\r\nhost: sim\r\napi-key: k\r\nconnection: close\r\n{lines}");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    // A refusal may come before all of it was sent.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer.split(' ').nth(1).unwrap_or("0").parse().unwrap(), answer)
}

fn connect(simulator: &Simulator) -> TcpStream {
    TcpStream::connect(simulator.url("l").unwrap().strip_prefix("http://").unwrap()).unwrap()
}

/// A server that is none of the simulator's: it answers with as many bytes as the address says.
struct Foreign(String);

impl Foreign {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let size: usize = line.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n");
                // Who is refused may not read on.
                let _ = stream.get_mut().write_all(&[head.into_bytes(), vec![b'x'; size]].concat());
            }
        });
        Self(address)
    }

    /// A simulator of a gateway in front of it.
    fn gateway(&self, more: &str) -> Simulator {
        let url = format!("http://{}", self.0);
        let text = format!(
            "name = \"x\"\nthreads = 1\n[[listener]]\nname = \"l\"\nkind = \"gateway\"\n\
             gateway = {{ own = \"0\", url = \"{url}\", {more} }}\n"
        );
        Simulator::start(Config::parse(&text, "test").unwrap()).unwrap()
    }
}

/// The answer of a server behind a gateway, of so many bytes.
fn get(simulator: &Simulator, size: usize) -> (u16, String) {
    ask(simulator, "GET", &format!("/{size}"), "", "")
}

/// The id in an answer.
fn id_of(answer: &str) -> String {
    answer.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

fn post(simulator: &Simulator, path: &str, body: &str) -> (u16, String) {
    ask(simulator, "POST", path, "", body)
}

fn chat(more: &str) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"hello"}}]{more}}}"#)
}

const CHAT: &str = "/v1/chat/completions";

/// A value of a schema, as for one request.
fn instance(schema: &Value) -> Value {
    budget::renew();
    schema::instance(schema, &mut seeded_rng(1, "bounds", 0), 1)
}

fn probe(bound: Bound) {
    let most = bound.most();
    match bound {
        Bound::Head => head(most),
        Bound::Headers => headers(most),
        Bound::Body => body(most),
        Bound::HeardOut => heard_out(most),
        Bound::Bodies => bodies(most),
        Bound::Values => values(most),
        Bound::Nesting => nesting(most),
        Bound::Repeated => repeated(most),
        Bound::Identifier => identifier(most),
        Bound::CountedText => counted_text(most),
        Bound::Pattern => pattern(most),
        Bound::MatchedText => matched_text(most),
        Bound::Processor => processor(most),
        Bound::Answer => answer(most),
        Bound::Change => change(most),
        Bound::File => file(most),
        Bound::Streams => streams(most),
        Bound::OnTheWay => on_the_way(most),
        Bound::HeldBack => held_back(most),
        Bound::Cached => cached(most),
        Bound::Cache => cache(most),
        Bound::Recording => recording(most),
        Bound::Ledger => ledger(most),
        Bound::Outcomes => outcomes(most),
        Bound::Stored => stored(most),
        Bound::Prefixes => prefixes(most),
    }
}

fn head(most: usize) {
    let simulator = simulator();
    let line = |size: usize| format!("x-long: {}\r\n", "y".repeat(size));
    assert_eq!(ask(&simulator, "POST", CHAT, &line(most / 2), &chat("")).0, 200);
    assert_eq!(ask(&simulator, "POST", CHAT, &line(most + 1), &chat("")).0, 431);
}

fn headers(most: usize) {
    let simulator = simulator();
    // Four stand there already.
    let lines = |n: usize| (4..n).map(|i| format!("x-{i}: y\r\n")).collect::<String>();
    assert_eq!(ask(&simulator, "POST", CHAT, &lines(most), &chat("")).0, 200);
    assert_eq!(ask(&simulator, "POST", CHAT, &lines(most + 1), &chat("")).0, 431);
}

fn body(most: usize) {
    let simulator = simulator();
    let padded = |size: usize| chat("") + &" ".repeat(size - chat("").len());
    assert_eq!(post(&simulator, CHAT, &padded(most)).0, 200);
    assert_eq!(post(&simulator, CHAT, &padded(most + 1)).0, 413);
}

fn heard_out(most: usize) {
    let simulator = simulator();
    let endless = format!("content-length: {}\r\n", most + 1);
    let mut stream = connect(&simulator);
    write!(stream, "POST {CHAT} HTTP/1.1\r\nhost: s\r\napi-key: k\r\n{endless}\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413", "before any of it has come");
}

fn bodies(most: usize) {
    let simulator = simulator();
    let gauges = Arc::clone(&simulator.current.state().ground.gauges);
    // As if others were sending theirs.
    for (others, expected) in [(most - 1000, 200), (most - 10, 503), (0, 200)] {
        gauges.receiving.store(others, Ordering::Relaxed);
        assert_eq!(post(&simulator, CHAT, &chat("")).0, expected);
        assert_eq!(gauges.receiving.load(Ordering::Relaxed), others);
    }
}

fn values(most: usize) {
    let simulator = simulator();
    let with = |n: usize| chat(&format!(",\"x\":[{}0]", "0,".repeat(n)));
    assert_eq!(post(&simulator, CHAT, &with(most - 100)).0, 200);
    let (status, answer) = post(&simulator, CHAT, &with(most));
    assert!(status == 400 && answer.contains("JSON values"), "{answer}");
    // Commas in texts are no values.
    assert_eq!(post(&simulator, CHAT, &chat(&format!(",\"x\":\"\\\"{}\"", ",".repeat(3 * most)))).0, 200);
}

fn nesting(most: usize) {
    let simulator = simulator();
    let tools = |deep: usize| {
        let deep = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
        chat(&format!(
            ",\"tools\":[{{\"type\":\"function\",\"function\":{{\"name\":\"t\",\"parameters\":{{\"x\":{deep}}}}}}}]"
        ))
    };
    // Five levels hold the innermost.
    assert_eq!(post(&simulator, CHAT, &tools(most - 6)).0, 200);
    assert_eq!(post(&simulator, CHAT, &tools(most)).0, 400);
}

fn repeated(most: usize) {
    let simulator = simulator();
    let with = |key: &str, size: usize| format!(r#"{{"model":"gpt-4o","input":"","{key}":"{}"}}"#, "x".repeat(size));
    assert_eq!(post(&simulator, "/v1/responses", &with("instructions", most - 100)).0, 200);
    let (status, answer) = post(&simulator, "/v1/responses", &with("instructions", most));
    assert!(status == 400 && answer.contains("repeats"), "{answer}");
    assert_eq!(post(&simulator, "/v1/responses", &with("input", most).replacen("\"input\":\"\",", "", 1)).0, 200);
}

fn identifier(most: usize) {
    let simulator = simulator();
    let line = format!("x-ms-client-request-id: {}\r\n", "i".repeat(10 * most));
    assert_eq!(ask(&simulator, "POST", CHAT, &line, &chat("")).0, 200);
    assert_eq!(simulator.ledger()[0].request_id, "i".repeat(most));
}

fn counted_text(most: usize) {
    budget::renew();
    let words = " word".repeat(most / 5);
    assert_eq!(text::count(&words), most / 5);
    budget::renew();
    let tokens = text::count(&words.repeat(3));
    assert!(tokens.abs_diff(3 * (most / 5)) <= 3, "{tokens}");
    // The next text of the same request is counted at a rate of four bytes a token.
    assert_eq!(text::count(&words), words.len().div_ceil(4));
    assert_eq!(text::token_ends(&words).last(), Some(&words.len()));
}

fn pattern(most: usize) {
    let pattern = |size: usize| json!({"pattern": "x".repeat(size)});
    assert!(instance(&pattern(most)).as_str().unwrap().starts_with("xxxx"));
    assert!(!instance(&pattern(most + 1)).as_str().unwrap().starts_with("xxxx"));
}

fn matched_text(most: usize) {
    let long = |size: usize| json!({"type": "string", "minLength": size, "maxLength": size, "pattern": "^[a-z ]+$"});
    assert_eq!(instance(&long(most / 2)), json!({}), "prose has other characters, and so much is not made of a class");
    assert_eq!(instance(&long(most)).as_str().map(|text| text.chars().count()), Some(most));
}

fn processor(most: usize) {
    let names: Vec<String> = (0..9_000).map(|i| format!("key{i}")).collect();
    let all = json!({"enum": names});
    let hostile = json!({"allOf": [all, all], "not": all});
    let before = budget::processor_time();
    assert_eq!(instance(&hostile), json!({}));
    let took = (budget::processor_time() - before).as_millis() as usize;
    assert!(took < 3 * most, "{took} ms");
}

fn answer(most: usize) {
    let simulator = simulator();
    let likelihoods = format!(",\"max_tokens\":{},\"logprobs\":true,\"top_logprobs\":20", most / 2_000);
    let (status, answer) = post(&simulator, CHAT, &chat(&likelihoods));
    assert!(status == 400 && answer.contains(&Bound::Answer.row().to_string()), "{answer}");
    // A stream is never whole in memory.
    let stream = format!("{likelihoods},\"stream\":true").replace(&(most / 2_000).to_string(), "100");
    assert_eq!(post(&simulator, CHAT, &chat(&stream)).0, 200);
}

fn change(most: usize) {
    let simulator = simulator();
    let change = |size: usize| format!("{{\"backend\":[{{\"name\":\"b\",\"region\":\"{}\"}}]}}", "r".repeat(size));
    assert_eq!(ask(&simulator, "PATCH", "/_sim/config", "", &change(most / 2)).0, 200);
    assert_eq!(ask(&simulator, "PATCH", "/_sim/config", "", &change(most)).0, 413);
}

fn file(most: usize) {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(most as u64).unwrap();
    assert_eq!(read_file(file.path()).map(|bytes| bytes.len()), Ok(most));
    file.as_file().set_len(most as u64 + 1).unwrap();
    assert!(read_file(file.path()).unwrap_err().ends_with("it is larger than 64 MiB"));
}

fn streams(most: usize) {
    let simulator = simulator();
    let mut stream = connect(&simulator);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    let mut settings = vec![0; usize::from(head[2])];
    stream.read_exact(&mut settings).unwrap();
    // Number 3 is `SETTINGS_MAX_CONCURRENT_STREAMS`.
    let found = settings.chunks_exact(6).find(|one| one[..2] == [0, 3]).unwrap();
    assert_eq!(u32::from_be_bytes(found[2..].try_into().unwrap()) as usize, most);
}

fn on_the_way(most: usize) {
    let far = SCENARIO.to_owned() + "link = { rtt = \"60m\" }\n";
    let simulator = Simulator::start(Config::parse(&far, "test").unwrap()).unwrap();
    let mut stream = connect(&simulator);
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let (piece, mut written) = (vec![b'x'; 1 << 20], 0);
    while written < 4 * most {
        match stream.write(&piece) {
            Ok(n) => written += n,
            Err(_) => break,
        }
    }
    // The system holds some as well.
    assert!((most..3 * most).contains(&written), "{written}");
}

fn held_back(most: usize) {
    let foreign = Foreign::start();
    let simulator = foreign.gateway("buffer = \"whole\"");
    assert_eq!(get(&simulator, most).0, 200);
    let (status, answer) = get(&simulator, most + 1);
    assert!(status == 502 && answer.contains("larger than the limit of 32 MiB"), "{answer}");
}

fn cached(most: usize) {
    let foreign = Foreign::start();
    let simulator = foreign.gateway("cache = \"5m\"");
    for (size, kept) in [(most / 2, true), (most + 1, false)] {
        assert!(!get(&simulator, size).1.contains("x-cache: HIT"));
        assert_eq!(get(&simulator, size).1.contains("x-cache: HIT"), kept, "{size}");
    }
}

fn cache(most: usize) {
    let foreign = Foreign::start();
    let simulator = foreign.gateway("cache = \"5m\"");
    let sizes = || (0..most / 3_000_000 + 5).map(|i| 3_000_000 + i);
    sizes().for_each(|size| assert_eq!(get(&simulator, size).0, 200));
    let hits = sizes().filter(|size| get(&simulator, *size).1.contains("x-cache: HIT")).count();
    assert_eq!(hits, most / 3_001_000);
}

fn recording(most: usize) {
    let foreign = Foreign::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    let simulator = foreign.gateway(&format!("record = {:?}", file.path()));
    assert_eq!((get(&simulator, most / 2).0, get(&simulator, 2 * most).0), (200, 200));
    drop(simulator);
    let lines = std::fs::read_to_string(file.path()).unwrap();
    let cut: Vec<bool> = lines.lines().map(|line| line.contains("\"cut\":true")).collect();
    assert_eq!(cut, [false, true]);
    assert!(lines.lines().all(|line| line.len() < 2 * most));
}

fn ledger(most: usize) {
    let ledger = Ledger::new(1, 100_000, true);
    let sink = ledger.sink(0);
    let record = || Record { recv_ns: 1, chunks_ns: vec![0; 1_000_000], ..Record::default() };
    for _ in 0..20 {
        sink.begin();
        sink.push(record());
    }
    let held = ledger.read(&Query::default()).len();
    assert_eq!(held, 100_000 * most / record().size());
    assert_eq!(ledger.dropped() as usize + held, 20);
}

fn outcomes(most: usize) {
    let mut counters = Counters::default();
    for i in 0..2 * most {
        counters.add(&Record {
            listener: Arc::from(format!("{}", i % 8)),
            status: (i / 8) as u16,
            ..Record::default()
        });
    }
    let rows = counters.text(0).lines().filter(|line| line.starts_with("sim_requests_total{")).count();
    assert!(rows <= most + 8, "{rows}");
}

fn stored(most: usize) {
    let simulator = simulator();
    let body = format!(r#"{{"model":"gpt-4o","input":"{}"}}"#, "u ".repeat(most / 16));
    let ids: Vec<String> = (0..10).map(|_| id_of(&post(&simulator, "/v1/responses", &body).1)).collect();
    let status = |id: &String| ask(&simulator, "GET", &format!("/v1/responses/{id}"), "", "").0;
    assert_eq!((status(&ids[0]), status(&ids[9])), (404, 200));
    assert!(ids.iter().filter(|id| status(id) == 200).count() < 8);
}

fn prefixes(most: usize) {
    let remembers = SCENARIO.replace("gap = \"0\" }", "gap = \"0\" }\nprefix_cache = \"60m\"");
    let simulator = Simulator::start(Config::parse(&remembers, "test").unwrap()).unwrap();
    let prompt = |text: &str| chat(",\"max_tokens\":1").replace("hello", text);
    let is_known = || !post(&simulator, CHAT, &prompt(&"word ".repeat(2_000))).1.contains("\"cached_tokens\":0");
    assert_eq!([is_known(), is_known()], [false, true]);
    // Marks at each 128 tokens, of which so many are remembered, up to the first 2^20 tokens of each prompt.
    let texts = most / 64 / ((1 << 20) / 128) + 2;
    let text = |i: usize| format!("{i} ").repeat((5 << 20) / format!("{i} ").len());
    for i in 0..texts {
        assert_eq!(post(&simulator, CHAT, &prompt(&text(i))).0, 200);
    }
    assert!(!is_known());
}

#[test]
fn every_bound_is_kept() {
    for (bound, _) in BOUNDS {
        probe(bound);
    }
}
