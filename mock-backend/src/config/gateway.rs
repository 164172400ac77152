//! How a gateway is written: its time, what stands behind it, and its policies.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::times::{Span, Written};
use crate::gateway::{BreakerSettings, Buffer, GatewaySettings, MemberSettings, Policy, Preset, Statuses, UpstreamUrl};
use crate::model::dist::Dist;
use crate::net::distance::Distance;
use crate::net::tls::Authorities;
use crate::units::nearest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway {
    own: Dist,
    #[serde(default)]
    link: Distance,
    pub(super) url: Option<Written<UpstreamUrl>>,
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
    #[serde(default)]
    debug_tokens: Vec<String>,
    tokens_per_minute: Option<u64>,
    token_quota: Option<u64>,
    quota_period: Option<Span>,
    breaker: Option<BreakerSettings>,
    retry: Option<Retry>,
    #[serde(default)]
    affinity: bool,
    cache: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    backend: Option<String>,
    url: Option<Written<UpstreamUrl>>,
    #[serde(default)]
    link: Distance,
    weight: Option<u32>,
    priority: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    count: u32,
    #[serde(default)]
    statuses: Statuses,
}

impl Gateway {
    pub(super) fn resolve(self, backends: &[String], folder: &Path) -> Result<GatewaySettings, String> {
        if self.quota_period.is_some() && self.token_quota.is_none() {
            return Err("quota_period needs token_quota".to_owned());
        }
        let policy = Policy {
            preset: self.preset,
            buffer: self.buffer,
            idle_cut: self.idle_cut.map(Span::duration),
            subscription_keys: self.subscription_keys,
            debug_tokens: self.debug_tokens,
            tokens_per_minute: self.tokens_per_minute,
            token_quota: self.token_quota.map(|quota| (quota, self.quota_period.map_or(HOUR, Span::duration))),
            breaker: self.breaker,
            retry: self.retry.map(|retry| (retry.count, retry.statuses)),
            affinity: self.affinity,
            cache: self.cache.map(Span::duration),
        };
        let pool = self.pool.into_iter().map(|member| member.resolve(backends)).collect::<Result<Vec<_>, _>>()?;
        let url = self.url.map(|url| url.0);
        let record = self.record.map(|file| folder.join(file));
        let ca = self.ca.map(|file| Authorities::load(&folder.join(file))).transpose()?;
        Ok(GatewaySettings { own: self.own, link: self.link, url, ca, record, pool, policy })
    }
}

/// The period of a quota unless told otherwise.
const HOUR: Duration = Duration::from_secs(3_600);

impl Member {
    fn resolve(self, backends: &[String]) -> Result<MemberSettings, String> {
        let (name, backend) = match (&self.backend, &self.url) {
            (Some(name), None) => (name.clone(), Some(find("names the backend", name, backends)?)),
            (None, Some(url)) => (url.0.authority.clone(), None),
            _ => return Err("has a pool whose members need either a backend or a url".to_owned()),
        };
        Ok(MemberSettings {
            name,
            backend,
            url: self.url.map(|url| url.0),
            link: self.link,
            weight: self.weight.unwrap_or(1).max(1),
            priority: self.priority.unwrap_or(1),
        })
    }
}

/// The place of the backend that somebody `names`.
pub(super) fn find(names: &str, backend: &str, backends: &[String]) -> Result<usize, String> {
    backends.iter().position(|known| known == backend).ok_or_else(|| {
        let known: Vec<&str> = backends.iter().map(String::as_str).collect();
        match nearest(backend, &known) {
            Some(near) => format!("{names} \"{backend}\", did you mean \"{near}\"?"),
            None => format!("{names} \"{backend}\", which is not there"),
        }
    })
}
