//! Every parameter of each interface, with its kind and its bounds, as the official document has them.

use super::parameters::{Kind, Parameter};

const fn param(name: &'static str, kinds: &'static [Kind]) -> Parameter {
    Parameter { name, required: false, kinds }
}

const BOOLEAN: &[Kind] = &[Kind::Boolean];
const INTEGER: &[Kind] = &[Kind::Integer(i64::MIN, i64::MAX)];
const TEXT: &[Kind] = &[Kind::Text(usize::MAX)];
const SHORT: &[Kind] = &[Kind::Text(64)];
const OBJECT: &[Kind] = &[Kind::Object(&[])];
const LIST: &[Kind] = &[Kind::List(0, usize::MAX)];
const SOME: &[Kind] = &[Kind::List(1, usize::MAX)];
const TEXT_OR_LIST: &[Kind] = &[Kind::Text(usize::MAX), Kind::List(0, usize::MAX)];
const TEXT_OR_SOME: &[Kind] = &[Kind::Text(usize::MAX), Kind::List(1, usize::MAX)];
const TEXT_OR_OBJECT: &[Kind] = &[Kind::Text(usize::MAX), Kind::Object(&[])];
const STOP: &[Kind] = &[Kind::Text(usize::MAX), Kind::List(1, 4)];
const CHOICES: &[Kind] = &[Kind::Integer(1, 128)];
/// Tokens of an answer: no model makes a million.
const TOKENS: &[Kind] = &[Kind::Integer(1, LONGEST)];
const PENALTY: &[Kind] = &[Kind::Number(-2.0, 2.0)];
const TEMPERATURE: &[Kind] = &[Kind::Number(0.0, 2.0)];
const SHARE: &[Kind] = &[Kind::Number(0.0, 1.0)];
const TOP: &[Kind] = &[Kind::Integer(0, 20)];
const EFFORT: &[Kind] = &[Kind::Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])];
const VERBOSITY: &[Kind] = &[Kind::Word(&["low", "medium", "high"])];
const SUMMARY: &[Kind] = &[Kind::Word(&["auto", "concise", "detailed", "none"])];
const RETENTION: &[Kind] = &[Kind::Word(&["in_memory", "in-memory", "24h"])];
const TIER: &[Kind] = &[Kind::Word(&["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"])];
const TRUNCATION: &[Kind] = &[Kind::Word(&["auto", "disabled"])];
const ENCODING: &[Kind] = &[Kind::Word(&["float", "base64"])];
const STREAM: &[Kind] = &[Kind::Object(&[param("include_usage", BOOLEAN), param("include_obfuscation", BOOLEAN)])];
const STREAM_OF_RESPONSES: &[Kind] = &[Kind::Object(&[param("include_obfuscation", BOOLEAN)])];
const REASONING: &[Kind] = &[Kind::Object(&[
    param("context", TEXT),
    param("effort", EFFORT),
    param("generate_summary", SUMMARY),
    param("mode", TEXT),
    param("summary", SUMMARY),
])];
const OUTPUT_OF_CLAUDE: &[Kind] = &[Kind::Object(&[
    param("effort", &[Kind::Word(&["low", "medium", "high", "xhigh", "max"])]),
    param("format", OBJECT),
])];
const TEXT_OF_RESPONSES: &[Kind] = &[Kind::Object(&[param("format", OBJECT), param("verbosity", VERBOSITY)])];

/// The most tokens that all choices of one answer may have.
pub(crate) const LONGEST: i64 = 1_000_000;

/// The interfaces, each a bit.
pub(crate) const CHAT: u8 = 1;
pub(crate) const COMPLETIONS: u8 = 2;
pub(crate) const EMBEDDINGS: u8 = 4;
pub(crate) const RESPONSES: u8 = 8;
pub(crate) const MESSAGES: u8 = 16;
/// Messages whose tokens are counted.
pub(crate) const COUNTED: u8 = 32;
const CLAUDE: u8 = MESSAGES | COUNTED;

/// Every parameter, and the interfaces that have it so.
static PARAMETERS: [(u8, Parameter); 77] = [
    // In the projects of Foundry.
    (RESPONSES, param("agent", OBJECT)),
    (RESPONSES, param("agent_reference", OBJECT)),
    (CHAT, param("audio", OBJECT)),
    (RESPONSES, param("background", BOOLEAN)),
    (COMPLETIONS, param("best_of", TOP)),
    (CLAUDE, param("cache_control", OBJECT)),
    (MESSAGES, param("container", TEXT_OR_OBJECT)),
    (RESPONSES, param("context_management", SOME)),
    (RESPONSES, param("conversation", TEXT_OR_OBJECT)),
    // Of Azure alone.
    (CHAT, param("data_sources", LIST)),
    (MESSAGES, param("diagnostics", OBJECT)),
    (EMBEDDINGS, param("dimensions", &[Kind::Integer(1, i64::MAX)])),
    (COMPLETIONS, param("echo", BOOLEAN)),
    (EMBEDDINGS, param("encoding_format", ENCODING)),
    (CHAT | COMPLETIONS, param("frequency_penalty", PENALTY)),
    (CHAT, param("function_call", TEXT_OR_OBJECT)),
    (CHAT, param("functions", &[Kind::List(1, 128)])),
    (RESPONSES, param("include", LIST)),
    (MESSAGES, param("inference_geo", TEXT)),
    (EMBEDDINGS, param("input", &[Kind::Text(usize::MAX), Kind::List(1, 2048)]).required()),
    (RESPONSES, param("input", TEXT_OR_SOME)),
    (RESPONSES, param("instructions", TEXT)),
    (CHAT | COMPLETIONS, param("logit_bias", OBJECT)),
    (COMPLETIONS, param("logprobs", &[Kind::Integer(0, 5)])),
    (CHAT, param("logprobs", BOOLEAN)),
    (CHAT, param("max_completion_tokens", TOKENS)),
    (RESPONSES, param("max_output_tokens", &[Kind::Integer(16, LONGEST)])),
    (CHAT | COMPLETIONS, param("max_tokens", TOKENS)),
    (MESSAGES, param("max_tokens", TOKENS).required()),
    (RESPONSES, param("max_tool_calls", INTEGER)),
    (CHAT | CLAUDE, param("messages", SOME).required()),
    (CHAT | RESPONSES | MESSAGES, param("metadata", OBJECT)),
    (CHAT, param("modalities", LIST)),
    (CHAT | COMPLETIONS | EMBEDDINGS | RESPONSES | CLAUDE, param("model", TEXT)),
    (CHAT | RESPONSES, param("moderation", OBJECT)),
    (CHAT | COMPLETIONS, param("n", CHOICES)),
    (CLAUDE, param("output_config", OUTPUT_OF_CLAUDE)),
    (CHAT | RESPONSES, param("parallel_tool_calls", BOOLEAN)),
    (CHAT, param("prediction", OBJECT)),
    (CHAT | COMPLETIONS, param("presence_penalty", PENALTY)),
    (RESPONSES, param("previous_response_id", TEXT)),
    (RESPONSES, param("prompt", OBJECT)),
    (COMPLETIONS, param("prompt", TEXT_OR_LIST)),
    (CHAT | RESPONSES, param("prompt_cache_key", TEXT)),
    (CHAT | RESPONSES, param("prompt_cache_options", OBJECT)),
    (CHAT | RESPONSES, param("prompt_cache_retention", RETENTION)),
    (RESPONSES, param("reasoning", REASONING)),
    (CHAT, param("reasoning_effort", EFFORT)),
    (CHAT, param("response_format", OBJECT)),
    (CHAT | RESPONSES, param("safety_identifier", SHORT)),
    (CHAT | COMPLETIONS, param("seed", INTEGER)),
    (CHAT | RESPONSES, param("service_tier", TIER)),
    (MESSAGES, param("service_tier", &[Kind::Word(&["auto", "standard_only"])])),
    (CLAUDE, param("speed", &[Kind::Word(&["standard", "fast"])])),
    (CHAT | COMPLETIONS, param("stop", STOP)),
    (MESSAGES, param("stop_sequences", LIST)),
    (CHAT | RESPONSES, param("store", BOOLEAN)),
    (CHAT | COMPLETIONS | RESPONSES | MESSAGES, param("stream", BOOLEAN)),
    (CHAT | COMPLETIONS, param("stream_options", STREAM)),
    (RESPONSES, param("stream_options", STREAM_OF_RESPONSES)),
    (COMPLETIONS, param("suffix", TEXT)),
    (CLAUDE, param("system", TEXT_OR_LIST)),
    (CHAT | COMPLETIONS | RESPONSES, param("temperature", TEMPERATURE)),
    (MESSAGES, param("temperature", SHARE)),
    (RESPONSES, param("text", TEXT_OF_RESPONSES)),
    (CLAUDE, param("thinking", OBJECT)),
    (CHAT | RESPONSES, param("tool_choice", TEXT_OR_OBJECT)),
    (CLAUDE, param("tool_choice", OBJECT)),
    (CHAT | RESPONSES | CLAUDE, param("tools", LIST)),
    (MESSAGES, param("top_k", &[Kind::Integer(0, i64::MAX)])),
    (CHAT | RESPONSES, param("top_logprobs", TOP)),
    (CHAT | COMPLETIONS | RESPONSES | MESSAGES, param("top_p", SHARE)),
    (RESPONSES, param("truncation", TRUNCATION)),
    (CHAT | COMPLETIONS | EMBEDDINGS | RESPONSES, param("user", TEXT)),
    (CHAT, param("user_security_context", OBJECT)),
    (CHAT, param("verbosity", VERBOSITY)),
    (CHAT, param("web_search_options", OBJECT)),
];

/// The parameters of an interface.
pub(crate) fn parameters(interface: u8) -> impl Iterator<Item = &'static Parameter> + Clone {
    PARAMETERS.iter().filter(move |(interfaces, _)| interfaces & interface != 0).map(|(_, parameter)| parameter)
}
