//! A header that is the same for the whole run: a key, bare or as a bearer token.

use hyper::header::{HeaderName, HeaderValue};

use crate::transport::credential::secret::Secret;

/// The header, ready to be sent, and the secret in it.
#[derive(Clone, Debug)]
pub struct StaticHeader {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    pub(super) secret: Secret,
}

impl StaticHeader {
    /// The header `name` with the secret behind `prefix`.
    pub(super) fn new(name: HeaderName, prefix: &str, secret: Secret) -> Option<Self> {
        // A secret holds only what a header can carry: it was checked when it was read.
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.reveal())).ok()?;
        value.set_sensitive(true);
        Some(Self { name, value, secret })
    }
}
