//! What a fault does to the bytes of HTTP/1.1, below it and above TLS: more before them, fewer of them, and the end of
//! the connection after them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::exchange::{Cut, Exchange, Tampering};

/// A stream whose outgoing bytes a fault may change.
pub(crate) struct Tampered<T> {
    inner: T,
    exchange: Exchange,
    /// Changed bytes that are still to be written, from this place on.
    rest: (Vec<u8>, usize),
    /// How the connection ends after them.
    cut: Option<Cut>,
}

impl<T> Tampered<T> {
    pub(crate) fn new(inner: T, exchange: Exchange) -> Self {
        Self { inner, exchange, rest: (Vec::new(), 0), cut: None }
    }
}

impl<T: AsyncWrite + Unpin> Tampered<T> {
    /// Writes what was changed, and ends the connection if it is to end.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.rest.1 < self.rest.0.len() {
            let n = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.rest.0[self.rest.1..]))?;
            self.rest.1 += n;
        }
        self.rest = (Vec::new(), 0);
        if let Some(cut) = self.cut {
            ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
            self.exchange.sever_now(cut);
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Tampered<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Tampered<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_rest(cx))?;
        let Tampering { ahead, after, .. } = self.exchange.tampering();
        if ahead.is_none() && after.is_none() {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        }
        self.exchange.clear_tampering();
        let kept = &bytes[..bytes.len() - after.map_or(0, |(_, short)| short.min(bytes.len()))];
        self.rest = ([ahead.unwrap_or_default(), kept].concat(), 0);
        self.cut = after.map(|(cut, _)| cut);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
