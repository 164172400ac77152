//! Tokens of Entra ID for an application: by its secret, or by an assertion in its place.

use crate::path::auth::EntraClient;
use crate::transport::credential::endpoint::Endpoint;
use crate::transport::credential::no_token::NoToken;
use crate::transport::credential::token::Token;

/// The kind of an assertion that stands in place of a client secret (RFC 7523).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The token endpoint of the application's directory.
pub(super) fn token_url(client: &EntraClient) -> String {
    format!("{}/{}/oauth2/v2.0/token", client.authority.trim_end_matches('/'), client.tenant)
}

/// A token by the application's secret.
pub(super) async fn by_secret(endpoint: &Endpoint, client: &EntraClient, secret: &str) -> Result<Token, NoToken> {
    ask(endpoint, client, &[("client_secret", secret)]).await
}

/// A token by an assertion.
pub(super) async fn by_assertion(endpoint: &Endpoint, client: &EntraClient, assertion: &str) -> Result<Token, NoToken> {
    ask(endpoint, client, &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]).await
}

async fn ask(endpoint: &Endpoint, client: &EntraClient, proof: &[(&str, &str)]) -> Result<Token, NoToken> {
    let who = [("client_id", &*client.client_id), ("scope", &*client.scope), ("grant_type", "client_credentials")];
    endpoint.post(&token_url(client), &[&who, proof].concat(), None).await
}
