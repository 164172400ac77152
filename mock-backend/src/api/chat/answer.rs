//! Chat completions: the answer in one piece.

use std::io::Write;

use crate::api::content::choice::{Body, Call, Choice};
use crate::api::content::completion::{Completion, finish_reason};
use crate::api::content::filter;
use crate::api::content::json::quoted;
use crate::api::dialect::Dialect;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct ChatAnswer {
    pub(crate) completion: Completion,
    /// Whether calls are told in the deprecated way, as one `function_call`.
    pub(crate) function: bool,
}

pub(crate) const FINGERPRINT: &str = "fp_7f3d1c0a9b";

impl ChatAnswer {
    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let Completion { id, created, model, choices, dialect, .. } = &self.completion;
        let tokens: usize = choices.iter().map(Choice::tokens).sum();
        let mut out = Vec::with_capacity(1024 + 8 * tokens);
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"id\":\"{id}\",\"object\":\"chat.completion\",\"created\":{created},\"model\":{model},\"choices\":["
        );
        for (i, choice) in choices.iter().enumerate() {
            let _ = write!(out, "{}{{\"index\":{i},\"message\":", if i > 0 { "," } else { "" });
            write_message(&choice.body, self.function, &mut out);
            out.extend_from_slice(b",\"logprobs\":");
            self.write_logprobs(&choice.body, &mut out);
            let _ = write!(out, ",\"finish_reason\":\"{}\"", self.finish_reason(choice));
            if self.completion.is_azure() {
                let verdict = if choice.filtered { filter::BLOCKED } else { filter::WHOLE };
                out.extend_from_slice(verdict.as_bytes());
            }
            out.push(b'}');
        }
        self.completion.write_usage(&mut out);
        let _ = match dialect {
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
        match (self.completion.logprobs, body) {
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
