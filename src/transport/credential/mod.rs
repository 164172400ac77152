//! How a path proves who calls: the header that carries a key or a token, and until when it is good.
//!
//! A kind whose header changes stands in a file of its own. It gets its tokens aside, ahead of time and once for all
//! workers: [`Credential::header`] only says what is there, and never waits.

pub mod secret;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::path::{AuthKind, NetPath};
use crate::transport::credential::secret::{Secret, SecretError};
use crate::units::Nanos;

/// The proof of one path.
#[derive(Clone, Debug)]
pub enum Credential {
    /// No header.
    None,
    /// The same header for the whole run, and the secret in it.
    Static(AuthHeader, Secret),
}

/// A header, and until when it is good.
#[derive(Clone, Debug)]
pub struct AuthHeader {
    /// Its name.
    pub name: HeaderName,
    /// Its value, marked as sensitive.
    pub value: HeaderValue,
    /// From here on the credential is to be asked again.
    pub until: Nanos,
}

impl Credential {
    /// The credential of a path, its secret read from where it stands. `simulator_key` is the key that this run made for
    /// the bundled simulator.
    ///
    /// # Errors
    /// When the secret cannot be had. The message names its place and never a value.
    pub fn of(path: &NetPath, simulator_key: Option<&Secret>) -> Result<Self, SecretError> {
        let Some(secret) = secret::read(path, simulator_key)? else { return Ok(Self::None) };
        let (name, prefix) = match path.auth.kind {
            AuthKind::None => return Ok(Self::None),
            AuthKind::ApiKey => (HeaderName::from_static("api-key"), ""),
            AuthKind::Bearer => (AUTHORIZATION, "Bearer "),
            AuthKind::SubscriptionKey => (HeaderName::from_static("ocp-apim-subscription-key"), ""),
        };
        let value = secret::header_value(path, prefix, &secret)?;
        Ok(Self::Static(AuthHeader { name, value, until: Nanos(u64::MAX) }, secret))
    }

    /// The header to send at `now`; `None` when there is never one.
    #[must_use]
    pub fn header(&self, _now: Nanos) -> Option<AuthHeader> {
        match self {
            Self::None => None,
            Self::Static(header, _) => Some(header.clone()),
        }
    }

    /// The secret in the header, to be taken out of what is shown.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::None => None,
            Self::Static(_, secret) => Some(secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::secret::tests::path_with;
    use super::*;
    use crate::path::{AuthRef, SecretRef};

    #[test]
    fn each_kind_has_its_header_for_the_whole_run() {
        let key = Secret::new("k".to_owned()).expect("good");
        for (kind, expected) in [
            (AuthKind::None, None),
            (AuthKind::ApiKey, Some(("api-key", "k"))),
            (AuthKind::Bearer, Some(("authorization", "Bearer k"))),
            (AuthKind::SubscriptionKey, Some(("ocp-apim-subscription-key", "k"))),
        ] {
            let header = Credential::of(&path_with(AuthRef { kind, secret: SecretRef::Simulator }), Some(&key))
                .expect("there")
                .header(Nanos(0));
            let seen = header.as_ref().map(|header| (header.name.as_str(), header.value.to_str().expect("text")));
            assert_eq!(seen, expected);
            assert!(header.is_none_or(|header| header.value.is_sensitive() && header.until == Nanos(u64::MAX)));
        }
    }
}
