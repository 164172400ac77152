//! Reads requests: their head, and the rules of the simulator. Each API reads its own body.

use std::collections::BTreeMap;

use hyper::http::request::Parts;
use serde::Deserialize;

use super::auth;
use super::dialect::Dialect;
use super::error::ApiError;
use super::interfaces::{COUNTED, MESSAGES, RESPONSES, parameters};
use super::measure::{Measured, Voice, measure};
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
    /// The names of deployments, and the models behind them.
    pub(crate) deployments: &'a BTreeMap<String, String>,
    /// Whether the tokens of prompts are kept, for a prefix cache.
    pub(crate) keeps_tokens: bool,
}

/// A request that has been read, and who answers it.
pub(crate) struct Opened<T> {
    pub(crate) request: T,
    /// The name that was asked for.
    pub(crate) name: String,
    /// The model behind it.
    pub(crate) snapshot: String,
    /// What its prompt costs, in the interfaces whose prompts are read item by item.
    pub(crate) measured: Measured,
}

impl Reader<'_> {
    /// Whether the caller may ask at all.
    pub(crate) fn check_key(&self, dialect: Dialect) -> Result<(), ApiError> {
        auth::check_key(&self.head.headers, self.access.key, dialect)
    }

    /// The snapshot that answers under the name `model`, if it serves `purpose`.
    pub(crate) fn snapshot(&self, model: &str, purpose: Option<Purpose>) -> Result<String, ApiError> {
        let deployed = self.deployments.get(model).map_or(model, String::as_str);
        match models::find(deployed) {
            Some(found) if purpose.is_none_or(|purpose| purpose == found.purpose) => Ok(found.snapshot.to_owned()),
            Some(_) => Err(ApiError::Kind(ErrorKind::Operation, model.to_owned())),
            None if self.access.any_model => Ok(deployed.to_owned()),
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
        interface: u8,
        purpose: Purpose,
    ) -> Result<Opened<T>, ApiError> {
        let members: Members<'_> = parse(body)?;
        let model: Option<Str<'_>> = members.get("model").and_then(|model| serde_json::from_str(model.get()).ok());
        let name = model_name(route, model.as_ref().map(|Str(model)| &**model))?.to_owned();
        let snapshot = self.snapshot(&name, Some(purpose))?;
        let unknown = match self.access.strict.unwrap_or(route.dialect != Dialect::OpenAi) {
            false => Unknown::Accepted,
            true if matches!(interface, RESPONSES | MESSAGES | COUNTED) => Unknown::Parameter,
            true => Unknown::Unrecognized,
        };
        members.check("", parameters(interface), unknown)?;
        let voice = Voice::of(interface);
        let measured =
            voice.map_or_else(|| Ok(Measured::default()), |voice| measure(&members, voice, self.keeps_tokens))?;
        Ok(Opened { request: parse(body)?, name, snapshot, measured })
    }
}
