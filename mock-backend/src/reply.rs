//! The body of an answer, whichever it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::api::EventStream;
use crate::fault::Broken;
use crate::forward::Forward;

/// A body in one piece, or one that is still being made.
pub(crate) enum Reply {
    Whole(Option<Bytes>),
    Events(Box<EventStream>),
    Forward(Box<Forward>),
    Broken(Box<Broken>),
}

impl Reply {
    /// A body in one piece.
    pub(crate) fn whole(body: Vec<u8>) -> Self {
        Self::Whole((!body.is_empty()).then(|| Bytes::from(body)))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Events(events) => events.poll_frame(cx).map(|frame| frame.map(Ok)),
            Self::Forward(forward) => forward.poll_frame(cx),
            Self::Broken(broken) => broken.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_none(),
            Self::Events(events) => events.is_end(),
            Self::Forward(forward) => forward.is_end(),
            Self::Broken(broken) => broken.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Events(_) => SizeHint::default(),
            Self::Forward(forward) => forward.size_hint(),
            Self::Broken(broken) => broken.size_hint(),
        }
    }
}
