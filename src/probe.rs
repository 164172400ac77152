//! What a path answers before anything is measured: the preflight of a run, the checks of `hopmark probe`, which are the
//! same calls judged by the same rules, and what gateways say of their models.

pub mod capability;
pub mod check;
pub mod checks;
pub mod code;
pub mod discovery;
pub mod document;
mod judge;
pub mod outside;
mod preflight;
mod unsupported;

use std::time::Duration;

use crate::limits::{Beyond, Limit};
use crate::transport::tls;
pub use preflight::{Findings, Refused, calls, preflight, shape};

/// The most that is waited for an answer of the simulator's own routes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client for calls to the simulator's own routes.
///
/// # Errors
/// When it cannot be set up, in a sentence.
pub fn control_client() -> Result<reqwest::Client, String> {
    control_client_trusting(None)
}

/// The same for a simulator whose listeners are certified by this, in PEM.
///
/// # Errors
/// When it cannot be set up, in a sentence.
pub(crate) fn control_client_trusting(ca: Option<&str>) -> Result<reqwest::Client, String> {
    let config = tls::trusting_only(ca).map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.tls_backend_preconfigured(config).timeout(PATIENCE).build().map_err(|error| error.to_string())
}

/// What the simulator's own routes do not tell.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// No answer, or none of success.
    #[error(transparent)]
    Answer(#[from] reqwest::Error),
    /// More than is read.
    #[error(transparent)]
    TooMuch(#[from] Beyond),
}

/// Asks one of the simulator's own routes.
///
/// # Errors
/// When it does not answer, or says more than is read.
pub async fn ask_simulator(asked: reqwest::RequestBuilder) -> Result<String, Untold> {
    whole(asked.send().await?.error_for_status()?).await
}

/// The body of an answer of the simulator's own routes; what is no text in UTF-8 is replaced.
///
/// # Errors
/// When it ends early, or is more than is read.
pub(crate) async fn whole(mut answer: reqwest::Response) -> Result<String, Untold> {
    Limit::OwnAnswer.allow(answer.content_length().unwrap_or_default() as usize)?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        Limit::OwnAnswer.allow(body.len() + piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}
