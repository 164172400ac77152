//! How a gateway is written: its time, what stands behind it, and its policies.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::link::Link;
use super::times::{Span, Time, Url};
use crate::gateway::{BreakerSettings, Buffer, GatewaySettings, MemberSettings, Policy, Preset, Statuses};
use crate::net::tls::Authorities;
use crate::units::nearest;

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
    pub(super) fn resolve(self, backends: &[String], folder: &Path) -> Result<GatewaySettings, String> {
        if self.quota_period.is_some() && self.token_quota.is_none() {
            return Err("quota_period needs token_quota".to_owned());
        }
        let breaker = self.breaker.map(|breaker| BreakerSettings {
            failures: breaker.failures.max(1),
            interval: breaker.interval.duration(),
            statuses: breaker.statuses.unwrap_or_else(failures),
            trip: breaker.trip.duration(),
            accept_retry_after: breaker.accept_retry_after,
        });
        let policy = Policy {
            preset: self.preset,
            buffer: self.buffer,
            idle_cut: self.idle_cut.map(Span::duration),
            subscription_keys: self.subscription_keys,
            tokens_per_minute: self.tokens_per_minute,
            token_quota: self.token_quota.map(|quota| (quota, self.quota_period.map_or(HOUR, Span::duration))),
            breaker,
            retry: self.retry.map(|retry| (retry.count, retry.statuses.unwrap_or_else(failures))),
            affinity: self.affinity,
            cache: self.cache.map(Span::duration),
        };
        let pool = self.pool.into_iter().map(|member| member.resolve(backends)).collect::<Result<Vec<_>, _>>()?;
        let url = self.url.map(|url| url.0);
        let record = self.record.map(|file| folder.join(file));
        let ca = self.ca.map(|file| Authorities::load(&folder.join(file))).transpose()?;
        Ok(GatewaySettings { own: self.own.0, link: self.link.distance(), url, ca, record, pool, policy })
    }
}

/// The period of a quota unless told otherwise.
const HOUR: Duration = Duration::from_secs(3_600);

/// The statuses that count as failures unless told otherwise.
fn failures() -> Statuses {
    Statuses(vec![429..=429, 500..=599])
}

impl Member {
    fn resolve(self, backends: &[String]) -> Result<MemberSettings, String> {
        let (name, backend) = match (&self.backend, &self.url) {
            (Some(name), None) => (name.clone(), Some(find(name, backends)?)),
            (None, Some(url)) => (url.0.authority.clone(), None),
            _ => return Err("has a pool whose members need either a backend or a url".to_owned()),
        };
        Ok(MemberSettings {
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
