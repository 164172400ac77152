//! A distance: a byte stream that takes its time, in both directions, below TLS and HTTP.
//!
//! Each exchange (a burst in the direction of the caller, and what comes back) draws one round trip, half of which
//! delays each direction. Bytes are released at instants computed from when they were *due*, not from when a task
//! happened to wake, never before bytes that went ahead of them, and no faster than the bandwidth. The first burst of a
//! new connection carries one round trip more, for the TCP handshake, which user space cannot delay.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::clock::{Alarm, Clock};
use super::distance::{Caller, Lane, Route};
use super::entry::Marks;
use super::exchange::{Arrival, Cut, Exchange, Note};
use super::hyper_io::Scratch;
use super::virtual_time::End;
use crate::observe::record::Planned;
use crate::units::bounds::Bound;
use crate::units::{Nanos, millis};

/// Bytes that a link holds in one direction before it lets the sender wait.
const BACKLOG: usize = Bound::OnTheWay.most();
/// The largest piece in which a limited bandwidth sends.
const PIECE: usize = 16 << 10;

struct Incoming {
    arrival: Arrival,
    bytes: Vec<u8>,
    given: usize,
}

struct Outgoing {
    release: Nanos,
    bytes: Vec<u8>,
    sent: usize,
    note: Option<Note>,
}

/// Which way bytes went last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    New,
    Calling,
    Answering,
}

/// One connection over a distance. HTTP (or TLS) holds one clone as its stream, the connection's task another, with
/// which it sends what has become due before anything else.
#[derive(Clone)]
pub(crate) struct Link(Rc<RefCell<Wire>>);

struct Wire {
    socket: TcpStream,
    route: Arc<Route>,
    caller: Caller,
    exchange: Exchange,
    virtual_time: End,
    turn: Turn,
    way_in: Lane,
    way_out: Lane,
    incoming: VecDeque<Incoming>,
    outgoing: VecDeque<Outgoing>,
    held: (usize, usize),
    ended: bool,
    severed: bool,
    failed: Option<io::ErrorKind>,
    alarms: (Alarm, Alarm),
    scratch: Scratch,
}

/// What a link joins: its distance, its HTTP, and the other side.
pub(crate) struct Ends {
    pub(crate) route: Arc<Route>,
    pub(crate) caller: Caller,
    pub(crate) exchange: Exchange,
    pub(crate) virtual_time: End,
}

impl Link {
    pub(crate) fn new(socket: TcpStream, ends: Ends, clock: &Clock, scratch: Scratch) -> Self {
        let Ends { route, caller, exchange, virtual_time } = ends;
        Self(Rc::new(RefCell::new(Wire {
            socket,
            route,
            caller,
            exchange,
            virtual_time,
            turn: Turn::New,
            way_in: Lane::default(),
            way_out: Lane::default(),
            incoming: VecDeque::new(),
            outgoing: VecDeque::new(),
            held: (0, 0),
            ended: false,
            severed: false,
            failed: None,
            alarms: (clock.alarm(), clock.alarm()),
            scratch,
        })))
    }

    /// Whether the connection was to end before its time, and has.
    pub(crate) fn is_severed(&self) -> bool {
        let wire = &mut *self.0.borrow_mut();
        if let Some(cut) = wire.exchange.tampering().now {
            wire.sever(cut);
        }
        wire.severed
    }

    /// Looks whether the caller has gone, which is told, or sends no more, while HTTP does not read; to be polled after
    /// everything else of the connection.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> bool {
        let wire = &mut *self.0.borrow_mut();
        if wire.ended {
            return false;
        }
        if !wire.route.distance.is_none() {
            return wire.poll_fill(cx).is_err();
        }
        match wire.socket.poll_peek(cx, &mut ReadBuf::new(&mut [0])) {
            Poll::Ready(Ok(0)) => wire.note_end(),
            Poll::Ready(Err(_)) => return true,
            Poll::Ready(Ok(_)) | Poll::Pending => {}
        }
        false
    }

    /// Sends what is due; to be polled before anything else of the connection.
    pub(crate) fn poll_release(&self, cx: &mut Context<'_>) {
        let wire = &mut *self.0.borrow_mut();
        if !wire.outgoing.is_empty() {
            let _ = wire.poll_release(cx);
        }
    }
}

impl Wire {
    /// Notes the direction of the next bytes; a call after an answer begins a new exchange with a round trip of its own.
    fn turn(&mut self, to: Turn) {
        if to == Turn::Calling && self.turn != Turn::Calling {
            let (rtt, handshake) = self.route.draw(self.turn == Turn::New);
            let (call, answer) = match self.caller {
                Caller::Peer => (&mut self.way_in, &mut self.way_out),
                Caller::Us => (&mut self.way_out, &mut self.way_in),
            };
            (call.delay, answer.delay) = (rtt / 2 + handshake, rtt - rtt / 2);
            self.exchange.set_ways(self.way_in.delay, self.way_out.delay);
        }
        self.turn = to;
    }

    /// The other side sends no more.
    fn note_end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.exchange.note_end();
        }
    }

    /// Takes everything that the socket has, and schedules it.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let scratch = Rc::clone(&self.scratch);
        let room = &mut *scratch.borrow_mut();
        while !self.ended && self.held.0 < BACKLOG {
            let mut buf = ReadBuf::new(room);
            if Pin::new(&mut self.socket).poll_read(cx, &mut buf)?.is_pending() {
                break;
            }
            let recv = Nanos::now();
            let bytes = buf.filled();
            if bytes.is_empty() {
                self.note_end();
                break;
            }
            self.turn(if self.caller == Caller::Peer { Turn::Calling } else { Turn::Answering });
            let left = self.virtual_time.note_read(bytes.len(), recv);
            let ideal = self.way_in.schedule(left, bytes.len(), &self.route.distance);
            self.held.0 += bytes.len();
            self.incoming.push_back(Incoming { arrival: Arrival { recv, ideal }, bytes: bytes.to_vec(), given: 0 });
        }
        Ok(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.route.distance.is_none() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
            let recv = Nanos::now();
            let bytes = buf.filled().len() - before;
            let ideal = self.virtual_time.note_read(bytes, recv);
            if bytes == 0 {
                self.note_end();
            } else {
                self.exchange.note_arrival(Arrival { recv, ideal });
            }
            return Poll::Ready(Ok(()));
        }
        self.poll_fill(cx)?;
        let Some(next) = self.incoming.front_mut() else {
            return if self.ended { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        ready!(self.alarms.0.poll_until(next.arrival.ideal, cx));
        let rest = &next.bytes[next.given..];
        let n = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..n]);
        self.exchange.note_arrival(next.arrival);
        next.given += n;
        self.held.0 -= n;
        if next.given == next.bytes.len() {
            self.incoming.pop_front();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(kind) = self.failed {
            return Poll::Ready(Err(kind.into()));
        }
        if self.route.distance.is_none() && self.outgoing.is_empty() {
            return self.write_through(cx, bytes);
        }
        if self.held.1 >= BACKLOG {
            ready!(self.poll_release(cx))?;
        }
        self.queue(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    /// Ends the connection before its time.
    fn sever(&mut self, cut: Cut) {
        if cut == Cut::Reset {
            // Without it the connection is closed, which is an end as well.
            let _ = rustix::net::sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
        }
        self.severed = true;
        self.failed = Some(io::ErrorKind::ConnectionReset);
        self.outgoing.clear();
    }

    /// Writes at once, over no distance.
    fn write_through(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let now = Nanos::now();
        let note = self.exchange.note();
        self.virtual_time.note_leaving(bytes.len(), note.as_ref().map_or(now, |note| note.due));
        if let Some(Note { marks, entry: Some(entry), .. }) = &note {
            entry.stamp(*marks, now);
        }
        let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))?;
        if let Some(Note { marks, entry: Some(entry), .. }) = note
            && marks.has(Marks::CONTENT)
        {
            let rest = entry.written(marks, now);
            self.exchange.amend_note(|note| note.marks = rest);
        }
        self.virtual_time.note_written(sent);
        Poll::Ready(Ok(sent))
    }

    /// Schedules bytes that HTTP has written, from the instant at which they were due.
    fn queue(&mut self, bytes: &[u8]) {
        self.turn(if self.caller == Caller::Us { Turn::Calling } else { Turn::Answering });
        let note = self.exchange.note();
        let due = note.as_ref().map_or_else(Nanos::now, |note| note.due);
        let piece = if self.route.distance.bandwidth.is_some() { PIECE } else { usize::MAX };
        let mut pieces = bytes.chunks(piece.min(bytes.len().max(1))).peekable();
        let mut first = true;
        while let Some(bytes) = pieces.next() {
            let release = self.way_out.schedule(due, bytes.len(), &self.route.distance);
            let last = pieces.peek().is_none();
            let note = note.clone().map(|note| Note { marks: part(note.marks, first, last), ..note });
            if let Some(Note { marks, entry: Some(entry), .. }) = &note
                && self.route.distance.bandwidth.is_some()
            {
                entry.update(|record| replan(Nanos(record.recv_ns), &mut record.planned, *marks, release));
            }
            self.held.1 += bytes.len();
            self.outgoing.push_back(Outgoing { release, bytes: bytes.to_vec(), sent: 0, note });
            first = false;
        }
    }

    /// Writes everything whose time has come; ready when nothing is left.
    fn poll_release(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(next) = self.outgoing.front_mut() {
            ready!(self.alarms.1.poll_until(next.release, cx));
            self.virtual_time.note_leaving(next.bytes.len() - next.sent, next.release);
            let now = Nanos::now();
            if let Some(Note { marks, entry: Some(entry), .. }) = &next.note {
                entry.stamp(*marks, now);
            }
            match ready!(Pin::new(&mut self.socket).poll_write(cx, &next.bytes[next.sent..])) {
                Ok(n) => {
                    if let Some(Note { marks, entry: Some(entry), .. }) = &mut next.note {
                        *marks = entry.written(*marks, now);
                    }
                    next.sent += n;
                    self.virtual_time.note_written(n);
                    self.held.1 -= n;
                    if next.sent == next.bytes.len() {
                        self.outgoing.pop_front();
                    }
                }
                Err(error) => {
                    self.failed = Some(error.kind());
                    self.outgoing.clear();
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.exchange.note_taken();
        if let Some(kind) = self.failed {
            return Poll::Ready(Err(kind.into()));
        }
        ready!(self.poll_release(cx))?;
        self.exchange.note_flush();
        Poll::Ready(Ok(()))
    }
}

/// The marks of one piece of several: the head is in the first, what completes the message in the last.
fn part(marks: Marks, first: bool, last: bool) -> Marks {
    let marks = if first { marks } else { marks.without(Marks::HEAD) };
    if last { marks } else { Marks::NONE.with_if(Marks::HEAD, marks.has(Marks::HEAD)) }
}

/// Corrects the plan by what the bandwidth adds, which is known only with the size.
fn replan(recv: Nanos, planned: &mut Option<Planned>, marks: Marks, release: Nanos) {
    let ms = millis(release.since(recv));
    if let Some(planned) = planned {
        if marks.has(Marks::FIRST) {
            planned.first_ms = ms;
        }
        if marks.has(Marks::END) {
            planned.end_ms = ms;
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = &mut *self.0.borrow_mut();
        ready!(wire.poll_flush(cx))?;
        Pin::new(&mut wire.socket).poll_shutdown(cx)
    }
}
