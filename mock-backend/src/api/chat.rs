//! Chat completions: the answer in one piece, and the answer as chunks.

use std::io::Write;
use std::ops::Range;

use super::content::{Body, Call, Choice, Step, Words};
use super::filter;
use super::json::quoted;
use super::logprobs::Logprobs;
use super::obfuscation::{self, letters};
use super::route::Dialect;

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

/// What a stream brings besides the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChatStream {
    pub(crate) include_usage: bool,
    pub(crate) obfuscated: bool,
}

pub(super) const FINGERPRINT: &str = "fp_7f3d1c0a9b";

/// Why a choice ended.
pub(super) fn finish_reason(choice: &Choice) -> &'static str {
    match choice.body {
        _ if choice.filtered => "content_filter",
        _ if choice.cut => "length",
        Body::Calls(_) => "tool_calls",
        Body::Text(_) | Body::Refusal(_) => "stop",
    }
}

/// The usage of an answer to a prompt of so many tokens, of which so many were cached, as JSON.
pub(super) fn write_usage((prompt, cached): (usize, usize), choices: &[Choice], out: &mut Vec<u8>) {
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

    fn finish_reason(&self, choice: &Choice) -> &'static str {
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

    /// The answer as chunks.
    pub(crate) fn chunks(self, stream: ChatStream) -> ChatChunks {
        let common = format!(
            "data: {{\"id\":\"{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},\
             \"system_fingerprint\":\"{FINGERPRINT}\",\"choices\":[",
            self.id, self.created, self.model
        );
        let prefix = |i| format!("{common}{{\"index\":{i},\"delta\":{{");
        let prefixes = (0..self.choices.len()).map(prefix).collect();
        let close = if stream.include_usage { "],\"usage\":null" } else { "]" };
        let azure = self.dialect == Dialect::Azure;
        let filter = if azure { filter::PIECE } else { "" };
        let suffix = format!("\"}},\"logprobs\":null,\"finish_reason\":null{filter}}}{close}");
        let tokens = self.choices.iter().map(Choice::tokens).max().unwrap_or(0);
        ChatChunks { answer: self, stream, common, prefixes, suffix, close, tokens }
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
fn write_call(call: &Call, out: &mut Vec<u8>) {
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
fn kind(call: &Call) -> (&'static str, &'static str) {
    if call.custom { ("custom", "input") } else { ("function", "arguments") }
}

/// An answer as chunks, with everything rendered that they have in common.
pub(crate) struct ChatChunks {
    answer: ChatAnswer,
    stream: ChatStream,
    common: String,
    /// Of each choice.
    prefixes: Vec<String>,
    suffix: String,
    close: &'static str,
    tokens: usize,
}

impl ChatChunks {
    /// Room for one step.
    pub(crate) fn size(&self) -> usize {
        let one = self.prefixes.first().map_or(0, String::len) + self.suffix.len() + 72;
        one * self.prefixes.len()
    }

    fn is_azure(&self) -> bool {
        self.answer.dialect == Dialect::Azure
    }

    /// Whether token `k` sends something.
    pub(crate) fn is_loud(&self, k: usize) -> bool {
        self.answer.choices.iter().any(|choice| choice.step(k).is_loud() || choice.tokens() == k + 1)
    }

    /// The first token that sends something of the answer.
    pub(crate) fn first(&self) -> Option<usize> {
        self.answer.choices.iter().filter_map(Choice::first).min()
    }

    /// On Azure the verdict on the prompt; then the role chunks.
    pub(crate) fn opening(&self, out: &mut Vec<u8>) {
        if self.is_azure() {
            out.extend_from_slice(b"data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",");
            out.extend_from_slice(filter::PROMPT.as_bytes());
            out.extend_from_slice(b"}\n\n");
        }
        for (i, choice) in self.answer.choices.iter().enumerate() {
            out.extend_from_slice(self.prefixes[i].as_bytes());
            let content: &[u8] = if matches!(choice.body, Body::Calls(_)) { b"null" } else { b"\"\"" };
            out.extend_from_slice(b"\"role\":\"assistant\",\"content\":");
            out.extend_from_slice(content);
            out.extend_from_slice(b",\"refusal\":null");
            self.close(None, None, (i, 0, obfuscation::ROLE), out);
        }
    }

    /// Ends a chunk after the members of its delta. The last numbers choose its letters.
    fn close(
        &self,
        finish: Option<&str>,
        logprobs: Option<(&Words, Range<usize>)>,
        pad: (usize, usize, usize),
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"},\"logprobs\":");
        match (self.answer.logprobs, logprobs) {
            (Some(all), Some((words, pieces))) => all.write(words, pieces, out),
            _ => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"finish_reason\":");
        match finish {
            Some(finish) => {
                out.push(b'"');
                out.extend_from_slice(finish.as_bytes());
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        if self.is_azure() {
            let filter = match finish {
                Some("content_filter") => filter::BLOCKED,
                _ if pad.1 > 0 => filter::PIECE,
                _ => filter::EMPTY,
            };
            out.extend_from_slice(filter.as_bytes());
        }
        out.push(b'}');
        out.extend_from_slice(self.close.as_bytes());
        self.obfuscate(pad, out);
    }

    fn obfuscate(&self, (k, taken, all): (usize, usize, usize), out: &mut Vec<u8>) {
        if self.stream.obfuscated {
            out.extend_from_slice(b",\"obfuscation\":\"");
            out.extend_from_slice(letters(k, taken, all).as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b"}\n\n");
    }

    /// The chunks of these tokens: one for each choice, if they are all of one kind.
    pub(crate) fn tokens(&self, tokens: Range<usize>, out: &mut Vec<u8>) {
        for (i, choice) in self.answer.choices.iter().enumerate() {
            let mut k = tokens.start;
            while k < tokens.end {
                let end = choice.run(k, tokens.end);
                self.step(i, k..end, choice.step(k), out);
                k = end;
            }
            let over = choice.tokens() > tokens.start && choice.tokens() <= tokens.end;
            if over && choice.tokens() < self.tokens {
                self.finish(i, choice, out);
            }
        }
    }

    /// The chunk of a run of tokens, of which the first is `step`.
    fn step(&self, i: usize, run: Range<usize>, step: Step<'_>, out: &mut Vec<u8>) {
        let (k, more) = (run.start, run.len());
        let prefix = self.prefixes[i].as_bytes();
        match step {
            Step::Silent => {}
            Step::Text(words, piece) => {
                out.extend_from_slice(prefix);
                out.extend_from_slice(b"\"content\":\"");
                let pieces = piece..piece + more;
                let taken = write_pieces(words, pieces.clone(), out);
                if self.answer.logprobs.is_some() {
                    out.push(b'"');
                    self.close(None, Some((words, pieces)), (k, taken, obfuscation::CHAT), out);
                } else {
                    out.extend_from_slice(self.suffix.as_bytes());
                    self.obfuscate((k, taken, obfuscation::CHAT), out);
                }
            }
            Step::Refusal(words, piece) => {
                out.extend_from_slice(prefix);
                out.extend_from_slice(b"\"refusal\":\"");
                let taken = write_pieces(words, piece..piece + more, out);
                out.extend_from_slice(self.suffix.as_bytes());
                self.obfuscate((k, taken, obfuscation::CHAT), out);
            }
            Step::Name(_, call) if self.answer.function => {
                out.extend_from_slice(prefix);
                // Writing to a Vec cannot fail.
                let _ = write!(out, "\"function_call\":{{\"name\":{},\"arguments\":\"\"}}", quoted(&call.name));
                self.close(None, None, (k, 0, obfuscation::CHAT), out);
            }
            Step::Name(place, call) => {
                out.extend_from_slice(prefix);
                let mut head = Vec::new();
                write_call(call, &mut head);
                // Writing to a Vec cannot fail.
                let _ = write!(out, "\"tool_calls\":[{{\"index\":{place},");
                out.extend_from_slice(&head[1..]);
                out.extend_from_slice(b"\"}}]");
                self.close(None, None, (k, 0, obfuscation::CHAT), out);
            }
            Step::Arguments(place, call, piece) => {
                out.extend_from_slice(prefix);
                let _ = if self.answer.function {
                    write!(out, "\"function_call\":{{\"arguments\":\"")
                } else {
                    let (kind, key) = kind(call);
                    write!(out, "\"tool_calls\":[{{\"index\":{place},\"{kind}\":{{\"{key}\":\"")
                };
                let taken = write_pieces(&call.arguments, piece..piece + more, out);
                out.extend_from_slice(if self.answer.function { "\"}" } else { "\"}}]" }.as_bytes());
                self.close(None, None, (k, taken, obfuscation::CHAT), out);
            }
        }
    }

    fn finish(&self, i: usize, choice: &Choice, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefixes[i].as_bytes());
        self.close(Some(self.answer.finish_reason(choice)), None, (i + 7, 0, obfuscation::CHAT), out);
    }

    /// The finish chunks of the choices that were the longest, the usage chunk if it was asked for, and `[DONE]`.
    pub(crate) fn closing(&self, out: &mut Vec<u8>) {
        for (i, choice) in self.answer.choices.iter().enumerate() {
            if choice.tokens() == self.tokens {
                self.finish(i, choice, out);
            }
        }
        if self.stream.include_usage {
            out.extend_from_slice(self.common.as_bytes());
            out.extend_from_slice(b"],\"usage\":");
            write_usage((self.answer.prompt_tokens, self.answer.cached), &self.answer.choices, out);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// Appends pieces; says how long they stand there.
fn write_pieces(words: &Words, pieces: Range<usize>, out: &mut Vec<u8>) -> usize {
    let before = out.len();
    words.write_pieces(pieces, out);
    out.len() - before
}
