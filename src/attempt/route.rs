//! One path as a worker calls it: where it leads, its ready-made addresses and headers, and its connections.

use std::cell::RefCell;

use hyper::Uri;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::attempt::cookies::Jars;
use crate::path::{Http, NetPath};
use crate::transport::certificates::CertificateLog;
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::transport::credential::secret::Secret;
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
    /// What stands before every resource: the whole base URL, or its path, as the connection wants it.
    pub(super) shown: String,
    /// Where each API is called.
    pub(super) uris: [Uri; Api::ALL.len()],
    /// For each API those of a call that asks for one answer, and of one that asks for a stream; with room for the
    /// call's own name.
    headers: [[HeaderMap; 2]; Api::ALL.len()],
    pub(super) credential: Credential,
    /// Whether the credential has a token that is renewed.
    renews: bool,
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
        let headers = Api::ALL.map(|api| {
            let mut headers = headers.clone();
            sign(&credential, api, &mut headers);
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
        let renews = credential.slots().next().is_some();
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
            shown,
            uris,
            headers,
            credential,
            renews,
            pool,
            certificates: RefCell::default(),
            jars,
        }
    }

    /// What of its requests is secret, to be taken out of what is shown.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.credential.secrets().into_iter().chain(self.target.secrets().cloned()).collect()
    }

    /// The headers of a call.
    pub(super) fn headers(&self, api: Api, stream: bool) -> HeaderMap {
        self.headers[api.index()][usize::from(stream)].clone()
    }

    /// Puts the token as it is at `now` into the headers of a call, which were made ahead of it. Says why the call cannot
    /// prove who calls, if the token expired and no other could be had.
    pub(super) fn sign_again(&self, api: Api, headers: &mut HeaderMap, now: Nanos) -> Result<(), String> {
        if !self.renews || sign(&self.credential, api, headers) > now {
            return Ok(());
        }
        match self.credential.why_none(now) {
            Some(why) => Err(why),
            // It came just now.
            None => {
                sign(&self.credential, api, headers);
                Ok(())
            }
        }
    }
}

/// Puts the headers that prove who calls among others; says until when they are good.
fn sign(credential: &Credential, api: Api, headers: &mut HeaderMap) -> Nanos {
    let mut until = Nanos(u64::MAX);
    for header in credential.headers() {
        until = until.min(header.until);
        let is_common = header.name == api::key_header(Api::Chat);
        let name = if is_common { HeaderName::from_static(api::key_header(api)) } else { header.name };
        headers.insert(name, header.value);
    }
    until
}
