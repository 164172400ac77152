//! The body of an answer that breaks on its way: after so many tokens, or by what its events are or are not.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::failed_event::{FailedIn, failed_event};
use super::gzip::Gzip;
use super::kind::Fault;
use super::rewrite::{Rewrite, Verdicts, usage_on_finish};
use crate::net::clock::Alarm;
use crate::net::connection::Connection;
use crate::net::entry::{Entry, Marks};
use crate::net::exchange::{Cut, Exchange};
use crate::net::reply::Reply;
use crate::observe::scan::has_content;
use crate::units::Nanos;

/// A body and what happens to it.
pub(crate) struct Broken {
    inner: Reply,
    fault: Fault,
    stream: bool,
    exchange: Exchange,
    entry: Rc<Entry>,
    alarm: Alarm,
    tokens: usize,
    /// Events of content so far.
    events: usize,
    /// `sequence_number` of the last event, in the Responses API.
    sequence: Option<u64>,
    /// Whether it is a stream of Anthropic's messages.
    messages: bool,
    /// What an asynchronous content filter has said so far.
    verdicts: Verdicts,
    /// Nothing has gone out yet.
    begins: bool,
    /// What was to break is broken, and the rest is whole.
    spent: bool,
    then: Then,
    /// What compresses it, if it is to be.
    gzip: Option<Gzip>,
}

/// What comes after what was handed out.
enum Then {
    /// More of the body.
    More,
    /// This, at this time, with these marks, and then more.
    Later(Nanos, Marks, Bytes),
    /// Nothing, and no end either.
    Nothing,
    /// The failure of this stream, once everything has gone out again since then.
    Failure(u64),
    /// The end, which the last bytes do not know of.
    Short,
    /// The end.
    End,
}

impl Broken {
    pub(crate) fn new(inner: Reply, fault: Fault, stream: bool, connection: &Connection, entry: Rc<Entry>) -> Self {
        let mut tokens = 0;
        entry.update(|record| tokens = record.tokens.map_or(usize::MAX, |tokens| tokens as usize));
        let alarm = connection.clock.alarm();
        Self {
            inner,
            fault,
            stream,
            exchange: connection.exchange.clone(),
            entry,
            alarm,
            tokens,
            events: 0,
            sequence: None,
            messages: false,
            verdicts: Verdicts::default(),
            begins: true,
            spent: false,
            then: Then::More,
            gzip: (fault == Fault::Gzip).then(Gzip::default),
        }
    }

    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match &mut self.then {
                Then::End | Then::Short => return Poll::Ready(None),
                Then::Nothing => {
                    self.exchange.give_up();
                    return Poll::Pending;
                }
                Then::Failure(since) => {
                    ready!(self.exchange.poll_flushed(*since, cx));
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                }
                Then::More => {}
                Then::Later(at, marks, rest) => {
                    ready!(self.alarm.poll_until(*at, cx));
                    if !rest.is_empty() {
                        ready!(self.exchange.poll_frame(*at, *marks, &self.entry, cx));
                    }
                    let rest = std::mem::take(rest);
                    self.then = Then::More;
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
            }
            let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
            let Some(frame) = frame else { return Poll::Ready(None) };
            let bytes = match frame.map(|frame| frame.into_data().unwrap_or_default()) {
                Ok(bytes) => bytes,
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            let bytes = match &mut self.gzip {
                Some(gzip) => gzip.write(&bytes, self.inner.is_end_stream())?,
                None if self.stream => self.events(&bytes),
                None => self.whole(bytes),
            };
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }

    /// An answer in one piece breaks in its middle.
    fn whole(&mut self, bytes: Bytes) -> Bytes {
        let half = bytes.len() / 2;
        match self.fault {
            Fault::Close(_) | Fault::Truncated(_) => self.cut(bytes.slice(..half), Cut::Close, 0, 0),
            Fault::Reset(_) => self.cut(bytes.slice(..half), Cut::Reset, 0, 0),
            Fault::Stall(_, time) => self.stall(bytes.slice(..half), bytes.slice(half..), time),
            Fault::BadJson(_) => {
                let mut bytes = bytes.to_vec();
                spoil_json(&mut bytes);
                Bytes::from(bytes)
            }
            _ => bytes,
        }
    }

    fn events(&mut self, bytes: &[u8]) -> Bytes {
        let after = self.breaks_after();
        let merged;
        let mut events = split(bytes);
        if self.fault == Fault::Rewrite(Rewrite::UsageOnFinish) {
            merged = usage_on_finish(&events);
            events = merged.iter().map(Vec::as_slice).collect();
        }
        let mut out = Vec::with_capacity(bytes.len() + 256);
        for (i, event) in events.iter().enumerate() {
            let text = String::from_utf8_lossy(event);
            let content = has_content(&text);
            if content && after == Some(0) {
                return self.break_off(out, events[i..].concat());
            }
            self.events += usize::from(content);
            self.sequence = sequence(&text).or(self.sequence);
            self.messages |= text.starts_with("event: message_start\n");
            self.copy(event, &text, content, &mut out);
            self.begins = false;
            if content && after == Some(self.events) {
                return self.break_off(out, events[i + 1..].concat());
            }
        }
        // What opens a stream has gone out alone.
        if after == Some(0) { self.break_off(out, Vec::new()) } else { Bytes::from(out) }
    }

    /// After how many tokens the stream breaks.
    fn breaks_after(&self) -> Option<usize> {
        match self.fault {
            _ if self.spent => None,
            Fault::Close(Some(k)) | Fault::Reset(Some(k)) | Fault::Stall(k, _) => Some(k.min(self.tokens)),
            Fault::InStream(k) | Fault::InStreamFlat(k) => Some(k.min(self.tokens)),
            Fault::Truncated(k) => Some(k.clamp(1, self.tokens.max(1))),
            _ => None,
        }
    }

    fn break_off(&mut self, out: Vec<u8>, rest: Vec<u8>) -> Bytes {
        let (out, seen) = (Bytes::from(out), self.events);
        match self.fault {
            Fault::Reset(_) => self.cut(out, Cut::Reset, 0, seen),
            Fault::Truncated(_) => {
                let last = split(&out).last().map_or(0, |event| event.len());
                self.cut(out, Cut::Close, last / 2, seen.saturating_sub(1))
            }
            Fault::Stall(_, time) => self.stall(out, Bytes::from(rest), time),
            Fault::InStream(_) | Fault::InStreamFlat(_) => {
                let flat = matches!(self.fault, Fault::InStreamFlat(_));
                self.then = Then::End;
                self.entry.update(|record| record.tokens = u32::try_from(seen).ok());
                self.exchange.amend_note(|note| note.marks = note.marks.and(Marks::END));
                let event = match self.sequence {
                    _ if self.messages => failed_event(FailedIn::Messages),
                    Some(sequence) => failed_event(FailedIn::Responses { sequence: sequence + 1, flat }),
                    None => failed_event(FailedIn::Chat),
                };
                Bytes::from([&out[..], event.as_bytes()].concat())
            }
            _ => self.cut(out, Cut::Close, 0, seen),
        }
    }

    /// Hands out the last bytes, less the last `short` of them.
    fn cut(&mut self, bytes: Bytes, cut: Cut, short: usize, tokens: usize) -> Bytes {
        self.entry.update(|record| record.tokens = u32::try_from(tokens).ok());
        self.exchange.amend_note(|note| note.marks = note.marks.without(Marks::END));
        if self.exchange.is_stream() {
            // It ends alone, and properly as far as HTTP/2 knows.
            self.then = if cut == Cut::Reset { Then::Failure(self.exchange.flushes()) } else { Then::Short };
            return bytes.slice(..bytes.len() - short);
        }
        self.then = Then::Nothing;
        // What ends the chunk goes with the rest.
        self.exchange.sever_after(cut, if short > 0 { short + 2 } else { 0 });
        bytes
    }

    fn stall(&mut self, bytes: Bytes, rest: Bytes, time: Option<Duration>) -> Bytes {
        self.spent = true;
        self.then = Then::Nothing;
        let mut then = None;
        self.exchange.amend_note(|note| {
            let ends = note.marks.has(Marks::END);
            let marks = Marks::NONE.with_if(Marks::END, ends).with_if(Marks::LAST, ends);
            then = time.map(|time| Then::Later(note.due + time, marks, rest));
            note.marks = note.marks.without(Marks::END);
        });
        if let Some(then) = then {
            self.then = then;
        }
        bytes
    }

    /// Copies an event, once, twice, wrong, or not at all.
    fn copy(&mut self, event: &[u8], text: &str, content: bool, out: &mut Vec<u8>) {
        let done = text.contains("data: [DONE]");
        let usage = text.contains("\"choices\":[]") && text.contains("\"usage\":{");
        let last = done
            || usage
            || text.contains("\"finish_reason\":\"")
            || text.contains("event: message_delta\n")
            || text.contains("event: message_stop\n")
            || ["completed", "incomplete", "failed"]
                .iter()
                .any(|end| text.contains(&format!("event: response.{end}\n")));
        let dropped = match self.fault {
            Fault::NoFinal => last,
            Fault::NoDone => done,
            Fault::NoUsage => usage,
            _ => false,
        };
        if dropped {
            return;
        }
        if let Fault::Rewrite(rewrite) = self.fault {
            if rewrite == Rewrite::AsyncFilter {
                out.extend_from_slice(self.verdicts.before(text).as_bytes());
            }
            let text = rewrite.apply(text, self.begins, content.then_some(self.events));
            out.extend_from_slice(text.as_bytes());
            return;
        }
        let from = out.len();
        out.extend_from_slice(event);
        match self.fault {
            Fault::TwoDones if done => out.extend_from_slice(event),
            Fault::Twice(k) if content && self.events == k => out.extend_from_slice(event),
            Fault::BadJson(k) if content && self.events == k => spoil_json(&mut out[from..]),
            _ => {}
        }
    }
}

impl Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_broken(cx)
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.then, Then::End) || matches!(self.then, Then::More) && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.stream || self.gzip.is_some() { SizeHint::default() } else { self.inner.size_hint() }
    }
}

/// The events of a stretch, each with the blank line that ends it.
fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let mut events = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
        let (event, more) = rest.split_at(end + 2);
        events.push(event);
        rest = more;
    }
    if !rest.is_empty() {
        events.push(rest);
    }
    events
}

fn sequence(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("\"sequence_number\":")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Makes JSON of the same length that is none.
fn spoil_json(bytes: &mut [u8]) {
    if let Some(brace) = bytes.iter_mut().rev().find(|byte| **byte == b'}') {
        *brace = b']';
    }
}
