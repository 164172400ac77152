//! The identity of a machine: the metadata service of a virtual machine, and the endpoint of App Service. Their numbers
//! are texts.

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::said::{Said, refuse};
use super::settings::IdentitySettings;
use super::token::Claim;
use crate::api::query::parameters;
use crate::net::clock::unix_seconds;

const TENANT: &str = "00000000-0000-0000-0000-000000000000";
const CLIENT: &str = "00000000-0000-0000-0000-000000000001";

/// What both want beside what proves who asks.
struct Asked {
    query: Vec<(String, String)>,
}

impl Asked {
    fn of(head: &Parts) -> Result<Self, Said> {
        if head.method != Method::GET {
            return Err(refuse(405, "invalid_request", "Method not allowed"));
        }
        Ok(Self { query: parameters(head.uri.query().unwrap_or_default()).collect() })
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn needs(&self, name: &str) -> Result<&str, Said> {
        let description = format!("Required query variable '{name}' is missing");
        self.field(name).ok_or_else(|| refuse(400, "invalid_request", &description))
    }

    /// The token and whose it is, for whom is asked or for whom it is given.
    fn token(&self, identity: &IdentitySettings) -> Result<(String, &str, String), Said> {
        self.needs("api-version")?;
        let resource = self.needs("resource")?;
        let named = ["client_id", "object_id", "principal_id", "msi_res_id", "mi_res_id"];
        let client = named.iter().find_map(|name| self.field(name)).unwrap_or(CLIENT);
        let known = identity.clients.iter().find(|known| known.id == client);
        if client != CLIENT && !identity.clients.is_empty() && known.is_none() {
            return Err(refuse(400, "invalid_request", "Identity not found"));
        }
        let audience = identity.audience.as_deref().unwrap_or(resource).trim_end_matches('/');
        let (roles, lives) = (known.map_or(&[][..], |known| &known.roles), identity.machine());
        let token = Claim { tenant: TENANT, client, audience, roles, lives }.token();
        Ok((token, resource, client.to_owned()))
    }
}

/// A virtual machine's metadata service.
pub(super) fn machine(identity: &IdentitySettings, head: &Parts) -> Said {
    let said = || -> Result<Said, Said> {
        let asked = Asked::of(head)?;
        let shown = head.headers.get("metadata").and_then(|value| value.to_str().ok());
        if !shown.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(refuse(400, "invalid_request", "Required metadata header not specified"));
        }
        let (token, resource, client) = asked.token(identity)?;
        let (now, lives) = (unix_seconds(), identity.machine());
        Ok((
            StatusCode::OK,
            json!({
                "access_token": token, "client_id": client, "expires_in": lives.to_string(),
                "expires_on": (now + lives).to_string(), "ext_expires_in": lives.to_string(),
                "not_before": now.to_string(), "resource": resource, "token_type": "Bearer",
            }),
        ))
    };
    said().unwrap_or_else(|refused| refused)
}

/// The endpoint of App Service.
pub(super) fn app_service(identity: &IdentitySettings, head: &Parts) -> Said {
    let said = || -> Result<Said, Said> {
        let asked = Asked::of(head)?;
        let shown = head.headers.get("x-identity-header").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if shown.is_empty() || identity.header.as_ref().is_some_and(|header| header != shown) {
            return Err(refuse(401, "unauthorized", "X-IDENTITY-HEADER is missing or wrong"));
        }
        let (token, resource, client) = asked.token(identity)?;
        let until = unix_seconds() + identity.machine();
        Ok((
            StatusCode::OK,
            json!({
                "access_token": token, "expires_on": until.to_string(), "resource": resource, "token_type": "Bearer",
                "client_id": client,
            }),
        ))
    };
    said().unwrap_or_else(|refused| refused)
}
