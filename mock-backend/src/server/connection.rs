//! One connection, from its first byte to its last: reads requests whole and has them answered.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::EXPECT;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::body::{Receiving, read_body};
use super::protocol::{self, is_http2};
use super::{admin, http2_stream};
use crate::api::error::ApiError;
use crate::api::route::Address;
use crate::api::{self, auth::Aside};
use crate::fault::{self, Fault, Passed};
use crate::gateway;
use crate::net::distance::Caller;
use crate::net::hyper_io::HyperIo;
use crate::net::idle::IdleTimer;
use crate::net::link::{Ends, Link};
use crate::net::reply::{Reply, whole};
use crate::net::tamper::Tampered;
use crate::net::virtual_time::End;
use crate::observe::gauges::Gauge;
use crate::state::context::{ConnState, Context};
use crate::state::worker::Worker;
use crate::units::budget;

/// Serves one connection to its end.
pub(crate) async fn serve(worker: Rc<Worker>, place: usize, stream: TcpStream) {
    let conn = ConnState::new(worker, place);
    let context = conn.context();
    let _counted = context.state.ground.gauges.enter(Gauge::Connection(place));
    let faults = context.listener.connection_faults.as_ref();
    // Boxed, since what it needs is over before the connection begins.
    let Some(stream) = Box::pin(fault::strike_connection(&context.connection, faults, stream)).await else { return };
    let link = open_link(&context, stream);
    let idle = context.worker.idle.add(&context.state.config.waits);
    context.connection.exchange.set_idle_timer(Rc::clone(&idle));
    drop(context);
    let mut speaking = pin!(speak(conn, link.clone(), Rc::clone(&idle)));
    poll_fn(|cx| {
        if idle.poll_over(cx).is_ready() {
            return Poll::Ready(());
        }
        link.poll_release(cx);
        let spoken = speaking.as_mut().poll(cx);
        if link.is_severed() || link.poll_gone(cx) { Poll::Ready(()) } else { spoken }
    })
    .await;
}

/// The link over which the caller's bytes come.
fn open_link(context: &Context, stream: TcpStream) -> Link {
    let Context { worker, state, listener, connection } = context;
    let virtual_time = match stream.peer_addr() {
        Ok(peer) if listener.tells_plan => state.ground.virtual_time.accepting(peer),
        _ => End::foreign(),
    };
    let (route, exchange) = (Arc::clone(&listener.route), connection.exchange.clone());
    let ends = Ends { route, caller: Caller::Peer, exchange, virtual_time };
    Link::new(stream, ends, &worker.clock, Rc::clone(&worker.scratch.0))
}

/// Finds out what the caller speaks, and speaks it with him. Who does not get so far has only wasted his own time.
async fn speak(conn: ConnState, mut link: Link, idle: Rc<IdleTimer>) {
    let context = conn.context();
    let scratch = Rc::clone(&context.worker.scratch.1);
    match context.listener.tls.clone() {
        None => {
            let mut ahead = Vec::new();
            if let Some(Ok(http2)) = run_unless_leaving(&idle, is_http2(&mut link, &mut ahead, &scratch)).await {
                if http2 {
                    Box::pin(serve_http2(conn, HyperIo::with(link, ahead, scratch), &idle)).await;
                } else {
                    let stream = Tampered::new(link, context.connection.exchange.clone());
                    serve_http1(conn, HyperIo::with(stream, ahead, scratch), &idle, true).await;
                }
            }
        }
        Some(identity) => {
            // Boxed, as all that a plain connection does not need: it would have to keep room for it.
            let shaking = Box::pin(identity.acceptor.accept(link));
            if let Some(Ok(stream)) = run_unless_leaving(&idle, shaking).await {
                idle.await_request();
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    Box::pin(serve_http2(conn, HyperIo::new(stream, scratch), &idle)).await;
                } else {
                    let stream = Tampered::new(stream, context.connection.exchange.clone());
                    Box::pin(serve_http1(conn, HyperIo::new(stream, scratch), &idle, false)).await;
                }
            }
        }
    }
}

/// What `begin` comes to; nothing if the simulator is to end before.
async fn run_unless_leaving<T>(idle: &IdleTimer, begin: impl Future<Output = T>) -> Option<T> {
    let mut begin = pin!(begin);
    poll_fn(|cx| if idle.is_leaving() { Poll::Ready(None) } else { begin.as_mut().poll(cx).map(Some) }).await
}

/// HTTP/1.1: one exchange after the other; a caller that sends no more may still listen if it may `half_close`.
async fn serve_http1<T>(conn: ConnState, io: HyperIo<T>, idle: &IdleTimer, half_close: bool)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let answer = move |request| read_and_answer(conn.context(), request);
    protocol::http1(io, answer, idle, half_close).await;
}

/// HTTP/2: several streams at once.
async fn serve_http2<T>(conn: ConnState, io: HyperIo<T>, idle: &IdleTimer)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let gauges = Arc::clone(&conn.context().state.ground.gauges);
    let answer = move |request| {
        let context = conn.stream_context();
        http2_stream::answer(context.connection.exchange.clone(), read_and_answer(context, request))
    };
    idle.share_streams();
    protocol::http2(io, gauges, answer, idle).await;
}

/// Answers one request.
async fn read_and_answer(context: Rc<Context>, request: Request<Incoming>) -> Response<Reply> {
    context.connection.exchange.begin_exchange();
    let (head, body) = request.into_parts();
    let receiving = Receiving::begin(&context.state.ground.gauges.receiving);
    let body = read_body(body, head.headers.contains_key(EXPECT), context.state.config.waits.body, receiving).await;
    respond(context, head, body).await
}

/// The answer to a request that was read, or could not be.
pub(crate) async fn respond(context: Rc<Context>, head: Parts, body: Result<Bytes, ApiError>) -> Response<Reply> {
    let Context { connection, .. } = &*context;
    budget::renew();
    if head.uri.path().starts_with("/_sim/") {
        return admin::answer(&context, &head, body);
    }
    let text = body.as_deref().unwrap_or_default();
    let aside = Aside {
        identity: &context.state.config.identity,
        elapsed: context.state.elapsed(),
        gauges: &context.state.ground.gauges,
        tls: context.listener.tls.is_some(),
    };
    // Boxed, since the room for it is not needed by calls.
    if let Some(response) = Box::pin(aside.answer(connection, &head, text)).await {
        return response;
    }
    match context.faults().choose(&head, text, connection.exchange.arrival().ideal) {
        Ok(Some(fault)) if connection.exchange.is_stream() && fault.is_of_http1() => {
            let name = fault.name();
            admin::refuse(&context, &format!("the fault \"{name}\" is one of HTTP/1.1, and this is HTTP/2"))
        }
        Ok(None) => answer(&context, &head, body, None).await,
        Ok(Some(fault)) => Box::pin(fail(&context, &head, body, fault)).await,
        Err(message) => admin::refuse(&context, &message),
    }
}

/// Answers a request for which the scenario has a fault.
async fn fail(context: &Context, head: &Parts, body: Result<Bytes, ApiError>, fault: Fault) -> Response<Reply> {
    let (connection, api) = (&context.connection, Address::of(&head.uri).api);
    if let Some(response) = fault::answer_instead(connection, api, head, fault).await {
        return response;
    }
    let response = answer(context, head, body, Some(fault)).await;
    if let Fault::Status(_) = fault { response } else { fault::spoil_response(connection, fault, response).await }
}

/// Answers a request, less what the listener's defects take of it.
async fn answer(
    context: &Context,
    head: &Parts,
    body: Result<Bytes, ApiError>,
    fault: Option<Fault>,
) -> Response<Reply> {
    let (defects, connection) = (&context.listener.defects, &context.connection);
    let body = match body {
        Ok(body) if !defects.is_empty() => {
            match fault::receive_with(defects, connection, Address::of(&head.uri).api, head, body) {
                Passed::On(body) => Ok(body),
                Passed::Refused(response) => return response,
            }
        }
        body => body,
    };
    let response = answer_whole(context, head, body, fault).await;
    if defects.is_empty() {
        return response;
    }
    // Boxed, since few listeners have any.
    Box::pin(fault::spoil_with(defects, &connection.exchange, response)).await
}

/// Has the gateway or the API answer.
async fn answer_whole(
    context: &Context,
    head: &Parts,
    body: Result<Bytes, ApiError>,
    fault: Option<Fault>,
) -> Response<Reply> {
    let address = Address::of(&head.uri);
    let error_kind = fault.and_then(Fault::error_kind);
    // Boxed, since the room for them is needed only until the answer begins, and a stream may last.
    if let Some(route) = context.gateway() {
        let body = body.map_err(|error| error.status());
        return Box::pin(gateway::pass_through(route, address.api, head, body, error_kind)).await;
    }
    match context.service() {
        Some(service) => Box::pin(api::answer(&service, &address, head, body, error_kind)).await,
        None => Response::new(whole(Vec::new())),
    }
}
