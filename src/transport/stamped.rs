//! A TCP stream that notes when bytes pass: before they are handed to the kernel, after they came from it.
//!
//! The notes lie below TLS and HTTP, so nothing stands between a readable socket and its stamp.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::units::Nanos;

/// When a request was sent, told to whoever waits for it.
pub type SentAt = Rc<Cell<Option<Nanos>>>;

/// What passed on one connection, shared between its socket and the calls that use it.
#[derive(Debug, Default)]
pub struct Taps {
    armed: Cell<bool>,
    /// The requests that wait for their write, on a shared connection.
    unsent: RefCell<Vec<SentAt>>,
    /// Whether a turn of the connection may read once only, and has.
    paced: Cell<bool>,
    has_read: Cell<bool>,
    sent: Cell<Option<Nanos>>,
    last_read: Cell<Nanos>,
    first_byte: Cell<Option<Nanos>>,
}

impl Taps {
    /// Forgets the last call; the next write is the beginning of a request.
    pub fn arm(&self) {
        self.armed.set(true);
        self.sent.set(None);
        self.first_byte.set(None);
    }

    /// Just before the first byte of the request went to the kernel.
    #[must_use]
    pub fn sent(&self) -> Option<Nanos> {
        self.sent.get()
    }

    /// After the latest read that brought bytes.
    #[must_use]
    pub fn last_read(&self) -> Nanos {
        self.last_read.get()
    }

    /// After the read that brought the first byte of the answer.
    #[must_use]
    pub fn first_byte(&self) -> Option<Nanos> {
        self.first_byte.get()
    }

    /// For a shared connection: the next write is taken for the beginning of a request, whose stamp goes to `sent`.
    pub fn stamp_next_write(&self, sent: &SentAt) {
        self.armed.set(true);
        self.unsent.borrow_mut().push(Rc::clone(sent));
    }

    /// For a shared connection: from now on at most one read in each turn.
    pub fn one_read_a_turn(&self) {
        self.paced.set(true);
    }

    /// A turn begins.
    pub fn begin_turn(&self) {
        self.has_read.set(false);
    }

    fn note_write(&self) {
        if self.armed.replace(false) {
            let now = Some(Nanos::now());
            self.sent.set(now);
            self.unsent.borrow_mut().drain(..).for_each(|sent| sent.set(now));
        }
    }

    fn note_read(&self) {
        self.last_read.set(Nanos::now());
        self.has_read.set(self.paced.get());
    }

    fn note_answer(&self) {
        if self.first_byte.get().is_none() {
            self.first_byte.set(Some(self.last_read.get()));
        }
    }
}

/// The socket itself, with its taps.
#[derive(Debug)]
pub struct StampedTcp {
    tcp: TcpStream,
    taps: Rc<Taps>,
}

impl StampedTcp {
    /// A socket and the place where it notes what passes.
    #[must_use]
    pub fn new(tcp: TcpStream, taps: Rc<Taps>) -> Self {
        Self { tcp, taps }
    }
}

impl AsyncRead for StampedTcp {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.taps.has_read.get() {
            // The next turn, which comes after those to whom this one has brought something.
            let _ = ready!(self.tcp.poll_read_ready(cx));
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.tcp).poll_read(cx, buf));
        if buf.filled().len() > before {
            self.taps.note_read();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for StampedTcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.taps.note_write();
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.taps.note_write();
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// What HTTP reads and writes: the plain socket, or TLS over it.
#[derive(Debug)]
pub enum Stream {
    /// http.
    Plain(StampedTcp),
    /// https. The records of a handshake are no answer: only plaintext counts as its first byte.
    Tls(Box<TlsStream<StampedTcp>>),
}

impl Stream {
    fn taps(&self) -> &Taps {
        match self {
            Self::Plain(tcp) => &tcp.taps,
            Self::Tls(tls) => &tls.get_ref().0.taps,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = match &mut *self {
            Self::Plain(tcp) => ready!(Pin::new(tcp).poll_read(cx, buf)),
            Self::Tls(tls) => ready!(Pin::new(tls).poll_read(cx, buf)),
        };
        if buf.filled().len() > before {
            self.taps().note_answer();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
