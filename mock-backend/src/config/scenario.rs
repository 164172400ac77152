//! A scenario's TOML as it stands, before it is checked.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::backend::Backend;
use super::faults::{self, Fault};
use super::gateway::{Gateway, find};
use super::identity::Identity;
use super::parse::{explain, line_of};
use super::place::Places;
use super::settings::{ANY_PORT, Config, ConfigError, DRAIN, Kind, LEDGER, ListenerSettings, SEED};
use super::time_factor::scale_times;
use super::times::{Span, Written};
use super::tls::in_folder;
use crate::fault::{Defect, Defects};
use crate::net::distance::Distance;
use crate::net::idle::Waits;
use crate::net::tls::TlsSettings;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    name: String,
    #[serde(default = "seed")]
    seed: u64,
    #[serde(default)]
    threads: usize,
    strict: Option<bool>,
    time_factor: Option<f64>,
    #[serde(default = "ledger")]
    ledger: usize,
    #[serde(default)]
    ledger_chunks: bool,
    ready_after: Option<Span>,
    drain: Option<Span>,
    idle_timeout: Option<Span>,
    header_timeout: Option<Span>,
    body_timeout: Option<Span>,
    #[serde(default)]
    identity: Identity,
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
    tls: Option<TlsSettings>,
    #[serde(default)]
    link: Distance,
    gateway: Option<Gateway>,
    #[serde(default)]
    fault: Vec<Fault>,
    #[serde(default)]
    defects: Vec<Written<Defect>>,
}

impl Scenario {
    pub(super) fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(String::new(), |span| format!(" line {}", line_of(text, span.start)));
            ConfigError(format!("{origin}{line}: {}", explain(error.message())))
        })
    }

    /// What is meant by this scenario, whose text is `text`.
    pub(super) fn resolve(self, source: Value, text: &str, origin: &str, folder: &Path) -> Result<Config, ConfigError> {
        let names: Vec<String> = self.backend.iter().map(|backend| backend.name.clone()).collect();
        let places = Places::of(text);
        let wrong = |(line, what): (String, String)| ConfigError(format!("{origin}{line}: {what}"));
        let item = |kind, place, what: &str| places.item(kind, place, what);
        let waits = Waits::default();
        let backends = self.backend.into_iter().enumerate().map(|(i, backend)| {
            let name = backend.name.clone();
            let done = backend.resolve(folder, &names);
            done.map_err(|what| (item("backend", i, &what), format!("backend \"{name}\"{what}")))
        });
        let listeners = self.listener.into_iter().enumerate().map(|(i, listener)| {
            let name = listener.name.clone();
            let done = listener.resolve(&names, folder);
            done.map_err(|what| (item("listener", i, &what), format!("listener \"{name}\" {what}")))
        });
        let identity = self.identity.resolve(folder).map_err(|what| wrong((String::new(), what)))?;
        let mut config = Config {
            identity,
            scenario: self.name,
            seed: self.seed,
            threads: self.threads,
            key: None,
            admin_key: None,
            any_model: false,
            strict: self.strict,
            ledger: self.ledger,
            ledger_chunks: self.ledger_chunks,
            backends: backends.collect::<Result<_, _>>().map_err(wrong)?,
            listeners: listeners.collect::<Result<_, _>>().map_err(wrong)?,
            ready_after: self.ready_after.map_or(Duration::ZERO, Span::duration),
            drain: self.drain.map_or(DRAIN, Span::duration),
            waits: Waits {
                idle: self.idle_timeout.map_or(waits.idle, Span::duration),
                header: self.header_timeout.map_or(waits.header, Span::duration),
                body: self.body_timeout.map_or(waits.body, Span::duration),
            },
            folder: folder.to_owned(),
            source,
        };
        check(&config).map_err(|what| wrong((places.key(&what), what)))?;
        find_duplicate("backend", &names).map_err(|(i, what)| wrong((item("backend", i, ""), what)))?;
        let names: Vec<String> = config.listeners.iter().map(|listener| listener.name.clone()).collect();
        find_duplicate("listener", &names).map_err(|(i, what)| wrong((item("listener", i, ""), what)))?;
        match self.time_factor {
            None => {}
            Some(factor) if (1e-6..=1e6).contains(&factor) => scale_times(&mut config, factor),
            Some(_) => {
                let what = "time_factor must be from 0.000001 to 1000000".to_owned();
                return Err(wrong((places.key(&what), what)));
            }
        }
        Ok(config)
    }
}

impl Listener {
    fn resolve(self, backends: &[String], folder: &Path) -> Result<ListenerSettings, String> {
        let name = self.name;
        match (self.kind, &self.gateway) {
            (Kind::Gateway, None) => return Err("is a gateway and needs gateway = { own = ... }".to_owned()),
            (Kind::Direct | Kind::PrivateEndpoint, Some(_)) => {
                return Err("has gateway settings, so its kind must be \"gateway\"".to_owned());
            }
            _ => {}
        }
        let pool = self.gateway.as_ref().is_some_and(|gateway| !gateway.pool.is_empty());
        let foreign = self.gateway.as_ref().is_some_and(|gateway| gateway.url.is_some());
        if pool && (foreign || self.backend.is_some()) {
            return Err("has a pool, so it takes neither a backend nor gateway.url".to_owned());
        }
        let foreign = foreign || pool;
        let backend = match (self.backend, foreign) {
            (Some(_), true) => return Err("has both a backend and gateway.url; give one".to_owned()),
            (None, false) => return Err("needs a backend".to_owned()),
            (None, true) => None,
            (Some(backend), false) => Some(find("names the backend", &backend, backends)?),
        };
        let gateway = self.gateway.map(|gateway| gateway.resolve(backends, folder)).transpose()?;
        let tls = self.tls.map(|tls| in_folder(tls, folder));
        let faults = faults::resolve(self.fault, true)?;
        let defects = Defects(self.defects.into_iter().map(|defect| defect.0).collect());
        let (kind, link) = (self.kind, self.link);
        Ok(ListenerSettings { kind, bind: ANY_PORT, tls, link, backend, gateway, faults, defects, name })
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
    if [config.waits.idle, config.waits.header, config.waits.body].iter().any(Duration::is_zero) {
        return Err("idle_timeout, header_timeout and body_timeout must be more than 0".to_owned());
    }
    if config.listeners.is_empty() {
        return Err("there must be at least one [[listener]]".to_owned());
    }
    for backend in &config.backends {
        let ranges = [
            ("refusals", backend.refusals, 1),
            ("filtered", backend.filtered, 1),
            ("tool_calls", backend.tool_calls, 1),
            ("format_tokens", backend.format_tokens as f64, 1_000),
            ("reasoning_tokens", backend.reasoning_tokens as f64, 100_000),
        ];
        if let Some((what, _, most)) = ranges.iter().find(|(_, value, most)| !(0.0..=f64::from(*most)).contains(value))
        {
            return Err(format!("backend \"{}\": {what} must be from 0 to {most}", backend.name));
        }
        backend.check().map_err(|what| format!("backend \"{}\": {what}", backend.name))?;
    }
    Ok(())
}

/// The first name that two have, and the place of the second.
fn find_duplicate(kind: &str, names: &[String]) -> Result<(), (usize, String)> {
    let mut known = BTreeSet::new();
    match names.iter().position(|name| !known.insert(name)) {
        Some(place) => Err((place, format!("two {kind}s have the name \"{}\"", names[place]))),
        None => Ok(()),
    }
}
