//! Chat completions: the answer in one piece.

use std::io::Write;

use crate::api::content::choice::{Body, Call, Choice};
use crate::api::content::filter;
use crate::api::content::json::quoted;
use crate::api::content::logprobs::Logprobs;
use crate::api::dialect::Dialect;

/// What one answer says about itself.
#[derive(Clone, Debug)]
pub(crate) struct ChatAnswer {
    pub(crate) id: String,
    pub(crate) created: u64,
    /// As a JSON string.
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// Those of them that came from the prefix cache.
    pub(crate) cached: usize,
    pub(crate) choices: Vec<Choice>,
    pub(crate) dialect: Dialect,
    pub(crate) logprobs: Option<Logprobs>,
    /// Whether calls are told in the deprecated way, as one `function_call`.
    pub(crate) function: bool,
}

pub(crate) const FINGERPRINT: &str = "fp_7f3d1c0a9b";

/// Why a choice ended.
pub(crate) fn finish_reason(choice: &Choice) -> &'static str {
    match choice.body {
        _ if choice.filtered => "content_filter",
        _ if choice.cut => "length",
        Body::Calls(_) => "tool_calls",
        Body::Text(_) | Body::Refusal(_) => "stop",
    }
}

/// The usage of an answer to a prompt of so many tokens, of which so many were cached, as JSON.
pub(crate) fn write_usage((prompt, cached): (usize, usize), choices: &[Choice], out: &mut Vec<u8>) {
    let completion: usize = choices.iter().map(Choice::tokens).sum();
    let reasoning: usize = choices.iter().map(|choice| choice.thinking).sum();
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":{cached},\"audio_tokens\":0}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":{reasoning},\"audio_tokens\":0,\
         \"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}}",
        prompt + completion
    );
}

impl ChatAnswer {
    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let tokens: usize = self.choices.iter().map(Choice::tokens).sum();
        let mut out = Vec::with_capacity(1024 + 8 * tokens);
        let Self { id, created, model, .. } = self;
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"id\":\"{id}\",\"object\":\"chat.completion\",\"created\":{created},\"model\":{model},\"choices\":["
        );
        for (i, choice) in self.choices.iter().enumerate() {
            let _ = write!(out, "{}{{\"index\":{i},\"message\":", if i > 0 { "," } else { "" });
            write_message(&choice.body, self.function, &mut out);
            out.extend_from_slice(b",\"logprobs\":");
            self.write_logprobs(&choice.body, &mut out);
            let _ = write!(out, ",\"finish_reason\":\"{}\"", self.finish_reason(choice));
            if self.dialect == Dialect::Azure {
                let verdict = if choice.filtered { filter::BLOCKED } else { filter::WHOLE };
                out.extend_from_slice(verdict.as_bytes());
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"],\"usage\":");
        write_usage((self.prompt_tokens, self.cached), &self.choices, &mut out);
        let _ = match self.dialect {
            Dialect::OpenAi => {
                write!(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"{FINGERPRINT}\"}}")
            }
            Dialect::Azure => write!(out, ",\"system_fingerprint\":\"{FINGERPRINT}\",{}}}", filter::PROMPT),
        };
        out
    }

    pub(crate) fn finish_reason(&self, choice: &Choice) -> &'static str {
        match finish_reason(choice) {
            "tool_calls" if self.function => "function_call",
            reason => reason,
        }
    }

    fn write_logprobs(&self, body: &Body, out: &mut Vec<u8>) {
        match (self.logprobs, body) {
            (Some(logprobs), Body::Text(words)) => logprobs.write(words, 0..words.tokens(), out),
            _ => out.extend_from_slice(b"null"),
        }
    }
}

fn write_message(body: &Body, function: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"role\":\"assistant\",\"content\":");
    match body {
        Body::Text(words) => {
            out.push(b'"');
            words.write(out);
            out.extend_from_slice(b"\",\"refusal\":null");
        }
        Body::Refusal(words) => {
            out.extend_from_slice(b"null,\"refusal\":\"");
            words.write(out);
            out.push(b'"');
        }
        Body::Calls(calls) if function => {
            out.extend_from_slice(b"null,\"refusal\":null");
            for call in calls {
                let _ = write!(out, ",\"function_call\":{{\"name\":{},\"arguments\":\"", quoted(&call.name));
                call.arguments.write(out);
                out.extend_from_slice(b"\"}");
            }
        }
        Body::Calls(calls) => {
            out.extend_from_slice(b"null,\"refusal\":null,\"tool_calls\":[");
            for (i, call) in calls.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_call(call, out);
                call.arguments.write(out);
                out.extend_from_slice(b"\"}}");
            }
            out.push(b']');
        }
    }
    out.extend_from_slice(b",\"annotations\":[]}");
}

/// A call up to its arguments; before it, in a chunk, stands its index.
pub(crate) fn write_call(call: &Call, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let (kind, key) = kind(call);
    let _ = write!(
        out,
        "{{\"id\":\"call_{:016x}\",\"type\":\"{kind}\",\"{kind}\":{{\"name\":{},\"{key}\":\"",
        call.id,
        quoted(&call.name)
    );
}

/// The type of a call, and the key of what it brings.
pub(crate) fn kind(call: &Call) -> (&'static str, &'static str) {
    if call.custom { ("custom", "input") } else { ("function", "arguments") }
}
