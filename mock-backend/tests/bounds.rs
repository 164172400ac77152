//! No request takes more than its share, whatever it says: the processor time and the memory of a simulator in a process
//! of its own, over kinds of requests and sizes of each.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use common::child::Running;
use common::{CHAT, RESPONSES, request};
use rustix::param::clock_ticks_per_second;

/// What one request may take of the processor; a build that is not optimized takes several times as long.
const PROCESSOR: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 2 });
/// What one request may take of memory.
const MEMORY: usize = 64 << 20;
/// The largest body that is sent, a little below the bound of bodies.
const LARGE: usize = 15 << 20;

const COMPLETIONS: &str = "/v1/completions";
const EMBEDDINGS: &str = "/v1/embeddings";

/// The processor time of a process.
fn processor(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // `utime` and `stime`, the 14th and 15th of all.
    let ticks: u64 = [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1000 / clock_ticks_per_second())
}

/// A figure of the memory of a process, in bytes.
fn memory(pid: u32, key: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_matches([':', '\t', ' ', 'k', 'B']).trim().parse::<usize>().unwrap() << 10
}

/// A simulator in its own process, and what it has taken so far.
struct Watched {
    running: Running,
    address: String,
}

impl Watched {
    fn start() -> Self {
        let text = "name = \"x\"\nthreads = 1\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\n\
                    prefix_cache = \"5m\"\nlimits = { tpm = 4000000000 }\n\
                    [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n";
        let file = std::env::temp_dir().join(format!("sim-bounds-{}-{:p}.toml", std::process::id(), text));
        std::fs::write(&file, text).unwrap();
        let running = Running::start(&["--ready-json", "--scenario", file.to_str().unwrap()], None);
        let _ = std::fs::remove_file(file);
        let address = running.listeners()[0].1.strip_prefix("http://").unwrap().to_owned();
        let watched = Self { running, address };
        // What is loaded once is not what a request takes.
        watched.send(CHAT, &common::chat(""));
        watched
    }

    /// The status of the answer, which is read to its end.
    fn send(&self, path: &str, body: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.write_all(request("POST", path, "api-key: k\r\nconnection: close\r\n", body).as_bytes()).unwrap();
        // It has said all, and still listens.
        stream.shutdown(Shutdown::Write).unwrap();
        let (mut room, mut head) = (vec![0; 1 << 20], Vec::new());
        loop {
            let n = stream.read(&mut room).unwrap();
            if n == 0 {
                break;
            }
            head.extend_from_slice(&room[..n.min(64 - head.len().min(64))]);
        }
        String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or("0").parse().unwrap()
    }

    /// Sends a request and holds what it takes against the bounds.
    fn check(&self, what: &str, path: &str, body: &str) {
        let pid = self.running.pid();
        std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
        let before = (processor(pid), memory(pid, "VmRSS"));
        let status = self.send(path, body);
        let took = processor(pid) - before.0;
        let more = memory(pid, "VmHWM").saturating_sub(before.1);
        eprintln!("{what}: {} bytes, status {status}, {took:?}, {} KiB", body.len(), more >> 10);
        assert!((200..500).contains(&status), "{what}: {status}");
        assert!(took < PROCESSOR, "{what}: {took:?} of the processor");
        assert!(more < MEMORY, "{what}: {more} bytes");
    }
}

/// A list of `n` items, each made of its number.
fn list(n: usize, item: impl Fn(usize) -> String) -> String {
    let mut out = String::from("[");
    for i in 0..n {
        let _ = write!(out, "{}{}", if i > 0 { "," } else { "" }, item(i));
    }
    out + "]"
}

/// As much text as fits, of one kind.
fn filled(of: &str, size: usize) -> String {
    of.repeat(size / of.len())
}

fn chat_with(content: &str) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{content}"}}],"max_tokens":5}}"#)
}

fn check_all(cases: &[(&str, &str, String)]) {
    let watched = Watched::start();
    for (what, path, body) in cases {
        watched.check(what, path, body);
    }
}

#[test]
fn prompts_of_every_kind_stay_within_their_bounds() {
    let kinds = ["word ", "a", "0", " ", "\\u0001", "漢字", "aB3$ ", "\\\\"];
    for size in [1 << 20, LARGE] {
        let watched = Watched::start();
        for kind in kinds {
            let text = filled(kind, size);
            watched.check(&format!("a prompt of {kind:?}"), CHAT, &chat_with(&text));
        }
        let text = filled("word ", size);
        let responses = format!(r#"{{"model":"gpt-4o","input":"x","max_output_tokens":16,"instructions":"{text}"}}"#);
        watched.check("instructions", RESPONSES, &responses);
        watched.check("a prompt", COMPLETIONS, &format!(r#"{{"model":"gpt-3.5-turbo-instruct","prompt":"{text}"}}"#));
        watched.check("an input", EMBEDDINGS, &format!(r#"{{"model":"text-embedding-3-large","input":"{text}"}}"#));
        watched.check("a model", CHAT, &format!(r#"{{"model":"{text}","messages":[]}}"#));
        watched.check(
            "a role",
            CHAT,
            &format!(r#"{{"model":"gpt-4o","messages":[{{"role":"{text}","content":"x"}}]}}"#),
        );
        watched.check("a key", CHAT, &common::chat(&format!(",\"{text}\":1")));
        watched.check("no end", CHAT, &format!("{{\"model\":\"{text}"));
    }
}

#[test]
fn numbers_of_things_stay_within_their_bounds() {
    let image = format!("data:image/png;base64,{}", filled("iVBORw0KGgo", LARGE));
    let part = format!(r#"[{{"type":"image_url","image_url":{{"url":"{image}"}}}}]"#);
    let tool = |i| format!(r#"{{"type":"function","function":{{"name":"t{i}","parameters":{{"type":"object"}}}}}}"#);
    let flat = |i| format!(r#"{{"type":"function","name":"t{i}","parameters":{{"type":"object"}}}}"#);
    let message = |i| format!(r#"{{"role":"user","content":"{i}"}}"#);
    let bias: String = (0..1_000_000).map(|i| format!("{}\"{i}\":1", if i > 0 { "," } else { "" })).collect();
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    let chat = |more: &str| common::chat(more);
    let of_tools = |tools: &str| chat(&format!(",\"tools\":{tools}"));
    check_all(&[
        ("an image", CHAT, format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":{part}}}]}}"#)),
        ("tools", CHAT, of_tools(&list(30_000, tool))),
        ("too many tools", CHAT, of_tools(&list(150_000, tool))),
        ("tools in a response", RESPONSES, common::responses(&format!(",\"tools\":{}", list(30_000, flat)))),
        ("messages", CHAT, format!(r#"{{"model":"gpt-4o","messages":{}}}"#, list(60_000, message))),
        ("items", RESPONSES, format!(r#"{{"model":"gpt-4o","input":{}}}"#, list(60_000, message))),
        ("biases", CHAT, chat(&format!(",\"logit_bias\":{{{bias}}}"))),
        ("numbers", CHAT, chat(&format!(",\"metadata\":{}", list(7_000_000, |_| "0".to_owned())))),
        ("deep lists", CHAT, chat(&format!(",\"metadata\":{}", deep(7_000_000)))),
        (
            "deep parameters",
            CHAT,
            of_tools(&format!("[{{\"type\":\"function\",\"name\":\"t\",\"parameters\":{}}}]", deep(90_000))),
        ),
        (
            "deep content",
            CHAT,
            format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":{}}}]}}"#, deep(90_000)),
        ),
        (
            "stop words",
            CHAT,
            chat(&format!(
                ",\"max_tokens\":100000,\"stop\":{}",
                list(4, |i| format!("\"{i}{}\"", filled("x", 3 << 20)))
            )),
        ),
        ("metadata", RESPONSES, common::responses(&format!(",\"metadata\":{{\"a\":\"{}\"}}", filled("x", LARGE)))),
        (
            "metadata in a stream",
            RESPONSES,
            common::responses(&format!(",\"stream\":true,\"metadata\":{{\"a\":\"{}\"}}", filled("x", LARGE))),
        ),
    ]);
}

#[test]
fn long_answers_stay_within_their_bounds() {
    let chat = |more: &str| common::chat(more);
    let old = |more: &str| format!(r#"{{"model":"gpt-3.5-turbo-instruct","prompt":"hello"{more}}}"#);
    let echo =
        |size| format!(r#"{{"model":"gpt-3.5-turbo-instruct","prompt":"{}","echo":true,"n":128}}"#, filled("x", size));
    let inputs = list(2048, |i| format!("\"{i}\""));
    let vectors = |more: &str| format!(r#"{{"model":"text-embedding-3-large","input":{inputs}{more}}}"#);
    check_all(&[
        ("a whole answer", CHAT, chat(",\"max_tokens\":1000000")),
        ("a stream", CHAT, chat(",\"stream\":true,\"max_tokens\":100000")),
        ("choices", CHAT, chat(",\"n\":128,\"max_tokens\":7800")),
        ("choices in a stream", CHAT, chat(",\"n\":128,\"max_tokens\":800,\"stream\":true")),
        ("likelihoods", CHAT, chat(",\"max_tokens\":20000,\"logprobs\":true,\"top_logprobs\":20")),
        ("too many likelihoods", CHAT, chat(",\"max_tokens\":1000000,\"logprobs\":true,\"top_logprobs\":20")),
        ("a stored answer", CHAT, chat(",\"store\":true,\"max_tokens\":1000000")),
        ("a response", RESPONSES, common::responses(",\"max_output_tokens\":1000000")),
        ("a completion", COMPLETIONS, old(",\"max_tokens\":1000000")),
        ("old likelihoods", COMPLETIONS, old(",\"max_tokens\":50000,\"logprobs\":5")),
        ("too many old likelihoods", COMPLETIONS, old(",\"max_tokens\":1000000,\"logprobs\":5")),
        ("an echo", COMPLETIONS, echo(50_000)),
        ("a large echo", COMPLETIONS, echo(LARGE)),
        ("vectors", EMBEDDINGS, vectors(",\"encoding_format\":\"base64\"")),
        ("too many vectors", EMBEDDINGS, vectors("")),
    ]);
}

/// A request for JSON of this schema.
fn shaped(schema: &str) -> String {
    common::chat(&format!(
        ",\"n\":4,\"response_format\":{{\"type\":\"json_schema\",\"json_schema\":{{\"name\":\"s\",\"schema\":{schema}}}}}"
    ))
}

#[test]
fn schemas_stay_within_their_bounds() {
    let names = |n: usize| list(n, |i| format!("\"key{i}\""));
    let members = |n: usize, schema: &str| {
        let members: Vec<String> = (0..n).map(|i| format!("\"key{i}\":{schema}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let object = |more: &str| format!(r#"{{"type":"object",{more}}}"#);
    let chain: Vec<String> = (0..15_000).rev().map(|i| format!("\"key{i:05}\":[\"key{:05}\"]", i + 1)).collect();
    let twice = r##""anyOf":[{"$ref":"#"},{"$ref":"#"}],"allOf":[{"$ref":"#"},{"$ref":"#"}],"not":{"$ref":"#"}"##;
    let whole = list(10_000, |i| format!("\"{}{i}\"", filled("x", 40)));
    let anchors: Vec<String> = (0..6_000).map(|i| format!("\"k{i}\":{{\"$ref\":\"#last\"}}")).collect();
    check_all(&[
        ("a schema that refers to itself", CHAT, shaped(&object(twice))),
        ("an enum", CHAT, shaped(&format!("{{\"enum\":{}}}", names(400_000)))),
        (
            "enums",
            CHAT,
            shaped(&format!("{{\"allOf\":[{{\"enum\":{whole}}},{{\"enum\":{whole}}}],\"not\":{{\"enum\":{whole}}}}}")),
        ),
        ("a large constant", CHAT, shaped(&format!("{{\"const\":\"{}\"}}", filled("x", LARGE)))),
        ("ways", CHAT, shaped(&format!("{{\"anyOf\":{}}}", list(15_000, |i| format!("{{\"const\":{i}}}"))))),
        ("ways of which one must fit", CHAT, shaped(&format!("{{\"oneOf\":{}}}", list(15_000, |_| "{}".to_owned())))),
        (
            "properties",
            CHAT,
            shaped(&object(&format!("\"properties\":{},\"required\":{}", members(9_000, "{}"), names(9_000)))),
        ),
        (
            "dependents",
            CHAT,
            shaped(&object(&format!("\"required\":[\"key00000\"],\"dependentRequired\":{{{}}}", chain.join(",")))),
        ),
        (
            "different items",
            CHAT,
            shaped("{\"type\":\"array\",\"minItems\":100000,\"uniqueItems\":true,\"items\":{\"type\":\"integer\"}}"),
        ),
        ("items", CHAT, shaped("{\"type\":\"array\",\"minItems\":9007199254740991}")),
        ("a long text", CHAT, shaped("{\"type\":\"string\",\"minLength\":1000000}")),
        (
            "patterns",
            CHAT,
            shaped(&object(&format!(
                "\"minProperties\":500,\"patternProperties\":{}",
                members(2_000, "{\"pattern\":\"^(a|b)*c$\"}")
            ))),
        ),
        ("a pattern that repeats", CHAT, shaped(r#"{"pattern":"((((a{1,100}){1,100}){1,100}){1,100}){1,100}"}"#)),
        ("a large pattern", CHAT, shaped(&format!("{{\"pattern\":\"{}\"}}", filled("\\\\p{L}", 1 << 20)))),
        (
            "a pattern of classes",
            CHAT,
            shaped(&format!("{{\"minLength\":4000,\"pattern\":\"{}\"}}", filled("[\\\\w\\\\s]*", 4_000))),
        ),
        (
            "anchors",
            CHAT,
            shaped(&object(&format!("\"properties\":{{{},\"z\":{{\"$anchor\":\"last\"}}}}", anchors.join(",")))),
        ),
        (
            "parameters",
            CHAT,
            common::chat(&format!(
                ",\"tools\":[{{\"type\":\"function\",\"function\":{{\"name\":\"t\",\"parameters\":{}}}}}]",
                object(twice)
            )),
        ),
    ]);
}
