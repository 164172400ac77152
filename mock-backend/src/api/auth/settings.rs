//! Who gives tokens to whom, and which tokens pass where.

use std::time::Duration;

/// For whom a token must be to pass, unless told otherwise.
pub(crate) const AUDIENCES: [&str; 3] =
    ["https://cognitiveservices.azure.com", "https://ai.azure.com", "https://ml.azure.com"];
/// How long a token lives unless told otherwise, in seconds: as Entra says, and as a virtual machine says.
const ENTRA: u64 = 3599;
const MACHINE: u64 = 86_399;

/// The token endpoints of a simulator.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct IdentitySettings {
    /// How long tokens live, in seconds; none is as long as the real ones.
    pub(crate) lifetime: Option<u64>,
    /// How long an endpoint takes.
    pub(crate) delay: Duration,
    /// The directories that exist; none is any.
    pub(crate) tenants: Vec<String>,
    /// The applications that exist; none is any, with any secret.
    pub(crate) clients: Vec<ClientSettings>,
    /// What must be shown to the endpoint of App Service; none is anything.
    pub(crate) header: Option<String>,
    /// For whom tokens are, whatever was asked for.
    pub(crate) audience: Option<String>,
    /// When the endpoints fail, from the simulator's start.
    pub(crate) fails: Vec<FailureWindow>,
}

impl IdentitySettings {
    /// How long a token of Entra lives.
    pub(crate) fn entra(&self) -> u64 {
        self.lifetime.unwrap_or(ENTRA)
    }

    /// How long a token of a machine lives.
    pub(crate) fn machine(&self) -> u64 {
        self.lifetime.unwrap_or(MACHINE)
    }

    /// How the endpoints fail so long after the start; none if they do not.
    pub(crate) fn failure(&self, elapsed: Duration) -> Option<u16> {
        self.fails.iter().find(|window| (window.from..window.to).contains(&elapsed)).map(|window| window.status)
    }
}

/// An application, and how it proves that it is it.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct ClientSettings {
    /// Its identifier.
    pub(crate) id: String,
    /// Its secret.
    pub(crate) secret: Option<String>,
    /// Whether the secret has expired.
    pub(crate) expired: bool,
    /// Its certificate, in PEM.
    pub(crate) certificate: Option<Vec<u8>>,
    /// The federated token that stands in place of a secret.
    pub(crate) federated: Option<String>,
    /// The roles that its tokens have.
    pub(crate) roles: Vec<String>,
}

impl std::fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientSettings({}, ***)", self.id)
    }
}

/// A time in which the endpoints fail.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FailureWindow {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    /// The status of their answers.
    pub(crate) status: u16,
}

/// What callers of a backend must show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AuthSettings {
    /// For whom a token must be; none is any of the services'.
    pub(crate) audience: Option<String>,
    /// The role that a token must have.
    pub(crate) role: Option<String>,
    /// Whether keys pass; else only tokens do.
    pub(crate) keys: bool,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self { audience: None, role: None, keys: true }
    }
}
