//! The body of an answer, whoever makes it.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, SizeHint};

use super::entry::{Entry, Marks};
use super::exchange::Exchange;
use crate::units::Nanos;

/// A body in one piece, whose size is known, or one that is made while it is sent.
pub(crate) type Reply = Pin<Box<dyn Body<Data = Bytes, Error = io::Error>>>;

/// A body in one piece.
pub(crate) fn whole(body: impl Into<Bytes>) -> Reply {
    Box::pin(Full::new(body.into()).map_err(|never| match never {}))
}

/// The largest piece that is handed to HTTP at once, which copies it.
pub(crate) const PIECE: usize = 1 << 20;

/// A large body that is there whole, handed to HTTP in pieces so that it never stands in memory twice.
pub(crate) struct Pieces {
    rest: Bytes,
    due: Nanos,
    exchange: Exchange,
    entry: Rc<Entry>,
}

impl Pieces {
    /// All of `body` is due at `due`; its head is noted by itself.
    pub(crate) fn new(body: Bytes, due: Nanos, exchange: Exchange, entry: Rc<Entry>) -> Self {
        Self { rest: body, due, exchange, entry }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let ends = self.rest.len() <= PIECE;
        let marks = Marks::FIRST.with_if(Marks::LAST, ends).with_if(Marks::END, ends);
        ready!(self.exchange.poll_frame(self.due, marks, &self.entry, cx));
        let size = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
