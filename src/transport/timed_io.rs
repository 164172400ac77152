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

use crate::limits::{Beyond, Limit};
use crate::units::Nanos;

/// When a request was sent, told to whoever waits for it.
pub(crate) type SentAt = Rc<Cell<Option<Nanos>>>;

/// What passed on one connection, shared between its socket and the calls that use it.
#[derive(Debug, Default)]
pub struct IoStamps {
    armed: Cell<bool>,
    /// The requests that wait for their write, on a shared connection.
    unsent: RefCell<Vec<SentAt>>,
    /// Whether a turn of the connection may read once only, and has.
    paced: Cell<bool>,
    has_read: Cell<bool>,
    sent: Cell<Option<Nanos>>,
    last_read: Cell<Nanos>,
    first_byte: Cell<Option<Nanos>>,
    head: Cell<HeadScan>,
    /// How much has come before the answer itself.
    announced: Cell<usize>,
    /// Reads since the call began, and bytes in them that were no piece of its answer; on a shared connection, since any
    /// of its calls got a piece.
    reads: Cell<usize>,
    framing: Cell<usize>,
}

/// How far the beginning of an answer over HTTP/1.1 has been looked at: a head of status 1xx only announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadScan {
    /// In a status line, before the first digit of its status; so many bytes have come.
    StatusLine(u8),
    /// In a head of status 1xx; whether its last line was left empty so far.
    Interim(bool),
    /// The answer itself has begun.
    Final,
}

impl Default for HeadScan {
    fn default() -> Self {
        Self::StatusLine(0)
    }
}

impl HeadScan {
    /// Where the first digit of the status stands: behind `HTTP/1.1` and a blank.
    const DIGIT: u8 = 9;

    fn step(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::StatusLine(Self::DIGIT), b'1') => Self::Interim(false),
            (Self::StatusLine(Self::DIGIT), _) => Self::Final,
            (Self::StatusLine(seen), _) => Self::StatusLine(seen + 1),
            (Self::Interim(true), b'\n') => Self::StatusLine(0),
            (Self::Interim(_), b'\n') => Self::Interim(true),
            (Self::Interim(empty), b'\r') => Self::Interim(empty),
            (Self::Interim(_), _) => Self::Interim(false),
            (Self::Final, _) => Self::Final,
        }
    }
}

impl IoStamps {
    /// Forgets the last call; the next write is the beginning of a request.
    pub(crate) fn arm(&self) {
        self.armed.set(true);
        self.sent.set(None);
        self.first_byte.set(None);
        self.head.set(HeadScan::default());
        self.announced.set(0);
        self.count_anew();
    }

    /// For a shared connection: one of its calls has got something.
    pub(crate) fn count_anew(&self) {
        self.reads.set(0);
        self.framing.set(0);
    }

    /// So much of what came was a piece of the answer.
    pub(crate) fn note_piece(&self, bytes: usize) {
        self.framing.set(self.framing.get().saturating_sub(bytes));
    }

    /// Just before the first byte of the request went to the kernel.
    #[must_use]
    pub fn sent(&self) -> Option<Nanos> {
        self.sent.get()
    }

    /// After the latest read that brought bytes.
    #[must_use]
    pub(crate) fn last_read(&self) -> Nanos {
        self.last_read.get()
    }

    /// After the read that brought the first byte of the answer.
    #[must_use]
    pub fn first_byte(&self) -> Option<Nanos> {
        self.first_byte.get()
    }

    /// For a shared connection: the next write is taken for the beginning of a request, whose stamp goes to `sent`.
    pub(crate) fn stamp_next_write(&self, sent: &SentAt) {
        self.armed.set(true);
        self.unsent.borrow_mut().push(Rc::clone(sent));
    }

    /// For a shared connection: from now on at most one read in each turn.
    pub(crate) fn one_read_a_turn(&self) {
        self.paced.set(true);
        self.head.set(HeadScan::Final);
    }

    /// A turn begins.
    pub(crate) fn begin_turn(&self) {
        self.has_read.set(false);
    }

    fn note_write(&self) {
        if self.armed.replace(false) {
            let now = Some(Nanos::now());
            self.sent.set(now);
            self.unsent.borrow_mut().drain(..).for_each(|sent| sent.set(now));
        }
    }

    fn note_read(&self, bytes: usize) -> Result<(), Beyond> {
        self.last_read.set(Nanos::now());
        self.has_read.set(self.paced.get());
        self.reads.set(self.reads.get() + 1);
        self.framing.set(self.framing.get() + bytes);
        Limit::Reads.allow(self.reads.get())?;
        Limit::Framing.allow(self.framing.get())
    }

    /// The first byte of an answer is that of its own status line: what only announces it is passed over.
    fn note_answer(&self, bytes: &[u8]) -> Result<(), Beyond> {
        let (mut scan, mut announced) = (self.head.get(), self.announced.get());
        for byte in bytes {
            if scan == HeadScan::Final {
                break;
            }
            if scan == HeadScan::StatusLine(0) {
                self.first_byte.set(Some(self.last_read.get()));
            }
            scan = scan.step(*byte);
            announced += 1;
            if let HeadScan::Interim(_) = scan {
                self.first_byte.set(None);
            }
        }
        self.head.set(scan);
        self.announced.set(announced);
        Limit::InterimHeads.allow(announced)
    }
}

/// The socket itself, with its stamps.
#[derive(Debug)]
pub struct TimedTcp {
    tcp: TcpStream,
    stamps: Rc<IoStamps>,
}

impl TimedTcp {
    /// A socket and the place where it notes what passes.
    #[must_use]
    pub fn new(tcp: TcpStream, stamps: Rc<IoStamps>) -> Self {
        Self { tcp, stamps }
    }
}

impl AsyncRead for TimedTcp {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.stamps.has_read.get() {
            // The next turn, which comes after those to whom this one has brought something.
            let _ = ready!(self.tcp.poll_read_ready(cx));
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        match buf.filled().len() - before {
            0 => Poll::Ready(Ok(())),
            bytes => Poll::Ready(Ok(self.stamps.note_read(bytes)?)),
        }
    }
}

impl AsyncWrite for TimedTcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stamps.note_write();
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stamps.note_write();
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
    Plain(TimedTcp),
    /// https. The records of a handshake are no answer: only plaintext counts as its first byte.
    Tls(Box<TlsStream<TimedTcp>>),
}

impl Stream {
    fn stamps(&self) -> &IoStamps {
        match self {
            Self::Plain(tcp) => &tcp.stamps,
            Self::Tls(tls) => &tls.get_ref().0.stamps,
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp),
            Self::Tls(tls) => Pin::new(tls),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match &mut *self {
            Self::Plain(tcp) => ready!(Pin::new(tcp).poll_read(cx, buf))?,
            Self::Tls(tls) => ready!(Pin::new(tls).poll_read(cx, buf))?,
        }
        Poll::Ready(Ok(self.stamps().note_answer(&buf.filled()[before..])?))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writer().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writer().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// Reads up to `room` bytes, if there are any to be had.
    fn read(stream: &mut TimedTcp, cx: &mut Context<'_>, room: usize) -> Option<usize> {
        let mut space = vec![0; room];
        let mut buf = ReadBuf::new(&mut space);
        match Pin::new(stream).poll_read(cx, &mut buf) {
            Poll::Ready(read) => {
                read.expect("read");
                Some(buf.filled().len())
            }
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_first_byte_is_that_of_the_final_answer_however_it_is_split() {
        const FINAL: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
        let interims: [&[u8]; 6] = [
            b"",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nx: 1\r\n\r\n",
            b"HTTP/1.1 102\r\n\r\nHTTP/1.1 103 x\r\nlink: b\r\n\r\n",
            b"HTTP/1.1 100 \n\n",
            b"HTTP/1.0 199 x\ny: \r\n\r\n",
        ];
        for interim in interims {
            let all = [interim, FINAL].concat();
            for cut in 0..all.len() {
                let stamps = IoStamps::default();
                stamps.arm();
                let pieces = [&all[..cut], &all[cut..]];
                let mut at = 0;
                let mut expected = None;
                for (number, piece) in pieces.into_iter().enumerate().filter(|(_, piece)| !piece.is_empty()) {
                    let read = Nanos(number as u64 + 1);
                    stamps.last_read.set(read);
                    stamps.note_answer(piece).expect("short");
                    if (at..at + piece.len()).contains(&interim.len()) {
                        expected = Some(read);
                    }
                    at += piece.len();
                }
                assert_eq!(stamps.first_byte(), expected, "{} bytes, cut at {cut}", interim.len());
            }
        }
    }

    #[test]
    fn an_announcement_alone_is_no_first_byte() {
        let stamps = IoStamps::default();
        stamps.arm();
        stamps.note_answer(b"HTTP/1.1 100 Continue\r\n\r\n").expect("short");
        assert_eq!(stamps.first_byte(), None);
    }

    #[test]
    fn reads_and_what_is_no_piece_of_an_answer_are_counted_for_each_call() {
        let stamps = IoStamps::default();
        let reads = |count| (0..count).try_for_each(|_| stamps.note_read(1));
        for _ in 0..2 {
            stamps.arm();
            assert_eq!(reads(Limit::Reads.most()), Ok(()));
        }
        assert_eq!(reads(1), Err(Beyond(Limit::Reads)));
        stamps.arm();
        for _ in 0..10 {
            assert_eq!(stamps.note_read(Limit::Framing.most()), Ok(()));
            stamps.note_piece(Limit::Framing.most());
        }
        assert_eq!(stamps.note_read(Limit::Framing.most() + 1), Err(Beyond(Limit::Framing)));
    }

    #[tokio::test]
    async fn a_turn_of_a_shared_connection_reads_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let tcp = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        let (mut far, _) = listener.accept().await.expect("accepted");
        far.write_all(&[7; 10]).await.expect("written");
        tcp.readable().await.expect("readable");
        let stamps = Rc::new(IoStamps::default());
        let mut stream = TimedTcp::new(tcp, Rc::clone(&stamps));
        let mut cx = Context::from_waker(Waker::noop());
        // A connection of its own reads as it likes.
        assert_eq!([read(&mut stream, &mut cx, 2), read(&mut stream, &mut cx, 2)], [Some(2), Some(2)]);
        stamps.one_read_a_turn();
        stamps.begin_turn();
        assert_eq!(read(&mut stream, &mut cx, 2), Some(2));
        let first = stamps.last_read();
        assert_eq!([read(&mut stream, &mut cx, 2), read(&mut stream, &mut cx, 2)], [None, None]);
        assert_eq!(stamps.last_read(), first, "what was handed over keeps its stamp for the rest of the turn");
        stamps.begin_turn();
        assert_eq!(read(&mut stream, &mut cx, 9), Some(4));
        assert!(stamps.last_read() > first);
    }

    #[tokio::test]
    async fn every_request_that_waits_has_the_stamp_of_the_next_write() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let tcp = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        let stamps = Rc::new(IoStamps::default());
        let mut stream = TimedTcp::new(tcp, Rc::clone(&stamps));
        stream.write_all(b"beginning").await.expect("written");
        let requests = [SentAt::default(), SentAt::default(), SentAt::default()];
        stamps.stamp_next_write(&requests[0]);
        stamps.stamp_next_write(&requests[1]);
        let before = Nanos::now();
        stream.write_all(b"both").await.expect("written");
        let after = Nanos::now();
        stream.write_all(b"more").await.expect("written");
        let sent = requests.map(|request| request.get());
        assert!(sent[0].is_some_and(|at| before <= at && at <= after));
        assert_eq!((sent[1], sent[2]), (sent[0], None));
    }
}
