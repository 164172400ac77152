//! Reads requests: their head, and the rules of the simulator. Each API reads its own body.

use hyper::http::request::Parts;

use super::error::ApiError;
use super::models::{self, Purpose};
use super::service::Access;
use super::{auth, strict};

/// Reads one request.
pub(crate) struct Reader<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) access: Access<'a>,
}

impl Reader<'_> {
    /// Whether the caller may ask at all.
    pub(crate) fn check_key(&self) -> Result<(), ApiError> {
        auth::check_key(&self.head.headers, self.access.key)
    }

    /// The snapshot that answers under the name `model`, if it serves `purpose`.
    pub(crate) fn snapshot(&self, model: &str, purpose: Option<Purpose>) -> Result<String, ApiError> {
        match models::find(model) {
            Some(found) if purpose.is_none_or(|purpose| purpose == found.purpose) => Ok(found.snapshot.to_owned()),
            Some(_) => Err(ApiError::WrongModel(model.to_owned())),
            None if self.access.any_model => Ok(model.to_owned()),
            None => Err(ApiError::NoModel(model.to_owned())),
        }
    }

    /// The number in a header that asks the simulator for something.
    pub(crate) fn header_number(&self, header: &str) -> Option<usize> {
        self.head.headers.get(header)?.to_str().ok()?.trim().parse().ok()
    }

    /// Whether the caller asks the simulator to have the model refuse.
    pub(crate) fn refuses(&self) -> bool {
        self.header_number("x-sim-refusal") == Some(1)
    }

    pub(crate) fn check_fields(&self, body: &[u8], fields: &[&str]) -> Result<(), ApiError> {
        if self.access.strict { strict::check(body, fields) } else { Ok(()) }
    }
}
