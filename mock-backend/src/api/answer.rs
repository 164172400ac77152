//! From a request to its answer, at the time that is planned for it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use rand::Rng;

use super::ask::{Ask, Asked, Form, Reader};
use super::choices::{longest, prose};
use super::content::Choice;
use super::draft::Answer;
use super::embeddings::Vectors;
use super::error::ApiError;
use super::heads::Head;
use super::kept::Kept;
use super::responses::{ResponsesAnswer, Stage};
use super::route::{Dialect, api, dialect};
use super::sse::{EventStream, Next, Script};
use super::trouble::Trouble;
use crate::backend::{Backend, Length, Plan, Prompt};
use crate::generate::Text;
use crate::latency::{dice, pick};
use crate::ledger::{Planned, Record};
use crate::reply::Reply;
use crate::responses_store::response_name;
use crate::tap::{Arrival, Entry, Marks, Note};
use crate::visit::Visit;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
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
    let reader = Reader { head, key: world.key.as_deref(), any_model: world.any_model, strict: world.strict };
    let text = body.clone().unwrap_or_default();
    let done = match (reader.read(body), trouble) {
        (Ok(Asked::Answer(mut ask)), trouble) => {
            ask.cached = backend.prefixes.cached(&ask.model, &text, arrival.ideal).min(ask.prompt_tokens);
            call.admit(ask, trouble).await
        }
        (_, Some(trouble)) => Ok(call.trouble(api(head.uri.path()), trouble)),
        (Ok(Asked::Known(text)), None) => Ok(call.at_once(StatusCode::OK, api(head.uri.path()), text)),
        // Boxed, since they are seldom and would make every answer larger.
        (Ok(Asked::Embeddings(vectors)), None) => Box::pin(call.admit_vectors(vectors)).await,
        (Ok(Asked::Stored(id, errand)), None) => Box::pin(call.retrieve(&id, errand)).await,
        (Ok(Asked::StoredChat(id, errand)), None) => call.stored_chat(&id, errand, &text),
        (Ok(Asked::StoredChats), None) => call.stored_chats(),
        (Ok(Asked::Compact(asked)), None) => Box::pin(call.compact(asked)).await,
        (Ok(Asked::CountTokens(asked)), None) => call.count_tokens(&asked),
        (Err(error), None) => Err(error),
    };
    done.unwrap_or_else(|error| call.at_once(error.status(), api(head.uri.path()), error.body(call.dialect)))
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

/// How an answer is sent.
pub(super) struct Sending<'a> {
    pub(super) plan: Plan,
    pub(super) entry: Rc<Entry>,
    pub(super) id: &'a str,
    /// The deployment or model that was asked.
    pub(super) name: &'a str,
    /// What is kept of it once it is sent.
    pub(super) kept: Option<Kept>,
}

impl Call<'_> {
    /// An answer that takes no time of the model.
    pub(super) fn at_once(&self, status: StatusCode, api: &'static str, text: String) -> Response<Reply> {
        let (entry, id) = self.entry(api, false, status);
        let note = Note { due: self.arrival.ideal, marks: Marks::ALL, entry: Some(entry) };
        self.visit.tap.head(note);
        let took = (status == StatusCode::OK).then_some(0);
        self.response(status, JSON, (&id, None), took, Reply::whole(text.into_bytes()))
    }

    pub(super) async fn generate(&self, mut ask: Ask) -> Result<Response<Reply>, ApiError> {
        if let Form::Responses(form) = &ask.form
            && let Some(previous) = &form.previous
        {
            let before = response_name(previous).and_then(|name| self.backend.responses.get(name));
            ask.prompt_tokens += before.ok_or_else(|| ApiError::NoPrevious(previous.clone()))?.answer.context();
        }
        let listener = &self.visit.listener;
        let number = listener.arrivals.fetch_add(1, Ordering::Relaxed);
        let mut dice = dice(self.visit.worker.world.seed, &listener.name, number);
        let mut special = self.special(&ask, number);
        let format = self.format_tokens(&ask);
        let thinking = (self.backend.config.reasoning_tokens as f64 * ask.effort) as usize + format;
        let fixed = special.as_mut().and_then(|dice| self.fixed(&ask, thinking, dice));
        let length = match &fixed {
            Some(choices) => Length::Exactly(longest(choices)),
            None => Length::Free { limit: ask.limit, thinking },
        };
        let prompt = Prompt { tokens: ask.prompt_tokens, cached: ask.cached };
        let plan = self.backend.admit(self.arrival.ideal, &mut dice, prompt, length);
        let mut plan = plan.ok_or(ApiError::Unavailable)?;
        let (text, name) = (Text::new(pick(&mut dice, usize::MAX)), dice.next_u64());
        let mut choices = fixed.unwrap_or_else(|| prose(&ask, &mut plan, text, special.as_mut()));
        if format > 0 {
            choices.iter_mut().for_each(|choice| choice.hide(thinking - format));
        }
        if self.is_filtered(special.as_mut()) {
            choices.iter_mut().for_each(Choice::filter);
            plan.shorten(longest(&choices));
        }
        let (entry, id) = self.entry(ask.form.name(), ask.stream, StatusCode::OK);
        let tokens: usize = choices.iter().map(Choice::tokens).sum();
        entry.update(|record| record.tokens = u32::try_from(tokens).ok());
        let answer = self.script(&mut ask, &plan, choices, name);
        let kept = answer.kept(&mut ask, &plan, name);
        let sending = Sending { plan, entry, id: &id, name: &ask.name, kept };
        Ok(match answer {
            Answer::Responses(answer, _) if answer.terms.background && !ask.stream => {
                self.in_background(&answer, sending)
            }
            // Boxed, since it is far larger than the rest, which would have to move with it.
            answer if ask.stream => Box::pin(self.stream(answer.events(), sending, None)).await,
            answer => self.whole(answer.whole(), sending).await,
        })
    }

    /// A response that is made later; the caller is told that it is queued.
    fn in_background(&self, answer: &ResponsesAnswer, sending: Sending<'_>) -> Response<Reply> {
        let Sending { entry, id, name, kept, .. } = sending;
        if let Some(kept) = kept {
            kept.begin(self.backend);
        }
        self.visit.tap.head(Note { due: self.arrival.ideal, marks: Marks::ALL, entry: Some(entry) });
        let body = Reply::whole(answer.snapshot(Stage::Queued).into_bytes());
        self.response(StatusCode::OK, JSON, (id, Some(name)), Some(0), body)
    }

    pub(super) async fn embed(&self, vectors: Vectors) -> Result<Response<Reply>, ApiError> {
        let listener = &self.visit.listener;
        let number = listener.arrivals.fetch_add(1, Ordering::Relaxed);
        let mut dice = dice(self.visit.worker.world.seed, &listener.name, number);
        let prompt = Prompt { tokens: vectors.prompt_tokens, cached: 0 };
        let plan = self.backend.admit(self.arrival.ideal, &mut dice, prompt, Length::Exactly(1));
        let plan = plan.ok_or(ApiError::Unavailable)?;
        let (entry, id) = self.entry("embeddings", false, StatusCode::OK);
        entry.update(|record| record.tokens = Some(0));
        let sending = Sending { plan, entry, id: &id, name: &vectors.name, kept: None };
        Ok(self.whole(vectors.whole(), sending).await)
    }

    /// The plan in milliseconds from the arrival at the socket, the way in and the way out included.
    fn planned(&self, first: u64, end: u64) -> Planned {
        let ms = |due: u64| (due + self.visit.tap.way_out()).saturating_sub(self.arrival.recv) as f64 / 1e6;
        Planned { first_ms: ms(first), end_ms: ms(end) }
    }

    /// Notes the plan in the record, and tells it to a gateway of ours.
    fn note_plan(&self, entry: &Entry, first: u64, end: u64) -> Option<HeaderValue> {
        let planned = self.planned(first, end);
        entry.update(|record| record.planned = Some(planned));
        let told = self.visit.listener.tells_plan.then(|| format!("{first} {end}"))?;
        HeaderValue::from_str(&told).ok()
    }

    /// A stream; after `before`, if its caller has known it before, up to a token.
    pub(super) async fn stream(
        &self,
        script: Script,
        sending: Sending<'_>,
        before: Option<(Bytes, usize)>,
    ) -> Response<Reply> {
        let Sending { plan, entry, id, name, kept } = sending;
        let first = script.first();
        let told = self.note_plan(&entry, first.map_or(plan.end(), |first| plan.due(first)), plan.stream_end());
        if let Some(kept) = &kept {
            kept.begin(self.backend);
        }
        let opens = if before.is_some() { self.arrival.ideal } else { plan.opens() };
        let opened = self.wait(opens).await;
        let over = before.as_ref().is_some_and(|(bytes, next)| bytes.is_empty() && *next == plan.tokens);
        let marks = if over { Marks::ALL } else { Marks::HEAD };
        self.visit.tap.head(Note { due: opened, marks, entry: Some(Rc::clone(&entry)) });
        let mut events = EventStream {
            script,
            plan,
            backend: Arc::clone(self.backend),
            tap: self.visit.tap.clone(),
            entry,
            alarm: self.visit.worker.clock.alarm(),
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
        let body = Reply::Events(Box::new(events));
        let mut response = self.response(StatusCode::OK, EVENTS, (id, Some(name)), Some(0), body);
        response.headers_mut().extend(told.map(|told| (PLAN, told)));
        response
    }

    pub(super) async fn whole(&self, body: Vec<u8>, sending: Sending<'_>) -> Response<Reply> {
        let Sending { plan, entry, id, name, kept } = sending;
        let end = plan.end();
        let told = self.note_plan(&entry, end, end);
        let due = self.wait(end).await;
        if let Some(kept) = kept {
            kept.end(self.backend);
        }
        self.visit.tap.head(Note { due, marks: Marks::ALL, entry: Some(entry) });
        let took = due.saturating_sub(self.arrival.ideal) / 1_000_000;
        let mut response = self.response(StatusCode::OK, JSON, (id, Some(name)), Some(took), Reply::whole(body));
        response.headers_mut().extend(told.map(|told| (PLAN, told)));
        response
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

    /// An answer with the headers of its dialect; `id` is the request's, with the deployment that it went to.
    pub(super) fn response(
        &self,
        status: StatusCode,
        kind: HeaderValue,
        (id, name): (&str, Option<&str>),
        took: Option<u64>,
        reply: Reply,
    ) -> Response<Reply> {
        let mut response = Response::new(reply);
        *response.status_mut() = status;
        let stream = matches!(response.body(), Reply::Events(_));
        let headers = response.headers_mut();
        headers.reserve(16);
        headers.insert(CONTENT_TYPE, kind);
        let asked = &self.head.headers;
        Head { dialect: self.dialect, asked, id, backend: self.backend, took, name, stream }.write(headers);
        response
    }
}
