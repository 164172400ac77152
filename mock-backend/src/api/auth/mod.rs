//! Token endpoints like Entra's and what describes it, a plain one of OAuth 2.0, the identity of a machine, and what
//! their tokens are worth.
//!
//! Tokens have the shape of JWTs and are not signed: a bearer token with three parts passes if it is for the service
//! and has not expired, whoever made it. Any other bearer is a key.

mod assertion;
mod entra;
mod machine;
mod said;
pub(crate) mod settings;
mod token;

use std::time::Duration;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::dialect::Dialect;
use super::error::ApiError;
use crate::fault::ErrorKind;
use crate::net::connection::Connection;
use crate::net::entry::Marks;
use crate::net::exchange::Note;
use crate::net::reply::{Reply, whole};
use crate::observe::gauges::Gauges;
use crate::units::Nanos;
use said::Said;
use settings::{AuthSettings, IdentitySettings};
use token::Verdict;

/// Checks the key from `Authorization: Bearer` or `api-key`, for Claude also `x-api-key`, against the only one that passes,
/// if there is one, and a token against what the backend wants.
pub(crate) fn check_key(
    headers: &HeaderMap,
    expected: Option<&str>,
    (wanted, dialect): (&AuthSettings, Dialect),
) -> Result<(), ApiError> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let own = headers.get("x-api-key").filter(|_| dialect == Dialect::Anthropic);
    let key =
        own.or_else(|| headers.get("api-key")).and_then(|value| value.to_str().ok()).or(bearer).unwrap_or_default();
    match bearer.and_then(|bearer| token::verdict(bearer, wanted)) {
        Some(Verdict::Invalid) => return Err(ApiError::of(ErrorKind::Token)),
        Some(Verdict::NoRole) => return Err(ApiError::of(ErrorKind::Role)),
        Some(Verdict::Passes) => return Ok(()),
        None => {}
    }
    match expected {
        _ if key.is_empty() => Err(ApiError::of(ErrorKind::Key)),
        _ if !wanted.keys => Err(ApiError::of(ErrorKind::KeysDisabled)),
        Some(expected) if expected != key => Err(ApiError::Kind(ErrorKind::Key, key.to_owned())),
        _ => Ok(()),
    }
}

/// What a request to none of the APIs finds here.
pub(crate) struct Aside<'a> {
    pub(crate) identity: &'a IdentitySettings,
    /// How long the simulator has been there.
    pub(crate) elapsed: Duration,
    pub(crate) gauges: &'a Gauges,
    /// Whether it came over TLS.
    pub(crate) tls: bool,
}

impl Aside<'_> {
    /// Answers a request that is to none of the APIs: to a token endpoint, to what describes it, to the identity of the
    /// machine, or whether the server lives; nothing if it is to another.
    pub(crate) async fn answer(&self, connection: &Connection, head: &Parts, body: &[u8]) -> Option<Response<Reply>> {
        let path = head.uri.path();
        let (status, said) = if path == "/health" {
            (StatusCode::OK, json!({"status": "ok"}))
        } else if let Some(tenant) = tenant(path, "/v2.0/.well-known/openid-configuration") {
            (StatusCode::OK, configuration(tenant, &origin(head, self.tls)))
        } else if is_token_endpoint(path) {
            tokio::time::sleep(self.identity.delay).await;
            let said = self.token(head, body);
            self.gauges.count_token(said.0.is_success());
            said
        } else {
            return None;
        };
        connection.exchange.note_head(Note { due: Nanos::now(), marks: Marks::ALL, entry: None });
        let mut response = Response::new(whole(said.to_string()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        Some(response)
    }

    fn token(&self, head: &Parts, body: &[u8]) -> Said {
        if let Some(status) = self.identity.failure(self.elapsed) {
            return said::refuse(status, "temporarily_unavailable", "AADSTS90033: A transient error has occurred.");
        }
        let path = head.uri.path();
        match (path, tenant(path, ENTRA)) {
            (MACHINE, _) => machine::machine(self.identity, head),
            (APP_SERVICE, _) => machine::app_service(self.identity, head),
            (_, Some(tenant)) => {
                let url = format!("{}{path}", origin(head, self.tls));
                entra::entra(self.identity, tenant, &url, &head.method, body)
            }
            (_, None) => entra::plain(self.identity, head, body),
        }
    }
}

const ENTRA: &str = "/oauth2/v2.0/token";
const PLAIN: &str = "/oauth2/token";
const MACHINE: &str = "/metadata/identity/oauth2/token";
const APP_SERVICE: &str = "/msi/token";

fn is_token_endpoint(path: &str) -> bool {
    [PLAIN, MACHINE, APP_SERVICE].contains(&path) || tenant(path, ENTRA).is_some()
}

/// The directory in an address that ends so.
fn tenant<'p>(path: &'p str, end: &str) -> Option<&'p str> {
    let tenant = path.strip_prefix('/')?.strip_suffix(end)?;
    (!tenant.is_empty() && !tenant.contains('/')).then_some(tenant)
}

/// The scheme and the authority at which the caller has found us.
fn origin(head: &Parts, tls: bool) -> String {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(|authority| authority.as_str()).or(host);
    format!("{}://{}", if tls { "https" } else { "http" }, authority.unwrap_or("localhost"))
}

/// What describes the token endpoint of a tenant, as clients of Entra read it first.
fn configuration(tenant: &str, origin: &str) -> Value {
    let base = format!("{origin}/{tenant}");
    json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "issuer": format!("{base}/v2.0"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "tenant_region_scope": null,
    })
}
