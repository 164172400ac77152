//! One HTTP/2 connection and the streams on it, each of which carries one call.
//!
//! A task of its own drives the connection, one read a turn. What a read brings is handed to the calls before the next
//! one: their tasks were woken in that turn, so they stand before the driver's next turn in the worker's queue. So
//! `IoStamps::last_read`, seen by a call that is handed a frame, is the read that completed it; and should the order
//! ever be another, it is a later one, never one from before the frame came.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::{self, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Request, Response};

use crate::limits::Limit;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::ConnUse;
use crate::transport::connect::{ConnectError, Handshake, Opened};
use crate::transport::history::History;
use crate::transport::timed_io::{IoStamps, SentAt, Stream};
use crate::units::Nanos;

/// What a server may send on one stream, and on all of a connection, before it is read: calls read at once, so these
/// never hold up an answer.
const STREAM_WINDOW: u32 = 2 << 20;
const WINDOW: u32 = 16 << 20;

type Driver = client::Connection<Stream, Bytes>;

/// A connection that several calls share.
pub(crate) struct Link {
    id: u64,
    opened: Nanos,
    handshake: Handshake,
    stamps: Rc<IoStamps>,
    uses: Cell<u32>,
    /// Calls under way.
    streams: Cell<usize>,
    sender: RefCell<Option<SendRequest<Bytes>>>,
    driver: RefCell<Option<Driver>>,
    /// The driver's task.
    task: RefCell<Option<Waker>>,
}

impl Link {
    /// Begins HTTP/2 on an open stream and drives it until it ends. Nothing is waited for: until the server has told
    /// its limit, one stream at a time is allowed. `turned` hears of every turn of the driver that may have changed
    /// what the connection can do.
    ///
    /// # Errors
    /// h2's, when the stream is already closed.
    pub(crate) async fn begin(id: u64, opened: Opened, turned: impl Fn() + 'static) -> Result<Rc<Self>, h2::Error> {
        let Opened { stream, stamps, handshake } = opened;
        stamps.one_read_a_turn();
        let (sender, driver) = builder().handshake(stream).await?;
        let link = Rc::new(Self {
            id,
            opened: Nanos::now(),
            handshake,
            stamps,
            uses: Cell::new(0),
            streams: Cell::new(0),
            sender: RefCell::new(Some(sender)),
            driver: RefCell::new(Some(driver)),
            task: RefCell::new(None),
        });
        let driven = Rc::clone(&link);
        tokio::task::spawn_local(poll_fn(move |cx| {
            driven.task.borrow_mut().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
            let turn = driven.turn(cx);
            turned();
            turn
        }));
        Ok(link)
    }

    /// Reads once, hands over what came, and writes what waits to be written.
    fn turn(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut driver = self.driver.borrow_mut();
        let Some(running) = driver.as_mut() else { return Poll::Ready(()) };
        self.stamps.begin_turn();
        let turn = Pin::new(running).poll(cx);
        if turn.is_ready() {
            *driver = None;
        }
        turn.map(drop)
    }

    /// How long it has lived.
    #[must_use]
    pub(crate) fn history(&self) -> History {
        History { opened: self.opened, calls: self.uses.get() }
    }

    /// Calls under way.
    #[must_use]
    pub(crate) fn streams(&self) -> usize {
        self.streams.get()
    }

    /// Whether it takes new calls: it is neither lost nor about to be closed by the server.
    #[must_use]
    pub(crate) fn is_usable(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let takes_calls = |sender: &mut SendRequest<Bytes>| matches!(sender.poll_ready(&mut cx), Poll::Ready(Ok(())));
        self.driver.borrow().is_some() && self.sender.borrow_mut().as_mut().is_some_and(takes_calls)
    }

    /// Looks at the socket once, so that the end of an idle connection is noticed before a call is sent on it.
    pub(crate) fn look(&self) {
        let task = self.task.borrow().clone();
        if let Some(task) = task {
            // In the name of the driver's task, which goes on to be woken for it. How it ended shows in `is_usable`.
            let _ = self.turn(&mut Context::from_waker(&task));
        }
    }

    /// Whether one more call has room, beside the server's own limit within `streams`.
    #[must_use]
    pub(crate) fn has_room(&self, streams: usize) -> bool {
        let allowed = self.sender.borrow().as_ref().map_or(0, SendRequest::current_max_send_streams);
        self.streams.get() < streams.min(allowed)
    }

    /// Closes it when the last call on it has ended.
    pub(crate) fn retire(&self) {
        self.sender.replace(None);
    }
}

fn builder() -> client::Builder {
    let mut builder = client::Builder::new();
    builder
        .enable_push(false)
        .initial_max_send_streams(1)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(Limit::HeadBytes.most() as u32);
    builder
}

/// One call on a shared connection. It takes room there until it goes out of scope.
pub(crate) struct Exchange {
    link: Rc<Link>,
    uses: u32,
    /// Whether the connection was open before and carried no other call.
    was_idle: bool,
    sent: SentAt,
    first_byte: Option<Nanos>,
    /// The answer that is waited for, or why there will be none.
    answer: Option<Result<ResponseFuture, h2::Error>>,
}

impl Exchange {
    /// Takes room for a call.
    #[must_use]
    pub(crate) fn on(link: &Rc<Link>) -> Self {
        let was_idle = link.uses.get() > 0 && link.streams.get() == 0;
        link.uses.set(link.uses.get() + 1);
        link.streams.set(link.streams.get() + 1);
        Self {
            uses: link.uses.get(),
            was_idle,
            sent: SentAt::default(),
            first_byte: None,
            answer: None,
            link: Rc::clone(link),
        }
    }

    /// The connection as this call sees it.
    #[must_use]
    pub(crate) fn as_used(&self) -> ConnUse {
        let new = self.uses == 1;
        let Handshake { dns, tcp, proxy, tls, peer } = self.link.handshake;
        ConnUse {
            id: self.link.id,
            uses: self.uses,
            dns: dns.filter(|_| new),
            tcp: tcp.filter(|_| new),
            tls: tls.filter(|_| new),
            proxy: proxy.filter(|_| new),
            peer,
        }
    }

    /// Whether the connection was open before and carried no other call when this one was begun.
    #[must_use]
    pub(crate) fn was_idle(&self) -> bool {
        self.was_idle
    }

    /// Before the first write after the request was handed to HTTP/2: the one that carried it, or an earlier one.
    #[must_use]
    pub(crate) fn sent(&self) -> Option<Nanos> {
        self.sent.get()
    }

    /// After the read that completed the head of the answer: what came of it before is not seen.
    #[must_use]
    pub(crate) fn first_byte(&self) -> Option<Nanos> {
        self.first_byte
    }

    /// After the latest read of the connection.
    #[must_use]
    pub(crate) fn last_read(&self) -> Nanos {
        self.link.stamps.last_read()
    }

    /// Hands the request over; its answer comes with `poll_head`.
    pub(crate) fn request(&mut self, request: Request<Full<Bytes>>) {
        self.answer = Some(self.begin(request));
    }

    fn begin(&self, request: Request<Full<Bytes>>) -> Result<ResponseFuture, h2::Error> {
        let (mut head, body) = request.into_parts();
        let body = whole(body);
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        // A clone each: one that waits for its stream to open holds up only itself.
        let sender = self.link.sender.borrow().clone();
        let mut sender = sender.ok_or(h2::Error::from(Reason::REFUSED_STREAM))?;
        let (answer, mut stream) = sender.send_request(Request::from_parts(head, ()), false)?;
        stream.send_data(body, true)?;
        self.link.stamps.stamp_next_write(&self.sent);
        Ok(answer)
    }

    /// Waits for the head of the answer.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, h2::Error>> {
        let answer = match self.answer.take() {
            Some(Ok(mut answer)) => match Pin::new(&mut answer).poll(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending => {
                    self.answer = Some(Ok(answer));
                    return Poll::Pending;
                }
            },
            Some(Err(error)) => Err(error),
            // Nothing was asked.
            None => return Poll::Pending,
        };
        if answer.is_ok() {
            self.first_byte = Some(self.last_read());
            self.link.stamps.count_anew();
        }
        Poll::Ready(answer)
    }

    /// The next piece of the body, or `None` at its end; trailers say nothing that is measured.
    pub(crate) fn poll_piece(
        &self,
        body: &mut RecvStream,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, h2::Error>>> {
        loop {
            match ready!(body.poll_data(cx)) {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    self.link.stamps.count_anew();
                    // An error means that the connection has ended, which the next piece will tell.
                    let _ = body.flow_control().release_capacity(piece.len());
                    return Poll::Ready(Some(Ok(piece)));
                }
                // The server wants no more of the request, and has said all.
                Some(Err(error)) if error.is_reset() && error.reason() == Some(Reason::NO_ERROR) => {
                    return Poll::Ready(None);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.link.streams.set(self.link.streams.get() - 1);
    }
}

/// A body that is whole from the beginning.
fn whole(mut body: Full<Bytes>) -> Bytes {
    match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        Poll::Ready(Some(Err(_)) | None) | Poll::Pending => Bytes::new(),
    }
}

/// Whether who was reached speaks HTTP/2: begins it, and waits for the answer to a ping.
///
/// # Errors
/// [`ConnectError`] in a sentence that says what to do.
pub(crate) async fn greet(opened: Opened, whom: &str) -> Result<(), ConnectError> {
    let not = |why: String| ConnectError {
        class: ErrorClass::Protocol,
        message: format!("{whom} does not speak HTTP/2 ({why})"),
    };
    let begun = builder().handshake::<_, Bytes>(opened.stream).await;
    let (sender, mut driver) = begun.map_err(|error| not(error.to_string()))?;
    let Some(mut pings) = driver.ping_pong() else { return Ok(()) };
    pings.send_ping(h2::Ping::opaque()).map_err(|error| not(error.to_string()))?;
    let heard = poll_fn(|cx| {
        let driven = Pin::new(&mut driver).poll(cx);
        match (pings.poll_pong(cx), driven) {
            (Poll::Ready(Ok(_)), _) => Poll::Ready(Ok(())),
            (_, Poll::Ready(Err(error))) => Poll::Ready(Err(error.to_string())),
            (_, Poll::Ready(Ok(()))) => Poll::Ready(Err("it closed the connection".to_owned())),
            (_, Poll::Pending) => Poll::Pending,
        }
    })
    .await;
    drop(sender);
    heard.map_err(not)
}
