//! One connection, from its first byte to its last: reads requests whole and has them answered.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::EXPECT;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::net::TcpStream;

use crate::api::{self, ApiError, Trouble};
use crate::distance::Caller;
use crate::fault::{self, Fault};
use crate::hyper_io::HyperIo;
use crate::link::{Ends, Link};
use crate::reply::Reply;
use crate::tap::Tap;
use crate::twin::End;
use crate::visit::{Listener, Visit, Worker};
use crate::{admin, gateway};

/// The largest body that is taken.
const BODY: usize = 16 << 20;
/// How much more of a larger one is heard out, so that its sender gets to see the refusal.
const HEAR_OUT: usize = 64 << 20;

/// Serves one connection to its end.
pub(crate) async fn serve(worker: Rc<Worker>, listener: Arc<Listener>, stream: TcpStream) {
    let Some(stream) = fault::strike(&worker, &listener, stream).await else { return };
    let tap = Tap::default();
    let route = Arc::clone(&listener.route);
    let twin = match stream.peer_addr() {
        Ok(peer) if listener.tells_plan => worker.world.twins.accepting(peer),
        _ => End::foreign(),
    };
    let ends = Ends { route, caller: Caller::Peer, tap: tap.clone(), twin };
    let link = Link::new(stream, ends, &worker.clock, Rc::clone(&worker.rooms.0));
    let io = HyperIo::new(link.clone(), Rc::clone(&worker.rooms.1));
    let patience = worker.watch.add();
    tap.set_patience(Rc::clone(&patience));
    let visit = Rc::new(Visit { worker, listener, tap });
    let service = service_fn(move |request| {
        let visit = Rc::clone(&visit);
        async move { Ok::<_, Infallible>(handle(&visit, request).await) }
    });
    let connection = http1::Builder::new().writev(false).serve_connection(io, service);
    let mut connection = pin!(connection);
    // An error here is a caller that went away or did not speak HTTP; the ledger has what it got.
    let _ = std::future::poll_fn(|cx| {
        if patience.poll_over(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        link.poll_release(cx);
        let served = connection.as_mut().poll(cx);
        if link.is_severed() { Poll::Ready(Ok(())) } else { served }
    })
    .await;
}

/// Answers one request.
async fn handle(visit: &Visit, request: Request<Incoming>) -> Response<Reply> {
    let (head, body) = request.into_parts();
    let body = read_body(body, head.headers.contains_key(EXPECT)).await;
    visit.tap.serving();
    if head.uri.path().starts_with("/_sim/") {
        return admin::answer(visit, &head);
    }
    match fault::of_request(visit, &head) {
        Ok(None) => answer(visit, &head, body, None).await,
        Ok(Some(fault)) => Box::pin(fail(visit, &head, body, fault)).await,
        Err(message) => admin::refuse(visit, &message),
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
        // Boxed, since it is far larger than the rest, which would have to move with it.
        (Some(gateway), _) => Box::pin(gateway::forward(visit, gateway, head, body, trouble)).await,
        (None, Some(backend)) => api::answer(visit, backend, head, body, trouble).await,
        (None, None) => Response::new(Reply::whole(Vec::new())),
    }
}

/// The whole body of a request, unless it is too large. A caller who asks before sending it is refused at once.
async fn read_body(mut body: Incoming, asks: bool) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let size = body.size_hint().lower();
    if size > (BODY + HEAR_OUT) as u64 || (asks && size > BODY as u64) {
        return Err(ApiError::TooLarge);
    }
    collect(Pin::new(&mut body)).await
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
