//! Token endpoints for applications: Entra's of a directory, and a plain one of OAuth 2.0.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::assertion;
use super::said::{Said, refuse};
use super::settings::{AUDIENCES, ClientSettings, IdentitySettings};
use super::token::Claim;
use crate::api::query::parameters;

/// The kind of an assertion.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The fields of a form.
struct Form(Vec<(String, String)>);

impl Form {
    fn of(body: &[u8]) -> Self {
        Self(parameters(&String::from_utf8_lossy(body)).collect())
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether it asks by client credentials.
    fn grant(&self) -> Result<(), Said> {
        match self.field("grant_type") {
            Some("client_credentials") => Ok(()),
            Some(_) => {
                let description = "AADSTS70003: The app requested an unsupported grant type.";
                Err(refuse(400, "unsupported_grant_type", description))
            }
            None => Err(refuse(400, "invalid_request", "AADSTS900144: 'grant_type' is required.")),
        }
    }
}

/// Entra's endpoint of a directory, which is found at `url`.
pub(super) fn entra(identity: &IdentitySettings, tenant: &str, url: &str, method: &Method, body: &[u8]) -> Said {
    entra_token(identity, tenant, url, method, body).unwrap_or_else(|refused| refused)
}

fn entra_token(
    identity: &IdentitySettings,
    tenant: &str,
    url: &str,
    method: &Method,
    body: &[u8],
) -> Result<Said, Said> {
    if method != Method::POST {
        return Err(refuse(405, "invalid_request", "AADSTS900561: The endpoint only accepts POST."));
    }
    if !identity.tenants.is_empty() && !identity.tenants.iter().any(|known| known == tenant) {
        let description = format!("AADSTS90002: Tenant '{tenant}' not found.");
        return Err(refuse(400, "invalid_request", &description));
    }
    let form = Form::of(body);
    form.grant()?;
    let client = form
        .field("client_id")
        .ok_or_else(|| refuse(400, "invalid_request", "AADSTS900144: 'client_id' is required."))?;
    let known = known(identity, client)?;
    prove(&form, known, client, url)?;
    let Some(asked) = form.field("scope").and_then(|scope| scope.strip_suffix("/.default")) else {
        let description = "AADSTS1002012: The scope must be a resource with '/.default' after it.";
        return Err(refuse(400, "invalid_scope", description));
    };
    let audience = identity.audience.as_deref().unwrap_or(asked);
    let (roles, lives) = (known.map_or(&[][..], |known| &known.roles), identity.entra());
    let token = Claim { tenant, client, audience, roles, lives }.token();
    let said = json!({"token_type": "Bearer", "expires_in": lives, "ext_expires_in": lives, "access_token": token});
    Ok((StatusCode::OK, said))
}

/// The application of this name; nothing where any exists.
fn known<'a>(identity: &'a IdentitySettings, client: &str) -> Result<Option<&'a ClientSettings>, Said> {
    if identity.clients.is_empty() {
        return Ok(None);
    }
    match identity.clients.iter().find(|known| known.id == client) {
        Some(known) => Ok(Some(known)),
        None => {
            let description =
                format!("AADSTS700016: Application with identifier '{client}' was not found in the directory.");
            Err(refuse(400, "unauthorized_client", &description))
        }
    }
}

/// Whether a form proves who asks.
fn prove(form: &Form, known: Option<&ClientSettings>, client: &str, url: &str) -> Result<(), Said> {
    let invalid = |description: &str| Err(refuse(401, "invalid_client", description));
    let (secret, given) = (form.field("client_secret"), form.field("client_assertion"));
    let Some(known) = known else {
        let description = "AADSTS7000218: The request body must contain 'client_assertion' or 'client_secret'.";
        return if secret.or(given).is_some() { Ok(()) } else { invalid(description) };
    };
    match (secret, given) {
        (Some(_), _) if known.expired => {
            invalid(&format!("AADSTS7000222: The provided client secret keys for app '{client}' are expired."))
        }
        (Some(secret), _) if known.secret.as_deref() == Some(secret) => Ok(()),
        (Some(_), _) => {
            invalid(&format!("AADSTS7000215: Invalid client secret provided for a secret added to app '{client}'."))
        }
        (None, Some(_)) if form.field("client_assertion_type") != Some(ASSERTION) => {
            invalid("AADSTS50027: 'client_assertion_type' is invalid.")
        }
        (None, Some(given)) if known.federated.as_deref() == Some(given) => Ok(()),
        (None, Some(given)) => match &known.certificate {
            Some(pem) => assertion::check(given, client, pem, url).or_else(invalid),
            None => {
                invalid("AADSTS700213: No matching federated identity record found for presented assertion subject.")
            }
        },
        (None, None) => invalid("AADSTS7000218: The request body must contain 'client_assertion' or 'client_secret'."),
    }
}

/// A plain endpoint of OAuth 2.0: the secret in the form, or as Basic.
pub(super) fn plain(identity: &IdentitySettings, head: &Parts, body: &[u8]) -> Said {
    plain_token(identity, head, body).unwrap_or_else(|refused| refused)
}

fn plain_token(identity: &IdentitySettings, head: &Parts, body: &[u8]) -> Result<Said, Said> {
    if head.method != Method::POST {
        return Err(refuse(405, "invalid_request", "only POST"));
    }
    let form = Form::of(body);
    form.grant()?;
    let basic = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(of_basic);
    let in_form = || Some((form.field("client_id")?.to_owned(), form.field("client_secret")?.to_owned()));
    let (client, secret) = basic.or_else(in_form).ok_or_else(|| refuse(401, "invalid_client", "no client"))?;
    let known = identity.clients.iter().find(|known| known.id == client);
    if !identity.clients.is_empty() && known.is_none_or(|known| known.secret.as_deref() != Some(&secret)) {
        return Err(refuse(401, "invalid_client", "unknown client or wrong secret"));
    }
    let asked = form.field("audience").or_else(|| form.field("scope")?.strip_suffix("/.default"));
    let audience = identity.audience.as_deref().or(asked).unwrap_or(AUDIENCES[0]);
    let (roles, lives) = (known.map_or(&[][..], |known| &known.roles), identity.entra());
    let token = Claim { tenant: "oauth2", client: &client, audience, roles, lives }.token();
    Ok((StatusCode::OK, json!({"token_type": "bearer", "expires_in": lives, "access_token": token})))
}

/// Who asks by Basic: both parts are encoded as in a form.
fn of_basic(value: &str) -> Option<(String, String)> {
    let coded = value.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(coded).ok()?).ok()?;
    let (client, secret) = text.split_once(':')?;
    let pairs = format!("client={client}&secret={secret}");
    let mut decoded = parameters(&pairs).map(|(_, value)| value);
    Some((decoded.next()?, decoded.next()?))
}
