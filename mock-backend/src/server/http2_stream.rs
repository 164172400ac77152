//! One of several streams on a connection, from its request to its end: stamped when its frames are handed to HTTP/2,
//! and ended alone when a fault ends it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::Reason;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};

use crate::net::exchange::{Cut, Exchange};
use crate::net::reply::Reply;

/// The answer of a stream over `exchange`.
///
/// # Errors
/// If the stream is to end without one.
pub(crate) async fn answer(
    exchange: Exchange,
    answer: impl Future<Output = Response<Reply>>,
) -> Result<Response<Streamed>, h2::Error> {
    let mut answer = pin!(answer);
    let response = poll_fn(|cx| {
        let polled = answer.as_mut().poll(cx);
        match exchange.tampering().now {
            Some(cut) => Poll::Ready(Err(reason(cut).into())),
            None => polled.map(Ok::<_, h2::Error>),
        }
    })
    .await?;
    exchange.hand_head(response.body().is_end_stream());
    Ok(response.map(|inner| Streamed { inner, exchange }))
}

/// How the end of a connection looks as that of a stream: given up, or failed.
fn reason(cut: Cut) -> Reason {
    match cut {
        Cut::Close => Reason::CANCEL,
        Cut::Reset => Reason::INTERNAL_ERROR,
    }
}

/// The body of an answer on a stream.
pub(crate) struct Streamed {
    inner: Reply,
    exchange: Exchange,
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Some(cut) = self.exchange.tampering().now {
            return Poll::Ready(Some(Err(reason(cut).into())));
        }
        let frame = ready!(polled).transpose();
        // The end may come without a frame of its own.
        self.exchange.hand_frame();
        Poll::Ready(frame.map_err(|_| reason(Cut::Reset).into()).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
