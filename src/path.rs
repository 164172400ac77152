//! A way to the model, as both wings (intention and network) need to speak of it.
//!
//! Holds no connection and no secret: a secret is named here by where it stands.

pub mod address;
pub mod auth;
pub mod control;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod regions;
pub mod request;
pub mod zones;

use schemars::JsonSchema;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::units::{Api, PathId, Span};
use address::Address;
pub use auth::{Auth, AuthKind, AuthRef, SecretRef};
use control::{Control, Private};
use request::RequestForm;

/// What stands between the caller and the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum PathKind {
    /// The service's own public address.
    #[default]
    Direct,
    /// A private endpoint, perhaps in another region.
    PrivateEndpoint,
    /// An API gateway.
    Gateway,
}

/// Whether calls share connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionPolicy {
    /// Kept alive and used again.
    #[default]
    Keep,
    /// A new connection for each call.
    Fresh,
}

/// Which HTTP a path speaks. Nothing is negotiated: a server that does not speak it is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "version")]
pub enum Http {
    /// HTTP/1.1: one call at a time on a connection.
    #[default]
    #[serde(rename = "1.1")]
    One,
    /// HTTP/2, by ALPN for https and by prior knowledge for http: calls share connections.
    #[serde(rename = "2")]
    Two {
        /// Connections of the whole run, over all its workers. A worker has a whole number of them, so a run has no
        /// more workers than this.
        max: usize,
        /// Streams at once on each connection; a server that allows fewer has its way.
        streams: usize,
    },
}

impl Http {
    /// Whether it is HTTP/1.1.
    #[must_use]
    pub fn is_one(&self) -> bool {
        *self == Self::One
    }

    /// The most workers that can have a connection each; `None` when each has as many as it needs.
    #[must_use]
    pub(crate) fn most_workers(&self, policy: ConnectionPolicy) -> Option<usize> {
        match (self, policy) {
            (Self::Two { max, .. }, ConnectionPolicy::Keep) => Some(*max),
            (Self::Two { .. }, ConnectionPolicy::Fresh) | (Self::One, _) => None,
        }
    }

    /// The connections of worker `shard` of `of`: an equal share of all, and one of those left over for the first few.
    #[must_use]
    pub fn share(max: usize, shard: u64, of: u64) -> usize {
        let (shard, of) = (shard as usize, (of as usize).max(1));
        (max / of + usize::from(shard < max % of)).max(1)
    }
}

impl fmt::Display for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => f.write_str("1.1"),
            Self::Two { max, streams } => write!(f, "2 (max {max}, streams {streams})"),
        }
    }
}

/// How https is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TlsPolicy {
    /// PEM roots to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether the server's certificate is checked.
    pub verify: bool,
    /// PEM of what the listeners of the bundled simulator are certified by, once it runs: trusted where the path leads to it
    /// and names no roots of its own. It is of one run alone.
    #[serde(skip)]
    pub simulator_ca: Option<Arc<str>>,
}

impl Default for TlsPolicy {
    fn default() -> Self {
        Self { ca_file: None, verify: true, simulator_ca: None }
    }
}

/// How long each stage of a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Timeouts {
    /// Name, TCP and TLS together.
    pub connect: Span,
    /// From the request sent to the first byte of the answer.
    pub first_byte: Span,
    /// Between two reads of the answer.
    pub gap: Span,
    /// The whole call, from its sending.
    pub total: Span,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Span::from_secs(5),
            first_byte: Span::from_secs(60),
            gap: Span::from_secs(60),
            total: Span::from_secs(300),
        }
    }
}

/// One way to the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetPath {
    /// Its place in the plan.
    pub id: PathId,
    /// Its name, unique in the plan.
    pub name: String,
    /// What stands between.
    pub kind: PathKind,
    /// `http(s)://host[:port]/prefix`, to which [`Address::resource`] is added; `sim://NAME/prefix` until the bundled
    /// simulator has told its ports.
    pub base_url: String,
    /// How it is addressed beyond that.
    #[serde(flatten)]
    pub address: Address,
    /// What each of its requests carries of its own.
    #[serde(flatten)]
    pub request: RequestForm,
    /// How the caller is known.
    pub auth: Auth,
    /// The name of the backend, when several paths share one.
    pub backend: Option<String>,
    /// Whether calls share connections.
    pub connections: ConnectionPolicy,
    /// Which HTTP is spoken.
    #[serde(default, skip_serializing_if = "Http::is_one")]
    pub http: Http,
    /// How https is verified.
    pub tls: TlsPolicy,
    /// How long each stage may take.
    pub timeouts: Timeouts,
    /// Words by which objectives find it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Which way its connections take, where the system does not decide.
    #[serde(default, skip_serializing_if = "Control::is_default")]
    pub control: Control,
}

impl NetPath {
    /// The whole URL at which this API is called.
    #[must_use]
    pub fn url(&self, api: Api) -> String {
        format!("{}{}", self.base_url, self.address.resource(api))
    }

    /// What of its declarations may not be meant, a sentence each.
    #[must_use]
    pub(crate) fn doubts(&self) -> Vec<String> {
        let doubts = self.control.private.as_ref().map(Private::doubts).unwrap_or_default();
        doubts.into_iter().map(|doubt| format!("path '{}': {doubt}", self.name)).collect()
    }
}
