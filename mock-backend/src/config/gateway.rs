//! How a gateway is written: its time, what stands behind it, and its policies.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::link::Link;
use super::parse::nearest;
use super::spec::UpstreamUrl;
use super::times::{Span, Time, Url};
use crate::distance::Distance;
use crate::latency::Dist;
use crate::tls::Authorities;

/// A gateway between its caller and its upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayConfig {
    /// Its own time on each request before it forwards.
    pub own: Dist,
    /// The distance to its upstream.
    pub link: Distance,
    /// A foreign server instead of a backend of the scenario.
    pub url: Option<UpstreamUrl>,
    /// What foreign servers have to be certified by, instead of the roots of the system.
    pub ca: Option<Authorities>,
    /// The file to which exchanges are recorded.
    pub record: Option<PathBuf>,
    /// Several upstreams instead of one.
    pub pool: Vec<MemberConfig>,
    /// What it does beyond forwarding.
    pub policy: Policy,
}

/// One of several upstreams.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberConfig {
    /// The backend's name, or that of the foreign server.
    pub name: String,
    /// The place of the backend in [`super::Config::backends`].
    pub backend: Option<usize>,
    /// A foreign server.
    pub url: Option<UpstreamUrl>,
    /// The distance.
    pub link: Distance,
    /// Its share among those of its priority.
    pub weight: u32,
    /// Lower is first; the next is asked only when no earlier one can be.
    pub priority: u32,
}

/// What a gateway does beyond forwarding; nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Whose headers it has.
    pub preset: Preset,
    /// How it holds answers back.
    pub buffer: Buffer,
    /// How long a connection may be silent while an answer is due, in nanoseconds.
    pub idle_cut: Option<u64>,
    /// The keys that pass; any if there are none.
    pub subscription_keys: Vec<String>,
    /// Tokens a minute, estimated for prompts and counted for answers.
    pub tokens_per_minute: Option<u64>,
    /// Tokens in all, and in how many nanoseconds.
    pub token_quota: Option<(u64, u64)>,
    /// When a member of the pool is left alone for a while.
    pub breaker: Option<BreakerConfig>,
    /// How many other tries a failed request has, and after which statuses.
    pub retry: Option<(u32, Statuses)>,
    /// Whether a cookie binds callers to a member of the pool.
    pub affinity: bool,
    /// How long answers are kept for the same question, in nanoseconds.
    pub cache: Option<u64>,
}

/// When a member of the pool is left alone for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerConfig {
    /// So many failures
    pub failures: u32,
    /// in so long, in nanoseconds,
    pub interval: u64,
    /// which are these statuses (no answer is 502),
    pub statuses: Statuses,
    /// leave it alone for so long,
    pub trip: u64,
    /// or as long as its answer's `retry-after` says.
    pub accept_retry_after: bool,
}

/// Whose headers a gateway has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Our own, which say its time exactly.
    #[default]
    Plain,
    /// Azure API Management: none that say its time.
    Apim,
    /// `LiteLLM`: it waits for the first chunk before it sends headers.
    Litellm,
    /// Kong.
    Kong,
    /// Envoy.
    Envoy,
}

/// How a gateway holds answers back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Buffer {
    /// Not at all.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Until 8,192 bytes are there, or the end.
    #[serde(rename = "8KB")]
    Blocks,
    /// Until the end, the head too.
    #[serde(rename = "whole")]
    Whole,
}

/// Ranges of statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(pub Vec<RangeInclusive<u16>>);

impl Statuses {
    /// Whether `status` is one of them.
    #[must_use]
    pub fn has(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }

    fn parse(texts: &[String]) -> Result<Self, String> {
        let range = |text: &String| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            let status = |text: &str| text.trim().parse().ok().filter(|status| (100..600).contains(status));
            let range = status(from)?..=status(to)?;
            (!range.is_empty()).then_some(range)
        };
        let wrong = |text: &String| format!("\"{text}\" is not a status, as in \"429\" or \"500-599\"");
        texts.iter().map(|text| range(text).ok_or_else(|| wrong(text))).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Vec::<String>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway {
    own: Time,
    #[serde(default)]
    link: Link,
    pub(super) url: Option<Url>,
    ca: Option<PathBuf>,
    record: Option<PathBuf>,
    #[serde(default)]
    pub(super) pool: Vec<Member>,
    #[serde(default)]
    preset: Preset,
    #[serde(default)]
    buffer: Buffer,
    idle_cut: Option<Span>,
    #[serde(default)]
    subscription_keys: Vec<String>,
    tokens_per_minute: Option<u64>,
    token_quota: Option<u64>,
    quota_period: Option<Span>,
    breaker: Option<Breaker>,
    retry: Option<Retry>,
    #[serde(default)]
    affinity: bool,
    cache: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    backend: Option<String>,
    url: Option<Url>,
    #[serde(default)]
    link: Link,
    weight: Option<u32>,
    priority: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaker {
    failures: u32,
    interval: Span,
    statuses: Option<Statuses>,
    trip: Span,
    #[serde(default)]
    accept_retry_after: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    count: u32,
    statuses: Option<Statuses>,
}

impl Gateway {
    pub(super) fn resolve(self, backends: &[String], folder: &Path) -> Result<GatewayConfig, String> {
        let ns = |span: Span| span.0 as u64;
        if self.quota_period.is_some() && self.token_quota.is_none() {
            return Err("quota_period needs token_quota".to_owned());
        }
        let breaker = self.breaker.map(|breaker| BreakerConfig {
            failures: breaker.failures.max(1),
            interval: ns(breaker.interval),
            statuses: breaker.statuses.unwrap_or_else(failures),
            trip: ns(breaker.trip),
            accept_retry_after: breaker.accept_retry_after,
        });
        let policy = Policy {
            preset: self.preset,
            buffer: self.buffer,
            idle_cut: self.idle_cut.map(ns),
            subscription_keys: self.subscription_keys,
            tokens_per_minute: self.tokens_per_minute,
            token_quota: self.token_quota.map(|quota| (quota, self.quota_period.map_or(3_600_000_000_000, ns))),
            breaker,
            retry: self.retry.map(|retry| (retry.count, retry.statuses.unwrap_or_else(failures))),
            affinity: self.affinity,
            cache: self.cache.map(ns),
        };
        let pool = self.pool.into_iter().map(|member| member.resolve(backends)).collect::<Result<Vec<_>, _>>()?;
        let url = self.url.map(|url| url.0);
        let record = self.record.map(|file| folder.join(file));
        let ca = self.ca.map(|file| Authorities::load(&folder.join(file))).transpose()?;
        Ok(GatewayConfig { own: self.own.0, link: self.link.distance(), url, ca, record, pool, policy })
    }
}

/// The statuses that count as failures unless told otherwise.
fn failures() -> Statuses {
    Statuses(vec![429..=429, 500..=599])
}

impl Member {
    fn resolve(self, backends: &[String]) -> Result<MemberConfig, String> {
        let (name, backend) = match (&self.backend, &self.url) {
            (Some(name), None) => (name.clone(), Some(find(name, backends)?)),
            (None, Some(url)) => (url.0.authority.clone(), None),
            _ => return Err("has a pool whose members need either a backend or a url".to_owned()),
        };
        Ok(MemberConfig {
            name,
            backend,
            url: self.url.map(|url| url.0),
            link: self.link.distance(),
            weight: self.weight.unwrap_or(1).max(1),
            priority: self.priority.unwrap_or(1),
        })
    }
}

/// The place of a backend.
pub(super) fn find(backend: &str, backends: &[String]) -> Result<usize, String> {
    backends.iter().position(|known| known == backend).ok_or_else(|| {
        let names: Vec<&str> = backends.iter().map(String::as_str).collect();
        match nearest(backend, &names) {
            Some(near) => format!("names the backend \"{backend}\", did you mean \"{near}\"?"),
            None => format!("names the backend \"{backend}\", which is not there"),
        }
    })
}
