//! A scenario's TOML as it stands, before it is checked.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::backend::Backend;
use super::faults::{self, Fault};
use super::gateway::{Gateway, find};
use super::hasten::hasten;
use super::link::Link;
use super::parse::{explain, line_of};
use super::secure::Tls;
use super::spec::{ANY_PORT, Config, ConfigError, DRAIN, Kind, LEDGER, ListenerConfig, SEED};
use super::times::Span;

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
    time_factor: Option<f64>,
    #[serde(default = "ledger")]
    ledger: usize,
    ready_after: Option<Span>,
    drain: Option<Span>,
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
struct Listener {
    name: String,
    kind: Kind,
    backend: Option<String>,
    tls: Option<Tls>,
    #[serde(default)]
    link: Link,
    gateway: Option<Gateway>,
    #[serde(default)]
    fault: Vec<Fault>,
}

impl Scenario {
    pub(super) fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(String::new(), |span| format!(" line {}", line_of(text, span.start)));
            ConfigError(format!("{origin}{line}: {}", explain(error.message())))
        })
    }

    pub(super) fn resolve(self, source: Value, origin: &str, folder: &Path) -> Result<Config, ConfigError> {
        let names: Vec<String> = self.backend.iter().map(|backend| backend.name.clone()).collect();
        let wrong = |what: String| ConfigError(format!("{origin}: {what}"));
        let backends = self.backend.into_iter().map(|backend| backend.resolve(folder, &names));
        let listeners = self.listener.into_iter().map(|listener| listener.resolve(&names, folder));
        let mut config = Config {
            scenario: self.name,
            seed: self.seed,
            threads: self.threads,
            key: None,
            any_model: false,
            strict: self.strict,
            ledger: self.ledger,
            backends: backends.collect::<Result<_, _>>().map_err(wrong)?,
            listeners: listeners.collect::<Result<_, _>>().map_err(wrong)?,
            ready_after: self.ready_after.map_or(Duration::ZERO, Span::duration),
            drain: self.drain.map_or(DRAIN, Span::duration),
            folder: folder.to_owned(),
            source,
        };
        check(&config).map_err(wrong)?;
        match self.time_factor {
            None => {}
            Some(factor) if (1e-6..=1e6).contains(&factor) => hasten(&mut config, factor),
            Some(_) => return Err(wrong("time_factor must be from 0.000001 to 1000000".to_owned())),
        }
        Ok(config)
    }
}

impl Listener {
    fn resolve(self, backends: &[String], folder: &Path) -> Result<ListenerConfig, String> {
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
        let gateway =
            self.gateway.map(|gateway| gateway.resolve(backends, folder)).transpose().map_err(|e| wrong(&e))?;
        let link = self.link.distance();
        let tls = self.tls.map(|tls| tls.resolve(folder));
        let faults = faults::resolve(self.fault, true).map_err(|e| wrong(&e))?;
        Ok(ListenerConfig { kind: self.kind, bind: ANY_PORT, tls, link, backend, gateway, faults, name })
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
    if let Some(wrong) = config.backends.iter().find(|backend| !(0.0..=1.0).contains(&backend.filtered)) {
        return Err(format!("backend \"{}\": filtered must be from 0 to 1", wrong.name));
    }
    if let Some(wrong) = config.backends.iter().find(|backend| backend.format_tokens > 1000) {
        return Err(format!("backend \"{}\": format_tokens must be from 0 to 1000", wrong.name));
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
