//! A scenario's TOML as it stands, before it is checked.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::faults::{self, Fault};
use super::gateway::{Gateway, find};
use super::limits::Limits;
use super::parse::{explain, line_of};
use super::spec::{
    ANY_PORT, BackendConfig, Config, ConfigError, KEEP_RESPONSES, Kind, LEDGER, ListenerConfig, OUTPUT_TOKENS,
    OutputTokens, REASONING_TOKENS, SEED,
};
use super::times::{Bandwidth, Length, Rtt, Span, Time};
use crate::distance::Distance;
use crate::latency::{Dist, Latency};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    name: String,
    #[serde(default = "seed")]
    seed: u64,
    #[serde(default)]
    threads: usize,
    #[serde(default)]
    strict: bool,
    #[serde(default = "ledger")]
    ledger: usize,
    #[serde(default)]
    backend: Vec<Backend>,
    #[serde(default)]
    listener: Vec<Listener>,
}

fn seed() -> u64 {
    SEED
}

fn ledger() -> usize {
    LEDGER
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Backend {
    name: String,
    #[serde(default = "region")]
    region: String,
    model: Model,
    output_tokens: Option<Length>,
    reasoning_tokens: Option<u32>,
    #[serde(default)]
    refusals: f64,
    keep_responses: Option<Span>,
    load: Option<Load>,
    limits: Option<Limits>,
    #[serde(default)]
    fault: Vec<Fault>,
}

fn region() -> String {
    "swedencentral".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    first: Time,
    gap: Time,
    per_prompt_token: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
enum Load {
    Serial { stage: Time },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listener {
    name: String,
    kind: Kind,
    backend: Option<String>,
    #[serde(default)]
    link: Link,
    gateway: Option<Gateway>,
    #[serde(default)]
    fault: Vec<Fault>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    rtt: Option<Rtt>,
    bandwidth: Option<Bandwidth>,
}

impl Scenario {
    pub(super) fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(String::new(), |span| format!(" line {}", line_of(text, span.start)));
            ConfigError(format!("{origin}{line}: {}", explain(error.message())))
        })
    }

    pub(super) fn resolve(self, origin: &str) -> Result<Config, ConfigError> {
        let names: Vec<String> = self.backend.iter().map(|backend| backend.name.clone()).collect();
        let listeners = self.listener.into_iter().map(|listener| listener.resolve(&names));
        let config = Config {
            scenario: self.name,
            seed: self.seed,
            threads: self.threads,
            key: None,
            any_model: false,
            strict: self.strict,
            ledger: self.ledger,
            backends: self
                .backend
                .into_iter()
                .map(|backend| backend.resolve(&names))
                .collect::<Result<_, _>>()
                .map_err(|e| ConfigError(format!("{origin}: {e}")))?,
            listeners: listeners.collect::<Result<_, _>>().map_err(|e| ConfigError(format!("{origin}: {e}")))?,
        };
        check(&config).map_err(|e| ConfigError(format!("{origin}: {e}")))?;
        Ok(config)
    }
}

impl Backend {
    fn resolve(self, names: &[String]) -> Result<BackendConfig, String> {
        let wrong = |what: String| format!("backend \"{}\": {what}", self.name);
        let limits = self.limits.map(|limits| limits.resolve(&self.name, names)).transpose().map_err(wrong)?;
        let faults = faults::resolve(self.fault, false).map_err(wrong)?;
        let Model { first, gap, per_prompt_token } = self.model;
        let per_prompt_token = per_prompt_token.map_or(0.0, |span| span.0);
        Ok(BackendConfig {
            name: self.name,
            region: self.region,
            latency: Latency { first: first.0, gap: gap.0, per_prompt_token },
            serial_stage: self.load.map_or(Dist::Fixed(0.0), |Load::Serial { stage }| stage.0),
            output_tokens: self
                .output_tokens
                .map_or(OutputTokens::AsAsked(OUTPUT_TOKENS), |length| OutputTokens::Natural(length.0)),
            reasoning_tokens: self.reasoning_tokens.map_or(REASONING_TOKENS, |tokens| tokens as usize),
            refusals: self.refusals,
            keep_responses: self.keep_responses.map_or(KEEP_RESPONSES, |span| span.0),
            limits,
            faults,
        })
    }
}

impl Link {
    pub(super) fn resolve(self) -> Distance {
        Distance {
            rtt: self.rtt.map_or(Dist::Fixed(0.0), |rtt| rtt.0),
            bandwidth: self.bandwidth.map(|bandwidth| bandwidth.0),
        }
    }
}

impl Listener {
    fn resolve(self, backends: &[String]) -> Result<ListenerConfig, String> {
        let name = self.name;
        let wrong = |what: &str| format!("listener \"{name}\" {what}");
        match (self.kind, &self.gateway) {
            (Kind::Gateway, None) => return Err(wrong("is a gateway and needs gateway = { own = ... }")),
            (Kind::Direct | Kind::PrivateEndpoint, Some(_)) => {
                return Err(wrong("has gateway settings, so its kind must be \"gateway\""));
            }
            _ => {}
        }
        let pool = self.gateway.as_ref().is_some_and(|gateway| !gateway.pool.is_empty());
        let foreign = self.gateway.as_ref().is_some_and(|gateway| gateway.url.is_some());
        if pool && (foreign || self.backend.is_some()) {
            return Err(wrong("has a pool, so it takes neither a backend nor gateway.url"));
        }
        let foreign = foreign || pool;
        let backend = match (self.backend, foreign) {
            (Some(_), true) => return Err(wrong("has both a backend and gateway.url; give one")),
            (None, false) => return Err(wrong("needs a backend")),
            (None, true) => None,
            (Some(backend), false) => Some(find(&backend, backends).map_err(|e| wrong(&e))?),
        };
        let gateway = self.gateway.map(|gateway| gateway.resolve(backends)).transpose().map_err(|e| wrong(&e))?;
        let link = self.link.resolve();
        let faults = faults::resolve(self.fault, true).map_err(|e| wrong(&e))?;
        Ok(ListenerConfig { kind: self.kind, bind: ANY_PORT, link, backend, gateway, faults, name })
    }
}

/// What cannot be in the whole.
fn check(config: &Config) -> Result<(), String> {
    if config.threads > 1024 {
        return Err("threads must be from 0 (one for each core) to 1024".to_owned());
    }
    if !(1..=10_000_000).contains(&config.ledger) {
        return Err("ledger must be from 1 to 10000000".to_owned());
    }
    if config.listeners.is_empty() {
        return Err("there must be at least one [[listener]]".to_owned());
    }
    if let Some(wrong) = config.backends.iter().find(|backend| !(0.0..=1.0).contains(&backend.refusals)) {
        return Err(format!("backend \"{}\": refusals must be from 0 to 1", wrong.name));
    }
    if let Some(wrong) = config.backends.iter().find(|backend| backend.reasoning_tokens > 100_000) {
        return Err(format!("backend \"{}\": reasoning_tokens must be from 0 to 100000", wrong.name));
    }
    let mut listeners = BTreeSet::new();
    if let Some(again) = config.listeners.iter().find(|listener| !listeners.insert(&listener.name)) {
        return Err(format!("two listeners have the name \"{}\"", again.name));
    }
    let mut backends = BTreeSet::new();
    if let Some(again) = config.backends.iter().find(|backend| !backends.insert(&backend.name)) {
        return Err(format!("two backends have the name \"{}\"", again.name));
    }
    Ok(())
}
