//! A server that answers every request with given bytes, for what no well-behaved server does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does after it has read a request.
#[allow(dead_code, reason = "each test takes the steps it needs")]
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Writes these bytes at once.
    Write(Vec<u8>),
    /// Writes these bytes so many times, each time on its own.
    Flood(Vec<u8>, usize),
    /// Waits before the next step.
    Pause(Duration),
    /// Does nothing more until the client goes away.
    Hold,
    /// Writes these bytes ten times a second until the client goes away, for half a minute at most.
    Beat(Vec<u8>),
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// A server on a free port of the loopback that lives as long as this.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl RawServer {
    /// Answers every request of every connection with `steps`; speaks TLS if given a way to.
    pub(crate) async fn start(steps: Vec<Step>, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        Self::scripted(vec![steps], tls).await
    }

    /// Answers the first request of every connection with the first steps, the second with the second, and all that
    /// follow with the last.
    pub(crate) async fn scripted(scripts: Vec<Vec<Step>>, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let scripts = Arc::new(scripts);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (scripts, tls) = (Arc::clone(&scripts), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve_plain(tcp, &scripts).await,
                        Some(tls) => {
                            if let Ok(mut stream) = tls.accept(tcp).await {
                                let mut turns = turns(&scripts);
                                while read_request(&mut stream).await && act(&mut stream, turns()).await {}
                            }
                        }
                    }
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The steps for one request after the other.
fn turns<'s>(scripts: &'s [Vec<Step>]) -> impl FnMut() -> &'s [Step] {
    let mut turn = 0;
    move || {
        turn += 1;
        &scripts[turn.min(scripts.len()) - 1]
    }
}

async fn serve_plain(mut tcp: TcpStream, scripts: &[Vec<Step>]) {
    let mut turns = turns(scripts);
    while read_request(&mut tcp).await {
        let steps = turns();
        if steps.iter().any(|step| matches!(step, Step::Reset)) {
            act(&mut tcp, steps).await;
            // A socket that lingers for no time is reset when it is closed.
            tcp.set_zero_linger().expect("a socket");
            return;
        }
        if !act(&mut tcp, steps).await {
            return;
        }
    }
}

/// Reads one request with its body; false at the end of the connection.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut seen = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => seen.extend_from_slice(&piece[..count]),
        }
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
        if body.len() >= length {
            return true;
        }
    }
}

/// Carries out the steps; false when the connection is over.
async fn act(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), steps: &[Step]) -> bool {
    for step in steps {
        match step {
            Step::Write(bytes) => {
                if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() {
                    return false;
                }
            }
            Step::Flood(bytes, times) => {
                for _ in 0..*times {
                    if stream.write_all(bytes).await.is_err() {
                        return false;
                    }
                    tokio::task::yield_now().await;
                }
            }
            Step::Pause(length) => tokio::time::sleep(*length).await,
            Step::Hold => {
                let _ = stream.read(&mut [0; 1]).await;
                return false;
            }
            Step::Beat(bytes) => {
                beat(stream, bytes).await;
                return false;
            }
            Step::Close => {
                let _ = stream.shutdown().await;
                return false;
            }
            Step::Reset => return false,
        }
    }
    true
}

async fn beat(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
    for _ in 0..300 {
        ticks.tick().await;
        if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// A whole HTTP answer with a length.
pub(crate) fn answer(status: u16, kind: &str, extra: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\n{extra}content-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// The head of a chunked stream of events.
pub(crate) fn stream_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()
}

/// One chunk of a chunked body.
pub(crate) fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// The end of a chunked body.
#[allow(dead_code, reason = "each test takes what it needs")]
pub(crate) fn last_chunk() -> Vec<u8> {
    b"0\r\n\r\n".to_vec()
}
