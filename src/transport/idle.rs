//! The HTTP/1.1 connections of one worker to one path.

use crate::path::ConnectionPolicy;
use crate::path::control::Lifetime;
use crate::transport::http1::Sole;

/// Connections that a warm pool has beyond twice what was in use.
const SPARE: usize = 2;

/// Idle connections, the one used last first, and how many are in use.
pub(crate) struct Idle {
    policy: ConnectionPolicy,
    lifetime: Lifetime,
    idle: Vec<Sole>,
    in_use: usize,
}

impl Idle {
    /// An empty pool.
    #[must_use]
    pub(crate) fn new(policy: ConnectionPolicy, lifetime: Lifetime) -> Self {
        Self { policy, lifetime, idle: Vec::new(), in_use: 0 }
    }

    /// An idle connection that is still open and may be used again, if there is one; others are thrown away. Whatever is returned, the
    /// caller now uses a connection and says so with `give_back` or `forget` when it no longer does.
    ///
    /// With `filling`, as in the warmup of an open load, there is none as long as the pool is smaller than twice what
    /// is in use: calls then open connections that later bursts find warm.
    pub(crate) fn take(&mut self, filling: bool) -> Option<Sole> {
        let small = self.idle.len() + self.in_use < 2 * (self.in_use + 1) + SPARE;
        self.in_use += 1;
        if filling && small && self.policy == ConnectionPolicy::Keep {
            return None;
        }
        while let Some(mut connection) = self.idle.pop() {
            if connection.history().may_be_used(self.lifetime) && connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose call has ended, if the policy allows it. Whether it can be used is seen when it is taken.
    pub(crate) fn give_back(&mut self, connection: Sole) {
        self.forget();
        if self.policy == ConnectionPolicy::Keep {
            self.idle.push(connection);
        }
    }

    /// A connection in use is no more, or never came to be.
    pub(crate) fn forget(&mut self) {
        self.in_use = self.in_use.saturating_sub(1);
    }
}
