//! Reads requests: their head, and the rules of the simulator. Each API reads its own body.

use hyper::http::request::Parts;
use serde::Deserialize;

use super::auth;
use super::error::ApiError;
use super::interfaces::parameters;
use super::models::{self, Purpose};
use super::parameters::{Members, Unknown};
use super::route::Route;
use super::rules::{model_name, parse};
use super::service::Access;
use crate::fault::ErrorKind;
use crate::model::prompt::Str;

/// Reads one request.
pub(crate) struct Reader<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) access: Access<'a>,
}

/// Who answers a request.
pub(crate) struct Named {
    /// The name that was asked for.
    pub(crate) name: String,
    /// The model behind it.
    pub(crate) snapshot: String,
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
            Some(_) => Err(ApiError::Kind(ErrorKind::Operation, model.to_owned())),
            None if self.access.any_model => Ok(model.to_owned()),
            None => Err(ApiError::Kind(ErrorKind::Deployment, model.to_owned())),
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

    /// The request in `body`, held against the parameters of its interface, and who answers it.
    pub(crate) fn open<'b, T: Deserialize<'b>>(
        &self,
        route: &Route<'_>,
        body: &'b [u8],
        (interface, unknown): (u8, Unknown),
        purpose: Purpose,
    ) -> Result<(T, Named), ApiError> {
        let members: Members<'_> = parse(body)?;
        let model: Option<Str<'_>> = members.get("model").and_then(|model| serde_json::from_str(model.get()).ok());
        let name = model_name(route, model.as_ref().map(|Str(model)| &**model))?.to_owned();
        let snapshot = self.snapshot(&name, Some(purpose))?;
        members.check("", parameters(interface), if self.access.strict { unknown } else { Unknown::Accepted })?;
        Ok((parse(body)?, Named { name, snapshot }))
    }
}
