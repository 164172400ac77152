//! One path as a worker calls it: where it leads, its ready-made addresses and headers, and its connections.

use hyper::Uri;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::path::{Http, NetPath};
use crate::transport::connect::Target;
use crate::transport::pool::Pool;

/// Carries the call's own name.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");

/// Room for the headers of a request, and then for those of its answer: hyper reads them into the same map.
const HEADERS: usize = 24;

/// One path as a worker calls it: its target, its ready-made addresses and headers, and its connections.
pub struct Route {
    pub(super) path: NetPath,
    pub(super) target: Target,
    pub(super) chat: Uri,
    pub(super) responses: Uri,
    /// Those of a call that asks for one answer, and of one that asks for a stream; with room for the call's own name.
    pub(super) headers: [HeaderMap; 2],
    /// The secret as its header carries it.
    secret: Option<HeaderValue>,
    pub(super) pool: Pool,
}

impl Route {
    /// A path that leads to `target`, with the header that carries its secret, if it has one.
    #[must_use]
    pub fn new(path: NetPath, target: Target, secret: Option<(HeaderName, HeaderValue)>) -> Self {
        let mut headers = HeaderMap::with_capacity(HEADERS);
        let shown = match path.http {
            Http::One => {
                if let Ok(host) = HeaderValue::from_str(&target.authority) {
                    headers.insert(header::HOST, host);
                }
                target.prefix.clone()
            }
            // Over HTTP/2 the address says it.
            Http::Two { .. } => target.whole(),
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("hopmark/", env!("CARGO_PKG_VERSION"))));
        let secret = secret.map(|(name, mut value)| {
            value.set_sensitive(true);
            headers.insert(name, value.clone());
            value
        });
        headers.insert(REQUEST_ID, HeaderValue::from_static(""));
        let headers = ["application/json", "text/event-stream"].map(|accept| {
            let mut headers = headers.clone();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            headers
        });
        // The prefix was parsed as part of a URI before the run; with a constant behind it, it still is one.
        let uri = |resource: &str| format!("{shown}{resource}").parse().unwrap_or_default();
        let (chat, responses) = (uri("/chat/completions"), uri("/responses"));
        let pool = Pool::new(&path);
        Self { path, target, chat, responses, headers, secret, pool }
    }

    /// The secret itself.
    pub(super) fn secret(&self) -> Option<&str> {
        let value = self.secret.as_ref()?.to_str().ok()?;
        Some(value.strip_prefix("Bearer ").unwrap_or(value))
    }
}
