//! Chat completions: the answer as chunks.

use std::io::Write;
use std::ops::Range;

use super::answer::{ChatAnswer, FINGERPRINT, kind, write_call};
use crate::api::content::choice::{Body, Choice, Step, Words};
use crate::api::content::completion::Completion;
use crate::api::content::filter;
use crate::api::content::json::quoted;
use crate::api::content::obfuscation::{self, letters};
use crate::api::script::Script;

/// What a stream brings besides the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChatStream {
    pub(crate) include_usage: bool,
    pub(crate) obfuscated: bool,
}

impl ChatAnswer {
    /// The answer as chunks.
    pub(crate) fn chunks(self, stream: ChatStream) -> ChatChunks {
        let common = format!(
            "data: {{\"id\":\"{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},\
             \"system_fingerprint\":\"{FINGERPRINT}\",\"choices\":[",
            self.completion.id, self.completion.created, self.completion.model
        );
        let prefix = |i| format!("{common}{{\"index\":{i},\"delta\":{{");
        let prefixes = (0..self.completion.choices.len()).map(prefix).collect();
        let close = if stream.include_usage { "],\"usage\":null" } else { "]" };
        let filter = if self.completion.is_azure() { filter::PIECE } else { "" };
        let suffix = format!("\"}},\"logprobs\":null,\"finish_reason\":null{filter}}}{close}");
        let tokens = self.completion.longest();
        ChatChunks { answer: self, stream, common, prefixes, suffix, close, tokens }
    }
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
    /// What it says besides its calls.
    fn completion(&self) -> &Completion {
        &self.answer.completion
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
        match (self.completion().logprobs, logprobs) {
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
        if self.completion().is_azure() {
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
                if self.completion().logprobs.is_some() {
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
}

impl Script for ChatChunks {
    /// Room for one step.
    fn size(&self) -> usize {
        let one = self.prefixes.first().map_or(0, String::len) + self.suffix.len() + 72;
        one * self.prefixes.len()
    }

    /// On Azure the verdict on the prompt; then the role chunks.
    fn opening(&mut self, out: &mut Vec<u8>) {
        self.completion().write_verdict(out);
        for (i, choice) in self.completion().choices.iter().enumerate() {
            out.extend_from_slice(self.prefixes[i].as_bytes());
            let content: &[u8] = if matches!(choice.body, Body::Calls(_)) { b"null" } else { b"\"\"" };
            out.extend_from_slice(b"\"role\":\"assistant\",\"content\":");
            out.extend_from_slice(content);
            out.extend_from_slice(b",\"refusal\":null");
            self.close(None, None, (i, 0, obfuscation::ROLE), out);
        }
    }

    /// The chunks of these tokens: one for each choice, if they are all of one kind.
    fn tokens(&mut self, tokens: Range<usize>, out: &mut Vec<u8>) {
        for (i, choice) in self.completion().choices.iter().enumerate() {
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

    /// The finish chunks of the choices that were the longest, the usage chunk if it was asked for, and `[DONE]`.
    fn closing(&mut self, out: &mut Vec<u8>) {
        for (i, choice) in self.completion().choices.iter().enumerate() {
            if choice.tokens() == self.tokens {
                self.finish(i, choice, out);
            }
        }
        self.completion().write_end(&self.common, self.stream.include_usage, out);
    }

    fn is_loud(&self, k: usize) -> bool {
        self.answer.completion.is_loud(k)
    }

    fn first(&self) -> Option<usize> {
        self.answer.completion.first()
    }
}

/// Appends pieces; says how long they stand there.
fn write_pieces(words: &Words, pieces: Range<usize>, out: &mut Vec<u8>) -> usize {
    let before = out.len();
    words.write_pieces(pieces, out);
    out.len() - before
}
