//! Which protocol a connection speaks, and hyper's end of it: HTTP/1.1, or HTTP/2 by ALPN or by prior knowledge.
//!
//! Over HTTP/1.1 every stretch of bytes has its due time and is stamped at its own write. Over HTTP/2 the frames of
//! several streams share writes, so an exchange is stamped when its frame is handed to HTTP/2, before the write that
//! carries it, and a distance counts from that write: what was planned is exact, what is stamped is never later than
//! the socket, and `writes` counts frames.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::http2_stream::Streamed;
use crate::net::hyper_io::{HyperIo, Scratch};
use crate::net::idle::IdleTimer;
use crate::net::reply::Reply;
use crate::observe::gauges::{Gauge, Gauges};
use crate::units::bounds::Bound;

/// How a client of HTTP/2 begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads until it is clear whether the caller speaks HTTP/2; what was read stands in `ahead`. An end is not an error:
/// HTTP/1.1 will find it again.
pub(crate) async fn is_http2(
    stream: &mut (impl AsyncRead + Unpin),
    ahead: &mut Vec<u8>,
    scratch: &Scratch,
) -> io::Result<bool> {
    loop {
        let compared = ahead.len().min(PREFACE.len());
        if ahead[..compared] != PREFACE[..compared] {
            return Ok(false);
        }
        if compared == PREFACE.len() {
            return Ok(true);
        }
        let before = ahead.len();
        poll_fn(|cx| {
            let room = &mut *scratch.borrow_mut();
            let mut buf = ReadBuf::new(room);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf))?;
            ahead.extend_from_slice(buf.filled());
            Poll::Ready(io::Result::Ok(()))
        })
        .await?;
        if ahead.len() == before {
            return Ok(false);
        }
    }
}

/// Serves HTTP/1.1 until the connection ends, by itself or because `idle` says so: after the exchange that is under way. A caller that
/// sends no more is answered if it may `half_close`.
pub(crate) async fn http1<T, F>(
    io: HyperIo<T>,
    answer: impl Fn(Request<Incoming>) -> F,
    idle: &IdleTimer,
    half_close: bool,
) where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    F: Future<Output = Response<Reply>> + 'static,
{
    let service = service_fn(|request| {
        let response = answer(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let mut builder = http1::Builder::new();
    builder.writev(false).half_close(half_close).max_buf_size(Bound::Head.most());
    let mut connection = pin!(builder.serve_connection(io, service));
    // An error here is a caller that went away or did not speak HTTP; the ledger has what it got.
    let _ = poll_fn(|cx| {
        if idle.is_leaving() {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await;
}

/// Serves HTTP/2 in the same way; a stream without an answer is reset. `gauges` counts the streams.
pub(crate) async fn http2<T, F>(
    io: HyperIo<T>,
    gauges: Arc<Gauges>,
    answer: impl Fn(Request<Incoming>) -> F + 'static,
    idle: &IdleTimer,
) where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    F: Future<Output = Result<Response<Streamed>, h2::Error>> + 'static,
{
    let mut builder = http2::Builder::new(Local(gauges));
    builder.max_concurrent_streams(Bound::Streams.most() as u32);
    builder.max_header_list_size(Bound::Head.most() as u32);
    let mut connection = pin!(builder.serve_connection(io, service_fn(answer)));
    let _ = poll_fn(|cx| {
        if idle.is_leaving() {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await;
}

/// Runs the streams of HTTP/2 on the worker's own thread.
#[derive(Clone)]
struct Local(Arc<Gauges>);

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        let counted = self.0.enter(Gauge::Stream);
        tokio::task::spawn_local(async move {
            let _counted = counted;
            future.await;
        });
    }
}
