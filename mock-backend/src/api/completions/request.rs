//! What a request for a completion of the older kind says.

use serde::Deserialize;
use serde_json::Value;

use crate::api::chat::request::{StreamOptions, is_obfuscated};
use crate::api::content::features::{Features, Stop};
use crate::api::content::json::quoted;
use crate::api::content::logprobs::Logprobs;
use crate::api::error::ApiError;
use crate::api::models::Purpose;
use crate::api::reader::Reader;
use crate::api::request::{Form, Request};
use crate::api::route::Route;
use crate::api::rules::{check_limit, check_total, count_choices, model_name, parse};
use crate::model::prompt::Str;
use crate::model::text::count;

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct CompletionsRequest<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Str<'a>>,
    prompt: Option<Value>,
    pub(crate) stream: Option<bool>,
    pub(crate) stream_options: Option<StreamOptions>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) n: Option<u32>,
    echo: Option<bool>,
    logprobs: Option<u32>,
    stop: Option<Stop>,
    seed: Option<i64>,
}

/// Every field of the interface; what is not among them is refused by a strict simulator.
pub(crate) const FIELDS: [&str; 18] = [
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "model",
    "n",
    "presence_penalty",
    "prompt",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "suffix",
    "temperature",
    "top_p",
    "user",
];

impl CompletionsRequest<'_> {
    /// The tokens of the prompt: those of its text, or as many as are given.
    pub(crate) fn prompt_tokens(&self) -> usize {
        self.prompt.as_ref().map_or(0, count_tokens)
    }

    /// The prompt, if it is to stand before the answer.
    pub(crate) fn echoed(&self) -> Option<String> {
        let text = self.prompt.as_ref().and_then(Value::as_str)?;
        self.echo.unwrap_or(false).then(|| text.to_owned())
    }

    /// How likelihoods are reported, if they are.
    pub(crate) fn logprobs(&self) -> Result<Option<Logprobs>, ApiError> {
        match self.logprobs {
            Some(6..) => Err(ApiError::Invalid("'logprobs' must be from 0 to 5.".to_owned(), Some("logprobs"))),
            logprobs => Ok(logprobs.map(|top| Logprobs { top: top as usize })),
        }
    }

    /// What it asks for beyond plain text.
    pub(crate) fn features(self) -> Result<Option<Box<Features>>, ApiError> {
        if self.stop.is_none() && self.seed.is_none() {
            return Ok(None);
        }
        let stop = self.stop.map_or_else(|| Ok(Vec::new()), Stop::list)?;
        Ok(Some(Box::new(Features { stop, seed: self.seed, ..Features::default() })))
    }
}

/// The tokens of a text, of a list of texts, or of a list of tokens.
pub(crate) fn count_tokens(value: &Value) -> usize {
    match value {
        Value::String(text) => count(text),
        Value::Number(_) => 1,
        Value::Array(list) => list.iter().map(count_tokens).sum(),
        Value::Null | Value::Bool(_) | Value::Object(_) => 0,
    }
}

impl Reader<'_> {
    /// A request for a completion.
    pub(crate) fn read_completions(&self, route: &Route<'_>, body: &[u8]) -> Result<Request, ApiError> {
        let request: CompletionsRequest<'_> = parse(body)?;
        let name = model_name(route, request.model.as_ref().map(|model| &*model.0))?.to_owned();
        let snapshot = self.snapshot(&name, Some(Purpose::Completion))?;
        self.check_fields(body, &FIELDS)?;
        let n = count_choices(request.n)?;
        let options = request.stream_options.as_ref();
        Ok(Request {
            stream: request.stream.unwrap_or(false),
            model: quoted(&snapshot),
            name,
            prompt_tokens: request.prompt_tokens(),
            cached: 0,
            limit: check_total(check_limit(request.max_tokens, "max_tokens")?, n)?,
            effort: 0.0,
            n,
            obfuscated: is_obfuscated(options),
            form: Form::Completions {
                include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
                echo: request.echoed(),
                logprobs: request.logprobs()?,
            },
            features: request.features()?,
        })
    }
}
