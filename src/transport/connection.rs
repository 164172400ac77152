//! The connection of one call, whichever HTTP it speaks: its own (HTTP/1.1), or one stream of a shared one (HTTP/2).

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::limits::Beyond;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::ConnUse;
use crate::transport::connect::{ConnectError, Opened};
use crate::transport::http1::{self, Sole};
use crate::transport::http2_pool::{Http2Connection, Http2Opening};
use crate::units::Nanos;

/// What carries a call.
pub(crate) enum Connection {
    /// A connection of its own, as long as the call lasts.
    Sole(Sole),
    /// A stream of one that other calls use too.
    Http2Connection(Http2Connection),
}

/// The body of an answer under way.
pub(crate) enum Body {
    /// Over HTTP/1.1.
    Sole(Incoming),
    /// Over HTTP/2.
    Http2Connection(h2::RecvStream),
}

/// The head of an answer, or why none came.
pub(crate) type Head = Result<Response<Body>, Broken>;

/// The right to open a connection.
pub(crate) enum Opening {
    /// For one call at a time.
    Sole,
    /// For several at once; its place in the pool is taken until this goes out of scope.
    Http2Connection(Http2Opening),
}

impl Opening {
    /// Begins HTTP on an open stream.
    ///
    /// # Errors
    /// When it closed at once.
    pub(crate) async fn begin(&mut self, id: u64, opened: Opened) -> Result<Connection, ConnectError> {
        let closed = |message: String| ConnectError { class: ErrorClass::Connect, message };
        match self {
            Self::Sole => {
                Sole::begin(id, opened).await.map(Connection::Sole).map_err(|error| closed(error.to_string()))
            }
            Self::Http2Connection(opening) => opening
                .begin(id, opened)
                .await
                .map(Connection::Http2Connection)
                .map_err(|error| closed(error.to_string())),
        }
    }

    /// It did not come about; calls that waited for it hear why.
    pub(crate) fn failed(self, class: ErrorClass) {
        match self {
            Self::Sole => {}
            Self::Http2Connection(opening) => opening.failed(class),
        }
    }
}

/// An exchange that ended before its answer did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// Over HTTP/1.1.
    #[error(transparent)]
    Sole(#[from] hyper::Error),
    /// Over HTTP/2.
    #[error(transparent)]
    Http2Connection(#[from] h2::Error),
}

impl Broken {
    /// Its class.
    #[must_use]
    pub(crate) fn class(&self) -> ErrorClass {
        match self {
            Self::Sole(error) => of_connection(error),
            Self::Http2Connection(error) => of_stream(error),
        }
    }
}

fn of_connection(error: &hyper::Error) -> ErrorClass {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    match io.map(|io| (io.kind(), Beyond::of(io))) {
        Some((_, Some(_))) => ErrorClass::TooLarge,
        Some((ErrorKind::ConnectionReset | ErrorKind::BrokenPipe, None)) => ErrorClass::ConnectionReset,
        // Chunks that are none.
        Some((ErrorKind::InvalidData | ErrorKind::InvalidInput, None)) => ErrorClass::Protocol,
        _ if error.is_parse_too_large() => ErrorClass::TooLarge,
        _ if error.is_parse() => ErrorClass::Protocol,
        _ => ErrorClass::ConnectionClosed,
    }
}

fn of_stream(error: &h2::Error) -> ErrorClass {
    if let Some(io) = error.get_io() {
        return match io.kind() {
            // h2 keeps the words alone: of all that reads, only a limit has no kind of its own.
            ErrorKind::Other => ErrorClass::TooLarge,
            ErrorKind::ConnectionReset => ErrorClass::ConnectionReset,
            // The end of a connection is a broken pipe to h2.
            _ => ErrorClass::ConnectionClosed,
        };
    }
    match (error.is_remote(), error.is_reset()) {
        (true, true) if error.reason() == Some(h2::Reason::REFUSED_STREAM) => ErrorClass::StreamRefused,
        (true, true) => ErrorClass::StreamReset,
        // GOAWAY: this call came too late for it, or the server gave up all of them.
        (true, false) => ErrorClass::ConnectionClosed,
        (false, _) => ErrorClass::Protocol,
    }
}

impl Connection {
    /// The connection as the present call sees it.
    #[must_use]
    pub(crate) fn as_used(&self) -> ConnUse {
        match self {
            Self::Sole(sole) => sole.as_used(),
            Self::Http2Connection(connection) => connection.exchange.as_used(),
        }
    }

    /// Whether it lay idle before this call: the server may have closed it meanwhile.
    #[must_use]
    pub(crate) fn was_idle(&self) -> bool {
        match self {
            Self::Sole(sole) => !sole.as_used().is_new(),
            Self::Http2Connection(connection) => connection.exchange.was_idle(),
        }
    }

    /// Takes up a new call.
    pub(crate) fn begin_call(&mut self) {
        match self {
            Self::Sole(sole) => sole.begin_call(),
            // A stream has one call.
            Self::Http2Connection(_) => {}
        }
    }

    /// A moment before the first byte of the request went to the kernel, if it did.
    #[must_use]
    pub(crate) fn sent(&self) -> Option<Nanos> {
        match self {
            Self::Sole(sole) => sole.stamps().sent(),
            Self::Http2Connection(connection) => connection.exchange.sent(),
        }
    }

    /// After the read that brought the first byte of the answer, if one came; over HTTP/2 its head, which comes whole.
    #[must_use]
    pub(crate) fn first_byte(&self) -> Option<Nanos> {
        match self {
            Self::Sole(sole) => sole.stamps().first_byte(),
            Self::Http2Connection(connection) => connection.exchange.first_byte(),
        }
    }

    /// After the read that brought what was just returned.
    #[must_use]
    pub(crate) fn last_read(&self) -> Nanos {
        match self {
            Self::Sole(sole) => sole.stamps().last_read(),
            Self::Http2Connection(connection) => connection.exchange.last_read(),
        }
    }

    /// Hands the request over; what is returned is for `poll_head`.
    pub(crate) fn request(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Option<impl Future<Output = http1::Head> + use<>> {
        match self {
            Self::Sole(sole) => Some(sole.request(request)),
            Self::Http2Connection(connection) => {
                connection.exchange.request(request);
                None
            }
        }
    }

    /// Carries the request out and waits for the head of the answer.
    pub(crate) fn poll_head(
        &mut self,
        head: Pin<&mut Option<impl Future<Output = http1::Head>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Head> {
        match (self, head.as_pin_mut()) {
            (Self::Sole(sole), Some(head)) => sole.poll_head(head, cx).map(|head| Ok(head?.map(Body::Sole))),
            // Only a request over HTTP/1.1 has something to be polled besides.
            (Self::Sole(_), None) => Poll::Pending,
            (Self::Http2Connection(connection), _) => {
                connection.exchange.poll_head(cx).map(|head| Ok(head?.map(Body::Http2Connection)))
            }
        }
    }

    /// The next piece of the body, or `None` at its end.
    pub(crate) fn poll_piece(&mut self, body: &mut Body, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        match (self, body) {
            (Self::Sole(sole), Body::Sole(body)) => sole.poll_piece(body, cx).map_err(Broken::Sole),
            (Self::Http2Connection(connection), Body::Http2Connection(body)) => {
                connection.exchange.poll_piece(body, cx).map_err(Broken::Http2Connection)
            }
            // A body is only read on the connection that brought it.
            (Self::Sole(_), Body::Http2Connection(_)) | (Self::Http2Connection(_), Body::Sole(_)) => Poll::Ready(None),
        }
    }
}
