//! What a request for a response says, and what the answer repeats of it.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::compact::Conversation;
use super::terms::Terms;
use crate::api::chat::request::{StreamOptions, is_obfuscated};
use crate::api::content::features::{self, Features, Occasion, RawChoice, RawTool};
use crate::api::content::json::quoted;
use crate::api::dialect::Dialect;
use crate::api::error::ApiError;
use crate::api::interfaces::RESPONSES;
use crate::api::measure::Voice;
use crate::api::models::{self, Purpose};
use crate::api::reader::{Opened, Reader};
use crate::api::request::{Form, PromptOf, Request, ResponsesForm};
use crate::api::route::Route;
use crate::api::rules::{only_default, read_effort};
use crate::model::prompt::Str;

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct ResponsesRequest<'a> {
    input: Option<IgnoredAny>,
    #[serde(borrow)]
    instructions: Option<Str<'a>>,
    pub(crate) stream: Option<bool>,
    pub(crate) stream_options: Option<StreamOptions>,
    pub(crate) max_output_tokens: Option<u32>,
    store: Option<bool>,
    background: Option<bool>,
    #[serde(borrow)]
    pub(crate) previous_response_id: Option<Str<'a>>,
    conversation: Option<Value>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) reasoning: Option<Reasoning>,
    include: Option<Vec<String>>,
    top_logprobs: Option<u32>,
    parallel_tool_calls: Option<bool>,
    max_tool_calls: Option<u32>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    text: Option<Value>,
    truncation: Option<String>,
    user: Option<String>,
    prompt_cache_key: Option<String>,
    service_tier: Option<String>,
    safety_identifier: Option<String>,
    #[serde(default)]
    metadata: Value,
}

/// `reasoning`.
#[derive(Debug, Deserialize)]
pub(crate) struct Reasoning {
    pub(crate) effort: Option<String>,
    summary: Option<String>,
}

impl ResponsesRequest<'_> {
    /// The id of the conversation that it belongs to.
    fn conversation(&self) -> Option<&str> {
        let given = self.conversation.as_ref()?;
        given.as_str().or(given["id"].as_str())
    }

    /// What the answer needs to know.
    pub(crate) fn terms(&self, effort: Option<&str>) -> Result<Terms, ApiError> {
        let (store, background) = (self.store.unwrap_or(true), self.background.unwrap_or(false));
        if background && !store {
            return Err(ApiError::invalid("Background responses require 'store' to be true.", "background"));
        }
        if self.conversation().is_some() && self.previous_response_id.is_some() {
            let message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'.";
            return Err(ApiError::invalid(message, "previous_response_id"));
        }
        let includes = |what: &str| self.include.iter().flatten().any(|one| one == what);
        let summary = self.reasoning.as_ref().and_then(|reasoning| reasoning.summary.as_deref());
        Ok(Terms {
            echo: self.echo(store, effort),
            store,
            background,
            summary: summary.is_some_and(|summary| summary != "none"),
            encrypted: includes("reasoning.encrypted_content"),
            logprobs: includes("message.output_text.logprobs").then(|| self.top_logprobs.unwrap_or(0).min(20) as usize),
        })
    }

    /// What the answer repeats of the request, as members of its object.
    fn echo(&self, store: bool, effort: Option<&str>) -> String {
        let reasoning = self.reasoning.as_ref();
        let text = self.text.as_ref();
        let given = |key: &str| text.and_then(|text| text.get(key)).filter(|value| !value.is_null());
        let choice = self.tool_choice.clone().filter(|choice| !choice.is_null());
        let mut echo = json!({
            "instructions": self.instructions.as_ref().map(|text| &text.0),
            "max_output_tokens": self.max_output_tokens,
            "max_tool_calls": self.max_tool_calls,
            "parallel_tool_calls": self.parallel_tool_calls.unwrap_or(true),
            "previous_response_id": self.previous_response_id.as_ref().map(|id| &id.0),
            "prompt_cache_key": self.prompt_cache_key,
            "reasoning": {
                "effort": effort,
                "summary": reasoning.and_then(|reasoning| reasoning.summary.as_deref()),
            },
            "safety_identifier": self.safety_identifier,
            "store": store,
            "temperature": self.temperature.unwrap_or(1.0),
            "text": {
                "format": given("format").cloned().unwrap_or_else(|| json!({"type": "text"})),
                "verbosity": given("verbosity").cloned().unwrap_or_else(|| json!("medium")),
            },
            "tool_choice": choice.unwrap_or_else(|| json!("auto")),
            "tools": self.tools_echo(),
            "top_logprobs": self.top_logprobs.unwrap_or(0),
            "top_p": self.top_p.unwrap_or(1.0),
            "truncation": self.truncation.as_deref().unwrap_or("disabled"),
            "user": self.user,
            "metadata": self.metadata.as_object().cloned().unwrap_or_default(),
        });
        if let Some(id) = self.conversation() {
            echo["conversation"] = json!({"id": id});
        }
        let echo = echo.to_string();
        echo[1..echo.len() - 1].to_owned()
    }

    fn tools_echo(&self) -> Vec<Value> {
        let mut tools = self.tools.clone().unwrap_or_default();
        for tool in tools.iter_mut().filter(|tool| tool["type"] == "function") {
            if let Some(members) = tool.as_object_mut() {
                members.entry("description").or_insert(Value::Null);
                members.entry("parameters").or_insert(Value::Null);
                members.entry("strict").or_insert(Value::Bool(true));
            }
        }
        tools
    }

    /// What it asks for beyond plain text; `requested` calls if tools are called, unless what was said last is the
    /// result of one.
    pub(crate) fn features(
        &mut self,
        requested: Option<usize>,
        answered: bool,
        refuses: bool,
    ) -> Result<Option<Box<Features>>, ApiError> {
        if self.tools.is_none() && self.tool_choice.is_none() && self.text.is_none() && !refuses {
            return Ok(None);
        }
        let wrong = |error: serde_json::Error| ApiError::invalid(format!("Invalid tools: {error}."), "tools");
        let raw: Result<Vec<RawTool>, _> =
            self.tools.iter().flatten().map(|tool| RawTool::deserialize(tool).map_err(wrong)).collect();
        let mut tools = features::tools(raw?, Voice::Responses)?;
        let occasion = Occasion { parallel: self.parallel_tool_calls.unwrap_or(true), answered, requested };
        let choice = self.tool_choice.as_ref().filter(|choice| !choice.is_null());
        // A tool that runs on the server's side may be chosen too; it is never used.
        let is_ours =
            |choice: &&Value| ["function", "custom", "allowed_tools"].iter().any(|kind| choice["type"] == *kind);
        let choice = choice.filter(|choice| choice.is_string() || is_ours(choice));
        let choice = choice.map(RawChoice::deserialize).transpose().map_err(wrong)?;
        let format = self.text.as_ref().and_then(|text| text.get("format"));
        let (calls, may_decline) = features::calls(&mut tools, choice, occasion)?;
        Ok(Some(Box::new(Features {
            calls,
            may_decline,
            tools,
            format: features::format(format, Voice::Responses)?,
            refuses,
            ..Features::default()
        })))
    }
}

impl Reader<'_> {
    /// A request about a conversation.
    pub(crate) fn read_conversation(&self, route: &Route<'_>, body: Bytes) -> Result<Conversation, ApiError> {
        let Opened { request, name, measured, .. }: Opened<ResponsesRequest<'_>> =
            self.open(route, &body, RESPONSES, Purpose::Chat)?;
        let previous = request.previous_response_id.as_ref().map(|id| id.0.clone().into_owned());
        let conversation = request.conversation().map(str::to_owned);
        if request.input.is_none() && previous.is_none() && conversation.is_none() {
            return Err(ApiError::missing("input"));
        }
        let tokens = measured.own + measured.said;
        Ok(Conversation { name, tokens, previous, conversation, body: body.clone() })
    }

    /// A request for a response.
    pub(crate) fn read_responses(&self, route: &Route<'_>, body: &Bytes) -> Result<Request, ApiError> {
        let Opened { mut request, name, snapshot, measured }: Opened<ResponsesRequest<'_>> =
            self.open(route, body, RESPONSES, Purpose::Chat)?;
        // Azure repeats the deployment's name here, OpenAI names the snapshot.
        let model = match route.dialect {
            Dialect::OpenAi | Dialect::Anthropic => quoted(&snapshot),
            Dialect::Azure => quoted(&name),
        };
        if request.input.is_none() && request.conversation().is_none() && request.previous_response_id.is_none() {
            return Err(ApiError::missing("input"));
        }
        let asked = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
        let (effort, word) = read_effort(&snapshot, asked, "reasoning.effort")?;
        if models::thinks(&snapshot) {
            only_default(request.temperature, "temperature")?;
            only_default(request.top_p, "top_p")?;
        }
        let terms = request.terms(word.as_deref())?;
        let conversation = request.conversation().map(str::to_owned);
        let kept = if terms.store || conversation.is_some() { body.clone() } else { Bytes::new() };
        let answered = measured.facts.answered;
        let prompt = PromptOf {
            truncates: request.truncation.as_deref() == Some("auto"),
            ..PromptOf::said(Some(Voice::Responses), measured, request.prompt_cache_key.take())
        };
        Ok(Request {
            stream: request.stream.unwrap_or(false),
            model,
            name,
            prompt,
            tier: request.service_tier.take(),
            limit: request.max_output_tokens.map(|tokens| tokens as usize),
            effort,
            n: 1,
            obfuscated: is_obfuscated(request.stream_options.as_ref()),
            features: request.features(self.header_number("x-sim-tool-calls"), answered, self.refuses())?,
            form: Form::Responses(Box::new(ResponsesForm {
                terms,
                previous: request.previous_response_id.map(|id| id.0.into_owned()),
                conversation,
                body: kept,
            })),
        })
    }
}
