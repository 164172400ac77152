//! The idle connections of one worker to one path.

use crate::path::ConnectionPolicy;
use crate::transport::connection::Connection;

/// Idle connections, the one used last first.
pub struct Pool {
    policy: ConnectionPolicy,
    idle: Vec<Connection>,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(policy: ConnectionPolicy) -> Self {
        Self { policy, idle: Vec::new() }
    }

    /// An idle connection that is still open, if there is one; closed ones are thrown away.
    pub fn take(&mut self) -> Option<Connection> {
        while let Some(mut connection) = self.idle.pop() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose call has ended, if the policy and the connection allow it.
    pub fn give_back(&mut self, mut connection: Connection) {
        if self.policy == ConnectionPolicy::Keep && connection.is_usable() {
            self.idle.push(connection);
        }
    }
}
