//! What a gateway refuses itself, in the shape of API Management.

use std::time::Duration;

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::quota::Exceeded;
use crate::units::seconds_up;

/// An answer of the gateway itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// Seconds to wait.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: &str) -> Self {
        Self { status, message: message.to_owned(), retry_after: None }
    }

    /// Why a request with this key does not pass, if any of `keys` is needed.
    pub(crate) fn of_key(head: &Parts, keys: &[String]) -> Option<Self> {
        if keys.is_empty() {
            return None;
        }
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let query =
            || head.uri.query().unwrap_or_default().split('&').find_map(|p| p.strip_prefix("subscription-key="));
        let key = header("ocp-apim-subscription-key")
            .or_else(|| header("api-key"))
            .or_else(|| header("x-api-key"))
            .or_else(query);
        let message = match key {
            Some(key) if keys.iter().any(|known| known == key) => return None,
            Some(_) => {
                "Access denied due to invalid subscription key. Make sure to provide a valid key for an active \
                 subscription."
            }
            None => {
                "Access denied due to missing subscription key. Make sure to include subscription key when making \
                 requests to an API."
            }
        };
        Some(Self::new(StatusCode::UNAUTHORIZED, message))
    }

    /// Why a request of so many tokens does not pass.
    pub(crate) fn of_tokens(exceeded: Exceeded) -> Self {
        let seconds = |wait: Duration| seconds_up(wait).max(1);
        match exceeded {
            Exceeded::Limit(Some(wait)) => Self {
                status: StatusCode::TOO_MANY_REQUESTS,
                message: format!("Token limit is exceeded. Try again in {} seconds.", seconds(wait)),
                retry_after: Some(seconds(wait)),
            },
            Exceeded::Limit(None) => Self::new(StatusCode::TOO_MANY_REQUESTS, "Token limit is exceeded."),
            Exceeded::Quota(wait) => Self {
                status: StatusCode::FORBIDDEN,
                message: format!("Token quota is exceeded. Try again in {} seconds.", seconds(wait)),
                retry_after: Some(seconds(wait)),
            },
        }
    }
}
