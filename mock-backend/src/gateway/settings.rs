//! What a gateway is told: its time, what stands behind it, and its policies.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use hyper::Uri;
use serde::{Deserialize, Deserializer};

use crate::model::dist::Dist;
use crate::net::distance::Distance;
use crate::net::tls::Authorities;
use crate::units::read_span;

/// A gateway between its caller and its upstream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GatewaySettings {
    /// Its own time on each request before it forwards.
    pub(crate) own: Dist,
    /// The distance to its upstream.
    pub(crate) link: Distance,
    /// A foreign server instead of a backend of the scenario.
    pub(crate) url: Option<UpstreamUrl>,
    /// What foreign servers have to be certified by, instead of the roots of the system.
    pub(crate) ca: Option<Authorities>,
    /// The file to which exchanges are recorded.
    pub(crate) record: Option<PathBuf>,
    /// Several upstreams instead of one.
    pub(crate) pool: Vec<MemberSettings>,
    /// What it does beyond forwarding.
    pub(crate) policy: Policy,
}

/// One of several upstreams.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MemberSettings {
    /// The backend's name, or that of the foreign server.
    pub(crate) name: String,
    /// The place of the backend in the scenario.
    pub(crate) backend: Option<usize>,
    /// A foreign server.
    pub(crate) url: Option<UpstreamUrl>,
    /// The distance.
    pub(crate) link: Distance,
    /// Its share among those of its priority.
    pub(crate) weight: u32,
    /// Lower is first; the next is asked only when no earlier one can be.
    pub(crate) priority: u32,
}

/// What a gateway does beyond forwarding; nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Policy {
    /// Whose headers it has.
    pub(crate) preset: Preset,
    /// How it holds answers back.
    pub(crate) buffer: Buffer,
    /// How long a connection may be silent while an answer is due.
    pub(crate) idle_cut: Option<Duration>,
    /// The keys that pass; any if there are none.
    pub(crate) subscription_keys: Vec<String>,
    /// The debug tokens by which callers may have a call traced.
    pub(crate) debug_tokens: Vec<String>,
    /// Tokens a minute, estimated for prompts and counted for answers.
    pub(crate) tokens_per_minute: Option<u64>,
    /// Tokens in all, and in how long.
    pub(crate) token_quota: Option<(u64, Duration)>,
    /// When a member of the pool is left alone for a while.
    pub(crate) breaker: Option<BreakerSettings>,
    /// How many other tries a failed request has, and after which statuses.
    pub(crate) retry: Option<(u32, Statuses)>,
    /// Whether a cookie binds callers to a member of the pool.
    pub(crate) affinity: bool,
    /// How long answers are kept for the same question.
    pub(crate) cache: Option<Duration>,
}

/// When a member of the pool is left alone for a while.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakerSettings {
    /// So many failures (at least one)
    pub(crate) failures: u32,
    /// in so long,
    #[serde(deserialize_with = "read_span")]
    pub(crate) interval: Duration,
    /// which are these statuses (no answer is 502),
    #[serde(default)]
    pub(crate) statuses: Statuses,
    /// leave it alone for so long,
    #[serde(deserialize_with = "read_span")]
    pub(crate) trip: Duration,
    /// or as long as its answer's `retry-after` says.
    #[serde(default)]
    pub(crate) accept_retry_after: bool,
}

/// Whose headers a gateway has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Preset {
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
pub(crate) enum Buffer {
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

/// Ranges of statuses; those that count as failures unless told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statuses(pub(crate) Vec<RangeInclusive<u16>>);

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![429..=429, 500..=599])
    }
}

impl Statuses {
    /// Whether `status` is one of them.
    #[must_use]
    pub(crate) fn has(&self, status: u16) -> bool {
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

/// The address of a foreign server: `http[s]://host[:port][/base]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamUrl {
    /// Whether it is reached over TLS; the roots are those of the system.
    pub(crate) tls: bool,
    /// `host:port`
    pub(crate) authority: String,
    /// What stands before the path of every request, without a slash at its end.
    pub(crate) base: String,
}

impl FromStr for UpstreamUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("url \"{text}\" {what}");
        let uri: Uri = text.parse().map_err(|_| wrong("is not an address as in http://127.0.0.1:8080"))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("must begin with http:// or https://")),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(if tls { 443 } else { 80 }));
        Ok(Self { tls, authority, base: uri.path().trim_end_matches('/').to_owned() })
    }
}
