//! How a path proves who calls: the headers that carry keys and tokens, and until when they are good.
//!
//! A key is the same for the whole run. A token is got aside, ahead of time and once for all workers (`keeper`), from one
//! of several sources, each in a file of its own: [`Credential::headers`] only says what is there, and never waits.

mod assertion;
mod claims;
mod endpoint;
mod entra;
mod entra_errors;
mod header;
pub(crate) mod keeper;
mod managed_identity;
mod no_token;
mod program;
pub mod secret;
mod slot;
mod source;
mod token;
mod workload_identity;

use std::sync::Arc;

use hyper::header::{AUTHORIZATION, HeaderName};

use crate::path::{AuthRef, NetPath, SecretRef};
use crate::transport::credential::secret::{Secret, SecretError};
use crate::transport::credential::slot::Slot;
use crate::transport::credential::source::Source;
use crate::transport::tls;
use crate::units::Nanos;
pub use header::AuthHeader;

/// The proof of one path.
#[derive(Clone, Debug)]
pub enum Credential {
    /// No header.
    None,
    /// These headers.
    All(Arc<[Proof]>),
}

/// One header of a proof.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The same header for the whole run, and the secret in it.
    Static(AuthHeader, Secret),
    /// A token that is renewed.
    Renewed(Renewed),
}

/// A token that is renewed.
#[derive(Clone, Debug)]
pub struct Renewed(Arc<Slot>);

impl Credential {
    /// The credential of a path, its secrets read from where they stand; tokens are not asked for yet. `simulator_key` is
    /// the key that this run made for the bundled simulator.
    ///
    /// # Errors
    /// When a secret cannot be had. The message names its place and never a value.
    pub fn of(path: &NetPath, simulator_key: Option<&Secret>) -> Result<Self, SecretError> {
        let proofs = path.auth.all().iter().filter_map(|auth| Proof::of(path, auth, simulator_key).transpose());
        let proofs: Arc<[Proof]> = proofs.collect::<Result<_, _>>()?;
        Ok(if proofs.is_empty() { Self::None } else { Self::All(proofs) })
    }

    fn proofs(&self) -> &[Proof] {
        match self {
            Self::None => &[],
            Self::All(proofs) => proofs,
        }
    }

    /// The headers to send now: those whose secrets are there.
    pub fn headers(&self) -> impl Iterator<Item = AuthHeader> + '_ {
        self.proofs().iter().filter_map(|proof| match proof {
            Proof::Static(header, _) => Some(header.clone()),
            Proof::Renewed(Renewed(slot)) => slot.held().map(|held| held.header.clone()),
        })
    }

    /// The secrets in the headers and behind them, to be taken out of what is shown.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let of = |proof: &Proof| match proof {
            Proof::Static(_, secret) => vec![secret.clone()],
            Proof::Renewed(Renewed(slot)) => {
                let held = slot.held().map(|held| held.secret.clone());
                slot.source.secret().cloned().into_iter().chain(held).collect()
            }
        };
        self.proofs().iter().flat_map(of).collect()
    }

    /// Why a header that should be there at `now` is not, in a sentence.
    #[must_use]
    pub(crate) fn why_none(&self, now: Nanos) -> Option<String> {
        self.slots().find(|slot| slot.held().is_none_or(|held| held.header.until <= now)).map(|slot| slot.why_none())
    }

    /// The tokens that are to be got and renewed.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.proofs().iter().filter_map(|proof| match proof {
            Proof::Static(..) => None,
            Proof::Renewed(Renewed(slot)) => Some(slot),
        })
    }
}

impl Proof {
    fn of(path: &NetPath, auth: &AuthRef, simulator_key: Option<&Secret>) -> Result<Option<Self>, SecretError> {
        // The certificate is shown by TLS, before there are headers; whether it can be is known now.
        if let AuthRef::Mtls { certificate } = auth {
            tls::read_certificate(certificate).map_err(|error| SecretError::unusable(path, error.to_string()))?;
        }
        let Some(name) = auth.header() else { return Ok(None) };
        let unfit = |_| SecretError::unusable(path, format!("'{name}' is not the name of a header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(unfit)?;
        let prefix = if name == AUTHORIZATION { "Bearer " } else { "" };
        if let Some(source) = Source::of(auth, path, simulator_key)? {
            let slot = Slot::new((path.id, &path.name), (auth.kind(), source), (name, prefix));
            return Ok(Some(Self::Renewed(Renewed(Arc::new(slot)))));
        }
        let Some(place) = place_of(auth) else { return Ok(None) };
        let secret = secret::read(path, place, simulator_key)?;
        secret::check_token(path, place, &secret)?;
        let value = secret::header_value(path, prefix, &secret)?;
        Ok(Some(Self::Static(AuthHeader { name, value, until: Nanos(u64::MAX) }, secret)))
    }
}

/// Where the secret of a header stands that is the same for the whole run.
fn place_of(auth: &AuthRef) -> Option<&SecretRef> {
    match auth {
        AuthRef::ApiKey { secret, .. } | AuthRef::Bearer { secret } | AuthRef::SubscriptionKey { secret } => {
            Some(secret)
        }
        AuthRef::None
        | AuthRef::EntraClientSecret { .. }
        | AuthRef::EntraClientCertificate { .. }
        | AuthRef::ManagedIdentity { .. }
        | AuthRef::WorkloadIdentity { .. }
        | AuthRef::AzCli { .. }
        | AuthRef::Oauth2 { .. }
        | AuthRef::Command { .. }
        | AuthRef::Mtls { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::secret::tests::path_with;
    use super::*;

    #[test]
    fn each_kind_has_its_header_for_the_whole_run() {
        let key = Secret::new("k".to_owned()).expect("good");
        let secret = || SecretRef::Simulator;
        for (auth, expected) in [
            (AuthRef::None, None),
            (AuthRef::ApiKey { secret: secret(), header: None }, Some(("api-key", "k"))),
            (AuthRef::ApiKey { secret: secret(), header: Some("x-key".into()) }, Some(("x-key", "k"))),
            (AuthRef::Bearer { secret: secret() }, Some(("authorization", "Bearer k"))),
            (AuthRef::SubscriptionKey { secret: secret() }, Some(("ocp-apim-subscription-key", "k"))),
        ] {
            let credential = Credential::of(&path_with(auth.into()), Some(&key)).expect("there");
            let header = credential.headers().next();
            let seen = header.as_ref().map(|header| (header.name.as_str(), header.value.to_str().expect("text")));
            assert_eq!(seen, expected);
            assert!(header.is_none_or(|header| header.value.is_sensitive() && header.until == Nanos(u64::MAX)));
            assert_eq!(credential.why_none(Nanos::now()), None);
        }
    }

    #[test]
    fn a_path_may_have_several_headers() {
        let key = Secret::new("k".to_owned()).expect("good");
        let all = vec![
            AuthRef::SubscriptionKey { secret: SecretRef::Simulator },
            AuthRef::Bearer { secret: SecretRef::Simulator },
        ];
        let credential = Credential::of(&path_with(crate::path::Auth::of(all)), Some(&key)).expect("there");
        let names: Vec<String> = credential.headers().map(|header| header.name.to_string()).collect();
        assert_eq!(names, ["ocp-apim-subscription-key", "authorization"]);
        assert_eq!(credential.secrets().len(), 2);
    }
}
