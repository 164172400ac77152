//! A listener that forwards to others: it reads the request, takes its own time, asks its upstream over a connection of
//! its own, and passes the answer on as it comes.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use serde_json::json;

use crate::api::{ApiError, Details, Dialect, PLAN, Trouble, api};
use crate::clock::now_ns;
use crate::forward::Forward;
use crate::latency::dice;
use crate::ledger::{Planned, Record};
use crate::reply::Reply;
use crate::tap::{Arrival, Entry, Marks, Note, Tap};
use crate::upstream::{Dialer, Gateway};
use crate::visit::Visit;

/// Headers that concern one connection only.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const VIA: &str = "1.1 hopmark-gateway";

/// One request on its way through.
struct Passage<'a> {
    visit: &'a Visit,
    gateway: &'a Gateway,
    head: &'a Parts,
    arrival: Arrival,
    id: String,
    entry: Rc<Entry>,
}

/// Forwards a request.
pub(crate) async fn forward(
    visit: &Visit,
    gateway: &Gateway,
    head: &Parts,
    body: Result<Bytes, ApiError>,
    trouble: Option<Trouble>,
) -> Response<Reply> {
    let arrival = visit.tap.arrival();
    let id = visit.request_id(&head.headers);
    let record = Record {
        request_id: id.clone(),
        listener: Arc::clone(&visit.listener.name),
        api: api(head.uri.path()),
        recv_ns: arrival.recv,
        ..Record::default()
    };
    let entry = Entry::new(record, visit.worker.sink.clone());
    let passage = Passage { visit, gateway, head, arrival, id, entry };
    if let Some(trouble) = trouble {
        return passage.trouble(trouble);
    }
    let body = match body {
        Ok(body) => body,
        Err(error) => return passage.refuse(error.status(), "The request could not be read.", arrival.ideal),
    };
    match passage.pass(body).await {
        Ok(response) => response,
        Err(error) => {
            passage.entry.update(|record| record.fault = Some("upstream_failed"));
            passage.refuse(StatusCode::BAD_GATEWAY, &format!("The upstream does not answer: {error}."), now_ns())
        }
    }
}

impl Passage<'_> {
    async fn pass(&self, body: Bytes) -> io::Result<Response<Reply>> {
        let worker = &self.visit.worker;
        let place = format!("{}/own", self.visit.listener.name);
        let number = self.gateway.requests.fetch_add(1, Ordering::Relaxed);
        let own = self.gateway.own.draw(&mut dice(worker.world.seed, &place, number));
        let due = self.arrival.ideal + own.round() as u64;
        worker.clock.sleep_until(due).await;
        let upstream = &self.gateway.upstream;
        let pool = &worker.pools[self.visit.listener.place];
        let twins = self.visit.listener.backend.is_some().then_some(&*worker.world.twins);
        let dialer = Dialer { upstream, pool, clock: &worker.clock, rooms: &worker.rooms, twins };
        let headers = self.request_headers();
        let target =
            format!("{}{}", upstream.url.base, self.head.uri.path_and_query().map_or("/", |path| path.as_str()));
        let request = || {
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = self.head.method.clone();
            *request.uri_mut() = target.parse().unwrap_or_default();
            *request.headers_mut() = headers.clone();
            request
        };
        let (lease, response) = dialer.send(due, request).await?;
        let (mut head, body) = response.into_parts();
        let came = lease.tap.arrival().ideal;
        let stream = is_stream(&head.headers);
        let planned = self.planned(&head.headers, &lease.tap, stream);
        self.entry.update(|record| {
            (record.planned, record.stream, record.status) = (planned, stream, head.status.as_u16());
        });
        strip(&mut head.headers);
        self.declare(&mut head.headers, own, came.saturating_sub(due));
        self.visit.tap.head(Note { due: came, marks: Marks::HEAD, entry: Some(Rc::clone(&self.entry)) });
        let (pool, tap) = (Rc::clone(pool), self.visit.tap.clone());
        let forward = Forward::new(body, lease, pool, tap, Rc::clone(&self.entry), stream);
        Ok(Response::from_parts(head, Reply::Forward(Box::new(forward))))
    }

    fn request_headers(&self) -> HeaderMap {
        let mut headers = self.head.headers.clone();
        strip(&mut headers);
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::EXPECT);
        if let Ok(host) = HeaderValue::from_str(&self.gateway.upstream.url.authority) {
            headers.insert(header::HOST, host);
        }
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.entry(REQUEST_ID).or_insert(id);
        }
        headers.append(header::VIA, HeaderValue::from_static(VIA));
        headers
    }

    /// What a gateway says of itself: its own time, and how long the upstream took to its head, in milliseconds.
    fn declare(&self, headers: &mut HeaderMap, own: f64, upstream: u64) {
        let ms = |ns: f64| HeaderValue::from_str(&format!("{:.3}", ns / 1e6));
        headers.append(header::VIA, HeaderValue::from_static(VIA));
        if let (Ok(own), Ok(upstream)) = (ms(own), ms(upstream as f64)) {
            headers.insert("x-gateway-overhead-ms", own);
            headers.insert("x-gateway-upstream-ms", upstream);
        }
        if let Ok(name) = HeaderValue::from_str(&self.visit.listener.name) {
            headers.insert("x-gateway-name", name);
        }
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.entry(REQUEST_ID).or_insert(id);
        }
    }

    /// The plan from here: what a model of ours has planned, and the ways back over both links.
    fn planned(&self, headers: &HeaderMap, upstream: &Tap, stream: bool) -> Option<Planned> {
        let (first, end) = headers.get(PLAN)?.to_str().ok()?.split_once(' ')?;
        let (first, end): (u64, u64) = (first.parse().ok()?, end.parse().ok()?);
        let back = upstream.way_in() + self.visit.tap.way_out();
        let ms = |due: u64| (due + back).saturating_sub(self.arrival.recv) as f64 / 1e6;
        Some(Planned { first_ms: ms(if stream { first } else { end }), end_ms: ms(end) })
    }

    /// Trouble that the scenario gives the gateway itself.
    fn trouble(&self, trouble: Trouble) -> Response<Reply> {
        self.entry.update(|record| record.fault = Some(trouble.name()));
        let wait = 2_000_000_000;
        let details = Details { model: "", version: "v1", responses: false, wait: Some(wait), figures: [0; 3] };
        let (kind, body) = trouble.body(Dialect::Azure, &details);
        let message = trouble.gateway_message();
        let mut response = self.refuse(trouble.status(), message, self.arrival.ideal);
        if kind != "application/json" || body.is_empty() {
            response = response.map(|_| Reply::whole(body.into_bytes()));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if trouble.status() == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait / 1_000_000_000));
        }
        response
    }

    /// An answer of the gateway itself, in the shape of API Management.
    fn refuse(&self, status: StatusCode, message: &str, due: u64) -> Response<Reply> {
        self.entry.update(|record| record.status = status.as_u16());
        self.visit.tap.head(Note { due, marks: Marks::ALL, entry: Some(Rc::clone(&self.entry)) });
        let body = json!({"statusCode": status.as_u16(), "message": message}).to_string();
        let mut response = Response::new(Reply::whole(body.into_bytes()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::VIA, HeaderValue::from_static(VIA));
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(PLAN);
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/event-stream")
}
