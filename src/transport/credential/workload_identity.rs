//! Tokens of Entra ID for a federated token, which somebody writes into a file and renews there.

use std::env;
use std::path::{Path, PathBuf};

use crate::limits::Limit;
use crate::path::auth::{EntraClient, may_be_sent_secrets};
use crate::text_file;
use crate::transport::credential::no_token::NoToken;
use crate::transport::credential::secret::Secret;

/// Names Entra's base address where a platform sets it.
const AUTHORITY_VARIABLE: &str = "AZURE_AUTHORITY_HOST";
/// Entra's base address for all but national clouds.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// Who asks, and where its federated token stands.
#[derive(Clone, Debug)]
pub(super) struct Federated {
    pub(super) client: EntraClient,
    file: PathBuf,
}

impl Federated {
    /// What the profile says, else what the environment says.
    ///
    /// # Errors
    /// When neither does, or there is no such file.
    pub(super) fn of(
        (tenant, client_id): (Option<&str>, Option<&str>),
        authority: Option<&str>,
        file: Option<&Path>,
        scope: &str,
    ) -> Result<Self, String> {
        let or_variable = |given: Option<&str>, variable: &str, key: &str| {
            let unset = |_| format!("the environment variable {variable} is not set; set it, or name auth.{key}");
            given.map_or_else(|| env::var(variable).map_err(unset), |given| Ok(given.to_owned()))
        };
        let file = match file {
            Some(file) => file.to_owned(),
            None => or_variable(None, "AZURE_FEDERATED_TOKEN_FILE", "token_file")?.into(),
        };
        let authority = match authority {
            Some(given) => given.to_owned(),
            None => authority_of_environment()?,
        };
        let federated = Self {
            client: EntraClient {
                tenant: or_variable(tenant, "AZURE_TENANT_ID", "tenant")?,
                client_id: or_variable(client_id, "AZURE_CLIENT_ID", "client_id")?,
                scope: scope.to_owned(),
                authority,
            },
            file,
        };
        federated.read().map_err(|no| no.message)?;
        Ok(federated)
    }

    /// The federated token as it is now.
    ///
    /// # Errors
    /// When the file cannot be read or holds no token.
    pub(super) fn read(&self) -> Result<Secret, NoToken> {
        let wrong =
            |why: String| NoToken::passing(format!("the federated token's file {}: {why}", self.file.display()));
        let text = text_file::read(&self.file, Limit::SmallFile).map_err(|error| wrong(error.to_string()))?;
        Secret::new(text.trim().to_owned()).map_err(|bad| wrong(format!("it {bad}")))
    }
}

/// Entra's base address by the environment, else that of all but national clouds.
fn authority_of_environment() -> Result<String, String> {
    match env::var(AUTHORITY_VARIABLE) {
        Ok(url) if may_be_sent_secrets(&url) => Ok(url),
        Ok(_) => Err(format!(
            "the environment variable {AUTHORITY_VARIABLE} is not an https:// address, so the federated token would be \
             sent unencrypted; set it to one such as {AUTHORITY}, or name auth.authority"
        )),
        Err(_) => Ok(AUTHORITY.to_owned()),
    }
}
