//! A token endpoint like Entra's and what describes it, a metadata service like that of a virtual machine, and what
//! their tokens are worth.
//!
//! Tokens have the shape of JWTs and are not signed: a bearer token with three parts passes if it is for the service
//! and has not expired, whoever made it. Any other bearer is a key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::dialect::Dialect;
use super::error::ApiError;
use super::query::parameters;
use crate::fault::ErrorKind;
use crate::net::clock::unix_seconds;
use crate::net::connection::Connection;
use crate::net::entry::Marks;
use crate::net::exchange::Note;
use crate::net::reply::{Reply, whole};
use crate::units::Nanos;

/// For whom a token must be to pass.
const AUDIENCES: [&str; 3] = ["https://cognitiveservices.azure.com", "https://ai.azure.com", "https://ml.azure.com"];
/// How long a token lives, in seconds: as Entra says, and as a virtual machine says.
const ENTRA: u64 = 3599;
const MACHINE: u64 = 86_399;

/// What a token says.
#[derive(Deserialize)]
struct Claims {
    aud: String,
    exp: u64,
}

/// Checks the key from `Authorization: Bearer` or `api-key`, for Claude also `x-api-key`, against the only one that
/// passes, if there is one.
pub(crate) fn check_key(headers: &HeaderMap, expected: Option<&str>, dialect: Dialect) -> Result<(), ApiError> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let own = headers.get("x-api-key").filter(|_| dialect == Dialect::Anthropic);
    let key =
        own.or_else(|| headers.get("api-key")).and_then(|value| value.to_str().ok()).or(bearer).unwrap_or_default();
    match bearer.and_then(refuses_token) {
        Some(true) => return Err(ApiError::of(ErrorKind::Token)),
        Some(false) => return Ok(()),
        None => {}
    }
    match expected {
        _ if key.is_empty() => Err(ApiError::of(ErrorKind::Key)),
        Some(expected) if expected != key => Err(ApiError::Kind(ErrorKind::Key, key.to_owned())),
        _ => Ok(()),
    }
}

/// Whether `bearer` is a token that does not pass; nothing if it is no token at all.
fn refuses_token(bearer: &str) -> Option<bool> {
    let mut parts = bearer.split('.');
    let (Some(head), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let read = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
    let is_head = |head: Vec<u8>| serde_json::from_slice::<Value>(&head).is_ok_and(|head| head["alg"].is_string());
    read(head).filter(|head| is_head(head.clone()))?;
    let claims = read(claims).and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
    let passes = |claims: Claims| AUDIENCES.contains(&claims.aud.trim_end_matches('/')) && claims.exp > unix_seconds();
    Some(!claims.is_some_and(passes))
}

fn token(tenant: &str, client: &str, audience: &str, lives: u64) -> String {
    let now = unix_seconds();
    let head = json!({"typ": "JWT", "alg": "RS256", "kid": "hopmark-simulator"});
    let claims = json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{tenant}/"), "iat": now, "nbf": now,
        "exp": now + lives, "appid": client, "tid": tenant, "ver": "1.0",
    });
    let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.{}", encode(head), encode(claims), URL_SAFE_NO_PAD.encode("not signed"))
}

/// Answers a request that is to none of the APIs: to the token endpoint, to what describes it, to the metadata service,
/// or whether the server lives; nothing if it is to another. `tls` is whether it came over TLS.
pub(crate) fn answer_aside(connection: &Connection, head: &Parts, body: &[u8], tls: bool) -> Option<Response<Reply>> {
    let path = head.uri.path();
    let tenant = |end: &str| {
        let tenant = path.strip_prefix('/')?.strip_suffix(end)?;
        (!tenant.is_empty() && !tenant.contains('/')).then_some(tenant)
    };
    let (status, body) = if path == "/health" {
        (StatusCode::OK, json!({"status": "ok"}))
    } else if path == "/metadata/identity/oauth2/token" {
        machine(head)
    } else if let Some(tenant) = tenant("/v2.0/.well-known/openid-configuration") {
        (StatusCode::OK, configuration(tenant, &origin(head, tls)))
    } else {
        entra(tenant("/oauth2/v2.0/token")?, &head.method, body)
    };
    connection.exchange.note_head(Note { due: Nanos::now(), marks: Marks::ALL, entry: None });
    let mut response = Response::new(whole(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    Some(response)
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

type Said = (StatusCode, Value);

fn refuse(status: StatusCode, error: &str, description: &str) -> Said {
    (status, json!({"error": error, "error_description": description}))
}

/// The token endpoint: client credentials only.
fn entra(tenant: &str, method: &Method, body: &[u8]) -> Said {
    if method != Method::POST {
        return refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            "AADSTS900561: The endpoint only accepts POST.",
        );
    }
    let text = String::from_utf8_lossy(body);
    let form: Vec<(String, String)> = parameters(&text).collect();
    let field = |name: &str| form.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value);
    match field("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        Some(_) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "AADSTS70003: The app requested an unsupported grant type.",
            );
        }
        None => {
            return refuse(StatusCode::BAD_REQUEST, "invalid_request", "AADSTS900144: 'grant_type' is required.");
        }
    }
    let Some(client) = field("client_id") else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "AADSTS900144: 'client_id' is required.");
    };
    if field("client_secret").or(field("client_assertion")).is_none() {
        let description = "AADSTS7000218: The request body must contain 'client_assertion' or 'client_secret'.";
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", description);
    }
    let Some(audience) = field("scope").and_then(|scope| scope.strip_suffix("/.default")) else {
        let description = "AADSTS1002012: The scope must be a resource with '/.default' after it.";
        return refuse(StatusCode::BAD_REQUEST, "invalid_scope", description);
    };
    let token = token(tenant, client, audience, ENTRA);
    let said = json!({"token_type": "Bearer", "expires_in": ENTRA, "ext_expires_in": ENTRA, "access_token": token});
    (StatusCode::OK, said)
}

/// The metadata service; its numbers are strings.
fn machine(head: &Parts) -> Said {
    if head.method != Method::GET {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "Method not allowed");
    }
    let asked = head.headers.get("metadata").and_then(|value| value.to_str().ok());
    if !asked.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "Required metadata header not specified");
    }
    let query: Vec<(String, String)> = parameters(head.uri.query().unwrap_or_default()).collect();
    let field = |name: &str| query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value);
    if field("api-version").is_none() {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "Required query variable 'api-version' is missing");
    }
    let Some(resource) = field("resource") else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "Required query variable 'resource' is missing");
    };
    let client = field("client_id").map_or("00000000-0000-0000-0000-000000000001", String::as_str);
    let (now, lives) = (unix_seconds(), MACHINE.to_string());
    let said = json!({
        "access_token": token("00000000-0000-0000-0000-000000000000", client, resource.trim_end_matches('/'), MACHINE),
        "client_id": client, "expires_in": lives, "expires_on": (now + MACHINE).to_string(), "ext_expires_in": lives,
        "not_before": now.to_string(), "resource": resource, "token_type": "Bearer",
    });
    (StatusCode::OK, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_pass_for_the_service_and_as_long_as_they_live() {
        assert_eq!(refuses_token(&token("t", "c", "https://cognitiveservices.azure.com", 60)), Some(false));
        assert_eq!(refuses_token(&token("t", "c", "https://ai.azure.com/", 60)), Some(false));
        assert_eq!(refuses_token(&token("t", "c", "https://graph.microsoft.com", 60)), Some(true));
        assert_eq!(refuses_token(&token("t", "c", "https://ai.azure.com", 0)), Some(true));
        for key in ["sk-abc", "a.b.c", "", "a.b", "eyJhbGciOiJub25lIn0.e"] {
            assert_eq!(refuses_token(key), None, "{key}");
        }
        // A token whose claims cannot be read.
        assert_eq!(refuses_token("eyJhbGciOiJub25lIn0.e.x"), Some(true));
    }
}
