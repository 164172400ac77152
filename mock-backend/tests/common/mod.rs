//! A client of a few lines, blocking and with stamps, that shares nothing with the simulator.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, missing_docs)]

pub mod child;
pub mod mistakes;
pub mod wire;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

use mock_backend::config::{Config, Single};
use mock_backend::{Simulator, now_ns};
use serde_json::Value;

/// An answer, with when it was asked for and when it came.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Before the first byte of the request was sent.
    pub sent_ns: u64,
    /// After the read that completed the head.
    pub head_ns: u64,
    /// After each read, with the bytes of the body known by then.
    pub reads: Vec<(u64, usize)>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding") == Some("chunked")
    }

    /// The data of the events, without `[DONE]`.
    pub fn events(&self) -> Vec<Value> {
        let data = self.text().lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    pub fn end_ns(&self) -> u64 {
        self.reads.last().unwrap().0
    }

    /// After the read that completed the first event which contains `what`.
    pub fn seen_ns(&self, what: &str) -> u64 {
        let at = self.text().find(what).unwrap_or_else(|| panic!("{what} is not in {}", self.text()));
        let end = at + self.text()[at..].find("\n\n").unwrap();
        self.reads.iter().find(|(_, known)| *known > end).unwrap().0
    }
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, rest: Vec::new() }
    }

    pub fn post(&mut self, path: &str, headers: &str, body: &str) -> Answer {
        self.send(request("POST", path, headers, body).as_bytes())
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: sim\r\napi-key: k\r\n\r\n").as_bytes())
    }

    /// Sends these bytes and reads one answer.
    pub fn send(&mut self, bytes: &[u8]) -> Answer {
        let sent_ns = now_ns();
        self.stream.write_all(bytes).unwrap();
        let mut answer = self.read();
        answer.sent_ns = sent_ns;
        answer
    }

    fn read(&mut self) -> Answer {
        let mut answer = Answer::default();
        let mut raw = std::mem::take(&mut self.rest);
        let mut room = vec![0; 1 << 18];
        let mut reads = vec![(now_ns(), raw.len())];
        let mut start = 0;
        loop {
            if start == 0
                && let Some(end) = raw.windows(4).position(|w| w == b"\r\n\r\n")
            {
                start = end + 4;
                answer.head = String::from_utf8(raw[..end].to_vec()).unwrap();
                answer.status = answer.head.split(' ').nth(1).unwrap().parse().unwrap();
                answer.head_ns = reads.last().unwrap().0;
            }
            if start > 0
                && let Some(pieces) = complete(&answer, &raw[start..])
            {
                let known = |len: usize| {
                    let body = len.saturating_sub(start);
                    pieces.iter().map(|piece| piece.end.min(body).saturating_sub(piece.start)).sum()
                };
                answer.reads = reads.iter().map(|(at, len)| (*at, known(*len))).collect();
                pieces.iter().for_each(|piece| answer.body.extend_from_slice(&raw[start..][piece.clone()]));
                let end = pieces.last().map_or(0, |piece| piece.end)
                    + match (answer.is_chunked(), pieces.is_empty()) {
                        (true, false) => 7,
                        (true, true) => 5,
                        (false, _) => 0,
                    };
                self.rest = raw[start + end..].to_vec();
                return answer;
            }
            let n = self.stream.read(&mut room).unwrap();
            assert!(n > 0, "the connection ended early: {}", String::from_utf8_lossy(&raw));
            raw.extend_from_slice(&room[..n]);
            reads.push((now_ns(), raw.len()));
        }
    }

    /// Whether the server has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 16]), Ok(0) | Err(_))
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}

/// Where the pieces of a complete body stand; nothing as long as it is not complete.
fn complete(answer: &Answer, raw: &[u8]) -> Option<Vec<Range<usize>>> {
    if !answer.is_chunked() {
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        return (raw.len() >= length).then(|| std::iter::once(0..length).collect());
    }
    if !raw.ends_with(b"0\r\n\r\n") {
        return None;
    }
    let mut pieces = Vec::new();
    let mut at = 0;
    loop {
        let line = at + raw[at..].windows(2).position(|w| w == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&raw[at..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return Some(pieces);
        }
        pieces.push(line + 2..line + 2 + size);
        at = line + 2 + size + 2;
    }
}

/// A request as it stands on the wire of HTTP/1.1.
pub fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: sim\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

pub const KEY: &str = "api-key: k\r\n";

/// A simulator of one listener with these times, in milliseconds.
pub fn single(ttft: f64, itl: f64) -> Simulator {
    Simulator::start(Config::single(&Single { ttft: ttft * 1e6, itl: itl * 1e6, output_tokens: 5 }).unwrap()).unwrap()
}

/// A simulator of this scenario.
pub fn scenario(text: &str) -> Simulator {
    Simulator::start(Config::parse(text, "test").unwrap()).unwrap()
}

pub fn url(simulator: &Simulator) -> String {
    simulator.listeners()[0].1.clone()
}

/// A chat request: `more` are further members.
pub fn chat(more: &str) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"hello world"}}]{more}}}"#)
}

pub fn responses(more: &str) -> String {
    format!(r#"{{"model":"gpt-4o","input":"hello world"{more}}}"#)
}

/// Waits until the ledger has `n` complete records of `listener`.
pub fn ledger(simulator: &Simulator, listener: &str, n: usize) -> Vec<mock_backend::Record> {
    for _ in 0..500 {
        let records: Vec<_> = simulator.ledger().into_iter().filter(|record| *record.listener == *listener).collect();
        if records.len() >= n {
            return records;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the ledger never had {n} records of {listener}: {:?}", simulator.ledger());
}

/// The value of a metric without labels, or with all of them in `name`.
pub fn measured(simulator: &Simulator, name: &str) -> u64 {
    let metrics = simulator.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in {metrics}")).parse().unwrap()
}

/// Waits until a metric has this value.
pub fn metric(simulator: &Simulator, name: &str, value: u64) {
    for _ in 0..3000 {
        if measured(simulator, name) == value {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{name} never was {value}: {}", simulator.metrics());
}

pub const CONNECTIONS: &str = "sim_connections{listener=\"direct\"}";
pub const CHAT: &str = "/v1/chat/completions";
pub const RESPONSES: &str = "/v1/responses";
pub const MESSAGES: &str = "/anthropic/v1/messages";
pub const CLAUDE_KEY: &str = "x-api-key: k\r\nanthropic-version: 2023-06-01\r\n";

/// A request for a message: `more` are further members.
pub fn message(more: &str) -> String {
    format!(r#"{{"model":"claude-haiku-4-5","messages":[{{"role":"user","content":"hello world"}}]{more}}}"#)
}
