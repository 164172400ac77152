//! One request on its way through a gateway, from its caller to the answer that is passed on.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use super::asking::{Got, strip};
use super::balance::COOKIE;
use super::cache::Question;
use super::preset::Passed;
use super::refusal::Refusal;
use super::state::Gateway;
use crate::api::{ApiError, PLAN, Trouble, api, prompt_tokens};
use crate::clock::now_ns;
use crate::config::{Buffer, Preset};
use crate::forward::{Forward, Hold, Keeper};
use crate::latency::dice;
use crate::ledger::{Planned, Record};
use crate::reply::Reply;
use crate::tap::{Arrival, Entry, Marks, Note, Tap};
use crate::visit::Visit;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One request on its way through.
pub(super) struct Passage<'a> {
    pub(super) visit: &'a Visit,
    pub(super) gateway: &'a Gateway,
    pub(super) head: &'a Parts,
    pub(super) arrival: Arrival,
    pub(super) id: String,
    pub(super) entry: Rc<Entry>,
}

/// Forwards a request; `trouble` is what the scenario gives the gateway itself.
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
        Err(error) => {
            let refusal = Refusal::new(error.status(), "The request could not be read.");
            return passage.refuse(&refusal, arrival.ideal);
        }
    };
    match passage.pass(body).await {
        Ok(response) => response,
        Err(error) => {
            passage.entry.update(|record| record.fault = Some("upstream_failed"));
            let message = format!("The upstream does not answer: {error}.");
            passage.refuse(&Refusal::new(StatusCode::BAD_GATEWAY, &message), now_ns())
        }
    }
}

impl Passage<'_> {
    async fn pass(&self, body: Bytes) -> io::Result<Response<Reply>> {
        let Gateway { policy, quota, cache, .. } = self.gateway;
        let own = self.own_time();
        let due = self.arrival.ideal + own.round() as u64;
        self.visit.worker.clock.sleep_until(due).await;
        if let Some(refusal) = Refusal::of_key(self.head, &policy.subscription_keys) {
            return Ok(self.refuse(&refusal, due));
        }
        let question = cache.as_ref().map(|_| Question::new(self.head, &body));
        if let Some(kept) = cache.as_ref().zip(question.as_ref()).and_then(|(cache, asked)| cache.find(asked, due)) {
            return Ok(self.repeat(kept, due));
        }
        let left = match quota.as_ref().map(|quota| quota.admit(due, prompt_tokens(&body))).transpose() {
            Ok(left) => left.flatten(),
            Err(exceeded) => return Ok(self.refuse(&Refusal::of_tokens(exceeded), due)),
        };
        let (got, retries) = match self.ask_all(due, &body).await? {
            Ok(got) => got,
            Err(refusal) => return Ok(self.refuse(&refusal, now_ns())),
        };
        let member = &self.gateway.members[got.member];
        let stream = is_stream(got.response.headers());
        let passed = Passed {
            id: &self.id,
            name: &self.visit.listener.name,
            member: (&member.name, &member.upstream.url.authority),
            own,
            upstream: got.came.saturating_sub(due),
            retries,
            stream,
        };
        let mut response = self.pass_on(got, stream, question).await?;
        passed.declare(policy.preset, response.headers_mut());
        self.bind(response.headers_mut(), &member.token);
        if let Some(left) = left {
            response.headers_mut().insert("remaining-tokens", HeaderValue::from(left));
        }
        if quota.is_some() {
            let listener = Arc::clone(&self.visit.listener);
            self.entry.on_end(move |record| {
                let quota = listener.gateway.as_ref().and_then(|gateway| gateway.quota.as_ref());
                if let (Some(quota), Some(tokens)) = (quota, record.tokens) {
                    quota.count(now_ns(), u64::from(tokens));
                }
            });
        }
        Ok(response)
    }

    /// The gateway's own time on this request, in nanoseconds.
    fn own_time(&self) -> f64 {
        let place = format!("{}/own", self.visit.listener.name);
        let number = self.gateway.requests.fetch_add(1, Ordering::Relaxed);
        self.gateway.own.draw(&mut dice(self.visit.worker.world.seed, &place, number))
    }

    /// Passes an answer on, as it comes or when enough of it is there.
    async fn pass_on(&self, got: Got, stream: bool, question: Option<Question>) -> io::Result<Response<Reply>> {
        let policy = &self.gateway.policy;
        let (mut head, body) = got.response.into_parts();
        let planned = self.planned(&head.headers, &got.lease.tap, stream);
        self.entry.update(|record| {
            (record.planned, record.stream, record.status) = (planned, stream, head.status.as_u16());
        });
        let recording = self.gateway.recorder.as_ref().map(|recorder| {
            let mut recording = recorder.begin(self.head, &self.id, got.sent);
            recording.head(head.status.as_u16(), &head.headers, stream);
            recording
        });
        strip(&mut head.headers);
        let keep = question.filter(|_| head.status == StatusCode::OK).map(|asked| self.keeper(asked, &head.headers));
        let alarm = || self.visit.worker.clock.alarm();
        let hold =
            Hold { blocks: policy.buffer == Buffer::Blocks, idle: policy.idle_cut.map(|idle| (idle, alarm())), keep };
        let pool = Rc::clone(&self.visit.worker.pools[self.visit.listener.place][got.member]);
        let (tap, entry) = (self.visit.tap.clone(), Rc::clone(&self.entry));
        let mut forward = Forward::new(body, got.lease, pool, tap, entry, stream, hold).recorded(recording);
        let note = |due, marks| Note { due, marks, entry: Some(Rc::clone(&self.entry)) };
        if policy.buffer == Buffer::Whole {
            let (due, body) = forward.collect().await?;
            self.visit.tap.head(note(due, Marks::ALL));
            return Ok(Response::from_parts(head, Reply::whole(body)));
        }
        let due = if policy.preset == Preset::Litellm { forward.first().await?.max(got.came) } else { got.came };
        self.visit.tap.head(note(due, Marks::HEAD));
        Ok(Response::from_parts(head, Reply::Forward(Box::new(forward))))
    }

    /// Who keeps the answer to a question when it is complete.
    fn keeper(&self, question: Question, headers: &HeaderMap) -> Keeper {
        let (listener, headers) = (Arc::clone(&self.visit.listener), headers.clone());
        Box::new(move |body, tokens| {
            if let Some(cache) = listener.gateway.as_ref().and_then(|gateway| gateway.cache.as_ref()) {
                cache.keep(question, now_ns(), headers, body, tokens);
            }
        })
    }

    /// Binds the caller to the member that has answered.
    fn bind(&self, headers: &mut HeaderMap, token: &str) {
        if self.gateway.policy.affinity
            && let Ok(cookie) = HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/; HttpOnly"))
        {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    /// The plan from here: what a model of ours has planned, and the ways back over both links. When blocks are full is
    /// not planned.
    fn planned(&self, headers: &HeaderMap, upstream: &Tap, stream: bool) -> Option<Planned> {
        let buffer = self.gateway.policy.buffer;
        if stream && buffer == Buffer::Blocks {
            return None;
        }
        let (first, end) = headers.get(PLAN)?.to_str().ok()?.split_once(' ')?;
        let (first, end): (u64, u64) = (first.parse().ok()?, end.parse().ok()?);
        let back = upstream.way_in() + self.visit.tap.way_out();
        let ms = |due: u64| (due + back).saturating_sub(self.arrival.recv) as f64 / 1e6;
        let first = if stream && buffer == Buffer::None { first } else { end };
        Some(Planned { first_ms: ms(first), end_ms: ms(end) })
    }
}

pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/event-stream")
}
