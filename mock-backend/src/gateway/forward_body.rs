//! The body of an answer that a gateway passes on: every piece as it comes, marked by what it holds.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::recording::Recording;
use super::upstream::{Lease, Pool};
use crate::net::clock::Alarm;
use crate::net::entry::{Entry, Marks};
use crate::net::exchange::{Cut, Exchange};
use crate::observe::scan::{has_content, output_tokens};
use crate::units::Nanos;
use crate::units::bounds::Bound;

/// The size of the blocks in which a gateway may pass things on.
const BLOCK: usize = 8192;

/// A piece of a body: when it is due, what it holds, and its bytes.
type Piece = (Nanos, Marks, Bytes);

/// Who keeps a whole body, with the tokens in it.
pub(crate) type Keeper = Box<dyn FnOnce(Bytes, Option<u32>)>;

/// What a gateway does with a body beyond passing it on.
pub(crate) struct Hold {
    /// It waits until a block is full.
    pub(crate) blocks: bool,
    /// It closes the connection when nothing has come for so long.
    pub(crate) idle: Option<(Duration, Alarm)>,
    /// It keeps the whole.
    pub(crate) keep: Option<Keeper>,
}

/// A body on its way through.
pub(crate) struct Forward {
    body: Incoming,
    lease: Option<Lease>,
    pool: Rc<Pool>,
    exchange: Exchange,
    entry: Rc<Entry>,
    scan: Scan,
    held: VecDeque<Piece>,
    hold: Hold,
    /// What does not fill a block yet, and what it holds.
    block: (Marks, BytesMut),
    /// What is to be kept.
    kept: BytesMut,
    /// When something came last.
    last: Nanos,
    ended: bool,
    recording: Option<Recording>,
}

impl Forward {
    /// The body `body`, which comes over `lease` and leaves over `exchange`.
    pub(crate) fn new(
        body: Incoming,
        lease: Lease,
        pool: Rc<Pool>,
        exchange: Exchange,
        entry: Rc<Entry>,
        stream: bool,
        hold: Hold,
    ) -> Self {
        let (ended, last) = (body.is_end_stream(), lease.exchange.arrival().ideal);
        let mut forward = Self {
            body,
            lease: Some(lease),
            pool,
            exchange,
            entry,
            scan: Scan::new(stream),
            held: VecDeque::new(),
            hold,
            block: (Marks::NONE, BytesMut::new()),
            kept: BytesMut::new(),
            last,
            ended,
            recording: None,
        };
        if ended {
            forward.finish();
        }
        forward
    }

    /// Records what comes.
    pub(crate) fn recorded(mut self, recording: Option<Recording>) -> Self {
        self.recording = recording;
        self
    }

    /// When the bytes that came last had come over the upstream link, ideally.
    fn ideal(&self) -> Nanos {
        self.lease.as_ref().map(|lease| lease.exchange.arrival().ideal).unwrap_or_default()
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        ready!(self.poll_held(cx))?;
        let Some((due, marks, bytes)) = self.held.pop_front() else {
            return Poll::Ready(None);
        };
        if self.exchange.poll_frame(due, marks, &self.entry, cx).is_pending() {
            self.held.push_front((due, marks, bytes));
            return Poll::Pending;
        }
        if self.ended && self.held.is_empty() {
            self.finish();
        }
        // An empty piece is only the mark of the end.
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    /// Ready when there is something to pass on, or the end.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.held.is_empty() && !self.ended {
            let Poll::Ready(piece) = self.poll_next(cx) else {
                self.poll_idle(cx);
                return Poll::Pending;
            };
            let piece = piece?;
            self.last = piece.0;
            if self.hold.blocks {
                self.gather(piece);
            } else {
                self.held.push_back(piece);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Closes the connection to the caller if nothing has come for too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) {
        if let Some((idle, alarm)) = &mut self.hold.idle
            && alarm.poll_until(self.last + *idle, cx).is_ready()
        {
            self.entry.update(|record| record.fault = Some("idle_cut"));
            self.exchange.sever_now(Cut::Close);
        }
    }

    /// Adds a piece to the block, and holds out what is full.
    fn gather(&mut self, (due, marks, bytes): Piece) {
        let (held, block) = &mut self.block;
        *held = held.and(marks);
        block.extend_from_slice(&bytes);
        while block.len() >= BLOCK {
            let full = block.split_to(BLOCK).freeze();
            let last = self.ended && block.is_empty();
            self.held.push_back((due, if last { *held } else { held.without(Marks::END) }, full));
            // What is left over is a part of this piece.
            let rest = marks.without(Marks::FIRST).without(Marks::CONTENT);
            *held = if block.is_empty() { Marks::NONE } else { rest };
            if last {
                return;
            }
        }
        if self.ended {
            self.held.push_back((due, *held, block.split().freeze()));
        }
    }

    /// Waits for the first piece; when it had come.
    pub(crate) async fn first(&mut self) -> io::Result<Nanos> {
        std::future::poll_fn(|cx| self.poll_held(cx)).await?;
        Ok(self.held.front().map_or(self.last, |piece| piece.0))
    }

    /// Waits for the end; when it had come, and the whole.
    pub(crate) async fn collect(&mut self) -> io::Result<(Nanos, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            std::future::poll_fn(|cx| self.poll_held(cx)).await?;
            self.held.drain(..).for_each(|(_, _, bytes)| all.extend_from_slice(&bytes));
            if all.len() > Bound::HeldBack.most() {
                let most = Bound::HeldBack.row();
                return Err(io::Error::other(format!("its answer is larger than the limit of {most} for buffering")));
            }
            if self.ended {
                self.finish();
                return Ok((self.last, all));
            }
        }
    }

    /// The next piece: when it is due, and what it holds.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Piece>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                self.ended = true;
                return Poll::Ready(Ok((self.ideal(), self.scan.end(), Bytes::new())));
            };
            let frame = frame.inspect_err(|_| self.entry.update(|record| record.fault = Some("upstream_failed")));
            let Ok(bytes) = frame.map_err(io::Error::other)?.into_data() else { continue };
            let mut marks = self.scan.read(&bytes);
            let at = self.ideal();
            if let Some(recording) = &mut self.recording {
                recording.piece(at, &bytes, marks.has(Marks::LAST));
            }
            self.ended = self.body.is_end_stream();
            if self.ended {
                marks = marks.and(self.scan.end());
            }
            if self.hold.keep.is_some() {
                self.kept.extend_from_slice(&bytes);
                if self.kept.len() > Bound::Cached.most() {
                    (self.hold.keep, self.kept) = (None, BytesMut::new());
                }
            }
            if !bytes.is_empty() {
                return Poll::Ready(Ok((self.ideal(), marks, bytes)));
            }
        }
    }

    /// The exchange with the upstream is over.
    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.pool.give(lease);
        }
        if let Some(recording) = self.recording.take() {
            recording.finish();
        }
        let tokens = self.scan.tokens;
        self.entry.update(|record| record.tokens = tokens);
        if let Some(keep) = self.hold.keep.take() {
            keep(self.kept.split().freeze(), tokens);
        }
    }
}

impl Body for Forward {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_piece(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.held.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // What was heard of it before it is passed on does not count.
        let held: usize = self.held.iter().map(|piece| piece.2.len()).sum::<usize>() + self.block.1.len();
        match self.body.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(rest + held as u64),
            None => SizeHint::default(),
        }
    }
}

/// What a gateway understands of what it passes on: where content is, and the number of tokens in the usage.
struct Scan {
    stream: bool,
    begun: bool,
    tokens: Option<u32>,
}

impl Scan {
    fn new(stream: bool) -> Self {
        Self { stream, begun: false, tokens: None }
    }

    fn read(&mut self, bytes: &[u8]) -> Marks {
        let text = String::from_utf8_lossy(bytes);
        self.tokens = output_tokens(&text).or(self.tokens);
        let content = self.stream && has_content(&text);
        let first = content && !self.begun;
        self.begun |= content;
        Marks::NONE.with_if(Marks::FIRST, first).with_if(Marks::CONTENT, content).with_if(Marks::LAST, content)
    }

    /// The marks of the last byte: all content of an answer in one piece, else only the end.
    fn end(&self) -> Marks {
        if self.stream { Marks::END } else { Marks::ALL.without(Marks::HEAD) }
    }
}
