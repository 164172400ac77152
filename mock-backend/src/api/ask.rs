//! What a request asks for: who asks, for which model, with which prompt and limit.

use bytes::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use serde::Deserialize;

use super::chat::ChatRequest;
use super::error::ApiError;
use super::models::{self, Purpose};
use super::responses::{Echo, ResponsesRequest};
use super::route::{Dialect, Operation, Route, route};
use crate::identity;

/// What a request turned out to ask for.
pub(crate) enum Asked {
    Models(String),
    Answer(Ask),
}

/// An answer to generate.
pub(crate) struct Ask {
    pub(crate) stream: bool,
    /// The model that answers, as a JSON string.
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// The caller's limit of the answer, in tokens.
    pub(crate) limit: Option<usize>,
    pub(crate) form: Form,
}

/// In which form.
pub(crate) enum Form {
    Chat { include_usage: bool },
    Responses { echo: Echo },
}

impl Form {
    /// As the ledger names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Chat { .. } => "chat",
            Self::Responses { .. } => "responses",
        }
    }
}

/// Reads requests: the head, and the rules of the simulator.
pub(crate) struct Reader<'a> {
    pub(crate) head: &'a Parts,
    /// The only key that passes; none lets any pass that is not empty.
    pub(crate) key: Option<&'a str>,
    /// Whether every model exists.
    pub(crate) any_model: bool,
}

impl Reader<'_> {
    /// What the request asks for, or why it is refused.
    pub(crate) fn read(&self, body: Result<Bytes, ApiError>) -> Result<Asked, ApiError> {
        let route = route(&self.head.method, &self.head.uri)?;
        self.check_key()?;
        match route.operation {
            Operation::Models(None) => Ok(Asked::Models(models::list())),
            Operation::Models(Some(name)) => {
                self.snapshot(name, None)?;
                Ok(Asked::Models(models::show(name)))
            }
            Operation::Chat => self.read_chat(&route, &body?).map(Asked::Answer),
            Operation::Responses => self.read_responses(&route, &body?).map(Asked::Answer),
        }
    }

    /// The key from `Authorization: Bearer` or `api-key`.
    fn check_key(&self) -> Result<(), ApiError> {
        let headers = &self.head.headers;
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
        });
        let key = headers.get("api-key").and_then(|value| value.to_str().ok()).or(bearer).unwrap_or_default();
        match bearer.and_then(identity::refuses) {
            Some(true) => return Err(ApiError::WrongToken),
            Some(false) => return Ok(()),
            None => {}
        }
        match self.key {
            _ if key.is_empty() => Err(ApiError::MissingKey),
            Some(expected) if expected != key => Err(ApiError::WrongKey(key.to_owned())),
            _ => Ok(()),
        }
    }

    /// The snapshot that answers under the name `model`, if it serves `purpose`.
    fn snapshot(&self, model: &str, purpose: Option<Purpose>) -> Result<String, ApiError> {
        match models::find(model) {
            Some(found) if purpose.is_none_or(|purpose| purpose == found.purpose) => Ok(found.snapshot.to_owned()),
            Some(_) => Err(ApiError::WrongModel(model.to_owned())),
            None if self.any_model => Ok(model.to_owned()),
            None => Err(ApiError::NoModel(model.to_owned())),
        }
    }

    fn read_chat(&self, route: &Route<'_>, body: &[u8]) -> Result<Ask, ApiError> {
        let request: ChatRequest<'_> = parse(body)?;
        let name = named(route, request.model.as_ref().map(|model| &*model.0))?;
        let model = quoted(&self.snapshot(name, Some(Purpose::Chat))?);
        if request.messages.is_none_or(|messages| messages.items == 0) {
            return Err(missing("messages"));
        }
        if request.n.is_some_and(|n| n != 1) {
            return Err(ApiError::Invalid(
                "This simulator answers with one choice only (n = 1).".to_owned(),
                Some("n"),
            ));
        }
        let include_usage = request.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false);
        Ok(Ask {
            stream: request.stream.unwrap_or(false),
            model,
            prompt_tokens: request.prompt_tokens(),
            limit: limit(request.limit(), "max_tokens")?,
            form: Form::Chat { include_usage },
        })
    }

    fn read_responses(&self, route: &Route<'_>, body: &[u8]) -> Result<Ask, ApiError> {
        let request: ResponsesRequest<'_> = parse(body)?;
        let name = named(route, request.model.as_ref().map(|model| &*model.0))?;
        let snapshot = self.snapshot(name, Some(Purpose::Chat))?;
        // Azure repeats the deployment's name here, OpenAI names the snapshot.
        let model = match route.dialect {
            Dialect::OpenAi => quoted(&snapshot),
            Dialect::Azure => quoted(name),
        };
        if request.input.is_none() {
            return Err(missing("input"));
        }
        Ok(Ask {
            stream: request.stream.unwrap_or(false),
            model,
            prompt_tokens: request.prompt_tokens(),
            limit: limit(request.max_output_tokens, "max_output_tokens")?,
            form: Form::Responses { echo: request.echo() },
        })
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let message = if error.is_data() {
            format!("Invalid value in the request body: {error}.")
        } else {
            format!("We could not parse the JSON body of your request: {error}.")
        };
        ApiError::Invalid(message, None)
    })
}

/// The name of the model: the deployment of the address, else what the body says.
fn named<'a>(route: &Route<'a>, model: Option<&'a str>) -> Result<&'a str, ApiError> {
    route.deployment.or(model).ok_or_else(|| missing("model"))
}

fn missing(param: &'static str) -> ApiError {
    ApiError::Invalid(format!("Missing required parameter: '{param}'."), Some(param))
}

fn limit(limit: Option<u32>, param: &'static str) -> Result<Option<usize>, ApiError> {
    match limit {
        Some(0) => Err(ApiError::Invalid(format!("'{param}' must be at least 1."), Some(param))),
        Some(tokens @ 1_000_001..) => {
            Err(ApiError::Invalid(format!("'{param}' must be at most 1000000, not {tokens}."), Some(param)))
        }
        limit => Ok(limit.map(|tokens| tokens as usize)),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
