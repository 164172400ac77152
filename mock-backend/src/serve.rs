//! One connection, from its first byte to its last: reads requests whole and has them answered.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::EXPECT;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::api::{self, ApiError, Trouble};
use crate::census::Of;
use crate::distance::Caller;
use crate::fault::{self, Fault};
use crate::hyper_io::HyperIo;
use crate::link::{Ends, Link};
use crate::protocol::{self, is_http2};
use crate::reply::Reply;
use crate::stage::{Desk, Seat};
use crate::tamper::Tampered;
use crate::tap::Tap;
use crate::twin::End;
use crate::visit::Visit;
use crate::watch::Patience;
use crate::{admin, gateway, identity, stream};

/// The largest body that is taken.
const BODY: usize = 16 << 20;
/// How much more of a larger one is heard out, so that its sender gets to see the refusal.
const HEAR_OUT: usize = 64 << 20;

/// Serves one connection to its end.
pub(crate) async fn serve(desk: Rc<Desk>, place: usize, stream: TcpStream) {
    let worker = desk.worker();
    let listener = Arc::clone(&worker.world.listeners[place]);
    let _present = worker.world.census.enter(Of::Connection(place));
    // Boxed, since what it needs is over before the connection begins.
    let Some(stream) = Box::pin(fault::strike(&worker, &listener, stream)).await else { return };
    let tap = Tap::default();
    let route = Arc::clone(&listener.route);
    let twin = match stream.peer_addr() {
        Ok(peer) if listener.tells_plan => worker.world.twins.accepting(peer),
        _ => End::foreign(),
    };
    let ends = Ends { route, caller: Caller::Peer, tap: tap.clone(), twin };
    let link = Link::new(stream, ends, &worker.clock, Rc::clone(&worker.rooms.0));
    let patience = worker.watch.add(&worker.world.config.waits);
    tap.set_patience(Rc::clone(&patience));
    let seat = Seat::new(desk, Visit { worker, listener, tap });
    let mut speak = pin!(speak(seat, link.clone(), Rc::clone(&patience)));
    poll_fn(|cx| {
        if patience.poll_over(cx).is_ready() {
            return Poll::Ready(());
        }
        link.poll_release(cx);
        let spoken = speak.as_mut().poll(cx);
        if link.is_severed() { Poll::Ready(()) } else { spoken }
    })
    .await;
}

/// Finds out what the caller speaks, and speaks it with him. Who does not get so far has only wasted his own time.
async fn speak(seat: Seat, mut link: Link, patience: Rc<Patience>) {
    let visit = seat.visit();
    let room = Rc::clone(&visit.worker.rooms.1);
    match visit.listener.tls.clone() {
        None => {
            let mut ahead = Vec::new();
            if let Some(Ok(http2)) = unless_leaving(&patience, is_http2(&mut link, &mut ahead, &room)).await {
                let io = HyperIo::with(link, ahead, room);
                if http2 { Box::pin(streams(seat, io, &patience)).await } else { exchanges(seat, io, &patience).await }
            }
        }
        Some(identity) => {
            // Boxed, as all that a plain connection does not need: it would have to keep room for it.
            let shaking = Box::pin(identity.acceptor.accept(link));
            if let Some(Ok(stream)) = unless_leaving(&patience, shaking).await {
                patience.wait();
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    Box::pin(streams(seat, HyperIo::new(stream, room), &patience)).await;
                } else {
                    let stream = Tampered::new(stream, visit.tap.clone());
                    Box::pin(exchanges(seat, HyperIo::new(stream, room), &patience)).await;
                }
            }
        }
    }
}

/// What `begin` comes to; nothing if the simulator is to end before.
async fn unless_leaving<T>(patience: &Patience, begin: impl Future<Output = T>) -> Option<T> {
    let mut begin = pin!(begin);
    poll_fn(|cx| match patience.poll_leave() {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => begin.as_mut().poll(cx).map(Some),
    })
    .await
}

/// HTTP/1.1: one exchange after the other.
async fn exchanges<T>(seat: Seat, io: HyperIo<T>, patience: &Patience)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    protocol::http1(io, move |request| handle(seat.visit(), request), |_| patience.poll_leave()).await;
}

/// HTTP/2: several streams at once.
async fn streams<T>(seat: Seat, io: HyperIo<T>, patience: &Patience)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let census = Arc::clone(&seat.visit().worker.world.census);
    let answer = move |request| {
        let visit = seat.visit();
        let tap = visit.tap.stream();
        let (worker, listener) = (Rc::clone(&visit.worker), Arc::clone(&visit.listener));
        stream::answer(tap.clone(), handle(Rc::new(Visit { worker, listener, tap }), request))
    };
    patience.shares();
    protocol::http2(io, census, answer, |_| patience.poll_leave()).await;
}

/// Answers one request.
async fn handle(visit: Rc<Visit>, request: Request<Incoming>) -> Response<Reply> {
    visit.tap.serving();
    let (head, body) = request.into_parts();
    let body = read_body(body, head.headers.contains_key(EXPECT), visit.worker.world.config.waits.body).await;
    respond(visit, head, body).await
}

/// The answer to a request that was read, or could not be.
pub(crate) async fn respond(visit: Rc<Visit>, head: Parts, body: Result<Bytes, ApiError>) -> Response<Reply> {
    if head.uri.path().starts_with("/_sim/") {
        return admin::answer(&visit, &head, body);
    }
    if head.uri.path().ends_with("/token")
        && let Some(response) = identity::answer(&visit, &head, body.as_deref().unwrap_or_default())
    {
        return response;
    }
    match fault::of_request(&visit, &head, body.as_deref().unwrap_or_default()) {
        Ok(Some(fault)) if visit.tap.is_stream() && fault.is_of_http1() => {
            admin::refuse(&visit, &format!("the fault \"{}\" is one of HTTP/1.1, and this is HTTP/2", fault.name()))
        }
        Ok(None) => answer(&visit, &head, body, None).await,
        Ok(Some(fault)) => Box::pin(fail(&visit, &head, body, fault)).await,
        Err(message) => admin::refuse(&visit, &message),
    }
}

/// Answers a request for which the scenario has a fault.
async fn fail(visit: &Visit, head: &Parts, body: Result<Bytes, ApiError>, fault: Fault) -> Response<Reply> {
    if let Some(response) = fault::instead(visit, head, fault).await {
        return response;
    }
    let response = answer(visit, head, body, fault.trouble()).await;
    if let Fault::Status(_) = fault { response } else { fault::spoil(visit, fault, response).await }
}

async fn answer(
    visit: &Visit,
    head: &Parts,
    body: Result<Bytes, ApiError>,
    trouble: Option<Trouble>,
) -> Response<Reply> {
    match (&visit.listener.gateway, &visit.listener.backend) {
        // Boxed, since the room for them is needed only until the answer begins, and a stream may last.
        (Some(gateway), _) => Box::pin(gateway::forward(visit, gateway, head, body, trouble)).await,
        (None, Some(backend)) => Box::pin(api::answer(visit, backend, head, body, trouble)).await,
        (None, None) => Response::new(Reply::whole(Vec::new())),
    }
}

/// The whole body of a request, unless it is too large. A caller who asks before sending it is refused at once.
async fn read_body(mut body: Incoming, asks: bool, wait: Duration) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let size = body.size_hint().lower();
    if size > (BODY + HEAR_OUT) as u64 || (asks && size > BODY as u64) {
        return Err(ApiError::TooLarge);
    }
    let mut all = pin!(collect(Pin::new(&mut body)));
    // Nearly all come with their head, and need no timer.
    if let Poll::Ready(all) = poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx))).await {
        return all;
    }
    tokio::time::timeout(wait, all).await.unwrap_or(Err(ApiError::Slow))
}

async fn collect(mut body: Pin<&mut Incoming>) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map(|frame| frame.into_data().unwrap_or_default()) else {
            return Err(ApiError::Invalid("The request body ended before its time.".to_owned(), None));
        };
        size += data.len();
        if size > BODY {
            (first, all) = (Bytes::new(), BytesMut::new());
            if size > BODY + HEAR_OUT {
                break;
            }
        } else if size == data.len() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    match size {
        size if size > BODY => Err(ApiError::TooLarge),
        size if size == first.len() => Ok(first),
        _ => Ok(all.freeze()),
    }
}
