//! A listener that forwards to others: it reads the request, takes its own time, asks its upstream over a connection of
//! its own, and passes the answer on as it comes. What it does beyond that are its policies.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use serde_json::json;

use crate::api::{ApiError, Details, Dialect, PLAN, Trouble, api, prompt_tokens};
use crate::clock::now_ns;
use crate::config::{Buffer, Preset};
use crate::forward::{Forward, Hold, Keeper};
use crate::latency::dice;
use crate::ledger::{Planned, Record};
use crate::reply::Reply;
use crate::tap::{Arrival, Cut, Entry, Marks, Note, Tap};
use crate::upstream::{Dialer, Lease};
use crate::visit::Visit;

mod balance;
mod breaker;
mod cache;
mod preset;
mod quota;
mod refusal;
mod state;

use balance::COOKIE;
use cache::{Kept, Question};
use preset::Passed;
use refusal::Refusal;
pub(crate) use state::Gateway;

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

/// An answer of a member that is on its way.
struct Got {
    member: usize,
    lease: Lease,
    response: Response<Incoming>,
    /// When it was asked for, and when its head had come.
    sent: u64,
    came: u64,
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

    /// Asks one member after the other, as often as the policy says; also how many tries came before.
    async fn ask_all(&self, due: u64, body: &Bytes) -> io::Result<Result<(Got, usize), Refusal>> {
        let Gateway { balance, policy, .. } = self.gateway;
        let headers = self.request_headers();
        let bound = self.bound();
        let (mut tried, mut due, mut retries) = (Vec::new(), due, 0);
        let mut last: Option<io::Result<Got>> = None;
        loop {
            let next = balance.choose(due, bound, &tried).or_else(|_| balance.choose(due, bound, &[]));
            let Ok(member) = next else {
                // Those that have just failed are all there were.
                return match last {
                    Some(last) => last.map(|got| Ok((got, retries))),
                    None => Ok(Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"))),
                };
            };
            let got = self.ask(member, due, &headers, body).await;
            let (status, came) = got.as_ref().map_or((502, now_ns()), |got| (got.response.status().as_u16(), got.came));
            balance.note(member, came, status, got.as_ref().ok().and_then(|got| retry_after(got.response.headers())));
            match &policy.retry {
                Some((count, statuses)) if retries < *count as usize && statuses.has(status) => {
                    retries += 1;
                    tried.push(member);
                    due = came;
                    last = Some(got);
                }
                _ => return got.map(|got| Ok((got, retries))),
            }
        }
    }

    /// Asks one member.
    async fn ask(&self, place: usize, due: u64, headers: &HeaderMap, body: &Bytes) -> io::Result<Got> {
        let worker = &self.visit.worker;
        let member = &self.gateway.members[place];
        let upstream = &member.upstream;
        let dialer = Dialer {
            upstream,
            pool: &worker.pools[self.visit.listener.place][place],
            clock: &worker.clock,
            rooms: &worker.rooms,
            twins: member.ours.then_some(&*worker.world.twins),
            census: &worker.world.census,
        };
        let target =
            format!("{}{}", upstream.url.base, self.head.uri.path_and_query().map_or("/", |path| path.as_str()));
        let host = HeaderValue::from_str(&upstream.url.authority);
        let request = || {
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = self.head.method.clone();
            *request.uri_mut() = target.parse().unwrap_or_default();
            *request.headers_mut() = headers.clone();
            if let Ok(host) = &host {
                request.headers_mut().insert(header::HOST, host.clone());
            }
            request
        };
        let sent = dialer.send(due, request);
        let (lease, response) = match self.gateway.policy.idle_cut {
            None => sent.await?,
            Some(idle) => tokio::select! {
                answer = sent => answer?,
                () = worker.clock.sleep_until(due + idle) => {
                    self.entry.update(|record| record.fault = Some("idle_cut"));
                    self.visit.tap.sever_now(Cut::Close);
                    std::future::pending().await
                }
            },
        };
        let came = lease.tap.arrival().ideal;
        Ok(Got { member: place, lease, response, sent: due, came })
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

    /// The same answer as before.
    fn repeat(&self, kept: Kept, due: u64) -> Response<Reply> {
        self.entry.update(|record| {
            (record.status, record.tokens, record.stream) = (200, kept.tokens, is_stream(&kept.headers));
        });
        self.visit.tap.head(Note { due, marks: Marks::ALL, entry: Some(Rc::clone(&self.entry)) });
        let mut response = Response::new(Reply::whole(kept.body.to_vec()));
        *response.headers_mut() = kept.headers;
        let own = due.saturating_sub(self.arrival.ideal) as f64;
        preset::declare_own(self.gateway.policy.preset, own, response.headers_mut());
        response.headers_mut().insert("x-cache", HeaderValue::from_static("HIT"));
        response
    }

    /// The member to which the caller's cookie binds it.
    fn bound(&self) -> Option<usize> {
        if !self.gateway.policy.affinity {
            return None;
        }
        let cookies = self.head.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, token) = pairs.find(|(name, _)| *name == COOKIE)?;
        self.gateway.members.iter().position(|member| member.token == token)
    }

    /// Binds the caller to the member that has answered.
    fn bind(&self, headers: &mut HeaderMap, token: &str) {
        if self.gateway.policy.affinity
            && let Ok(cookie) = HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/; HttpOnly"))
        {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    fn request_headers(&self) -> HeaderMap {
        let mut headers = self.head.headers.clone();
        strip(&mut headers);
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::EXPECT);
        if !self.gateway.policy.subscription_keys.is_empty() {
            // The caller's key was for the gateway, which has one of its own.
            headers.remove("ocp-apim-subscription-key");
            headers.remove(header::AUTHORIZATION);
            let own = self.visit.worker.world.key.as_deref().unwrap_or("gateway");
            if let Ok(own) = HeaderValue::from_str(own) {
                headers.insert("api-key", own);
            }
        }
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.entry(REQUEST_ID).or_insert(id);
        }
        headers.append(header::VIA, HeaderValue::from_static(VIA));
        headers
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

    /// Trouble that the scenario gives the gateway itself.
    fn trouble(&self, trouble: Trouble) -> Response<Reply> {
        self.entry.update(|record| record.fault = Some(trouble.name()));
        let details = Details { model: "", version: "v1", responses: false, wait: None, figures: [0; 3] };
        let (kind, body) = trouble.body(Dialect::Azure, &details);
        let mut refusal = Refusal::new(trouble.status(), trouble.gateway_message());
        refusal.retry_after = (trouble.status() == StatusCode::TOO_MANY_REQUESTS).then_some(2);
        let mut response = self.refuse(&refusal, self.arrival.ideal);
        if kind != "application/json" || body.is_empty() {
            response = response.map(|_| Reply::whole(body.into_bytes()));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }

    /// An answer of the gateway itself, in the shape of API Management.
    fn refuse(&self, refusal: &Refusal, due: u64) -> Response<Reply> {
        let Refusal { status, message, retry_after } = refusal;
        self.entry.update(|record| record.status = status.as_u16());
        self.visit.tap.head(Note { due, marks: Marks::ALL, entry: Some(Rc::clone(&self.entry)) });
        let body = json!({"statusCode": status.as_u16(), "message": message}).to_string();
        let mut response = Response::new(Reply::whole(body.into_bytes()));
        *response.status_mut() = *status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
        }
        if *status == StatusCode::UNAUTHORIZED {
            let realm = "AzureApiManagementKey realm=\"sim\",name=\"Ocp-Apim-Subscription-Key\",type=\"header\"";
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(realm));
        }
        let own = due.saturating_sub(self.arrival.ideal) as f64;
        preset::declare_own(self.gateway.policy.preset, own, headers);
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

/// What an answer says of when to come again, in nanoseconds.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let ms = number("retry-after-ms").map(|ms| ms.saturating_mul(1_000_000));
    ms.or_else(|| number("retry-after").map(|seconds| seconds.saturating_mul(1_000_000_000)))
}
