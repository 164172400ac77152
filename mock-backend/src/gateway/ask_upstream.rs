//! How a gateway asks those behind it: in which order, with which headers, and how often.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::balance::COOKIE;
use super::passage::{Passage, REQUEST_ID, Route};
use super::preset::{DEBUG, VIA};
use super::refusal::Refusal;
use super::state::Gateway;
use super::upstream::{Dialer, Lease};
use crate::net::exchange::Cut;
use crate::net::virtual_time::PLAN;
use crate::units::Nanos;

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

/// An answer of a member that is on its way.
pub(super) struct Got {
    pub(super) member: usize,
    pub(super) lease: Lease,
    pub(super) response: Response<Incoming>,
    /// When it was asked for, and when its head had come.
    pub(super) sent: Nanos,
    pub(super) came: Nanos,
}

impl Passage<'_> {
    /// Asks one member after the other, as often as the policy says; also how many tries came before.
    pub(super) async fn ask_all(&self, due: Nanos, body: &Bytes) -> io::Result<Result<(Got, usize), Refusal>> {
        let Gateway { balance, policy, .. } = &**self.route.gateway;
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
            let (status, came) =
                got.as_ref().map_or((502, Nanos::now()), |got| (got.response.status().as_u16(), got.came));
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
    async fn ask(&self, place: usize, due: Nanos, headers: &HeaderMap, body: &Bytes) -> io::Result<Got> {
        let Route { connection, pools, scratch, virtual_time, gauges, .. } = self.route;
        let member = &self.route.gateway.members[place];
        let upstream = &member.upstream;
        let dialer = Dialer {
            upstream,
            pool: &pools[place],
            clock: &connection.clock,
            scratch,
            virtual_time: member.ours.then_some(virtual_time),
            gauges,
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
        let (lease, response) = match self.route.gateway.policy.idle_cut {
            None => sent.await?,
            Some(idle) => tokio::select! {
                answer = sent => answer?,
                () = connection.clock.sleep_until(due + idle) => {
                    self.entry.update(|record| record.fault = Some("idle_cut"));
                    self.route.connection.exchange.sever_now(Cut::Close);
                    std::future::pending().await
                }
            },
        };
        let came = lease.exchange.arrival().ideal;
        Ok(Got { member: place, lease, response, sent: due, came })
    }

    /// The member to which the caller's cookie binds it.
    fn bound(&self) -> Option<usize> {
        if !self.route.gateway.policy.affinity {
            return None;
        }
        let cookies = self.head.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, token) = pairs.find(|(name, _)| *name == COOKIE)?;
        self.route.gateway.members.iter().position(|member| member.token == token)
    }

    fn request_headers(&self) -> HeaderMap {
        let mut headers = self.head.headers.clone();
        strip(&mut headers);
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::EXPECT);
        headers.remove(DEBUG);
        if !self.route.gateway.policy.subscription_keys.is_empty() {
            // The caller's key was for the gateway, which has one of its own.
            headers.remove("ocp-apim-subscription-key");
            headers.remove("api-key");
            headers.remove("x-api-key");
            // A token is for the service behind it.
            let is_token = |value: &HeaderValue| value.as_bytes().iter().filter(|byte| **byte == b'.').count() == 2;
            let own = HeaderValue::from_str(self.route.key.unwrap_or("gateway"));
            if !headers.get(header::AUTHORIZATION).is_some_and(is_token) {
                headers.remove(header::AUTHORIZATION);
                own.ok().map(|own| headers.insert("api-key", own));
            }
        }
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.entry(REQUEST_ID).or_insert(id);
        }
        headers.append(header::VIA, HeaderValue::from_static(VIA));
        headers
    }
}

/// Takes out what concerns one connection only, and what one part of the simulator tells another.
pub(super) fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(PLAN);
}

/// What an answer says of when to come again.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let ms = number("retry-after-ms").map(Duration::from_millis);
    ms.or_else(|| number("retry-after").map(Duration::from_secs))
}
