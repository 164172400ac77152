//! What a request for a message says.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::thinking::{self, RawThinking, Thinking};
use crate::api::content::features::{self, Features, Format, Occasion, RawChoice, Takes, Tool};
use crate::api::content::json::quoted;
use crate::api::error::ApiError;
use crate::api::interfaces::{COUNTED, MESSAGES};
use crate::api::measure::Voice;
use crate::api::models::Purpose;
use crate::api::reader::{Opened, Reader};
use crate::api::request::{Form, PromptOf, Request};
use crate::api::route::Route;

/// The header with the version of the API, the versions that there are, and the one without sampling parameters.
const VERSION: &str = "anthropic-version";
const UNSAMPLED: &str = "2026-10-21";
const VERSIONS: [&str; 3] = ["2023-01-01", "2023-06-01", UNSAMPLED];

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct MessagesRequest {
    stream: Option<bool>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    tools: Option<Vec<RawTool>>,
    tool_choice: Option<Choice>,
    stop_sequences: Option<Vec<String>>,
    thinking: Option<RawThinking>,
    output_config: Option<OutputConfig>,
}

/// A tool: a custom one, or one that runs on the service's side.
#[derive(Debug, Deserialize)]
struct RawTool {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    input_schema: Option<Value>,
}

/// `tool_choice`.
#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    #[serde(default)]
    disable_parallel_tool_use: Option<bool>,
}

/// `output_config`.
#[derive(Debug, Deserialize)]
struct OutputConfig {
    effort: Option<String>,
    format: Option<Value>,
}

impl Reader<'_> {
    /// A request for a message.
    pub(crate) fn read_messages(&self, route: &Route<'_>, body: &Bytes) -> Result<Request, ApiError> {
        let version = self.check_messages_version()?;
        let Opened { mut request, name, snapshot, measured }: Opened<MessagesRequest> =
            self.open(route, body, MESSAGES, Purpose::Messages)?;
        if let Some(param) = request.sampling().filter(|_| version == UNSAMPLED) {
            return Err(ApiError::coded("unknown_parameter", "Extra inputs are not permitted", param));
        }
        let limit = request.max_tokens.unwrap_or(1);
        let Thinking { on, shows } = thinking::read(&snapshot, request.thinking.as_ref(), limit)?;
        if on && request.temperature.is_some_and(|temperature| temperature != 1.0) {
            return Err(ApiError::invalid(
                "`temperature` may only be set to 1 when thinking is enabled.",
                "temperature",
            ));
        }
        let features =
            request.features(self.header_number("x-sim-tool-calls"), measured.facts.answered, self.refuses())?;
        let effort = request.output_config.as_ref().and_then(|config| config.effort.as_deref());
        let mut prompt = PromptOf::said(Some(Voice::Messages), measured, None);
        // What nobody has marked is not cached.
        prompt.uncached = memchr::memmem::find(body, b"\"cache_control\"").is_none();
        Ok(Request {
            stream: request.stream.unwrap_or(false),
            model: quoted(&snapshot),
            name,
            prompt,
            tier: None,
            limit: Some(limit as usize),
            effort: if on { effort_of(effort) } else { 0.0 },
            n: 1,
            obfuscated: false,
            features,
            form: Form::Messages { shows_thoughts: shows },
        })
    }

    /// How many tokens a request for a message would have.
    pub(crate) fn count_message(&self, route: &Route<'_>, body: &Bytes) -> Result<String, ApiError> {
        self.check_messages_version()?;
        let Opened { measured, .. }: Opened<serde::de::IgnoredAny> =
            self.open(route, body, COUNTED, Purpose::Messages)?;
        measured.facts.check(Voice::Messages, None)?;
        Ok(json!({"input_tokens": measured.own + measured.said}).to_string())
    }

    fn check_messages_version(&self) -> Result<&str, ApiError> {
        let version = self.head.headers.get(VERSION).and_then(|version| version.to_str().ok());
        match version {
            Some(version) if VERSIONS.contains(&version) => Ok(version),
            Some(version) => Err(ApiError::invalid(format!("\"{version}\" is not a valid version"), VERSION)),
            None => Err(ApiError::invalid("header is required", VERSION)),
        }
    }
}

/// How hard the model thinks, as a multiple of the usual.
fn effort_of(word: Option<&str>) -> f64 {
    match word {
        Some("low") => 0.5,
        Some("high") => 2.0,
        Some("xhigh") => 4.0,
        Some("max") => 8.0,
        Some(_) | None => 1.0,
    }
}

impl MessagesRequest {
    /// The first parameter of how tokens are drawn.
    fn sampling(&self) -> Option<&'static str> {
        let given = [
            ("temperature", self.temperature.is_some()),
            ("top_p", self.top_p.is_some()),
            ("top_k", self.top_k.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// What it asks for beyond plain text; `requested` calls if tools are called, unless what was said last is the
    /// result of one.
    fn features(
        &mut self,
        requested: Option<usize>,
        answered: bool,
        refuses: bool,
    ) -> Result<Option<Box<Features>>, ApiError> {
        let stop = self.stop_sequences.take().unwrap_or_default();
        if stop.iter().any(|stop| stop.trim().is_empty()) {
            return Err(ApiError::invalid("each stop sequence must contain non-whitespace", "stop_sequences"));
        }
        let mut tools = tools(self.tools.take().unwrap_or_default())?;
        let choice = self.tool_choice.take();
        let parallel = !choice.as_ref().and_then(|choice| choice.disable_parallel_tool_use).unwrap_or(false);
        let occasion = Occasion { parallel, answered, requested };
        let choice = choice.map(|choice| choice.read(!tools.is_empty())).transpose()?;
        let (calls, may_decline) = features::calls(&mut tools, choice, occasion)?;
        let format = self.output_config.as_ref().and_then(|config| config.format.as_ref());
        let format = format.map_or(Ok(Format::Text), shape)?;
        if tools.is_empty() && stop.is_empty() && !refuses && format == Format::Text {
            return Ok(None);
        }
        Ok(Some(Box::new(Features { calls, may_decline, tools, format, stop, refuses, seed: None })))
    }
}

impl Choice {
    /// The same choice in the words that other APIs have for it.
    fn read(self, has_tools: bool) -> Result<RawChoice, ApiError> {
        let mode = match (self.kind.as_str(), self.name) {
            _ if !has_tools => {
                return Err(ApiError::invalid("tool_choice may only be specified while providing tools.", None));
            }
            ("auto", _) => "auto",
            ("any", _) => "required",
            ("none", _) => "none",
            ("tool", Some(name)) => return Ok(RawChoice::named(name)),
            ("tool", None) => return Err(ApiError::missing("tool_choice.tool.name")),
            (other, _) => {
                return Err(ApiError::no_such_word(other, &["auto", "any", "tool", "none"], "tool_choice.type"));
            }
        };
        Ok(RawChoice::Mode(mode.to_owned()))
    }
}

/// The custom tools; those that run on the service's side are accepted and never used.
fn tools(tools: Vec<RawTool>) -> Result<Vec<Tool>, ApiError> {
    let mut found = Vec::new();
    for (i, tool) in tools.into_iter().enumerate() {
        if tool.kind.is_some_and(|kind| kind != "custom") {
            continue;
        }
        let place = |what: &str| format!("tools[{i}].custom.{what}");
        let name = tool.name.ok_or_else(|| ApiError::missing(&place("name")))?;
        let is_good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > 128 || !name.bytes().all(is_good) {
            let message = "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
            return Err(ApiError::invalid(message, place("name").as_str()));
        }
        let schema = tool.input_schema.ok_or_else(|| ApiError::missing(&place("input_schema")))?;
        if schema["type"] != "object" {
            return Err(ApiError::invalid("Input should be 'object'", place("input_schema.type").as_str()));
        }
        if found.iter().any(|known: &Tool| known.name == name) {
            return Err(ApiError::invalid("Tool names must be unique.", "tools"));
        }
        found.push(Tool { name, takes: Takes::Arguments(schema) });
    }
    Ok(found)
}

/// `output_config.format`.
fn shape(format: &Value) -> Result<Format, ApiError> {
    match (format["type"].as_str(), format.get("schema").filter(|schema| schema.is_object())) {
        (Some("json_schema"), Some(schema)) => Ok(Format::Schema(schema.clone())),
        (Some("json_schema"), None) => Err(ApiError::missing("output_config.format.schema")),
        (Some(other), _) => Err(ApiError::no_such_word(other, &["json_schema"], "output_config.format.type")),
        (None, _) => Err(ApiError::missing("output_config.format.type")),
    }
}
