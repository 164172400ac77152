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
use super::chat::ChatAnswer;
use super::completions::CompletionsAnswer;
use super::compose;
use super::content::Choice;
use super::embeddings::Vectors;
use super::error::ApiError;
use super::heads::Head;
use super::responses::{ResponsesAnswer, Stage};
use super::responses_events::ResponsesEvents;
use super::route::{Dialect, api, dialect};
use super::sse::{EventStream, Next, Script};
use super::trouble::Trouble;
use crate::backend::{Backend, Length, Plan, Prompt};
use crate::clock::unix_seconds;
use crate::generate::Text;
use crate::latency::{Dice, dice, pick};
use crate::ledger::{Planned, Record};
use crate::reply::Reply;
use crate::responses_store::Stored;
use crate::tap::{Arrival, Entry, Marks, Note};
use crate::visit::Visit;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
/// Where a model tells a gateway of ours what it has planned: when the first and the last token are due, in nanoseconds
/// of `CLOCK_MONOTONIC`. The gateway keeps it to itself.
pub(crate) const PLAN: HeaderName = HeaderName::from_static("x-sim-plan");
/// The longest summary of a reasoning, in tokens.
const SUMMARY: usize = 24;

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
    pub(super) stored: Option<Arc<Stored>>,
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
            let before = self.backend.responses.get(previous);
            ask.prompt_tokens += before.ok_or_else(|| ApiError::NoPrevious(previous.clone()))?.answer.context();
        }
        let listener = &self.visit.listener;
        let number = listener.arrivals.fetch_add(1, Ordering::Relaxed);
        let mut dice = dice(self.visit.worker.world.seed, &listener.name, number);
        let mut special = self.special(&ask, number);
        let thinking = (self.backend.config.reasoning_tokens as f64 * ask.effort) as usize;
        let fixed = special.as_mut().and_then(|dice| self.fixed(&ask, thinking, dice));
        let length = match &fixed {
            Some(choices) => Length::Exactly(longest(choices)),
            None => Length::Free { limit: ask.limit, thinking },
        };
        let prompt = Prompt { tokens: ask.prompt_tokens, cached: ask.cached };
        let plan = self.backend.admit(self.arrival.ideal, &mut dice, prompt, length);
        let mut plan = plan.ok_or(ApiError::Unavailable)?;
        let (text, name) = (Text::new(pick(&mut dice, usize::MAX)), dice.next_u64());
        let choices = fixed.unwrap_or_else(|| prose(&ask, &mut plan, text, special.as_mut()));
        let (entry, id) = self.entry(ask.form.name(), ask.stream, StatusCode::OK);
        let tokens: usize = choices.iter().map(Choice::tokens).sum();
        entry.update(|record| record.tokens = u32::try_from(tokens).ok());
        let answer = self.script(&mut ask, &plan, choices, name);
        let stored = answer.stored(&mut ask, &plan);
        let sending = Sending { plan, entry, id: &id, name: &ask.name, stored };
        Ok(match answer {
            Answer::Responses(answer, _) if answer.terms.background && !ask.stream => {
                self.in_background(&answer, sending)
            }
            // Boxed, since it is far larger than the rest, which would have to move with it.
            answer if ask.stream => Box::pin(self.stream(answer.events(), sending, None)).await,
            answer => self.whole(answer.whole(), sending).await,
        })
    }

    /// The dice of all that is not plain text; they leave those of the times alone.
    fn special(&self, ask: &Ask, number: u64) -> Option<Dice> {
        if ask.wish.is_none() && ask.n == 1 && self.backend.config.refusals == 0.0 {
            return None;
        }
        Some(match ask.wish.as_ref().and_then(|wish| wish.seed) {
            Some(seed) => dice(seed as u64, "seed", 0),
            None => dice(self.visit.worker.world.seed, &format!("{}/content", self.visit.listener.name), number),
        })
    }

    /// The choices whose length is not drawn.
    fn fixed(&self, ask: &Ask, thinking: usize, dice: &mut Dice) -> Option<Vec<Choice>> {
        use rand::RngExt;
        let mut refused = self.backend.config.refusals;
        refused = if refused > 0.0 && dice.random_bool(refused) { 1.0 } else { 0.0 };
        let one = |dice: &mut Dice| {
            let body = if refused > 0.0 {
                Some(compose::refusal())
            } else {
                ask.wish.as_ref().and_then(|wish| compose::fixed(wish, dice, ask.n))
            };
            body.map(|body| Choice::within(ask.limit, thinking, body))
        };
        (0..ask.n).map(|_| one(dice)).collect()
    }

    /// An answer whose form is still open.
    fn script(&self, ask: &mut Ask, plan: &Plan, choices: Vec<Choice>, name: u64) -> Answer {
        let (model, created) = (std::mem::take(&mut ask.model), unix_seconds());
        let (prompt_tokens, cached, dialect) = (ask.prompt_tokens, ask.cached, self.dialect);
        match &mut ask.form {
            Form::Chat { include_usage, logprobs } => {
                let (id, logprobs, include_usage) = (format!("chatcmpl-{name:016x}"), *logprobs, *include_usage);
                let answer = ChatAnswer { id, created, model, prompt_tokens, cached, choices, dialect, logprobs };
                Answer::Chat(answer, ask.chat_stream(include_usage))
            }
            Form::Completions { include_usage, echo } => {
                let (id, echo, include_usage) = (format!("cmpl-{name:016x}"), echo.take(), *include_usage);
                let answer = CompletionsAnswer { id, created, model, prompt_tokens, cached, choices, dialect, echo };
                Answer::Completions(answer, ask.chat_stream(include_usage))
            }
            Form::Responses(form) => {
                let took = plan.end().saturating_sub(self.arrival.ideal);
                let terms = form.terms.clone();
                let choice = choices.into_iter().next().unwrap_or_else(Choice::nothing);
                let summary =
                    (terms.summary && choice.thinking > 0).then(|| compose::summary(choice.thinking.min(SUMMARY)));
                let answer = ResponsesAnswer {
                    name,
                    created,
                    completed: created + took / 1_000_000_000,
                    model,
                    prompt_tokens,
                    cached,
                    choice,
                    summary,
                    terms,
                    dialect,
                };
                Answer::Responses(Arc::new(answer), ask.obfuscated)
            }
        }
    }

    /// A response that is made later; the caller is told that it is queued.
    fn in_background(&self, answer: &ResponsesAnswer, sending: Sending<'_>) -> Response<Reply> {
        let Sending { entry, id, name, stored, .. } = sending;
        if let Some(stored) = stored {
            self.backend.responses.put(stored);
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
        let sending = Sending { plan, entry, id: &id, name: &vectors.name, stored: None };
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
        let Sending { plan, entry, id, name, stored } = sending;
        let first = script.first();
        let told = self.note_plan(&entry, first.map_or(plan.end(), |first| plan.due(first)), plan.stream_end());
        if let Some(stored) = stored.as_ref().filter(|stored| stored.background.is_some()) {
            self.backend.responses.put(Arc::clone(stored));
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
            stored,
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

    async fn whole(&self, body: Vec<u8>, sending: Sending<'_>) -> Response<Reply> {
        let Sending { plan, entry, id, name, stored } = sending;
        let end = plan.end();
        let told = self.note_plan(&entry, end, end);
        let due = self.wait(end).await;
        if let Some(stored) = stored {
            self.backend.responses.put(stored);
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

/// The tokens of the longest choice.
fn longest(choices: &[Choice]) -> usize {
    choices.iter().map(Choice::tokens).max().unwrap_or(0)
}

/// Plain text of the planned length, cut at the first stop sequence; the plan is shortened if that comes sooner.
fn prose(ask: &Ask, plan: &mut Plan, text: Text, mut special: Option<&mut Dice>) -> Vec<Choice> {
    let tokens = plan.tokens - plan.thinking;
    let seeded = ask.wish.as_ref().is_some_and(|wish| wish.seed.is_some());
    let stop: &[String] = ask.wish.as_ref().map_or(&[], |wish| &wish.stop);
    let mut choices = Vec::with_capacity(ask.n);
    for i in 0..ask.n {
        let words = match special.as_deref_mut() {
            Some(dice) if i > 0 || seeded => compose::prose(dice, tokens),
            _ => compose::passage(text, tokens),
        };
        let words = compose::stopped(words, stop);
        let cut = plan.cut && words.tokens() == tokens;
        choices.push(Choice::prose(plan.thinking, words, cut));
    }
    if !stop.is_empty() {
        plan.shorten(longest(&choices));
    }
    choices
}

/// An answer whose form is still open.
enum Answer {
    Chat(ChatAnswer, super::chat::ChatStream),
    Completions(CompletionsAnswer, super::chat::ChatStream),
    Responses(Arc<ResponsesAnswer>, bool),
}

impl Answer {
    fn whole(&self) -> Vec<u8> {
        match self {
            Self::Chat(answer, _) => answer.whole(),
            Self::Completions(answer, _) => answer.whole(),
            Self::Responses(answer, _) => answer.snapshot(Stage::Final).into_bytes(),
        }
    }

    fn events(self) -> Script {
        match self {
            Self::Chat(answer, stream) => Script::Chat(answer.chunks(stream)),
            Self::Completions(answer, stream) => Script::Completions(answer.chunks(stream)),
            Self::Responses(answer, obfuscated) => {
                Script::Responses(Box::new(ResponsesEvents::new(answer, obfuscated, 0)))
            }
        }
    }

    /// What is kept of it.
    fn stored(&self, ask: &mut Ask, plan: &Plan) -> Option<Arc<Stored>> {
        let (Self::Responses(answer, _), Form::Responses(form)) = (self, &mut ask.form) else { return None };
        let background = answer.terms.background.then(|| plan.clone());
        let body = std::mem::take(&mut form.body);
        answer.terms.store.then(|| Arc::new(Stored::new(Arc::clone(answer), body, background, ask.stream)))
    }
}
