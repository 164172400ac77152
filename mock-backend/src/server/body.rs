//! The body of a request, read whole and within its bounds: its size, its time, and what all bodies take together while
//! they come.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::api::error::ApiError;
use crate::fault::ErrorKind;
use crate::units::bounds::Bound;

/// The largest body that is taken.
const BODY: usize = Bound::Body.most();
/// A larger one is heard out to this size, so that its sender gets to see the refusal.
const HEARD_OUT: usize = Bound::HeardOut.most();

/// The bytes of one body while it comes, beside those of all others.
pub(super) struct Receiving<'a> {
    all: &'a AtomicUsize,
    held: usize,
}

impl<'a> Receiving<'a> {
    /// A body of which nothing has come yet; `all` counts the bytes of all bodies.
    pub(super) fn begin(all: &'a AtomicUsize) -> Self {
        Self { all, held: 0 }
    }

    /// Whether there is room for `bytes` more.
    fn grow(&mut self, bytes: usize) -> bool {
        self.held += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed) + bytes <= Bound::Bodies.most()
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.held, Ordering::Relaxed);
    }
}

/// The whole body of a request, unless it is too large. A caller who asks before sending it is refused at once.
pub(super) async fn read_body(
    mut body: Incoming,
    asks: bool,
    wait: Duration,
    receiving: Receiving<'_>,
) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let size = body.size_hint().lower();
    if size > HEARD_OUT as u64 || (asks && size > BODY as u64) {
        return Err(ApiError::of(ErrorKind::Size));
    }
    let mut all = pin!(collect(Pin::new(&mut body), receiving));
    // Nearly all come with their head, and need no timer.
    if let Poll::Ready(all) = poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx))).await {
        return all;
    }
    tokio::time::timeout(wait, all).await.unwrap_or(Err(ApiError::of(ErrorKind::Timeout)))
}

async fn collect(mut body: Pin<&mut Incoming>, mut receiving: Receiving<'_>) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map(|frame| frame.into_data().unwrap_or_default()) else {
            return Err(ApiError::invalid("The request body ended early.", None));
        };
        size += data.len();
        if size > BODY {
            (first, all) = (Bytes::new(), BytesMut::new());
            if size > HEARD_OUT {
                break;
            }
        } else if !receiving.grow(data.len()) {
            return Err(ApiError::of(ErrorKind::Unavailable));
        } else if size == data.len() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    match size {
        size if size > BODY => Err(ApiError::of(ErrorKind::Size)),
        size if size == first.len() => Ok(first),
        _ => Ok(all.freeze()),
    }
}
