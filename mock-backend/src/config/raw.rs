//! A scenario's TOML as it stands, before it is checked.

use std::collections::BTreeSet;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::parse::{explain, line_of, nearest, parse_duration, parse_rate};
use super::spec::{
    ANY_PORT, BackendConfig, Config, ConfigError, GatewayConfig, Kind, LEDGER, ListenerConfig, OUTPUT_TOKENS,
    OutputTokens, SEED,
};
use crate::latency::{Dist, Latency};
use crate::link::Distance;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    name: String,
    #[serde(default = "seed")]
    seed: u64,
    #[serde(default)]
    threads: usize,
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
    load: Option<Load>,
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
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    rtt: Option<Rtt>,
    bandwidth: Option<Bandwidth>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gateway {
    own: Time,
    #[serde(default)]
    link: Link,
    url: Option<String>,
}

/// A duration, in nanoseconds.
#[derive(Clone, Copy)]
struct Span(f64);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Span).map_err(D::Error::custom)
    }
}

/// Bytes a nanosecond.
struct Bandwidth(f64);

impl<'de> Deserialize<'de> for Bandwidth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rate(&text).map(Bandwidth).map_err(D::Error::custom)
    }
}

/// `"10ms"` or `{ dist = ... }`.
struct Time(Dist);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "dist", rename_all = "kebab-case")]
enum TimeTable {
    Fixed { value: Span },
    Normal { mean: Span, sd: Span },
    Lognormal { p50: Span, p95: Span },
}

impl TimeTable {
    fn dist(&self) -> Result<Dist, String> {
        match self {
            Self::Fixed { value } => Ok(Dist::Fixed(value.0)),
            Self::Normal { mean, sd } => Ok(Dist::Normal { mean: mean.0, sd: sd.0 }),
            Self::Lognormal { p50, p95 } => through(p50.0, p95.0),
        }
    }
}

fn through(p50: f64, p95: f64) -> Result<Dist, String> {
    if p50 <= 0.0 {
        return Err("p50 must be more than 0".to_owned());
    }
    if p95 < p50 {
        return Err("p95 must not be less than p50".to_owned());
    }
    Ok(Dist::through(p50, p95))
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;
        impl<'de> Visitor<'de> for TimeVisitor {
            type Value = Time;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "a duration as in \"10ms\", or a table as in { dist = \"normal\", mean = \"150ms\", sd = \"5ms\" }",
                )
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                parse_duration(text).map(|ns| Time(Dist::Fixed(ns))).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Time, A::Error> {
                let table = TimeTable::deserialize(MapAccessDeserializer::new(map))?;
                table.dist().map(Time).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(TimeVisitor)
    }
}

/// `"1ms"` or `{ p50 = "28ms", p95 = "34ms" }`.
struct Rtt(Dist);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RttTable {
    p50: Span,
    p95: Span,
}

impl<'de> Deserialize<'de> for Rtt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RttVisitor;
        impl<'de> Visitor<'de> for RttVisitor {
            type Value = Rtt;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a round trip as in \"1ms\", or a table as in { p50 = \"28ms\", p95 = \"34ms\" }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Rtt, E> {
                parse_duration(text).map(|ns| Rtt(Dist::Fixed(ns))).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rtt, A::Error> {
                let table = RttTable::deserialize(MapAccessDeserializer::new(map))?;
                through(table.p50.0, table.p95.0).map(Rtt).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(RttVisitor)
    }
}

/// `64` or `{ p50 = 200, p95 = 800 }`: a natural length of answers, in tokens.
struct Length(Dist);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LengthTable {
    p50: f64,
    p95: f64,
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LengthVisitor;
        impl<'de> Visitor<'de> for LengthVisitor {
            type Value = Length;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of tokens, or a table as in { p50 = 200, p95 = 800 }")
            }
            fn visit_i64<E: Error>(self, tokens: i64) -> Result<Length, E> {
                match u32::try_from(tokens) {
                    Ok(tokens) if tokens > 0 => Ok(Length(Dist::Fixed(f64::from(tokens)))),
                    _ => Err(E::custom("output_tokens must be from 1 to 4294967295")),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Length, A::Error> {
                let table = LengthTable::deserialize(MapAccessDeserializer::new(map))?;
                through(table.p50, table.p95).map(Length).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(LengthVisitor)
    }
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
            ledger: self.ledger.max(1),
            backends: self.backend.into_iter().map(Backend::resolve).collect(),
            listeners: listeners.collect::<Result<_, _>>().map_err(|e| ConfigError(format!("{origin}: {e}")))?,
        };
        check(&config).map_err(|e| ConfigError(format!("{origin}: {e}")))?;
        Ok(config)
    }
}

impl Backend {
    fn resolve(self) -> BackendConfig {
        let Model { first, gap, per_prompt_token } = self.model;
        let per_prompt_token = per_prompt_token.map_or(0.0, |span| span.0);
        BackendConfig {
            name: self.name,
            region: self.region,
            latency: Latency { first: first.0, gap: gap.0, per_prompt_token },
            serial_stage: self.load.map_or(Dist::Fixed(0.0), |Load::Serial { stage }| stage.0),
            output_tokens: self
                .output_tokens
                .map_or(OutputTokens::AsAsked(OUTPUT_TOKENS), |length| OutputTokens::Natural(length.0)),
        }
    }
}

impl Link {
    fn resolve(self) -> Distance {
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
        let url = self.gateway.as_ref().and_then(|gateway| gateway.url.clone());
        let backend = match (self.backend, &url) {
            (Some(_), Some(_)) => return Err(wrong("has both a backend and gateway.url; give one")),
            (None, None) => return Err(wrong("needs a backend")),
            (None, Some(_)) => None,
            (Some(backend), None) => Some(find(&backend, backends).map_err(|e| wrong(&e))?),
        };
        let gateway = self.gateway.map(|gateway| GatewayConfig {
            own: gateway.own.0,
            link: gateway.link.resolve(),
            url: gateway.url,
        });
        let link = self.link.resolve();
        Ok(ListenerConfig { kind: self.kind, bind: ANY_PORT, link, backend, gateway, name })
    }
}

fn find(backend: &str, backends: &[String]) -> Result<usize, String> {
    backends.iter().position(|known| known == backend).ok_or_else(|| {
        let names: Vec<&str> = backends.iter().map(String::as_str).collect();
        match nearest(backend, &names) {
            Some(near) => format!("names the backend \"{backend}\", did you mean \"{near}\"?"),
            None => format!("names the backend \"{backend}\", which is not there"),
        }
    })
}

/// What cannot be in the whole.
fn check(config: &Config) -> Result<(), String> {
    if config.listeners.is_empty() {
        return Err("there must be at least one [[listener]]".to_owned());
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
