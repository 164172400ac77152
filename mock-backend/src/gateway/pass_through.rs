//! How a gateway passes a request and its answer on.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use super::ask_upstream::{Got, strip};
use super::balance::COOKIE;
use super::cache::Question;
use super::forward_body::{Forward, Hold, Keeper};
use super::passage::{Passage, Route, is_stream};
use super::preset::{self, Passed};
use super::refusal::Refusal;
use super::settings::{Buffer, Preset};
use super::state::Gateway;
use crate::fault::ErrorKind;
use crate::model::prompt::prompt_tokens;
use crate::net::entry::Marks;
use crate::net::exchange::{Exchange, Note};
use crate::net::reply::{Reply, whole};
use crate::net::virtual_time::PLAN;
use crate::observe::record::Planned;
use crate::units::{Nanos, millis};

/// Passes a request on whose `body` could be read, or not with this status; `api` is the ledger's name of what it asks
/// for, `error_kind` the error that the scenario gives the gateway itself.
pub(crate) async fn pass_through(
    route: Route<'_>,
    api: &'static str,
    head: &Parts,
    body: Result<Bytes, StatusCode>,
    error_kind: Option<ErrorKind>,
) -> Response<Reply> {
    let arrival = route.connection.exchange.arrival();
    let id = route.connection.request_id(&head.headers);
    let entry = route.connection.open_record(id.clone(), api, |_| ());
    let passage = Passage { route, head, arrival, id, entry };
    if let Some(kind) = error_kind {
        return passage.fail(kind);
    }
    let body = match body {
        Ok(body) => body,
        Err(status) => {
            return passage.refuse(&Refusal::new(status, "The request could not be read."), arrival.ideal);
        }
    };
    match passage.pass(body).await {
        Ok(response) => response,
        Err(error) => {
            passage.entry.update(|record| record.fault = Some("upstream_failed"));
            let message = format!("The upstream does not answer: {error}.");
            passage.refuse(&Refusal::new(StatusCode::BAD_GATEWAY, &message), Nanos::now())
        }
    }
}

impl Passage<'_> {
    async fn pass(&self, body: Bytes) -> io::Result<Response<Reply>> {
        let Gateway { policy, quota, cache, .. } = &**self.route.gateway;
        let own = self.own_time();
        let due = self.arrival.ideal + own;
        self.route.connection.clock.sleep_until(due).await;
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
            Err(refusal) => return Ok(self.refuse(&refusal, Nanos::now())),
        };
        let member = &self.route.gateway.members[got.member];
        let stream = is_stream(got.response.headers());
        let passed = Passed {
            id: &self.id,
            name: &self.route.connection.listener,
            member: (&member.name, &member.upstream.url.authority),
            own,
            upstream: got.came.since(due),
            retries,
            stream,
        };
        let mut response = self.pass_on(got, stream, question).await?;
        passed.declare(policy.preset, response.headers_mut());
        preset::declare_trace(&policy.debug_tokens, self.head, &self.id, response.headers_mut());
        self.bind(response.headers_mut(), &member.token);
        if let Some(left) = left {
            response.headers_mut().insert("remaining-tokens", HeaderValue::from(left));
        }
        if quota.is_some() {
            let gateway = Arc::clone(self.route.gateway);
            self.entry.on_end(move |record| {
                if let (Some(quota), Some(tokens)) = (&gateway.quota, record.tokens) {
                    quota.count(Nanos::now(), u64::from(tokens));
                }
            });
        }
        Ok(response)
    }

    /// Passes an answer on, as it comes or when enough of it is there.
    async fn pass_on(&self, got: Got, stream: bool, question: Option<Question>) -> io::Result<Response<Reply>> {
        let policy = &self.route.gateway.policy;
        let (mut head, body) = got.response.into_parts();
        let planned = self.planned(&head.headers, &got.lease.exchange, stream);
        self.entry.update(|record| {
            (record.planned, record.stream, record.status) = (planned, stream, head.status.as_u16());
        });
        let recording = self.route.gateway.recorder.as_ref().map(|recorder| {
            let mut recording = recorder.begin(self.head, &self.id, got.sent);
            recording.head(head.status.as_u16(), &head.headers, stream);
            recording
        });
        strip(&mut head.headers);
        let keep = question.filter(|_| head.status == StatusCode::OK).map(|asked| self.keeper(asked, &head.headers));
        let alarm = || self.route.connection.clock.alarm();
        let hold =
            Hold { blocks: policy.buffer == Buffer::Blocks, idle: policy.idle_cut.map(|idle| (idle, alarm())), keep };
        let pool = Rc::clone(&self.route.pools[got.member]);
        let (exchange, entry) = (self.route.connection.exchange.clone(), Rc::clone(&self.entry));
        let mut forward = Forward::new(body, got.lease, pool, exchange, entry, stream, hold).recorded(recording);
        let note = |due, marks| Note { due, marks, entry: Some(Rc::clone(&self.entry)) };
        if policy.buffer == Buffer::Whole {
            let (due, body) = forward.collect().await?;
            self.route.connection.exchange.note_head(note(due, Marks::ALL));
            return Ok(Response::from_parts(head, whole(body)));
        }
        let due = if policy.preset == Preset::Litellm { forward.first().await?.max(got.came) } else { got.came };
        self.route.connection.exchange.note_head(note(due, Marks::HEAD));
        Ok(Response::from_parts(head, Box::pin(forward)))
    }

    /// Who keeps the answer to a question when it is complete.
    fn keeper(&self, question: Question, headers: &HeaderMap) -> Keeper {
        let (gateway, headers) = (Arc::clone(self.route.gateway), headers.clone());
        Box::new(move |body, tokens| {
            if let Some(cache) = &gateway.cache {
                cache.keep(question, Nanos::now(), headers, body, tokens);
            }
        })
    }

    /// Binds the caller to the member that has answered.
    fn bind(&self, headers: &mut HeaderMap, token: &str) {
        if self.route.gateway.policy.affinity
            && let Ok(cookie) = HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/; HttpOnly"))
        {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    /// The plan from here: what a model of ours has planned, and the ways back over both links. When blocks are full is
    /// not planned.
    fn planned(&self, headers: &HeaderMap, upstream: &Exchange, stream: bool) -> Option<Planned> {
        let buffer = self.route.gateway.policy.buffer;
        if stream && buffer == Buffer::Blocks {
            return None;
        }
        let (first, end) = headers.get(PLAN)?.to_str().ok()?.split_once(' ')?;
        let (first, end) = (Nanos(first.parse().ok()?), Nanos(end.parse().ok()?));
        let back = upstream.way_in() + self.route.connection.exchange.way_out();
        let ms = |due: Nanos| millis((due + back).since(self.arrival.recv));
        let first = if stream && buffer == Buffer::None { first } else { end };
        Some(Planned { first_ms: ms(first), end_ms: ms(end) })
    }
}
