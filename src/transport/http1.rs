//! One HTTP/1.1 connection, driven by the one call that uses it.
//!
//! The connection and the call are polled in one task, the call first: hyper hands over a frame before it reads
//! again, so `IoStamps::last_read` at that moment is the read that completed the frame.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::limits::Limit;
use crate::measure::sample::ConnUse;
use crate::transport::connect::{Handshake, Opened};
use crate::transport::history::History;
use crate::transport::timed_io::{IoStamps, Stream};
use crate::units::Nanos;

type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

/// The head of an answer, or hyper's error when the connection ends or the answer is not HTTP.
pub(crate) type Head = hyper::Result<Response<Incoming>>;

/// An open connection and its history.
pub(crate) struct Sole {
    id: u64,
    uses: u32,
    opened: Nanos,
    handshake: Handshake,
    stamps: Rc<IoStamps>,
    sender: SendRequest<Full<Bytes>>,
    driver: Option<Pin<Box<Driver>>>,
}

impl Sole {
    /// Begins HTTP on an open stream.
    ///
    /// # Errors
    /// hyper's, when the stream is already closed.
    pub(crate) async fn begin(id: u64, opened: Opened) -> Result<Self, hyper::Error> {
        let (sender, driver) = builder().handshake(TokioIo::new(opened.stream)).await?;
        Ok(Self {
            id,
            uses: 0,
            opened: Nanos::now(),
            handshake: opened.handshake,
            stamps: opened.stamps,
            sender,
            driver: Some(Box::pin(driver)),
        })
    }

    /// What has passed since the request was sent.
    #[must_use]
    pub(crate) fn stamps(&self) -> &IoStamps {
        &self.stamps
    }

    /// The connection as the present call sees it.
    #[must_use]
    pub(crate) fn as_used(&self) -> ConnUse {
        let new = self.uses <= 1;
        ConnUse {
            id: self.id,
            uses: self.uses.max(1),
            dns: self.handshake.dns.filter(|_| new),
            tcp: self.handshake.tcp.filter(|_| new),
            tls: self.handshake.tls.filter(|_| new),
            proxy: self.handshake.proxy.filter(|_| new),
            peer: self.handshake.peer,
        }
    }

    /// How long it has lived.
    #[must_use]
    pub(crate) fn history(&self) -> History {
        History { opened: self.opened, calls: self.uses }
    }

    /// Takes up a new call.
    pub(crate) fn begin_call(&mut self) {
        self.uses += 1;
        self.stamps.arm();
    }

    /// Hands the request over; what is returned is the head of its answer, if it is polled with `poll_head`.
    pub(crate) fn request(&mut self, request: Request<Full<Bytes>>) -> impl Future<Output = Head> + use<> {
        self.sender.send_request(request)
    }

    /// Carries the request out and waits for the head of the answer.
    pub(crate) fn poll_head(&mut self, head: Pin<&mut impl Future<Output = Head>>, cx: &mut Context<'_>) -> Poll<Head> {
        // The driver goes first: it carries the request out, and the answer in.
        poll_driver(&mut self.driver, cx);
        head.poll(cx)
    }

    /// The next piece of the body, or `None` at its end.
    pub(crate) fn poll_piece(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Bytes>>> {
        if body.is_end_stream() {
            // Its stated length has come. The driver learns of it when the next call looks whether it can be used; now it
            // would only make room for a next answer beside this one.
            return Poll::Ready(None);
        }
        let mut piece = poll_data(body, cx);
        if piece.is_pending() {
            poll_driver(&mut self.driver, cx);
            piece = poll_data(body, cx);
        }
        if let Poll::Ready(Some(Ok(piece))) = &piece {
            self.stamps.note_piece(piece.len());
        }
        piece
    }

    /// Whether another call can be sent: looks at the socket once, so that a closed one is noticed.
    pub(crate) fn is_usable(&mut self) -> bool {
        poll_driver(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // Gateways that add one for each of their policies pass a hundred.
    builder.max_headers(Limit::HeadLines.most()).max_buf_size(Limit::HeadBytes.most());
    builder
}

fn poll_driver(driver: &mut Option<Pin<Box<Driver>>>, cx: &mut Context<'_>) {
    if let Some(running) = driver
        && running.as_mut().poll(cx).is_ready()
    {
        *driver = None;
    }
}

/// The next data frame; trailers say nothing that is measured.
fn poll_data(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, hyper::Error>>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Poll::Ready(Some(Ok(data)));
                }
            }
        }
    }
}
