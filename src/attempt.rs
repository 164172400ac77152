//! One call over one path: encode early, wait for a connection, send, stamp every read before it is decoded.
//!
//! Called by the driver as a closure. Errors are data: whatever happens becomes a [`Sample`].

mod answer;
mod cookies;
mod counts;
mod events;
pub mod exchange;
mod guard;
mod headers;
#[cfg(test)]
mod mutations;
mod route;
mod unconnected;
mod words;

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{COOKIE, HeaderValue};
use hyper::{Method, Request};
use tokio::sync::Notify;

use crate::attempt::answer::Answer;
use crate::attempt::cookies::{Carried, Jars};
use crate::attempt::events::BodyEnd;
use crate::attempt::guard::{Cut, Guard, Timers};
use crate::attempt::route::REQUEST_ID;
pub use crate::attempt::route::Route;
use crate::attempt::unconnected::Unconnected;
use crate::attempt::words::{FailureReporter, cause_of, hear_cause, hear_cut, waited};
use crate::limits::Beyond;
use crate::measure::certificate::CertificateSeen;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::recorder::{Interval, Recorder};
use crate::measure::sample::{Gap, PlannedTokens, Sample};
use crate::schedule::tickets::Ticket;
use crate::transport::connect::{self, ConnectError};
use crate::transport::connection::Connection;
use crate::transport::credential::secret::Secret;
use crate::transport::pool::Place;
use crate::units::{Nanos, Phase};
use crate::wire::api;
use crate::wire::filter::Filter;
use crate::wire::text::push_number;
use crate::workload::call::Call;

/// How soon after the request the end of a connection is seen that the server had closed before: a round trip.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// A call that is ready to be sent, and what becomes known of it. On the heap, where it is not copied about.
pub struct Prepared {
    request: Request<Full<Bytes>>,
    sample: Sample,
    /// How many choices it asks for.
    choices: u32,
    /// The cookies that it sends and is sent.
    cookies: Carried,
}

/// Everything one worker needs to make calls.
pub struct Caller {
    routes: Vec<Route>,
    run_id: String,
    origin: Nanos,
    recorder: RefCell<Recorder>,
    /// Every gap, where they are wanted one by one.
    gaps: Option<RefCell<Vec<Gap>>>,
    timers: Timers,
    failures: FailureReporter,
    next_connection: Cell<u64>,
    connection_step: u64,
    fills_pools: bool,
    abort: Notify,
    aborted: Cell<bool>,
}

impl Caller {
    /// A caller for worker `shard` of `of`; `origin` is the run's start.
    #[must_use]
    pub fn new(routes: Vec<Route>, run_id: String, origin: Nanos, shard: u64, of: u64) -> Self {
        let recorder = RefCell::new(Recorder::new(routes.len()));
        routes.iter().for_each(|route| route.pool.share(&route.path, shard, of));
        let secrets: Vec<Secret> = routes.iter().flat_map(Route::secrets).collect();
        let failures = FailureReporter::new(Filter::of(secrets.iter().map(Secret::reveal)));
        Self {
            routes,
            run_id,
            origin,
            recorder,
            gaps: None,
            timers: Timers::new(),
            failures,
            next_connection: Cell::new(shard),
            connection_step: of,
            fills_pools: false,
            abort: Notify::new(),
            aborted: Cell::new(false),
        }
    }

    /// Lets the warmup open more connections than it needs, so that bursts of the measured phase find them warm. For
    /// open loads: a closed one never has more calls under way than in its warmup.
    #[must_use]
    pub(crate) fn filling_pools(mut self) -> Self {
        self.fills_pools = true;
        self
    }

    /// Gives each caller of a closed load, of whom there are so many, a jar of its own where cookies are kept.
    #[must_use]
    pub(crate) fn with_callers(mut self, callers: u64) -> Self {
        self.routes.iter_mut().filter_map(|route| route.jars.as_mut()).for_each(|jars| *jars = Jars::new(callers));
        self
    }

    /// Keeps every gap between chunks of the measured phase besides recording it: 16 bytes for each.
    #[must_use]
    pub(crate) fn keeping_gaps(mut self) -> Self {
        self.gaps = Some(RefCell::default());
        self
    }

    /// Lets what servers say pass this filter, which may learn secrets while the run goes on.
    #[must_use]
    pub fn filtering(mut self, filter: Filter) -> Self {
        self.failures.filter(filter);
        self
    }

    /// Tells what was said of every failure, not of the first of each class alone, and keeps what was heard of it: for
    /// a few calls.
    #[must_use]
    pub(crate) fn telling_all(mut self) -> Self {
        self.failures.report_all();
        self
    }

    /// The gaps kept since the last time; those of one call come in order.
    pub(crate) fn take_gaps(&self) -> Vec<Gap> {
        self.gaps.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// The certificates that were shown on the connections of each path, by path.
    pub(crate) fn certificates(&self) -> Vec<Vec<CertificateSeen>> {
        self.routes.iter().map(|route| route.certificates.borrow().seen()).collect()
    }

    /// Cuts every call under way; each becomes an incomplete sample with the stamps it reached.
    pub fn abort(&self) {
        self.aborted.set(true);
        self.abort.notify_waiters();
    }

    /// The histograms recorded since the last time.
    pub fn take_interval(&self) -> Interval {
        self.recorder.borrow_mut().take()
    }

    /// Encodes a call for the path of its ticket. Done ahead of the intended time.
    #[must_use]
    pub fn prepare(&self, ticket: Ticket, call: &Call) -> Box<Prepared> {
        let route = &self.routes[ticket.path.index()];
        let body = api::encode(call, &route.form);
        let planned = planned_tokens(call, body.len());
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = route.uris[call.api.index()].clone();
        *request.headers_mut() = route.headers(call.api, call.stream);
        if let Ok(id) = HeaderValue::try_from(self.name(ticket)) {
            request.headers_mut().insert(REQUEST_ID, id);
        }
        let mut cookies = Carried::default();
        if let Some(value) = route.jars.as_ref().and_then(|jars| jars.header(ticket.seq.0, &mut cookies)) {
            request.headers_mut().insert(COOKIE, value);
        }
        let mut sample = Sample::begun(
            (ticket.seq, ticket.round),
            ticket.path,
            ticket.phase,
            (call.api, call.stream),
            self.origin + ticket.intended,
            Outcome::Failed(ErrorClass::Internal),
        );
        sample.planned_tokens = Some(planned);
        Box::new(Prepared { request, sample, choices: api::choices(call, &route.form), cookies })
    }

    /// The call's own name: the run's and its number.
    fn name(&self, ticket: Ticket) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.run_id.len() + 21);
        name.extend_from_slice(self.run_id.as_bytes());
        name.push(b'-');
        push_number(&mut name, ticket.seq.0);
        name
    }

    /// Sends a prepared call and follows it to its end; `dequeued` is when the worker took it up.
    pub async fn send(self: Rc<Self>, mut prepared: Box<Prepared>, dequeued: Nanos) -> Sample {
        let Prepared { request, sample, choices, cookies } = &mut *prepared;
        sample.stamps.dequeued = Some(dequeued);
        sample.stamps.begun = Some(Nanos::now());
        let aborted = pin!(self.abort.notified());
        let mut guard = Guard::new(aborted, self.aborted.get(), &self.timers);
        sample.outcome = self.exchange((request, *choices, cookies), sample, &mut guard).await;
        if sample.stamps.end.is_none() {
            sample.stamps.end = Some(Nanos::now());
        }
        counts::settle(sample);
        self.recorder.borrow_mut().record(sample);
        self.failures.report(sample);
        if self.failures.keeps_heard() {
            cookies.keep_for_good();
        }
        prepared.sample
    }

    async fn exchange(
        &self,
        (request, choices, cookies): (&mut Request<Full<Bytes>>, u32, &mut Carried),
        sample: &mut Sample,
        guard: &mut Guard<'_, '_>,
    ) -> Outcome {
        let route = &self.routes[sample.path.index()];
        let filling = self.fills_pools && sample.phase == Phase::Warmup;
        let mut connection = match self.connection(route, filling, guard).await {
            Ok(connection) => connection,
            Err(Unconnected { outcome, cause }) => {
                route.pool.forget();
                cause.into_iter().for_each(|cause| hear_cause(sample, cause));
                return outcome;
            }
        };
        let ready = Nanos::now();
        sample.stamps.conn_ready = Some(ready);
        // It may have waited for its connection for longer than its token was good.
        if let Err(why) = route.sign_again(sample.api, request.headers_mut(), ready) {
            route.pool.give_back(connection);
            hear_cause(sample, why);
            return Outcome::Failed(ErrorClass::Credential);
        }
        connection.begin_call();
        guard.limit_total(ready, route.path.timeouts.total.0);
        guard.limit(ready, route.path.timeouts.first_byte.0, ErrorClass::TimeoutFirstByte);
        let (outcome, reusable) =
            self.converse(&mut connection, route, (request, choices, cookies), sample, guard).await;
        sample.conn = Some(connection.as_used());
        sample.stamps.sent = connection.sent();
        sample.stamps.first_byte = connection.first_byte();
        let outcome = distinguish_stale(outcome, &connection);
        if reusable {
            route.pool.give_back(connection);
        } else {
            route.pool.forget();
        }
        outcome
    }

    /// A connection with room for the call, or a new one.
    async fn connection(
        &self,
        route: &Route,
        filling: bool,
        guard: &mut Guard<'_, '_>,
    ) -> Result<Connection, Unconnected> {
        let place = match route.pool.take(filling) {
            Ok(place) => place,
            Err(mut queue) => {
                guard.limit(Nanos::now(), route.path.timeouts.total.0, ErrorClass::TimeoutTotal);
                guard.watch(|cx| queue.poll_place(cx)).await.map_err(Unconnected::cut)?
            }
        };
        let mut opening = match place {
            Place::Ready(connection) => return Ok(connection),
            Place::Open(opening) => opening,
            Place::Failed(class) => return Err(Unconnected::failed(class, None)),
        };
        guard.limit(Nanos::now(), route.path.timeouts.connect.0, ErrorClass::ConnectTimeout);
        // On the heap, since few calls open a connection and every call would carry the room for it.
        let mut open = Box::pin(async {
            let opened = connect::open(&route.target).await?;
            route.certificates.borrow_mut().note(&opened.stream);
            let id = self.next_connection.get();
            self.next_connection.set(id + self.connection_step);
            opening.begin(id, opened).await
        });
        let opened = guard.watch(|cx| open.as_mut().poll(cx)).await;
        drop(open);
        match opened {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(ConnectError { class, message })) => {
                opening.failed(class);
                Err(Unconnected::failed(class, Some(message)))
            }
            Err(Cut::Timeout(class)) => {
                opening.failed(class);
                Err(Unconnected::failed(class, waited(class, &route.path.timeouts)))
            }
            Err(Cut::Aborted) => Err(Unconnected::cut(Cut::Aborted)),
        }
    }

    /// Sends the request and reads the whole answer. The flag tells whether the connection may be used again.
    async fn converse(
        &self,
        connection: &mut Connection,
        route: &Route,
        (request, choices, cookies): (&mut Request<Full<Bytes>>, u32, &mut Carried),
        sample: &mut Sample,
        guard: &mut Guard<'_, '_>,
    ) -> (Outcome, bool) {
        let timeouts = &route.path.timeouts;
        let head = {
            let mut head = pin!(connection.request(std::mem::take(request)));
            match guard.watch(|cx| connection.poll_head(head.as_mut(), cx)).await {
                Ok(Ok(head)) => head,
                Ok(Err(error)) => {
                    hear_cause(sample, cause_of(&error));
                    return (Outcome::Failed(error.class()), false);
                }
                Err(cut) => {
                    hear_cut(sample, cut, timeouts);
                    return (cut.outcome(), false);
                }
            }
        };
        sample.stamps.head = Some(connection.last_read());
        let (parts, mut body) = head.into_parts();
        if let Some(jars) = &route.jars {
            jars.take(sample.seq.0, &parts.headers, self.failures.secrets(), cookies);
        }
        let mut answer = Answer::begin(sample, &parts, choices);
        let end = loop {
            let (from, wait) = answer.patience(connection.last_read(), timeouts.gap.0);
            guard.limit(from, wait, ErrorClass::TimeoutGap);
            match guard.watch(|cx| connection.poll_piece(&mut body, cx)).await {
                Ok(Some(Ok(_))) if answer.is_over(connection.last_read()) => {
                    break BodyEnd::GivenUp(ErrorClass::TimeoutGap);
                }
                Ok(Some(Ok(piece))) => {
                    if let Err(beyond) = self.take(&mut answer, sample, piece, connection.last_read()) {
                        hear_cause(sample, beyond.to_string());
                        break BodyEnd::GivenUp(ErrorClass::TooLarge);
                    }
                }
                Ok(None) => {
                    sample.stamps.end = Some(connection.last_read());
                    break BodyEnd::Clean;
                }
                Ok(Some(Err(error))) => {
                    hear_cause(sample, cause_of(&error));
                    break match error.class() {
                        ErrorClass::TooLarge => BodyEnd::GivenUp(ErrorClass::TooLarge),
                        class => BodyEnd::Cut(class),
                    };
                }
                Err(Cut::Aborted) => break BodyEnd::Aborted,
                Err(Cut::Timeout(class)) => {
                    hear_cut(sample, Cut::Timeout(class), timeouts);
                    break BodyEnd::GivenUp(class);
                }
            }
        };
        (answer.finish(sample, end), end == BodyEnd::Clean)
    }

    /// Decodes one piece of an answer, and records the gaps in it.
    fn take(&self, answer: &mut Answer, sample: &mut Sample, piece: Bytes, read: Nanos) -> Result<(), Beyond> {
        let seq = sample.seq;
        answer.take(sample, piece, read, |path, ns| {
            self.recorder.borrow_mut().record_gap(path, ns);
            if let Some(gaps) = &self.gaps {
                gaps.borrow_mut().push(Gap { seq, ns });
            }
        })
    }
}

/// A connection that was used again and ended as soon as the call was sent, without a byte since: the server had closed
/// it while it was idle. Whoever gives up a call later, or on a new connection, has done so for another reason.
fn distinguish_stale(outcome: Outcome, connection: &Connection) -> Outcome {
    let Outcome::Failed(ErrorClass::ConnectionClosed | ErrorClass::ConnectionReset) = outcome else { return outcome };
    let silent = connection.sent().is_none_or(|sent| connection.last_read() < sent);
    let soon = connection.sent().is_none_or(|sent| Nanos::now().since(sent) < STALE_WITHIN);
    if silent && soon && connection.was_idle() { Outcome::Failed(ErrorClass::StaleConnection) } else { outcome }
}

/// What a call may spend: its prompt as counted, or about a token for every four bytes of its body.
fn planned_tokens(call: &Call, body: usize) -> PlannedTokens {
    let input = call.input_tokens.map_or(body.div_ceil(4) as u64, u64::from);
    PlannedTokens { input, output: call.max_output_tokens.map_or(0, u64::from) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_under_way_is_small() {
        fn size<F: Future>(_: impl Fn(Rc<Caller>, Box<Prepared>, Nanos) -> F) -> usize {
            size_of::<F>()
        }
        // What the allocator keeps ready at hand ends at 1 KB; thousands of these wait at the same time.
        let (call, prepared) = (size(Caller::send), size_of::<Prepared>());
        assert!(call <= 1_024 && prepared <= 1_024, "{call} and {prepared} bytes");
    }
}
