//! Tokens of the identity of this machine: of a virtual machine's metadata service, or of App Service.

use std::env;

use crate::path::auth::{IdentityRef, may_give_identity};
use crate::transport::credential::endpoint::Endpoint;
use crate::transport::credential::no_token::NoToken;
use crate::transport::credential::secret::Secret;
use crate::transport::credential::token::Token;

/// Where a virtual machine has its metadata service; the libraries of Azure take another from this variable.
const METADATA: &str = "http://169.254.169.254";
const METADATA_VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

/// Who gives the tokens.
#[derive(Clone, Debug)]
pub(super) enum Metadata {
    /// A virtual machine's metadata service, at this base address.
    VirtualMachine(String),
    /// App Service, Functions, Container Apps: at this address, for who shows this header.
    AppService(String, Secret),
}

impl Metadata {
    /// The one at `endpoint`, else the one that the environment names.
    ///
    /// # Errors
    /// When the environment names App Service's address without what is to be shown there, or an address of plain http
    /// beyond the network of this machine.
    pub(super) fn of(endpoint: Option<&str>) -> Result<Self, String> {
        if let Some(endpoint) = endpoint {
            return Ok(Self::VirtualMachine(endpoint.to_owned()));
        }
        match (env::var("IDENTITY_ENDPOINT"), env::var("IDENTITY_HEADER")) {
            (Ok(url), Ok(header)) => {
                check("IDENTITY_ENDPOINT", &url)?;
                let secret = Secret::new(header).map_err(|bad| format!("the variable IDENTITY_HEADER {bad}"))?;
                Ok(Self::AppService(url, secret))
            }
            (Ok(_), Err(_)) => {
                Err("IDENTITY_ENDPOINT is set and IDENTITY_HEADER is not; App Service sets both".to_owned())
            }
            (Err(_), _) => {
                let base = env::var(METADATA_VARIABLE).unwrap_or_else(|_| METADATA.to_owned());
                check(METADATA_VARIABLE, &base)?;
                Ok(Self::VirtualMachine(base.trim_end_matches('/').to_owned()))
            }
        }
    }

    /// What is shown to it.
    pub(super) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::VirtualMachine(_) => None,
            Self::AppService(_, secret) => Some(secret),
        }
    }

    /// A token of an identity for a resource.
    pub(super) async fn token(
        &self,
        endpoint: &Endpoint,
        scope: &str,
        identity: Option<&IdentityRef>,
    ) -> Result<Token, NoToken> {
        // It takes resources and not scopes.
        let mut query = vec![("resource", scope.strip_suffix("/.default").unwrap_or(scope))];
        query.extend(identity.map(|identity| match (identity, self) {
            (IdentityRef::ClientId(id), _) => ("client_id", id.as_str()),
            (IdentityRef::ObjectId(id), Self::VirtualMachine(_)) => ("object_id", id.as_str()),
            (IdentityRef::ObjectId(id), Self::AppService(..)) => ("principal_id", id.as_str()),
            (IdentityRef::ResourceId(id), Self::VirtualMachine(_)) => ("msi_res_id", id.as_str()),
            (IdentityRef::ResourceId(id), Self::AppService(..)) => ("mi_res_id", id.as_str()),
        }));
        match self {
            Self::VirtualMachine(base) => {
                query.push(("api-version", "2018-02-01"));
                let url = format!("{base}/metadata/identity/oauth2/token");
                endpoint.get(&url, &query, ("metadata", "true")).await
            }
            Self::AppService(url, secret) => {
                query.push(("api-version", "2019-08-01"));
                endpoint.get(url, &query, ("x-identity-header", secret.reveal())).await
            }
        }
    }
}

/// Refuses an address of the environment at which the identity of this machine would be told to others.
fn check(variable: &str, url: &str) -> Result<(), String> {
    if may_give_identity(url) {
        return Ok(());
    }
    Err(format!(
        "the environment variable {variable} is neither an https:// address nor an http:// address of this machine, \
         its link or a private network, so the token would be sent unencrypted; set it to the value that the platform \
         documents, or name auth.endpoint"
    ))
}
