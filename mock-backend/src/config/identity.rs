//! Token endpoints, and which tokens pass, as they stand in TOML.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::times::Span;
use crate::api::auth::settings::{AuthSettings, ClientSettings, FailureWindow, IdentitySettings};
use crate::units::read_file;

/// `[identity]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    lifetime: Option<Span>,
    delay: Option<Span>,
    #[serde(default)]
    tenants: Vec<String>,
    #[serde(default)]
    client: Vec<Client>,
    header: Option<String>,
    audience: Option<String>,
    #[serde(default)]
    fails: Vec<Window>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    id: String,
    secret: Option<String>,
    #[serde(default)]
    expired: bool,
    cert: Option<PathBuf>,
    federated: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    from: Span,
    #[serde(rename = "for")]
    length: Span,
    status: Option<u16>,
}

impl Identity {
    /// What is meant; files stand beside the scenario in `folder`.
    pub(super) fn resolve(self, folder: &Path) -> Result<IdentitySettings, String> {
        let lifetime = self.lifetime.map(|span| span.duration().as_secs());
        if lifetime == Some(0) {
            return Err("identity: lifetime must be at least 1s".to_owned());
        }
        let clients = self.client.into_iter().map(|client| client.resolve(folder)).collect::<Result<_, _>>()?;
        let fails = self.fails.into_iter().map(Window::resolve).collect::<Result<_, _>>()?;
        Ok(IdentitySettings {
            lifetime,
            delay: self.delay.map(Span::duration).unwrap_or_default(),
            tenants: self.tenants,
            clients,
            header: self.header,
            audience: self.audience,
            fails,
        })
    }
}

impl Client {
    fn resolve(self, folder: &Path) -> Result<ClientSettings, String> {
        let certificate = self.cert.map(|file| read_file(&folder.join(file))).transpose();
        let certificate = certificate.map_err(|error| format!("identity: client \"{}\": {error}", self.id))?;
        let Self { id, secret, expired, federated, roles, .. } = self;
        Ok(ClientSettings { id, secret, expired, certificate, federated, roles })
    }
}

impl Window {
    fn resolve(self) -> Result<FailureWindow, String> {
        let from = self.from.duration();
        match self.status.unwrap_or(503) {
            status @ 400..=599 => Ok(FailureWindow { from, to: from + self.length.duration(), status }),
            status => Err(format!("identity: fails with status {status}; it must be from 400 to 599")),
        }
    }
}

/// `auth` of a backend.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    audience: Option<String>,
    role: Option<String>,
    #[serde(default = "yes")]
    keys: bool,
}

fn yes() -> bool {
    true
}

impl From<Auth> for AuthSettings {
    fn from(Auth { audience, role, keys }: Auth) -> Self {
        Self { audience, role, keys }
    }
}
