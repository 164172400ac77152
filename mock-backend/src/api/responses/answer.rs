//! The Responses API: the object of a response, at every step of its progress.

use super::terms::Terms;
use crate::api::content::choice::{Body, Call, Choice, Words};
use crate::api::content::filter;
use crate::api::content::json::quoted;
use crate::api::content::logprobs::Logprobs;
use crate::api::dialect::Dialect;
use crate::model::prefix_cache::Hit;

/// What one answer says about itself.
#[derive(Debug)]
pub(crate) struct ResponsesAnswer {
    /// What follows `resp_` in its id.
    pub(crate) name: u64,
    pub(crate) created: u64,
    pub(crate) completed: u64,
    /// As a JSON string.
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// What of them the prefix cache had.
    pub(crate) hit: Hit,
    /// The tier of service, as it is told while the answer is made, and after it.
    pub(crate) tiers: [String; 2],
    pub(crate) choice: Choice,
    /// A summary of the reasoning.
    pub(crate) summary: Option<Words>,
    pub(crate) terms: Terms,
    pub(crate) dialect: Dialect,
}

/// Where a response stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Queued,
    Running,
    Cancelled,
    /// Completed, or cut by the limit.
    Final,
}

/// What an encrypted reasoning looks like.
const ENCRYPTED: &str = "gAAAAABsaW11bGF0ZWQtcmVhc29uaW5nLWl0ZW0tb2YtdGhlLXNpbXVsYXRvcg==";

impl ResponsesAnswer {
    pub(crate) fn id(&self) -> String {
        format!("resp_{:032x}", self.name)
    }

    pub(crate) fn message_id(&self) -> String {
        format!("msg_{:032x}", self.name)
    }

    pub(crate) fn reasoning_id(&self) -> String {
        format!("rs_{:032x}", self.name)
    }

    /// The id of the item of call number `i`.
    pub(crate) fn call_id(&self, i: usize, call: &Call) -> String {
        format!("{}_{:032x}{i:02x}", if call.custom { "ctc" } else { "fc" }, self.name)
    }

    pub(crate) fn final_status(&self) -> &'static str {
        if self.choice.is_short() { "incomplete" } else { "completed" }
    }

    fn status(&self, progress: Progress) -> &'static str {
        match progress {
            Progress::Queued => "queued",
            Progress::Running => "in_progress",
            Progress::Cancelled => "cancelled",
            Progress::Final => self.final_status(),
        }
    }

    fn usage(&self) -> String {
        let (input, output) = (self.prompt_tokens, self.choice.tokens());
        format!(
            "{{\"input_tokens\":{input},\"input_tokens_details\":{{\"cached_tokens\":{},\
             \"cache_write_tokens\":{}}},\"output_tokens\":{output},\
             \"output_tokens_details\":{{\"reasoning_tokens\":{}}},\"total_tokens\":{}}}",
            self.hit.cached,
            self.hit.written,
            self.choice.thinking,
            input + output
        )
    }

    /// The likelihoods of some tokens, as a list.
    pub(crate) fn logprobs(&self, words: &Words, tokens: std::ops::Range<usize>) -> String {
        let mut out = Vec::new();
        match self.terms.logprobs {
            Some(top) => Logprobs { top }.write_list(words, tokens, &mut out),
            None => out.extend_from_slice(b"[]"),
        }
        String::from_utf8(out).unwrap_or_default()
    }

    /// The content of the message, empty or whole.
    pub(crate) fn part(&self, whole: bool) -> String {
        let text = |words: &Words| if whole { words.escaped() } else { String::new() };
        match &self.choice.body {
            Body::Text(words) => {
                let logprobs = self.logprobs(words, 0..if whole { words.tokens() } else { 0 });
                format!(
                    "{{\"type\":\"output_text\",\"text\":\"{}\",\"annotations\":[],\"logprobs\":{logprobs}}}",
                    text(words)
                )
            }
            Body::Refusal(words) => format!("{{\"type\":\"refusal\",\"refusal\":\"{}\"}}", text(words)),
            Body::Calls(_) => String::new(),
        }
    }

    /// The message, at its beginning or whole.
    pub(crate) fn message(&self, whole: bool) -> String {
        let (status, content) =
            if whole { (self.final_status(), self.part(true)) } else { ("in_progress", String::new()) };
        format!(
            "{{\"type\":\"message\",\"id\":\"{}\",\"status\":\"{status}\",\"role\":\"assistant\",\
             \"content\":[{content}]}}",
            self.message_id()
        )
    }

    /// A call, at its beginning or whole.
    pub(crate) fn call(&self, i: usize, call: &Call, whole: bool) -> String {
        let last = matches!(&self.choice.body, Body::Calls(calls) if i + 1 == calls.len());
        let (kind, key) = if call.custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
        let (status, arguments) = match whole {
            false => ("in_progress", String::new()),
            true if last => (self.final_status(), call.arguments.escaped()),
            true => ("completed", call.arguments.escaped()),
        };
        format!(
            "{{\"type\":\"{kind}\",\"id\":\"{}\",\"call_id\":\"call_{:016x}\",\"name\":{},\
             \"{key}\":\"{arguments}\",\"status\":\"{status}\"}}",
            self.call_id(i, call),
            call.id,
            quoted(&call.name)
        )
    }

    /// The reasoning, at its beginning or whole.
    pub(crate) fn reasoning(&self, whole: bool) -> String {
        let summary = match &self.summary {
            Some(words) if whole => format!("{{\"type\":\"summary_text\",\"text\":\"{}\"}}", words.escaped()),
            _ => String::new(),
        };
        let encrypted =
            if self.terms.encrypted { format!(",\"encrypted_content\":\"{ENCRYPTED}\"") } else { String::new() };
        format!("{{\"type\":\"reasoning\",\"id\":\"{}\",\"summary\":[{summary}]{encrypted}}}", self.reasoning_id())
    }

    /// Whether a message is sent; none is when the limit cut the reasoning already.
    pub(crate) fn has_message(&self) -> bool {
        match &self.choice.body {
            Body::Text(words) | Body::Refusal(words) => words.tokens() > 0 || !self.choice.cut,
            Body::Calls(_) => false,
        }
    }

    /// The items of the answer, with commas between them.
    pub(crate) fn output(&self) -> String {
        let mut items = Vec::new();
        if self.choice.thinking > 0 {
            items.push(self.reasoning(true));
        }
        if self.has_message() {
            items.push(self.message(true));
        }
        if let Body::Calls(calls) = &self.choice.body {
            items.extend(calls.iter().enumerate().map(|(i, call)| self.call(i, call, true)));
        }
        items.join(",")
    }

    /// The object as it is at `progress`.
    pub(crate) fn snapshot(&self, progress: Progress) -> String {
        let (status, done) = (self.status(progress), progress == Progress::Final);
        let completed = if status == "completed" { self.completed.to_string() } else { "null".to_owned() };
        let incomplete = match status {
            "incomplete" if self.choice.filtered => "{\"reason\":\"content_filter\"}",
            "incomplete" => "{\"reason\":\"max_output_tokens\"}",
            _ => "null",
        };
        let tier = quoted(&self.tiers[usize::from(done)]);
        let output = if done { self.output() } else { String::new() };
        let usage = if done { self.usage() } else { "null".to_owned() };
        let filters = match self.dialect {
            Dialect::OpenAi | Dialect::Anthropic => String::new(),
            Dialect::Azure if done => format!(",{}", filter::response(self.length(), self.choice.filtered)),
            Dialect::Azure => ",\"content_filters\":null".to_owned(),
        };
        format!(
            "{{\"id\":\"{}\",\"object\":\"response\",\"created_at\":{},\"completed_at\":{completed},\
             \"status\":\"{status}\",\"background\":{},\"error\":null,\"incomplete_details\":{incomplete},\
             \"model\":{},\"output\":[{output}],\"service_tier\":{tier},{},\"usage\":{usage}{filters}}}",
            self.id(),
            self.created,
            self.terms.background,
            self.model,
            self.terms.echo
        )
    }

    /// The characters of the text.
    fn length(&self) -> usize {
        match &self.choice.body {
            Body::Text(words) | Body::Refusal(words) => words.length(0..words.tokens()),
            Body::Calls(_) => 0,
        }
    }
}
