//! What a simulator needs to know, checked and complete.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::key::Key;
use crate::api::auth::settings::IdentitySettings;
use crate::api::backend::BackendSettings;
use crate::fault::{Defects, Fault, FaultSettings};
use crate::gateway::{GatewaySettings, MemberSettings};
use crate::net::distance::Distance;
use crate::net::idle::Waits;
use crate::net::tls::TlsSettings;

/// What is wrong with a scenario or with the flags, as one sentence.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Everything that a simulator needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// The seed of every draw.
    pub(crate) seed: u64,
    /// Worker threads; 0 is one for each core.
    pub(crate) threads: usize,
    /// The only key that passes; none lets any key pass that is not empty.
    pub key: Option<Key>,
    /// The only key that passes to `/_sim/*`; none is that of the calls.
    pub admin_key: Option<Key>,
    /// Whether every model name exists.
    pub any_model: bool,
    /// Whether parameters that an interface does not have are refused; none is by addresses of Azure only.
    pub(crate) strict: Option<bool>,
    /// Requests that the ledger holds.
    pub(crate) ledger: usize,
    /// Whether the ledger has a stamp for every write that carries content.
    pub(crate) ledger_chunks: bool,
    /// What the token endpoints of all listeners give.
    pub(crate) identity: IdentitySettings,
    /// The models behind the listeners.
    pub(crate) backends: Vec<BackendSettings>,
    /// Where callers connect.
    pub(crate) listeners: Vec<ListenerSettings>,
    /// How long `/_sim/health` says 503 after the start.
    pub(crate) ready_after: Duration,
    /// How long requests under way may still take when the simulator is told to end.
    pub(crate) drain: Duration,
    /// How long callers may take.
    pub(crate) waits: Waits,
    /// The scenario as it was written: what `/_sim/config` shows and changes.
    pub(crate) source: serde_json::Value,
    /// Where the files are that it names.
    pub(crate) folder: PathBuf,
}

/// Where callers connect.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ListenerSettings {
    /// Its name; also that of the path.
    pub(crate) name: String,
    /// What it stands for.
    pub(crate) kind: Kind,
    /// Where it listens.
    pub(crate) bind: SocketAddr,
    /// Its TLS; none is plain HTTP.
    pub(crate) tls: Option<TlsSettings>,
    /// The distance to its callers.
    pub(crate) link: Distance,
    /// The place of its backend in [`Config::backends`]; none for a gateway in front of a foreign server.
    pub(crate) backend: Option<usize>,
    /// What it adds as a gateway.
    pub(crate) gateway: Option<GatewaySettings>,
    /// What goes wrong on the way to it.
    pub(crate) faults: Vec<FaultSettings>,
    /// What it lacks, drops or changes of every request and answer.
    pub(crate) defects: Defects,
}

/// Whether callers get to a listener at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListenState {
    Open,
    /// Nobody listens.
    Refuses,
    /// Nobody hears who knocks.
    Unreachable,
}

impl ListenerSettings {
    /// Whether callers get to it at all.
    #[must_use]
    pub(crate) fn listen_state(&self) -> ListenState {
        let has = |fault| self.faults.iter().any(|entry| entry.fault == fault);
        match (has(Fault::Refused), has(Fault::Unreachable)) {
            (true, _) => ListenState::Refuses,
            (false, true) => ListenState::Unreachable,
            (false, false) => ListenState::Open,
        }
    }
}

/// What a listener stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The model's public address.
    Direct,
    /// A private address in the caller's network.
    PrivateEndpoint,
    /// An AI gateway in front of the model.
    Gateway,
}

impl Kind {
    /// As written in files.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::PrivateEndpoint => "private-endpoint",
            Self::Gateway => "gateway",
        }
    }
}

/// The flags of a simulator with one listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Single {
    /// The time to the first token, in nanoseconds.
    pub ttft: f64,
    /// The time between tokens, in nanoseconds.
    pub itl: f64,
    /// Tokens of an answer without a limit.
    pub output_tokens: usize,
}

impl Default for Single {
    fn default() -> Self {
        Self { ttft: 200e6, itl: 20e6, output_tokens: 64 }
    }
}

/// Any free port of the loopback.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Requests that the ledger holds unless told otherwise.
pub(crate) const LEDGER: usize = 200_000;
/// The seed unless told otherwise.
pub(crate) const SEED: u64 = 42;

/// How long requests under way may still take at the end, unless told otherwise.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

impl Config {
    /// Puts the listeners on `address`: on free ports if its port is 0, else on that port and those after it.
    pub(crate) fn listen(&mut self, address: SocketAddr) {
        for (listener, i) in self.listeners.iter_mut().zip(0u16..) {
            let port = if address.port() == 0 { 0 } else { address.port().saturating_add(i) };
            listener.bind = SocketAddr::new(address.ip(), port);
        }
    }

    /// The connections of gateways to backends of the scenario: the name under which each stands in the ledger, and the
    /// backend's place; first by gateway, then by member of its pool.
    pub(crate) fn inner(&self) -> impl Iterator<Item = (String, usize)> {
        let gateways = self.listeners.iter().filter_map(|listener| Some((listener, listener.gateway.as_ref()?)));
        gateways.flat_map(|(listener, gateway)| {
            let one = listener.backend.map(|backend| (format!("{}.upstream", listener.name), backend));
            let name = |member: &MemberSettings| format!("{}.{}", listener.name, member.name);
            let pool = gateway.pool.iter().filter_map(move |member| Some((name(member), member.backend?)));
            one.into_iter().chain(pool)
        })
    }
}
