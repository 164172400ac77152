//! What a probe found, as it is printed, written as JSON and read by another probe.

use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::ladder::{Privacy, Step};
use crate::measure::resolution::ResolutionFacts;
use crate::path::PathKind;
use crate::probe::capability::row::Row;
use crate::probe::check::{Check, CheckName};

/// The word by which such a document is known.
pub(crate) const DOCUMENT: &str = "probe";
/// The version of its form.
pub(crate) const VERSION: u64 = 1;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Probe {
    /// `probe`.
    pub document: &'static str,
    /// The version of this form.
    pub schema_version: u64,
    /// Whether no check of any path failed.
    pub passed: bool,
    /// From where it was seen.
    pub vantage: Vantage,
    /// Each path, in the order of the profile.
    pub paths: Vec<ProbedPath>,
}

/// From where it was seen, when, and by what.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Vantage {
    /// When it was over, RFC 3339.
    pub at: String,
    /// The version of this program.
    pub tool_version: String,
    /// The first DNS server of the system, where it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_dns: Option<String>,
    /// The variables of the environment that name a proxy; none of them is used.
    pub proxy_variables: Vec<String>,
}

/// What was found on one path.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProbedPath {
    /// Its name.
    pub path: String,
    /// What stands between.
    pub kind: PathKind,
    /// Where it leads.
    pub base_url: String,
    /// Whether no check failed.
    pub passed: bool,
    /// Every check, in order.
    pub checks: Vec<Check>,
    /// What its host's name leads to; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<ResolutionFacts>,
    /// The connections that were opened for their time; absent where none was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    /// What the TLS handshake showed; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Handshake>,
    /// What became of the calls that the run would send.
    pub calls: Calls,
    /// Whether it is private; absent where it was not declared so or nothing could be seen of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<PrivatePath>,
    /// What the path can do, feature by feature; absent where it was not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Row>>,
}

/// Connections that were opened for their time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Connections {
    /// How many were opened.
    pub opened: usize,
    /// How many were not.
    pub failed: usize,
    /// The median time of the TCP handshakes, in milliseconds; null where none was opened.
    pub median_ms: Option<f64>,
    /// The shortest, in milliseconds.
    pub min_ms: Option<f64>,
    /// The longest, in milliseconds.
    pub max_ms: Option<f64>,
    /// The addresses reached; those of the proxy, where there is one.
    pub addresses: Vec<String>,
}

/// What a TLS handshake showed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Handshake {
    /// `TLS 1.3`.
    pub version: String,
    /// The HTTP that both agreed to (ALPN); null where the server agreed to none.
    pub alpn: Option<String>,
    /// Whether the certificate was checked and found good.
    pub verified: bool,
    /// Who issued the certificate.
    pub issuer: String,
    /// For whom.
    pub subject: String,
    /// The names for which it is good.
    pub names: Vec<String>,
    /// From when it is good, RFC 3339; null where that cannot be read.
    pub not_before: Option<String>,
    /// Until when, RFC 3339; null where that cannot be read.
    pub not_after: Option<String>,
    /// Whether a second connection could resume the session of the first; null where there was no second. Runs never resume.
    pub resumes: Option<bool>,
}

/// What became of the calls that the run would send, one of each of its shapes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Calls {
    /// How many were sent.
    pub sent: u64,
    /// How many were answered well.
    pub answered: u64,
    /// Refusals that tell something of the network, by the code of their fingerprint.
    pub refusals: Vec<Refusal>,
    /// The addresses of the sockets that carried them.
    pub addresses: Vec<String>,
    /// The regions that answers named.
    pub regions: Vec<String>,
}

/// Calls that got the same refusal.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Refusal {
    /// The code of its fingerprint.
    pub code: String,
    /// How many.
    pub calls: u64,
}

/// Whether a path that was declared private is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PrivatePath {
    /// What the rungs come to.
    pub verdict: Privacy,
    /// The rungs.
    pub rungs: Vec<Step>,
}

impl ProbedPath {
    /// The check of this name.
    #[must_use]
    pub fn check(&self, name: CheckName) -> Option<&Check> {
        self.checks.iter().find(|check| check.check == name)
    }

    /// Whether it was shown to be private and no rung failed.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private.as_ref().is_some_and(|private| private.verdict == Privacy::Private)
    }
}

impl Probe {
    /// Of these paths.
    #[must_use]
    pub fn new(vantage: Vantage, paths: Vec<ProbedPath>) -> Self {
        let passed = paths.iter().all(|path| path.passed);
        Self { document: DOCUMENT, schema_version: VERSION, passed, vantage, paths }
    }
}

/// The JSON Schema of what a probe writes.
#[must_use]
pub fn schema() -> String {
    crate::schema::text(&crate::schema::written::<Probe>())
}
