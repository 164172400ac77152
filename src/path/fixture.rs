//! A path made up for tests.

use crate::path::address::Address;
use crate::path::request::RequestForm;
use crate::path::{Auth, ConnectionPolicy, Http, NetPath, PathKind, Timeouts, TlsPolicy};
use crate::units::PathId;

/// The direct way to an address, with the defaults of everything else.
pub(crate) fn path_to(base_url: &str) -> NetPath {
    NetPath {
        id: PathId(0),
        name: "direct".to_owned(),
        kind: PathKind::Direct,
        base_url: base_url.to_owned(),
        address: Address::default(),
        request: RequestForm::default(),
        auth: Auth::default(),
        backend: None,
        connections: ConnectionPolicy::Keep,
        http: Http::One,
        tls: TlsPolicy::default(),
        timeouts: Timeouts::default(),
        tags: Vec::new(),
        control: Default::default(),
    }
}
