//! A stream in the form in which hyper wants it, and the rooms into which a worker reads.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Room for one read.
const READ: usize = 64 << 10;

/// A worker's room for reads, shared by its connections.
pub(crate) type Scratch = Rc<RefCell<Vec<u8>>>;

/// Room for the reads of one worker.
pub(crate) fn scratch() -> Scratch {
    Rc::new(RefCell::new(vec![0; READ]))
}

/// A stream in the form in which hyper wants it.
pub(crate) struct HyperIo<T> {
    inner: T,
    /// What was read already.
    ahead: Vec<u8>,
    scratch: Scratch,
}

impl<T> HyperIo<T> {
    pub(crate) fn new(inner: T, scratch: Scratch) -> Self {
        Self::with(inner, Vec::new(), scratch)
    }

    /// A stream of which the bytes `ahead` were read already.
    pub(crate) fn with(inner: T, ahead: Vec<u8>, scratch: Scratch) -> Self {
        Self { inner, ahead, scratch }
    }
}

impl<T: AsyncRead + Unpin> hyper::rt::Read for HyperIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let n = self.ahead.len().min(cursor.remaining());
            cursor.put_slice(&self.ahead[..n]);
            self.ahead.drain(..n);
            return Poll::Ready(Ok(()));
        }
        let scratch = Rc::clone(&self.scratch);
        let room = &mut *scratch.borrow_mut();
        let n = room.len().min(cursor.remaining());
        let mut buf = ReadBuf::new(&mut room[..n]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf))?;
        cursor.put_slice(buf.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> hyper::rt::Write for HyperIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
