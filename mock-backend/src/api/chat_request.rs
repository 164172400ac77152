//! What a request for a chat completion says.

use serde::Deserialize;
use serde_json::Value;

use super::error::ApiError;
use super::logprobs::Logprobs;
use super::prompt::{Counted, Str};
use super::wish::{self, Occasion, RawChoice, RawFunction, RawFunctionCall, RawTool, Stop, Wish};

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Str<'a>>,
    pub(crate) messages: Option<Counted>,
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
}

/// `stream_options`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    #[serde(default)]
    pub(crate) include_usage: Option<bool>,
    #[serde(default)]
    pub(crate) include_obfuscation: Option<bool>,
}

/// Every field of the interface; what is not among them is refused by a strict simulator.
pub(crate) const FIELDS: [&str; 36] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

impl ChatRequest<'_> {
    /// The caller's limit of the answer.
    pub(crate) fn limit(&self) -> Option<u32> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// The tokens of the prompt: those of the contents, 3 for each message, and 3 that open the answer.
    pub(crate) fn prompt_tokens(&self) -> usize {
        self.messages.map_or(0, |messages| messages.tokens + 3 * messages.items + 3)
    }

    /// How likelihoods are reported, if they are.
    pub(crate) fn logprobs(&self) -> Result<Option<Logprobs>, ApiError> {
        match (self.logprobs.unwrap_or(false), self.top_logprobs) {
            (true, Some(top)) if top > 20 => {
                Err(ApiError::Invalid("'top_logprobs' must be from 0 to 20.".to_owned(), Some("top_logprobs")))
            }
            (true, top) => Ok(Some(Logprobs { top: top.unwrap_or(0) as usize })),
            (false, Some(_)) => Err(ApiError::Invalid(
                "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.".to_owned(),
                Some("top_logprobs"),
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
        let wrong = |message: &str, param| Err(ApiError::Invalid(message.to_owned(), Some(param)));
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

    /// What it wishes beyond plain text; `asked` calls if tools are called.
    pub(crate) fn wish(&mut self, asked: Option<usize>, refuses: bool) -> Result<Option<Box<Wish>>, ApiError> {
        if self.is_of_functions() {
            self.take_functions()?;
        }
        let plain = self.tools.is_none() && self.tool_choice.is_none() && self.response_format.is_none();
        if plain && self.stop.is_none() && self.seed.is_none() && !refuses {
            return Ok(None);
        }
        let tools = wish::tools(self.tools.take().unwrap_or_default())?;
        let occasion = Occasion {
            parallel: self.parallel_tool_calls.unwrap_or(true),
            answered: self.messages.is_some_and(|messages| messages.answered),
            asked,
        };
        Ok(Some(Box::new(Wish {
            calls: wish::calls(&tools, self.tool_choice.take(), occasion)?,
            tools,
            format: wish::format(self.response_format.as_ref(), "response_format")?,
            stop: self.stop.take().map_or_else(|| Ok(Vec::new()), Stop::list)?,
            refuses,
            seed: self.seed,
        })))
    }
}
