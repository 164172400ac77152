//! A server of HTTP/2 that does with every stream what a test says, and counts.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, server};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Notify};
use tokio_rustls::TlsAcceptor;

/// What becomes of a stream.
#[derive(Clone)]
pub(crate) enum Act {
    /// A whole answer.
    Answer,
    /// A whole answer when this many calls wait for theirs.
    Together(Arc<Barrier>),
    /// It is refused.
    Refuse,
    /// An answer that begins and is reset when told.
    ResetWhen(Arc<Notify>),
    /// An answer that begins; when told, the whole connection is closed.
    LoseWhen(Arc<Notify>),
    /// No answer, and the whole connection is reset.
    LoseBefore,
    /// The connection takes no more calls; this one, and those before it, are answered whole when so many wait.
    GoAway(Arc<Barrier>),
    /// Never an answer.
    Hold,
}

/// What was seen.
#[derive(Default)]
pub(crate) struct ServerCounters {
    /// The calls of each connection, in the order in which they were opened.
    pub(crate) calls: Mutex<Vec<usize>>,
    /// Connections that are open.
    pub(crate) open: AtomicUsize,
    /// Calls at once on one connection, at most.
    pub(crate) peak: AtomicUsize,
}

impl ServerCounters {
    pub(crate) fn calls(&self) -> Vec<usize> {
        self.calls.lock().expect("no panic").clone()
    }
}

/// A server on a free port of the loopback that lives as long as this.
pub(crate) struct H2Server {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<ServerCounters>,
    task: tokio::task::JoinHandle<()>,
}

/// What becomes of a stream, by the number of its connection and its own on it.
type Acts = Arc<dyn Fn(usize, usize) -> Act + Send + Sync>;

impl H2Server {
    /// Allows `streams` at once on a connection; speaks TLS if given a way to.
    pub(crate) async fn start(
        streams: Option<u32>,
        tls: Option<TlsAcceptor>,
        act: impl Fn(usize, usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(ServerCounters::default());
        let (noted, acts): (_, Acts) = (Arc::clone(&seen), Arc::new(act));
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let number = {
                    let mut calls = noted.calls.lock().expect("no panic");
                    calls.push(0);
                    calls.len() - 1
                };
                let (seen, tls, acts) = (Arc::clone(&noted), tls.clone(), Arc::clone(&acts));
                let tcp = tcp.into_std().expect("a socket");
                let socket = tcp.try_clone().expect("a socket");
                seen.open.fetch_add(1, Ordering::SeqCst);
                let tcp = TcpStream::from_std(tcp).expect("a socket");
                tokio::spawn(async move {
                    match tls {
                        None => serve(tcp, socket, number, streams, &seen, acts).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(tcp).await {
                                serve(stream, socket, number, streams, &seen, acts).await;
                            }
                        }
                    }
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, counters: seen, task }
    }
}

impl Drop for H2Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    socket: std::net::TcpStream,
    number: usize,
    streams: Option<u32>,
    counters: &ServerCounters,
    acts: Acts,
) {
    let mut builder = server::Builder::new();
    if let Some(streams) = streams {
        builder.max_concurrent_streams(streams);
    }
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    let (open, reset) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let socket = Arc::new(socket);
    loop {
        let accepted = tokio::select! {
            () = reset.notified() => {
                // A socket that lingers for no time is reset when it is closed.
                return rustix::net::sockopt::set_socket_linger(&*socket, Some(Duration::ZERO)).expect("a socket");
            }
            accepted = connection.accept() => accepted,
        };
        let Some(Ok((mut request, respond))) = accepted else { return };
        let call = {
            let mut calls = counters.calls.lock().expect("no panic");
            calls[number] += 1;
            calls[number] - 1
        };
        counters.peak.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let act = acts(number, call);
        if let Act::GoAway(_) = act {
            connection.graceful_shutdown();
        }
        let (open, reset, half) = (Arc::clone(&open), Arc::clone(&reset), Arc::downgrade(&socket));
        tokio::spawn(async move {
            while let Some(Ok(piece)) = request.body_mut().data().await {
                let _ = request.body_mut().flow_control().release_capacity(piece.len());
            }
            carry_out(act, respond, &open, &reset, &half).await;
        });
    }
}

const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
const END: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

async fn carry_out(
    act: Act,
    mut respond: server::SendResponse<Bytes>,
    open: &AtomicUsize,
    reset: &Notify,
    socket: &Weak<std::net::TcpStream>,
) {
    match &act {
        Act::Answer | Act::ResetWhen(_) | Act::LoseWhen(_) => {}
        Act::Together(all) | Act::GoAway(all) => {
            all.wait().await;
        }
        Act::Refuse => {
            open.fetch_sub(1, Ordering::SeqCst);
            return respond.send_reset(Reason::REFUSED_STREAM);
        }
        Act::LoseBefore => {
            reset.notify_one();
            // Without a word about the stream itself.
            std::future::pending().await
        }
        Act::Hold => std::future::pending().await,
    }
    let head = hyper::Response::builder().header("content-type", "text/event-stream").body(()).expect("a head");
    let Ok(mut body) = respond.send_response(head, false) else { return };
    let text = |body: &mut h2::SendStream<Bytes>| drop(body.send_data(Bytes::from_static(TEXT.as_bytes()), false));
    text(&mut body);
    text(&mut body);
    // Before the caller can hear that his call is over.
    open.fetch_sub(1, Ordering::SeqCst);
    match act {
        Act::ResetWhen(told) => {
            told.notified().await;
            body.send_reset(Reason::INTERNAL_ERROR);
        }
        Act::LoseWhen(told) => {
            told.notified().await;
            // Closed for writing: what the caller still sends is read, so it is no reset.
            if let Some(socket) = socket.upgrade() {
                socket.shutdown(std::net::Shutdown::Write).expect("an open socket");
            }
        }
        Act::Answer | Act::Together(_) | Act::GoAway(_) => {
            drop(body.send_data(Bytes::from_static(END.as_bytes()), true));
        }
        Act::Refuse | Act::LoseBefore | Act::Hold => {}
    }
}
