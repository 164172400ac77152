//! One path as a worker calls it: where it leads, its ready-made addresses and headers, and its connections.

use std::cell::{Cell, RefCell};

use hyper::Uri;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::attempt::cookies::Jars;
use crate::path::{Http, NetPath};
use crate::transport::certificates::CertificateLog;
use crate::transport::connect::Target;
use crate::transport::credential::secret::Secret;
use crate::transport::credential::{AuthHeader, Credential};
use crate::transport::pool::Pool;
use crate::units::{Api, Nanos};
use crate::wire::api;
use crate::wire::form::BodyForm;

/// Carries the call's own name.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");

/// Room for the headers of a request, and then for those of its answer: hyper reads them into the same map.
const HEADERS: usize = 24;

/// One path as a worker calls it: its target, its ready-made addresses and headers, and its connections.
pub struct Route {
    pub(super) path: NetPath,
    pub(super) target: Target,
    /// What the path puts into every body.
    pub(super) form: BodyForm,
    /// Where each API is called.
    pub(super) uris: [Uri; Api::ALL.len()],
    /// For each API those of a call that asks for one answer, and of one that asks for a stream; with room for the
    /// call's own name.
    headers: RefCell<[[HeaderMap; 2]; Api::ALL.len()]>,
    pub(super) credential: Credential,
    /// Until when the credential's header is good.
    until: Cell<Nanos>,
    pub(super) pool: Pool,
    /// The certificates that its connections were shown.
    pub(super) certificates: RefCell<CertificateLog>,
    /// The cookies that its server set, if they are sent back.
    pub(super) jars: Option<Jars>,
}

impl Route {
    /// A path that leads to `target`, and what proves there who calls.
    #[must_use]
    pub fn new(path: NetPath, target: Target, credential: Credential) -> Self {
        let mut headers = HeaderMap::with_capacity(HEADERS + target.headers.count());
        let shown = match path.http {
            Http::One => {
                if let Ok(host) = HeaderValue::from_str(&target.authority) {
                    headers.insert(header::HOST, host);
                }
                // A proxy that reads the request is told the whole address.
                if target.passes_through_proxy() { target.whole() } else { target.prefix.clone() }
            }
            // Over HTTP/2 the address says it.
            Http::Two { .. } => target.whole(),
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("hopmark/", env!("CARGO_PKG_VERSION"))));
        if let Some(value) = target.proxy_authorization()
            && let Ok(mut value) = HeaderValue::try_from(value)
        {
            value.set_sensitive(true);
            headers.insert(header::PROXY_AUTHORIZATION, value);
        }
        target.headers.put(&mut headers);
        headers.insert(REQUEST_ID, HeaderValue::from_static(""));
        let mut headers = Api::ALL.map(|api| {
            ["application/json", "text/event-stream"].map(|accept| {
                let mut headers = headers.clone();
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
                headers.extend(
                    api::headers(api)
                        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))),
                );
                headers
            })
        });
        let until = put_auth(&mut headers, credential.header(Nanos::now()));
        let headers = RefCell::new(headers);
        // The prefix was parsed as part of a URI before the run; with an encoded part behind it, it still is one.
        let uris = Api::ALL.map(|api| format!("{shown}{}", path.address.resource(api)).parse().unwrap_or_default());
        let pool = Pool::new(&path);
        let own = &path.request;
        let form = BodyForm::new(own.model.as_deref(), own.token_limit.field(), own.stream_options, &own.body);
        let jars = path.control.cookies.then(|| Jars::new(0));
        Self {
            path,
            form,
            target,
            uris,
            headers,
            credential,
            until: Cell::new(until),
            pool,
            certificates: RefCell::default(),
            jars,
        }
    }

    /// What of its requests is secret, to be taken out of what is shown.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.credential.secret().into_iter().chain(self.target.secrets())
    }

    /// The headers of a call that is sent at `now`.
    pub(super) fn headers(&self, api: Api, stream: bool, now: Nanos) -> HeaderMap {
        if now >= self.until.get() {
            self.until.set(put_auth(&mut self.headers.borrow_mut(), self.credential.header(now)));
        }
        self.headers.borrow()[api.index()][usize::from(stream)].clone()
    }
}

/// Puts the header that proves who calls among others, and says until when it is good.
fn put_auth(all: &mut [[HeaderMap; 2]; Api::ALL.len()], header: Option<AuthHeader>) -> Nanos {
    let Some(AuthHeader { name, value, until }) = header else { return Nanos(u64::MAX) };
    let common = api::key_header(Api::Chat);
    for (api, both) in Api::ALL.into_iter().zip(all) {
        let name = if name == common { HeaderName::from_static(api::key_header(api)) } else { name.clone() };
        for headers in both {
            headers.insert(&name, value.clone());
        }
    }
    until
}
