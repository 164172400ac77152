//! What a simulator needs to know, checked and complete.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::faults::FaultConfig;
use super::gateway::{GatewayConfig, MemberConfig};
use super::limits::LimitsConfig;
use crate::dist::Dist;
use crate::distance::Distance;
use crate::fault::Fault;
use crate::latency::Latency;
use crate::load::Load;
use crate::packing::Packing;
use crate::season::Season;
use crate::tls::TlsConfig;

/// What is wrong with a scenario or with the flags, as one sentence.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Everything that a simulator needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of every draw.
    pub seed: u64,
    /// Worker threads; 0 is one for each core.
    pub threads: usize,
    /// The only key that passes; none lets any key pass that is not empty.
    pub key: Option<String>,
    /// Whether every model name exists.
    pub any_model: bool,
    /// Whether fields that an interface does not have are refused.
    pub strict: bool,
    /// Requests that the ledger holds.
    pub ledger: usize,
    /// Whether the ledger has a stamp for every write that carries content.
    pub ledger_chunks: bool,
    /// The models behind the listeners.
    pub backends: Vec<BackendConfig>,
    /// Where callers connect.
    pub listeners: Vec<ListenerConfig>,
    /// How long `/_sim/health` says 503 after the start.
    pub ready_after: Duration,
    /// How long requests under way may still take when the simulator is told to end.
    pub drain: Duration,
    /// How long callers may take.
    pub waits: Waits,
    /// The scenario as it was written: what `/_sim/config` shows and changes.
    pub source: serde_json::Value,
    /// Where the files are that it names.
    pub folder: PathBuf,
}

/// How long callers may take before their connection is closed, or their request refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// From the end of one answer, or from connecting, to the first byte of the next request.
    pub idle: Duration,
    /// From the first byte of a request to the end of its head; also for the handshake of TLS.
    pub header: Duration,
    /// From there to the end of its body.
    pub body: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        let [idle, header, body] = [240, 60, 120].map(Duration::from_secs);
        Self { idle, header, body }
    }
}

/// A deployment of a model in a region.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendConfig {
    /// The name by which listeners refer to it.
    pub name: String,
    /// The Azure region it reports.
    pub region: String,
    /// When it answers.
    pub latency: Latency,
    /// What happens to requests that come at once.
    pub load: Load,
    /// How it changes with time.
    pub seasons: Vec<Season>,
    /// The form of its streams.
    pub packing: Packing,
    /// How long a prompt's beginning is remembered after its last use, in nanoseconds; 0 is not at all.
    pub prefix_cache: u64,
    /// How long an answer is if no limit of the caller cuts it.
    pub output_tokens: OutputTokens,
    /// How much it takes; none is everything.
    pub limits: Option<LimitsConfig>,
    /// What goes wrong with it.
    pub faults: Vec<FaultConfig>,
    /// Tokens that a reasoning model thinks at medium effort.
    pub reasoning_tokens: usize,
    /// Tokens that a reasoning model makes between its thoughts and its text, billed and not sent.
    pub format_tokens: usize,
    /// The share of requests that the model refuses, from 0 to 1.
    pub refusals: f64,
    /// The share of answers that the content filter ends in their middle, from 0 to 1.
    pub filtered: f64,
    /// How long responses and stored chat completions are kept, in nanoseconds.
    pub keep_responses: f64,
}

/// The length of answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OutputTokens {
    /// As long as the caller's limit, or this without one.
    AsAsked(usize),
    /// Drawn from a distribution (in tokens, not nanoseconds); the caller's limit cuts it.
    Natural(Dist),
    /// As long as the recorded answer whose times are played; the caller's limit cuts it.
    Recorded,
}

/// Where callers connect.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerConfig {
    /// Its name; also that of the path.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// Where it listens.
    pub bind: SocketAddr,
    /// Its TLS; none is plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The distance to its callers.
    pub link: Distance,
    /// The place of its backend in [`Config::backends`]; none for a gateway in front of a foreign server.
    pub backend: Option<usize>,
    /// What it adds as a gateway.
    pub gateway: Option<GatewayConfig>,
    /// What goes wrong on the way to it.
    pub faults: Vec<FaultConfig>,
}

/// Whether callers get to a listener at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    /// Nobody listens.
    Refuses,
    /// Nobody hears who knocks.
    Unreachable,
}

impl ListenerConfig {
    /// Whether callers get to it at all.
    #[must_use]
    pub(crate) fn door(&self) -> Door {
        let has = |fault| self.faults.iter().any(|entry| entry.fault == fault);
        match (has(Fault::Refused), has(Fault::Unreachable)) {
            (true, _) => Door::Refuses,
            (false, true) => Door::Unreachable,
            (false, false) => Door::Open,
        }
    }
}

/// What a listener stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
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
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::PrivateEndpoint => "private-endpoint",
            Self::Gateway => "gateway",
        }
    }
}

/// The address of a foreign server: `http[s]://host[:port][/base]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// Whether it is reached over TLS; the roots are those of the system.
    pub tls: bool,
    /// `host:port`
    pub authority: String,
    /// What stands before the path of every request, without a slash at its end.
    pub base: String,
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
/// Tokens of an answer without a limit, unless told otherwise.
pub(crate) const OUTPUT_TOKENS: usize = 64;
/// Tokens that a reasoning model thinks, unless told otherwise.
pub(crate) const REASONING_TOKENS: usize = 64;
/// How long responses are kept unless told otherwise, in nanoseconds.
pub(crate) const KEEP_RESPONSES: f64 = 3_600e9;
/// The seed unless told otherwise.
pub(crate) const SEED: u64 = 42;

/// How long requests under way may still take at the end, unless told otherwise.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

impl Single {
    /// The same as a scenario.
    fn source(&self) -> serde_json::Value {
        let ns = |time: f64| format!("{time}ns");
        serde_json::json!({
            "name": "single",
            "backend": [{"name": "model", "model": {"first": ns(self.ttft), "gap": ns(self.itl)}}],
            "listener": [{"name": "direct", "kind": "direct", "backend": "model"}],
        })
    }
}

impl Config {
    /// One listener, named `direct`, without distance.
    #[must_use]
    pub fn single(single: &Single) -> Self {
        let latency = Latency::of(Dist::Fixed(single.ttft), Dist::Fixed(single.itl));
        let backend = BackendConfig {
            name: "model".to_owned(),
            region: "swedencentral".to_owned(),
            latency,
            load: Load::Apart,
            seasons: Vec::new(),
            packing: Packing::default(),
            prefix_cache: 0,
            output_tokens: OutputTokens::AsAsked(single.output_tokens),
            limits: None,
            faults: Vec::new(),
            reasoning_tokens: REASONING_TOKENS,
            format_tokens: 0,
            refusals: 0.0,
            filtered: 0.0,
            keep_responses: KEEP_RESPONSES,
        };
        let listener = ListenerConfig {
            name: "direct".to_owned(),
            kind: Kind::Direct,
            bind: ANY_PORT,
            tls: None,
            link: Distance::NONE,
            backend: Some(0),
            gateway: None,
            faults: Vec::new(),
        };
        Self {
            scenario: "single".to_owned(),
            seed: SEED,
            threads: 0,
            key: None,
            any_model: false,
            strict: false,
            ledger: LEDGER,
            ledger_chunks: false,
            backends: vec![backend],
            listeners: vec![listener],
            ready_after: Duration::ZERO,
            drain: DRAIN,
            waits: Waits::default(),
            source: single.source(),
            folder: PathBuf::new(),
        }
    }

    /// Puts the listeners on `address`: on free ports if its port is 0, else on that port and those after it.
    pub fn listen(&mut self, address: SocketAddr) {
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
            let name = |member: &MemberConfig| format!("{}.{}", listener.name, member.name);
            let pool = gateway.pool.iter().filter_map(move |member| Some((name(member), member.backend?)));
            one.into_iter().chain(pool)
        })
    }
}
