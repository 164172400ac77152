//! Completions, of chats and of the older kind: the answer in one piece.

use std::io::Write;
use std::ops::Range;

use crate::api::content::choice::{Body, Call, Choice, Words};
use crate::api::content::completion::{Completion, Style, finish_reason};
use crate::api::content::filter;
use crate::api::content::json::{escape, quoted};

pub(crate) const FINGERPRINT: &str = "fp_7f3d1c0a9b";

impl Completion {
    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let Self { id, created, model, choices, .. } = self;
        let tokens: usize = choices.iter().map(Choice::tokens).sum();
        let mut out = Vec::with_capacity(1024 + 8 * tokens);
        let object = match self.style {
            Style::Chat { .. } => "chat.completion",
            Style::Text { .. } => "text_completion",
        };
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"id\":\"{id}\",\"object\":\"{object}\",\"created\":{created},\"model\":{model},\"choices\":["
        );
        for (i, choice) in choices.iter().enumerate() {
            let _ = write!(out, "{}{{\"index\":{i},", if i > 0 { "," } else { "" });
            match &self.style {
                Style::Chat { function } => write_message(&choice.body, *function, &mut out),
                Style::Text { echo } => write_text(echo, &choice.body, &mut out),
            }
            out.extend_from_slice(b",\"logprobs\":");
            match &choice.body {
                Body::Text(words) => self.write_logprobs(words, 0..words.tokens(), &mut out),
                Body::Refusal(_) | Body::Calls(_) => out.extend_from_slice(b"null"),
            }
            let _ = write!(out, ",\"finish_reason\":\"{}\"", self.finish_reason(choice));
            if self.is_azure() {
                let verdict = if choice.filtered { filter::BLOCKED } else { filter::WHOLE };
                out.extend_from_slice(verdict.as_bytes());
            }
            out.push(b'}');
        }
        self.write_usage(&mut out);
        if self.is_azure() {
            let _ = write!(out, ",{}", filter::PROMPT);
        }
        let usual = (matches!(self.style, Style::Chat { .. }) && !self.is_azure()).then_some("default");
        if let Some(tier) = self.tier.as_deref().or(usual) {
            let _ = write!(out, ",\"service_tier\":\"{tier}\"");
        }
        let _ = write!(out, ",\"system_fingerprint\":\"{FINGERPRINT}\"}}");
        out
    }

    /// Why a choice ended.
    pub(crate) fn finish_reason(&self, choice: &Choice) -> &'static str {
        match finish_reason(choice) {
            "tool_calls" if matches!(self.style, Style::Chat { function: true }) => "function_call",
            reason => reason,
        }
    }

    /// Appends the likelihoods of some tokens, or null.
    pub(crate) fn write_logprobs(&self, words: &Words, tokens: Range<usize>, out: &mut Vec<u8>) {
        match (self.logprobs, &self.style) {
            (None, _) => out.extend_from_slice(b"null"),
            (Some(logprobs), Style::Chat { .. }) => logprobs.write(words, tokens, out),
            (Some(logprobs), Style::Text { echo }) => logprobs.write_legacy(words, tokens, echo.chars().count(), out),
        }
    }
}

fn write_text(echo: &str, body: &Body, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"text\":\"");
    escape(echo, out);
    if let Body::Text(words) | Body::Refusal(words) = body {
        words.write(out);
    }
    out.push(b'"');
}

fn write_message(body: &Body, function: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"message\":{\"role\":\"assistant\",\"content\":");
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
                // Writing to a Vec cannot fail.
                let _ = write!(out, ",\"function_call\":{{\"name\":{},\"arguments\":\"", quoted(&call.name));
                call.arguments.write(out);
                out.extend_from_slice(b"\"}");
            }
        }
        Body::Calls(calls) => {
            out.extend_from_slice(b"null,\"refusal\":null,\"tool_calls\":[");
            for (i, call) in calls.iter().enumerate() {
                out.extend_from_slice(if i > 0 { b",{" } else { b"{" });
                write_call(call, out);
                call.arguments.write(out);
                out.extend_from_slice(b"\"}}");
            }
            out.push(b']');
        }
    }
    out.extend_from_slice(b",\"annotations\":[]}");
}

/// The members of a call, up to its arguments.
pub(crate) fn write_call(call: &Call, out: &mut Vec<u8>) {
    let (kind, key) = kind(call);
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "\"id\":\"call_{:016x}\",\"type\":\"{kind}\",\"{kind}\":{{\"name\":{},\"{key}\":\"",
        call.id,
        quoted(&call.name)
    );
}

/// The type of a call, and the key of what it brings.
pub(crate) fn kind(call: &Call) -> (&'static str, &'static str) {
    if call.custom { ("custom", "input") } else { ("function", "arguments") }
}
