//! From a request to its answer, at the time that is planned for it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use rand::Rng;

use super::ask::{Ask, Asked, Form, Reader};
use super::chat::ChatAnswer;
use super::error::ApiError;
use super::responses::ResponsesAnswer;
use super::route::{Dialect, api, dialect};
use super::sse::{EventStream, Next, Script};
use super::trouble::Trouble;
use crate::backend::{Backend, Plan};
use crate::clock::unix_seconds;
use crate::generate::Text;
use crate::latency::{dice, pick};
use crate::ledger::{Planned, Record};
use crate::reply::Reply;
use crate::tap::{Arrival, Entry, Marks, Note};
use crate::visit::Visit;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const PROCESSING: HeaderName = HeaderName::from_static("openai-processing-ms");
/// Where a model tells a gateway of ours what it has planned: when the first and the last token are due, in nanoseconds
/// of `CLOCK_MONOTONIC`. The gateway keeps it to itself.
pub(crate) const PLAN: HeaderName = HeaderName::from_static("x-sim-plan");

/// Answers a request to the API, at the time that is planned for it.
pub(crate) async fn answer(
    visit: &Visit,
    backend: &Arc<Backend>,
    head: &Parts,
    body: Result<Bytes, ApiError>,
    trouble: Option<Trouble>,
) -> Response<Reply> {
    let arrival = visit.tap.arrival();
    let call = Call { visit, backend, head, arrival, dialect: dialect(&head.uri) };
    let world = &visit.worker.world;
    let reader = Reader { head, key: world.key.as_deref(), any_model: world.any_model };
    match (reader.read(body), trouble) {
        (Ok(Asked::Answer(ask)), trouble) => call.admit(ask, trouble).await,
        (_, Some(trouble)) => call.trouble(api(head.uri.path()), trouble),
        (Ok(Asked::Models(text)), None) => call.at_once(StatusCode::OK, api(head.uri.path()), text),
        (Err(error), None) => call.at_once(error.status(), api(head.uri.path()), error.body(call.dialect)),
    }
}

/// One request on its way to its answer.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) visit: &'a Visit,
    pub(super) backend: &'a Arc<Backend>,
    pub(super) head: &'a Parts,
    pub(super) arrival: Arrival,
    pub(super) dialect: Dialect,
}

impl Call<'_> {
    /// An answer that takes no time of the model.
    fn at_once(&self, status: StatusCode, api: &'static str, text: String) -> Response<Reply> {
        let (entry, id) = self.entry(api, false, status);
        let note = Note { due: self.arrival.ideal, marks: Marks::ALL, entry: Some(entry) };
        self.visit.tap.head(note);
        self.response(status, JSON, &id, 0, Reply::whole(text.into_bytes()))
    }

    pub(super) async fn generate(&self, ask: Ask) -> Response<Reply> {
        let listener = &self.visit.listener;
        let number = listener.arrivals.fetch_add(1, Ordering::Relaxed);
        let mut dice = dice(self.visit.worker.world.seed, &listener.name, number);
        let plan = self.backend.admit(self.arrival.ideal, &mut dice, ask.prompt_tokens, ask.limit);
        let (entry, id) = self.entry(ask.form.name(), ask.stream, StatusCode::OK);
        let planned = self.planned(&plan, ask.stream);
        let told = listener.tells_plan.then(|| format!("{} {}", plan.due(0), plan.end()));
        entry.update(|record| {
            record.planned = Some(planned);
            record.tokens = u32::try_from(plan.tokens).ok();
        });
        let (text, name) = (Text::new(pick(&mut dice, usize::MAX)), dice.next_u64());
        let script = script(&ask, &plan, text, name);
        let stream = ask.stream;
        let mut response = if stream {
            self.stream(script, plan, entry, &id).await
        } else {
            self.whole(script, &plan, entry, &id).await
        };
        if let Some(value) = told.and_then(|told| HeaderValue::from_str(&told).ok()) {
            response.headers_mut().insert(PLAN, value);
        }
        response
    }

    /// The plan in milliseconds from the arrival at the socket, the way in and the way out included.
    fn planned(&self, plan: &Plan, stream: bool) -> Planned {
        let ms = |due: u64| (due + self.visit.tap.way_out()).saturating_sub(self.arrival.recv) as f64 / 1e6;
        let end_ms = ms(plan.end());
        Planned { first_ms: if stream { ms(plan.due(0)) } else { end_ms }, end_ms }
    }

    async fn stream(&self, script: Answer, plan: Plan, entry: Rc<Entry>, id: &str) -> Response<Reply> {
        let opened = self.wait(self.arrival.ideal).await;
        let note = Note { due: opened, marks: Marks::HEAD, entry: Some(Rc::clone(&entry)) };
        self.visit.tap.head(note);
        let events = EventStream {
            script: script.events(),
            plan,
            backend: Arc::clone(self.backend),
            tap: self.visit.tap.clone(),
            entry,
            alarm: self.visit.worker.clock.alarm(),
            opened,
            next: Next::Opening,
        };
        self.response(StatusCode::OK, EVENTS, id, 0, Reply::Events(Box::new(events)))
    }

    async fn whole(&self, script: Answer, plan: &Plan, entry: Rc<Entry>, id: &str) -> Response<Reply> {
        let body = script.whole();
        let due = self.wait(plan.end()).await;
        self.visit.tap.head(Note { due, marks: Marks::ALL, entry: Some(entry) });
        let took = due.saturating_sub(self.arrival.ideal) / 1_000_000;
        self.response(StatusCode::OK, JSON, id, took, Reply::whole(body))
    }

    /// Waits until what is due at `due` may leave the backend, and says when that was.
    async fn wait(&self, due: u64) -> u64 {
        let mut at = self.backend.release(due);
        loop {
            self.visit.worker.clock.sleep_until(at).await;
            let now = self.backend.release(due);
            if now <= at {
                return at;
            }
            at = now;
        }
    }

    /// Opens the record of this request; also says its id.
    pub(super) fn entry(&self, api: &'static str, stream: bool, status: StatusCode) -> (Rc<Entry>, String) {
        let id = self.visit.request_id(&self.head.headers);
        let record = Record {
            request_id: id.clone(),
            listener: Arc::clone(&self.visit.listener.name),
            api,
            stream,
            recv_ns: self.arrival.recv,
            status: status.as_u16(),
            ..Record::default()
        };
        (Entry::new(record, self.visit.worker.sink.clone()), id)
    }

    pub(super) fn response(
        &self,
        status: StatusCode,
        kind: HeaderValue,
        id: &str,
        took: u64,
        reply: Reply,
    ) -> Response<Reply> {
        let mut response = Response::new(reply);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, kind);
        if status == StatusCode::OK {
            headers.insert(PROCESSING, HeaderValue::from(took));
        }
        if let Ok(id) = HeaderValue::from_str(id) {
            self.identify(headers, id);
        }
        if matches!(response.body(), Reply::Events(_)) {
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        response
    }

    fn identify(&self, headers: &mut HeaderMap, id: HeaderValue) {
        if let Some(theirs) = self.head.headers.get("x-ms-client-request-id") {
            headers.insert("x-ms-client-request-id", theirs.clone());
        }
        if self.dialect == Dialect::Azure {
            if let Ok(region) = HeaderValue::from_str(&self.backend.config.region) {
                headers.insert("x-ms-region", region);
            }
            headers.insert("apim-request-id", id.clone());
        }
        headers.insert("x-request-id", id);
    }
}

/// An answer whose form is still open.
enum Answer {
    Chat(ChatAnswer, bool),
    Responses(ResponsesAnswer),
}

impl Answer {
    fn whole(&self) -> Vec<u8> {
        match self {
            Self::Chat(answer, _) => answer.whole(),
            Self::Responses(answer) => answer.whole(),
        }
    }

    fn events(self) -> Script {
        match self {
            Self::Chat(answer, include_usage) => Script::Chat(answer.chunks(include_usage)),
            Self::Responses(answer) => Script::Responses(answer.events()),
        }
    }
}

fn script(ask: &Ask, plan: &Plan, text: Text, name: u64) -> Answer {
    let (model, created) = (ask.model.clone(), unix_seconds());
    let (prompt_tokens, tokens, cut) = (ask.prompt_tokens, plan.tokens, plan.cut);
    match &ask.form {
        Form::Chat { include_usage } => {
            let id = format!("chatcmpl-{name:016x}");
            Answer::Chat(ChatAnswer { id, created, model, prompt_tokens, tokens, cut, text }, *include_usage)
        }
        Form::Responses { echo } => {
            let (id, echo) = (format!("resp_{name:032x}"), echo.clone());
            Answer::Responses(ResponsesAnswer { id, created, model, prompt_tokens, tokens, cut, text, echo })
        }
    }
}
