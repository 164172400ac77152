//! A server that answers each request by what stands in it, for programs that run in a process of their own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What came.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "each binary of tests looks at what it needs")]
pub(crate) struct ReceivedRequest {
    /// The request line and the headers, in lower case.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: serde_json::Value,
}

impl ReceivedRequest {
    /// Whether a stream was asked for.
    pub(crate) fn streams(&self) -> bool {
        self.body["stream"] == true
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "each binary of tests takes what it needs")]
pub(crate) enum Do {
    /// Writes this answer and waits for the next request.
    Answer(Vec<u8>),
    /// Writes this much and closes the connection.
    Cut(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Writes nothing more and waits until the caller goes away.
    Hold(Vec<u8>),
}

/// A server on a free port of the loopback that lives as long as this.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
    over: Arc<AtomicBool>,
    listening: Option<std::thread::JoinHandle<()>>,
}

impl Scripted {
    /// Answers every request by `behave`.
    pub(crate) fn start(behave: impl Fn(&ReceivedRequest) -> Do + Send + Sync + 'static) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), behave)
    }

    /// The same at this address; port 0 is any free one.
    pub(crate) fn at(address: SocketAddr, behave: impl Fn(&ReceivedRequest) -> Do + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (asked, over): (Arc<Mutex<Vec<ReceivedRequest>>>, Arc<AtomicBool>) = Default::default();
        let (noted, ended, behave) = (Arc::clone(&asked), Arc::clone(&over), Arc::new(behave));
        let listening = std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (noted, behave) = (Arc::clone(&noted), Arc::clone(&behave));
                std::thread::spawn(move || serve(tcp, &noted, &*behave));
            }
        });
        Self { address, received: asked, over, listening: Some(listening) }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What came so far.
    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.received.lock().expect("no panic").clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // The listener wakes up, sees it and ends.
        let woken = TcpStream::connect(self.address).is_ok();
        // Its address is free for another.
        self.listening.take().filter(|_| woken).map(std::thread::JoinHandle::join);
    }
}

fn serve(mut tcp: TcpStream, noted: &Mutex<Vec<ReceivedRequest>>, behave: &dyn Fn(&ReceivedRequest) -> Do) {
    // Nobody's connection outlives its test by more.
    let _ = tcp.set_read_timeout(Some(Duration::from_secs(30)));
    while let Some(asked) = read_request(&mut tcp) {
        noted.lock().expect("no panic").push(asked.clone());
        match behave(&asked) {
            Do::Answer(bytes) => {
                if tcp.write_all(&bytes).is_err() {
                    return;
                }
            }
            Do::Cut(bytes) => {
                let _ = tcp.write_all(&bytes);
                return;
            }
            Do::Reset => {
                // A socket that lingers for no time is reset when it is closed.
                return rustix::net::sockopt::set_socket_linger(&tcp, Some(Duration::ZERO)).expect("a socket");
            }
            Do::Hold(bytes) => {
                let _ = tcp.write_all(&bytes);
                let _ = tcp.read(&mut [0]);
                return;
            }
        }
    }
}

/// One request with its body; `None` at the end of the connection.
fn read_request(tcp: &mut TcpStream) -> Option<ReceivedRequest> {
    let (mut seen, mut piece) = (Vec::new(), [0; 8192]);
    loop {
        let count = tcp.read(&mut piece).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&piece[..count]);
        if !seen[0].is_ascii_uppercase() {
            // As servers do that are spoken to in TLS.
            let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            return None;
        }
        let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
        if let Some(body) = seen.get(end + 4..end + 4 + length) {
            return Some(ReceivedRequest { head, body: serde_json::from_slice(body).unwrap_or_default() });
        }
    }
}

/// A whole HTTP answer with a length; `extra` holds more header lines, each with its end.
pub(crate) fn whole(status: u16, kind: &str, extra: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{extra}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// An answer as a chat server gives it: a stream if one was asked for.
pub(crate) fn good(asked: &ReceivedRequest) -> Vec<u8> {
    if asked.streams() {
        let events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n\
                      data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
                      data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}}\n\n\
                      data: [DONE]\n\n";
        whole(200, "text/event-stream", "", events)
    } else {
        let body = "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\
                    \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}}";
        whole(200, "application/json", "", body)
    }
}
