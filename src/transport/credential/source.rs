//! Where the tokens of a credential come from: one of several kinds, asked in one way.

use std::time::SystemTime;

use crate::path::auth::{AuthRef, ClientAuth, EntraClient, IdentityRef};
use crate::path::{NetPath, TlsPolicy};
use crate::transport::credential::assertion::Signer;
use crate::transport::credential::claims::claims;
use crate::transport::credential::endpoint::{Endpoint, encoded};
use crate::transport::credential::entra;
use crate::transport::credential::managed_identity::Metadata;
use crate::transport::credential::no_token::NoToken;
use crate::transport::credential::program::Program;
use crate::transport::credential::secret::{self, Secret, SecretError};
use crate::transport::credential::token::Token;
use crate::transport::credential::workload_identity::Federated;
use crate::wire::filter::{Filter, Hold};

/// Where tokens come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    ClientSecret(Endpoint, EntraClient, Secret),
    Certificate(Endpoint, EntraClient, Signer),
    Managed { endpoint: Endpoint, metadata: Metadata, scope: String, identity: Option<IdentityRef> },
    Federated(Endpoint, Federated),
    Oauth2 { endpoint: Endpoint, url: String, form: Vec<(&'static str, String)>, secret: Secret, by: ClientAuth },
    Program(Program),
}

impl Source {
    /// Where the tokens of one credential of a path come from; `None` where it has none.
    ///
    /// # Errors
    /// When a secret, a file, a variable or a program that it needs cannot be had.
    pub(super) fn of(auth: &AuthRef, path: &NetPath, key: Option<&Secret>) -> Result<Option<Self>, SecretError> {
        let unusable = |why: String| SecretError::unusable(path, why);
        let endpoint = |policy: &TlsPolicy| Endpoint::new(policy).map_err(|error| unusable(error.to_string()));
        Ok(Some(match auth {
            AuthRef::None
            | AuthRef::ApiKey { .. }
            | AuthRef::Bearer { .. }
            | AuthRef::SubscriptionKey { .. }
            | AuthRef::Mtls { .. } => return Ok(None),
            AuthRef::EntraClientSecret { client, secret } => {
                Self::ClientSecret(endpoint(&path.tls)?, client.clone(), secret::read(path, secret, key)?)
            }
            AuthRef::EntraClientCertificate { client, certificate } => {
                let signer = Signer::of(certificate).map_err(|error| unusable(error.to_string()))?;
                Self::Certificate(endpoint(&path.tls)?, client.clone(), signer)
            }
            AuthRef::ManagedIdentity { scope, identity, endpoint: address } => Self::Managed {
                metadata: Metadata::of(address.as_deref()).map_err(unusable)?,
                endpoint: endpoint(&path.tls)?,
                scope: scope.clone(),
                identity: identity.clone(),
            },
            AuthRef::WorkloadIdentity { tenant, client_id, authority, token_file, scope } => {
                let who = (tenant.as_deref(), client_id.as_deref());
                let federated = Federated::of(who, authority.as_deref(), token_file.as_deref(), scope);
                Self::Federated(endpoint(&path.tls)?, federated.map_err(unusable)?)
            }
            AuthRef::AzCli { scope, tenant } => {
                Self::Program(Program::azure_cli(scope, tenant.as_deref()).map_err(unusable)?)
            }
            AuthRef::Oauth2 { token_url, client_id, secret, scope, audience, client_auth } => {
                let given =
                    [("client_id", Some(client_id)), ("scope", scope.as_ref()), ("audience", audience.as_ref())];
                let given = given.into_iter().filter_map(|(name, value)| Some((name, value?.clone())));
                Self::Oauth2 {
                    endpoint: endpoint(&path.tls)?,
                    url: token_url.clone(),
                    form: given.chain([("grant_type", "client_credentials".to_owned())]).collect(),
                    secret: secret::read(path, secret, key)?,
                    by: *client_auth,
                }
            }
            AuthRef::Command { program, args, lifetime, .. } => {
                let program = Program::any(program, args, lifetime.map(|life| life.0));
                Self::Program(program.map_err(unusable)?)
            }
        }))
    }

    /// The secret that is shown to get a token, where it is always the same.
    pub(super) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::ClientSecret(_, _, secret) | Self::Oauth2 { secret, .. } => Some(secret),
            Self::Managed { metadata, .. } => metadata.secret(),
            Self::Certificate(..) | Self::Federated(..) | Self::Program(_) => None,
        }
    }

    /// Asks for a token. What is shown for it is told to the filter before it is sent, and the token itself before it is
    /// used, so that no message repeats either; it is hidden for as long as what comes with it lives.
    ///
    /// # Errors
    /// What happened, without secrets.
    pub(super) async fn token(&self, filter: &Filter) -> Result<(Token, Hold), NoToken> {
        let found = self.ask(filter).await.and_then(|token| self.is_for_whom_was_asked(token));
        let held = found.map(|token| {
            let hold = filter.hold(token.secret.reveal());
            (token, hold)
        });
        held.map_err(|no| NoToken { message: filter.line(&no.message, crate::limits::Limit::FormText), ..no })
    }

    async fn ask(&self, filter: &Filter) -> Result<Token, NoToken> {
        match self {
            Self::ClientSecret(endpoint, client, secret) => entra::by_secret(endpoint, client, secret.reveal()).await,
            Self::Certificate(endpoint, client, signer) => {
                let number = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
                let assertion = signer.assertion(&client.client_id, &entra::token_url(client), number);
                let assertion = assertion.map_err(|error| NoToken::lasting(error.to_string()))?;
                Self::ask_by(endpoint, client, &assertion, filter).await
            }
            Self::Managed { endpoint, metadata, scope, identity } => {
                metadata.token(endpoint, scope, identity.as_ref()).await
            }
            Self::Federated(endpoint, federated) => {
                Self::ask_by(endpoint, &federated.client, federated.read()?.reveal(), filter).await
            }
            Self::Oauth2 { endpoint, url, form, secret, by } => {
                let mut form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let client = form.first().map_or("", |(_, client)| client);
                match by {
                    ClientAuth::Basic => {
                        // It is encoded twice, so that what is within base64 is another text.
                        filter.learn(&encoded(secret.reveal()));
                        endpoint.post(url, &form[1..], Some((client, secret.reveal()))).await
                    }
                    ClientAuth::Form => {
                        form.push(("client_secret", secret.reveal()));
                        endpoint.post(url, &form, None).await
                    }
                }
            }
            Self::Program(program) => program.token().await,
        }
    }

    /// Asks by an assertion, which is hidden until the answer is known; another path may show the same one.
    async fn ask_by(
        endpoint: &Endpoint,
        client: &EntraClient,
        assertion: &str,
        filter: &Filter,
    ) -> Result<Token, NoToken> {
        let _hidden = filter.hold(assertion);
        let asked = entra::by_assertion(endpoint, client, assertion).await;
        asked.map_err(|no| NoToken { message: filter.line(&no.message, crate::limits::Limit::FormText), ..no })
    }

    /// For whom a token of Entra was asked.
    fn audience(&self) -> Option<&str> {
        let scope = match self {
            Self::ClientSecret(_, client, _) | Self::Certificate(_, client, _) => &client.scope,
            Self::Federated(_, federated) => &federated.client.scope,
            Self::Managed { scope, .. } => scope,
            Self::Oauth2 { .. } | Self::Program(_) => return None,
        };
        scope.strip_suffix("/.default")
    }

    /// Refuses a token that says of itself that it is for another resource than was asked for. An identifier in place of
    /// an address says nothing.
    fn is_for_whom_was_asked(&self, token: Token) -> Result<Token, NoToken> {
        let claims = claims(token.secret.reveal());
        let said = claims.as_ref().and_then(|claims| claims.aud.as_str()).filter(|said| said.contains("://"));
        match (said, self.audience()) {
            (Some(said), Some(asked)) if said.trim_end_matches('/') != asked.trim_end_matches('/') => {
                let message = format!("the token that came is for another audience, {said}, and not for {asked}");
                Err(NoToken::lasting(format!("{message}; check auth.scope")))
            }
            _ => Ok(token),
        }
    }
}
