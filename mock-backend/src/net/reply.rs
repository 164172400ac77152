//! The body of an answer, whoever makes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A body in one piece, or one that is still being made.
pub(crate) enum Reply {
    Whole(Option<Bytes>),
    Made(Pin<Box<dyn Body<Data = Bytes, Error = io::Error>>>),
}

impl Reply {
    /// A body in one piece.
    pub(crate) fn whole(body: Vec<u8>) -> Self {
        Self::Whole((!body.is_empty()).then(|| Bytes::from(body)))
    }

    /// A body that is made while it is sent.
    pub(crate) fn made(body: impl Body<Data = Bytes, Error = io::Error> + 'static) -> Self {
        Self::Made(Box::pin(body))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Made(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_none(),
            Self::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            Self::Made(body) => body.size_hint(),
        }
    }
}
