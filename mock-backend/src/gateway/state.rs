//! What a gateway is while it runs: what stands behind it, and the state of its policies.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::balance::Balance;
use super::cache::Cache;
use super::quota::Quota;
use super::recording::Recorder;
use super::settings::{GatewaySettings, MemberSettings, Policy, UpstreamUrl};
use super::upstream::Upstream;
use crate::model::dist::Dist;
use crate::net::distance::Route;

/// A gateway, shared by all threads.
pub(crate) struct Gateway {
    /// Its own time on each request.
    pub(crate) own: Dist,
    /// Requests so far; the number of each decides its own time.
    pub(crate) requests: AtomicU64,
    /// Where exchanges are recorded.
    pub(crate) recorder: Option<Arc<Recorder>>,
    pub(crate) members: Vec<Member>,
    pub(crate) policy: Policy,
    pub(crate) balance: Balance,
    pub(crate) quota: Option<Quota>,
    pub(crate) cache: Option<Cache>,
}

/// One of those behind it.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) upstream: Upstream,
    /// Whether it is a backend of the scenario.
    pub(crate) ours: bool,
    /// What the cookie says of a caller that is bound to it.
    pub(crate) token: String,
}

impl Gateway {
    /// The gateway of the listener `name`, in front of `backend` if that is one of the scenario and it has no pool;
    /// `inner` has the addresses of the backends behind it.
    pub(crate) fn new(
        name: &str,
        settings: &GatewaySettings,
        backend: Option<usize>,
        seed: u64,
        inner: &mut std::slice::Iter<'_, SocketAddr>,
        recorder: Option<Arc<Recorder>>,
    ) -> Option<Arc<Self>> {
        let alone = MemberSettings {
            name: "upstream".to_owned(),
            backend,
            url: settings.url.clone(),
            link: settings.link.clone(),
            weight: 1,
            priority: 1,
        };
        let pool = if settings.pool.is_empty() { vec![alone] } else { settings.pool.clone() };
        let mut members = Vec::new();
        for member in &pool {
            let ours = member.backend.is_some();
            let local = if ours { inner.next() } else { None };
            let local = local.map(|at| UpstreamUrl { tls: false, authority: at.to_string(), base: String::new() });
            let place = format!("{name}.{}", member.name);
            members.push(Member {
                name: member.name.clone(),
                upstream: Upstream {
                    url: local.or_else(|| member.url.clone())?,
                    route: Route::new(member.link.clone(), seed, &place),
                    trust: settings.ca.clone().unwrap_or_default(),
                },
                ours,
                token: token(&place),
            });
        }
        Some(Arc::new(Self {
            own: settings.own,
            requests: AtomicU64::new(0),
            recorder,
            members,
            balance: Balance::new(&pool, settings.policy.breaker.clone()),
            quota: Quota::new(&settings.policy),
            cache: settings.policy.cache.map(Cache::new),
            policy: settings.policy.clone(),
        }))
    }
}

/// A name that tells nothing (FNV-1a).
fn token(name: &str) -> String {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
