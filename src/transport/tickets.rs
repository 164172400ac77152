//! What sessions can be resumed with, kept for a probe that looks whether a server lets them be: it hears when something
//! came. Runs keep none, so that every handshake is a whole one.

use std::fmt;

use rustls::NamedGroup;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use tokio::sync::Notify;

/// Servers of which something is kept.
const SERVERS: usize = 8;

/// Keeps tickets and sessions, and tells when the first came.
pub(crate) struct TicketStore {
    kept: ClientSessionMemoryCache,
    came: Notify,
}

impl TicketStore {
    /// An empty one.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { kept: ClientSessionMemoryCache::new(SERVERS), came: Notify::new() }
    }

    /// Waits until something came that a session can be resumed with.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }
}

impl fmt::Debug for TicketStore {
    /// Without what it keeps: that is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketStore")
    }
}

impl ClientSessionStore for TicketStore {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.kept.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.kept.set_tls12_session(server_name, value);
        self.came.notify_one();
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.kept.tls12_session(server_name)
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.kept.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(&self, server_name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.kept.insert_tls13_ticket(server_name, value);
        self.came.notify_one();
    }

    fn take_tls13_ticket(&self, server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.kept.take_tls13_ticket(server_name)
    }
}
