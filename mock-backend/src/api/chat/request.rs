//! What a request for a chat completion says.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::api::content::completion::Style;
use crate::api::content::features::{
    self, Features, Format, Occasion, RawChoice, RawFunction, RawFunctionCall, RawTool, Stop,
};
use crate::api::content::json::quoted;
use crate::api::content::logprobs::Logprobs;
use crate::api::error::ApiError;
use crate::api::interfaces::CHAT;
use crate::api::measure::Voice;
use crate::api::models::{self, Purpose};
use crate::api::reader::{Opened, Reader};
use crate::api::request::{Form, PromptOf, Request};
use crate::api::route::Route;
use crate::api::rules::{check_total, only_default, read_effort, unsupported_param};
use crate::api::version;
use crate::model::prompt::Str;

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest<'a> {
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    pub(crate) stream_options: Option<StreamOptions>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) max_completion_tokens: Option<u32>,
    pub(crate) n: Option<u32>,
    pub(crate) store: Option<bool>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    #[serde(borrow)]
    pub(crate) reasoning_effort: Option<Str<'a>>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
    tools: Option<Vec<RawTool>>,
    tool_choice: Option<RawChoice>,
    functions: Option<Vec<RawFunction>>,
    function_call: Option<RawFunctionCall>,
    parallel_tool_calls: Option<bool>,
    pub(crate) response_format: Option<Value>,
    stop: Option<Stop>,
    seed: Option<i64>,
    prompt_cache_key: Option<String>,
    service_tier: Option<String>,
}

/// `stream_options`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    #[serde(default)]
    pub(crate) include_usage: Option<bool>,
    #[serde(default)]
    pub(crate) include_obfuscation: Option<bool>,
}

impl ChatRequest<'_> {
    /// The caller's limit of the answer.
    pub(crate) fn token_limit(&self) -> Option<u32> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// How likelihoods are reported, if they are.
    pub(crate) fn logprobs(&self) -> Result<Option<Logprobs>, ApiError> {
        match (self.logprobs.unwrap_or(false), self.top_logprobs) {
            (true, top) => Ok(Some(Logprobs { top: top.unwrap_or(0) as usize })),
            (false, Some(_)) => Err(ApiError::invalid(
                "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
                "top_logprobs",
            )),
            (false, None) => Ok(None),
        }
    }

    /// Whether it asks in the deprecated way, with `functions` in place of `tools`.
    pub(crate) fn is_of_functions(&self) -> bool {
        self.functions.is_some() || self.function_call.is_some()
    }

    /// Takes `functions` for tools of which one is called.
    fn take_functions(&mut self) -> Result<(), ApiError> {
        let wrong = |message: &str, param| Err(ApiError::invalid(message, param));
        if self.tools.is_some() || self.tool_choice.is_some() {
            return wrong("'functions' and 'function_call' cannot be used together with 'tools'.", "functions");
        }
        let Some(functions) = self.functions.take() else {
            return wrong("'function_call' is only allowed when 'functions' are specified.", "function_call");
        };
        self.tools = Some(functions.into_iter().map(RawTool::of).collect());
        self.tool_choice = self.function_call.take().map(RawChoice::of);
        self.parallel_tool_calls = Some(false);
        Ok(())
    }

    /// What it asks for beyond plain text; `requested` calls if tools are called, unless what was said last is the
    /// result of one.
    pub(crate) fn features(
        &mut self,
        requested: Option<usize>,
        answered: bool,
        refuses: bool,
    ) -> Result<Option<Box<Features>>, ApiError> {
        if self.is_of_functions() {
            self.take_functions()?;
        }
        let plain = self.tools.is_none() && self.tool_choice.is_none() && self.response_format.is_none();
        if plain && self.stop.is_none() && self.seed.is_none() && !refuses {
            return Ok(None);
        }
        let mut tools = features::tools(self.tools.take().unwrap_or_default(), Voice::Chat)?;
        let occasion = Occasion { parallel: self.parallel_tool_calls.unwrap_or(true), answered, requested };
        let (calls, may_decline) = features::calls(&mut tools, self.tool_choice.take(), occasion)?;
        Ok(Some(Box::new(Features {
            calls,
            may_decline,
            tools,
            format: features::format(self.response_format.as_ref(), Voice::Chat)?,
            stop: self.stop.take().map_or_else(Vec::new, Stop::list),
            refuses,
            seed: self.seed,
        })))
    }
}

/// Whether a stream hides the length of its pieces: unless it is told not to.
pub(crate) fn is_obfuscated(options: Option<&StreamOptions>) -> bool {
    options.and_then(|options| options.include_obfuscation).unwrap_or(true)
}

impl Reader<'_> {
    /// A request for a chat completion.
    pub(crate) fn read_chat(&self, route: &Route<'_>, body: &Bytes) -> Result<Request, ApiError> {
        let Opened { mut request, name, snapshot, measured }: Opened<ChatRequest<'_>> =
            self.open(route, body, CHAT, Purpose::Chat)?;
        let n = request.n.unwrap_or(1) as usize;
        let stream = request.stream.unwrap_or(false);
        check_stream_options(&request, route.version)?;
        let asked = request.reasoning_effort.as_ref().map(|effort| &*effort.0);
        let (effort, _) = read_effort(&snapshot, asked, "reasoning_effort")?;
        if models::thinks(&snapshot) {
            check_reasoning(&request)?;
        }
        let function = request.is_of_functions();
        let features =
            request.features(self.header_number("x-sim-tool-calls"), measured.facts.answered, self.refuses())?;
        let shaped = features.as_ref().is_some_and(|features| matches!(features.format, Format::Schema(_)));
        if shaped && !version::has_json_schema(route.version) {
            let message = "response_format value as json_schema is enabled only for api versions 2024-08-01-preview \
                           and later";
            return Err(ApiError::invalid(message, "response_format"));
        }
        let options = request.stream_options.as_ref();
        Ok(Request {
            stream,
            model: quoted(&snapshot),
            name,
            prompt: PromptOf::said(Some(Voice::Chat), measured, request.prompt_cache_key.take()),
            tier: request.service_tier.take(),
            limit: check_total(request.token_limit().map(|tokens| tokens as usize), n)?,
            effort,
            n,
            obfuscated: is_obfuscated(options),
            features,
            form: Form::Completion {
                style: Style::Chat { function },
                include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
                logprobs: request.logprobs()?,
                body: if request.store == Some(true) { body.clone() } else { Bytes::new() },
            },
        })
    }
}

/// `stream_options` are known to a version or not, and are those of a stream.
fn check_stream_options(request: &ChatRequest<'_>, version: Option<&str>) -> Result<(), ApiError> {
    if request.stream_options.is_some() {
        if !version::has_stream_options(version) {
            return Err(ApiError::invalid("Unrecognized request argument supplied: stream_options", None));
        }
        if request.stream != Some(true) {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(ApiError::invalid(message, "stream_options"));
        }
    }
    Ok(())
}

/// What models that think do not take.
fn check_reasoning(request: &ChatRequest<'_>) -> Result<(), ApiError> {
    if request.max_tokens.is_some() {
        return Err(unsupported_param(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
             'max_completion_tokens' instead.",
            "max_tokens",
        ));
    }
    only_default(request.temperature, "temperature")?;
    only_default(request.top_p, "top_p")?;
    Ok(())
}
