//! One request on its way to its answer: its record, its headers, and the instant at which it leaves.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use super::backend::{Backend, Kept};
use super::dialect::Dialect;
use super::headers::Head;
use super::script::Script;
use super::service::Service;
use super::sse::{EventStream, Next};
use crate::model::deployment::Plan;
use crate::model::rng::{SeededRng, seeded_rng};
use crate::net::connection::Connection;
use crate::net::entry::{Entry, Marks};
use crate::net::exchange::{Arrival, Note};
use crate::net::reply::{PIECE, Pieces, Reply, whole};
use crate::net::virtual_time::PLAN;
use crate::observe::record::Planned;
use crate::units::{Nanos, millis};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// One request on its way to its answer.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) service: &'a Service<'a>,
    /// Who answers; the service's own backend, or another in its place.
    pub(crate) backend: &'a Arc<Backend>,
    pub(crate) head: &'a Parts,
    pub(crate) arrival: Arrival,
    pub(crate) dialect: Dialect,
}

/// How an answer is sent.
pub(crate) struct Sending<'a> {
    pub(crate) plan: Plan,
    pub(crate) entry: Rc<Entry>,
    pub(crate) id: &'a str,
    /// The deployment or model that was asked.
    pub(crate) name: &'a str,
    /// What is kept of it once it is sent.
    pub(crate) kept: Option<Kept>,
}

impl Call<'_> {
    /// An answer that takes no time of the model: a text about the request of this name.
    pub(crate) fn at_once(
        &self,
        status: StatusCode,
        api: &'static str,
        text: impl FnOnce(&str) -> String,
    ) -> Response<Reply> {
        let (entry, id) = self.open_record(api, false, status);
        let reply = self.send_whole(text(&id).into(), self.arrival.ideal, entry);
        let took = (status == StatusCode::OK).then_some(0);
        self.response(status, JSON, (&id, None), took, reply)
    }

    /// The body of an answer that is whole at `due`, with the note on what it means; a large one goes in pieces.
    fn send_whole(&self, body: Bytes, due: Nanos, entry: Rc<Entry>) -> Reply {
        let exchange = &self.connection().exchange;
        if body.len() <= PIECE {
            exchange.note_head(Note { due, marks: Marks::ALL, entry: Some(entry) });
            return whole(body);
        }
        exchange.note_head(Note { due, marks: Marks::HEAD, entry: Some(Rc::clone(&entry)) });
        Box::pin(Pieces::new(body, due, exchange.clone(), entry))
    }

    /// Lets the whole answer leave when its request has come.
    pub(crate) fn leave_at_once(&self, entry: Rc<Entry>) {
        let note = Note { due: self.arrival.ideal, marks: Marks::ALL, entry: Some(entry) };
        self.connection().exchange.note_head(note);
    }

    /// The plan in milliseconds from the arrival at the socket, the way in and the way out included.
    fn planned(&self, first: Nanos, end: Nanos) -> Planned {
        let ms = |due: Nanos| millis((due + self.connection().exchange.way_out()).since(self.arrival.recv));
        Planned { first_ms: ms(first), end_ms: ms(end) }
    }

    /// Notes the plan in the record, and tells it to a gateway of ours.
    fn note_plan(&self, entry: &Entry, first: Nanos, end: Nanos) -> Option<HeaderValue> {
        let planned = self.planned(first, end);
        entry.update(|record| record.planned = Some(planned));
        let told = self.service.tells_plan.then(|| format!("{} {}", first.0, end.0))?;
        HeaderValue::from_str(&told).ok()
    }

    /// A stream; after `before`, if its caller has known it before, up to a token.
    pub(crate) async fn stream(
        &self,
        script: Box<dyn Script>,
        sending: Sending<'_>,
        before: Option<(Bytes, usize)>,
    ) -> Response<Reply> {
        let Sending { plan, entry, id, name, kept } = sending;
        let first = script.first();
        let told = self.note_plan(&entry, first.map_or(plan.end(), |first| plan.due(first)), plan.stream_end());
        if let Some(kept) = &kept {
            kept.begin(self.backend);
        }
        let opens = if before.is_some() { self.arrival.ideal } else { plan.opens_at() };
        let opened = self.wait(opens).await;
        let over = before.as_ref().is_some_and(|(bytes, next)| bytes.is_empty() && *next == plan.tokens);
        let marks = if over { Marks::ALL } else { Marks::HEAD };
        self.connection().exchange.note_head(Note { due: opened, marks, entry: Some(Rc::clone(&entry)) });
        let mut events = EventStream {
            script,
            plan,
            backend: Arc::clone(self.backend),
            exchange: self.connection().exchange.clone(),
            entry,
            alarm: self.connection().clock.alarm(),
            opened,
            quiet_since: opened,
            rest: None,
            next: Next::Opening,
            first,
            kept,
            before: None,
        };
        if let Some((bytes, next)) = before {
            events.resume(bytes, next);
        }
        let body = Box::pin(events);
        let mut response = self.response(StatusCode::OK, EVENTS, (id, Some(name)), Some(self.took(opened)), body);
        response.headers_mut().extend(told.map(|told| (PLAN, told)));
        response
    }

    /// An answer in one piece.
    pub(crate) async fn whole(&self, body: Vec<u8>, sending: Sending<'_>) -> Response<Reply> {
        let Sending { plan, entry, id, name, kept } = sending;
        let end = plan.end();
        let told = self.note_plan(&entry, end, end);
        let due = self.wait(end).await;
        if let Some(kept) = kept {
            kept.end(self.backend);
        }
        let reply = self.send_whole(body.into(), due, entry);
        let mut response = self.response(StatusCode::OK, JSON, (id, Some(name)), Some(self.took(due)), reply);
        response.headers_mut().extend(told.map(|told| (PLAN, told)));
        response
    }

    /// Waits until what is due at `due` may leave the backend, and says when that was.
    async fn wait(&self, due: Nanos) -> Nanos {
        let mut at = self.backend.model.release(due);
        loop {
            self.connection().clock.sleep_until(at).await;
            let now = self.backend.model.release(due);
            if now <= at {
                return at;
            }
            at = now;
        }
    }

    /// Opens the record of this request; also says its id.
    pub(crate) fn open_record(&self, api: &'static str, stream: bool, status: StatusCode) -> (Rc<Entry>, String) {
        let id = self.connection().request_id(&self.head.headers);
        let entry = self.connection().open_record(id.clone(), api, |record| {
            (record.stream, record.status) = (stream, status.as_u16());
        });
        (entry, id)
    }

    /// The number of this request here, and the generator of its draws.
    pub(crate) fn number(&self) -> (u64, SeededRng) {
        let number = self.service.arrivals.fetch_add(1, Ordering::Relaxed);
        (number, seeded_rng(self.service.seed, &self.connection().listener, number))
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.service.connection
    }

    /// The time that the service reports of itself when it writes the head of an answer, ms: until then.
    fn took(&self, head: Nanos) -> u64 {
        head.since(self.arrival.ideal).as_millis() as u64
    }

    /// An answer with the headers of its dialect; `id` is the request's, with the deployment that it went to.
    pub(crate) fn response(
        &self,
        status: StatusCode,
        kind: HeaderValue,
        (id, name): (&str, Option<&str>),
        took: Option<u64>,
        reply: Reply,
    ) -> Response<Reply> {
        let mut response = Response::new(reply);
        *response.status_mut() = status;
        let stream = response.body().size_hint().exact().is_none();
        let headers = response.headers_mut();
        headers.reserve(16);
        headers.insert(CONTENT_TYPE, kind);
        let request_headers = &self.head.headers;
        Head { dialect: self.dialect, request_headers, id, backend: self.backend, took, name, stream }.write(headers);
        response
    }
}
