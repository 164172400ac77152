//! A service on the loopback whose every answer is scripted by its number: which calls of it fail is known beforehand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long a connection may be silent before its thread ends.
const SILENCE: Duration = Duration::from_secs(30);

/// The most connections that are served; more are closed.
const MOST: u64 = 256;

/// A service that lives as long as this.
pub(crate) struct Scripted {
    address: SocketAddr,
    served: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Scripted {
    /// Answers call `n`, from 0, with a whole stream if `succeeds(n)`, otherwise with 503.
    pub(crate) fn start(succeeds: fn(u64) -> bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (served, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, ends) = (Arc::clone(&served), Arc::clone(&over));
        std::thread::spawn(move || {
            for tcp in listener.incoming().take(MOST as usize).map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let count = Arc::clone(&count);
                std::thread::spawn(move || serve(tcp, &count, succeeds));
            }
        });
        Self { address, served, over }
    }

    /// Where it listens, as a path's `base_url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many calls it answered.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut tcp: TcpStream, served: &AtomicU64, succeeds: fn(u64) -> bool) {
    let _ = tcp.set_read_timeout(Some(SILENCE));
    let _ = tcp.set_nodelay(true);
    while read_request(&mut tcp).is_some() {
        let answer = if succeeds(served.fetch_add(1, Ordering::Relaxed)) { stream() } else { unavailable() };
        if tcp.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Reads one request with its body.
fn read_request(tcp: &mut TcpStream) -> Option<()> {
    let mut seen = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match tcp.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => seen.extend_from_slice(&piece[..count]),
        }
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        if body.len() >= length {
            return Some(());
        }
    }
}

fn unavailable() -> Vec<u8> {
    let body = "upstream connect error";
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A whole chat completion as a stream: role, content, finish reason, usage, terminal mark.
fn stream() -> Vec<u8> {
    let event = |choices: &str, more: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\",\
             \"choices\":[{choices}]{more}}}\n\n"
        )
    };
    let choice =
        |delta: &str, finish: &str| format!("{{\"index\":0,\"delta\":{{{delta}}},\"finish_reason\":{finish}}}");
    let body = [
        event(&choice("\"role\":\"assistant\",\"content\":\"\"", "null"), ""),
        event(&choice("\"content\":\"Hello\"", "null"), ""),
        event(&choice("\"content\":\" there\"", "null"), ""),
        event(&choice("", "\"stop\""), ""),
        event("", ",\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":2,\"total_tokens\":22}"),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
    .into_bytes()
}
