//! What a request for a completion of the older kind says.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::api::chat::request::{StreamOptions, is_obfuscated};
use crate::api::content::completion::Style;
use crate::api::content::features::{Features, Stop};
use crate::api::content::json::quoted;
use crate::api::content::logprobs::Logprobs;
use crate::api::error::ApiError;
use crate::api::interfaces::COMPLETIONS;
use crate::api::models::Purpose;
use crate::api::reader::{Opened, Reader};
use crate::api::request::{Form, PromptOf, Request};
use crate::api::route::Route;
use crate::api::rules::check_total;
use crate::model::text::count;

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct CompletionsRequest {
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

impl CompletionsRequest {
    /// The tokens of the prompt: those of its text, or as many as are given.
    pub(crate) fn prompt_tokens(&self) -> usize {
        self.prompt.as_ref().map_or(0, count_tokens)
    }

    /// The prompt, if it is to stand before the answer.
    pub(crate) fn echoed(&self) -> String {
        let text = self.prompt.as_ref().and_then(Value::as_str).filter(|_| self.echo.unwrap_or(false));
        text.unwrap_or_default().to_owned()
    }

    /// How likelihoods are reported, if they are.
    pub(crate) fn logprobs(&self) -> Option<Logprobs> {
        self.logprobs.map(|top| Logprobs { top: top as usize })
    }

    /// What it asks for beyond plain text.
    pub(crate) fn features(self) -> Option<Box<Features>> {
        if self.stop.is_none() && self.seed.is_none() {
            return None;
        }
        let stop = self.stop.map_or_else(Vec::new, Stop::list);
        Some(Box::new(Features { stop, seed: self.seed, ..Features::default() }))
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
        let Opened { request, name, snapshot, .. }: Opened<CompletionsRequest> =
            self.open(route, body, COMPLETIONS, Purpose::Completion)?;
        let n = request.n.unwrap_or(1) as usize;
        let options = request.stream_options.as_ref();
        Ok(Request {
            stream: request.stream.unwrap_or(false),
            model: quoted(&snapshot),
            name,
            prompt: PromptOf::text(request.prompt_tokens()),
            tier: None,
            limit: check_total(request.max_tokens.map(|tokens| tokens as usize), n)?,
            effort: 0.0,
            n,
            obfuscated: is_obfuscated(options),
            form: Form::Completion {
                style: Style::Text { echo: request.echoed() },
                include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
                logprobs: request.logprobs(),
                body: Bytes::new(),
            },
            features: request.features(),
        })
    }
}
