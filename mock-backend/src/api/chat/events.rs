//! Completions, of chats and of the older kind: the answer as chunks.

use std::io::Write;
use std::ops::Range;

use super::answer::{FINGERPRINT, kind, write_call};
use crate::api::content::choice::{Body, Choice, Step, Words};
use crate::api::content::completion::{Completion, Style};
use crate::api::content::filter;
use crate::api::content::json::{escape, quoted};
use crate::api::content::obfuscation::{self, letters};
use crate::api::script::Script;

/// What a stream brings besides the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChatStream {
    pub(crate) include_usage: bool,
    pub(crate) obfuscated: bool,
}

impl Completion {
    /// The answer as chunks.
    pub(crate) fn chunks(self, stream: ChatStream) -> Chunks {
        let (object, open, text, shut) = match self.style {
            Style::Chat { .. } => ("chat.completion.chunk", "\"delta\":{", "\"content\":\"", "}"),
            Style::Text { .. } => ("text_completion", "", "\"text\":\"", ""),
        };
        let tier = self.tier.as_ref().map_or_else(String::new, |tier| format!("\"service_tier\":\"{tier}\","));
        let common = format!(
            "data: {{\"id\":\"{}\",\"object\":\"{object}\",\"created\":{},\"model\":{},\
             {tier}\"system_fingerprint\":\"{FINGERPRINT}\",\"choices\":[",
            self.id, self.created, self.model
        );
        let prefixes = (0..self.choices.len()).map(|i| format!("{common}{{\"index\":{i},{open}")).collect();
        let close = if stream.include_usage { "],\"usage\":null" } else { "]" };
        let filter = if self.is_azure() { filter::PIECE } else { "" };
        let suffix = format!("\"{shut},\"logprobs\":null,\"finish_reason\":null{filter}}}{close}");
        let tokens = self.longest();
        Chunks { answer: self, stream, common, prefixes, text, shut, suffix, close, tokens }
    }
}

/// An answer as chunks, with everything rendered that they have in common.
pub(crate) struct Chunks {
    answer: Completion,
    stream: ChatStream,
    common: String,
    /// Of each choice, to the members of its delta.
    prefixes: Vec<String>,
    /// What opens a text, and what ends the delta.
    text: &'static str,
    shut: &'static str,
    suffix: String,
    close: &'static str,
    tokens: usize,
}

/// What chooses the letters of a chunk: a number, the length that is taken, and that of both.
type Pad = (usize, usize, usize);

impl Chunks {
    fn is_of_functions(&self) -> bool {
        matches!(self.answer.style, Style::Chat { function: true })
    }

    /// Ends a chunk after the members of its delta.
    fn close(&self, finish: Option<&str>, said: Option<(&Words, Range<usize>)>, pad: Pad, out: &mut Vec<u8>) {
        out.extend_from_slice(self.shut.as_bytes());
        out.extend_from_slice(b",\"logprobs\":");
        match said {
            Some((words, pieces)) => self.answer.write_logprobs(words, pieces, out),
            None => out.extend_from_slice(b"null"),
        }
        // Writing to a Vec cannot fail.
        let _ = match finish {
            Some(finish) => write!(out, ",\"finish_reason\":\"{finish}\""),
            None => write!(out, ",\"finish_reason\":null"),
        };
        if self.answer.is_azure() {
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

    fn obfuscate(&self, (k, taken, all): Pad, out: &mut Vec<u8>) {
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
        if step.is_loud() {
            out.extend_from_slice(self.prefixes[i].as_bytes());
        }
        match step {
            Step::Silent => {}
            Step::Text(words, piece) => self.say(self.text, words, piece..piece + more, k, out),
            Step::Refusal(words, piece) => {
                let key = if matches!(self.answer.style, Style::Text { .. }) { self.text } else { "\"refusal\":\"" };
                self.say(key, words, piece..piece + more, k, out);
            }
            Step::Name(place, call) => {
                // Writing to a Vec cannot fail.
                let _ = if self.is_of_functions() {
                    write!(out, "\"function_call\":{{\"name\":{},\"arguments\":\"\"}}", quoted(&call.name))
                } else {
                    let _ = write!(out, "\"tool_calls\":[{{\"index\":{place},");
                    write_call(call, out);
                    write!(out, "\"}}}}]")
                };
                self.close(None, None, (k, 0, obfuscation::CHAT), out);
            }
            Step::Arguments(place, call, piece) => {
                let _ = if self.is_of_functions() {
                    write!(out, "\"function_call\":{{\"arguments\":\"")
                } else {
                    let (kind, key) = kind(call);
                    write!(out, "\"tool_calls\":[{{\"index\":{place},\"{kind}\":{{\"{key}\":\"")
                };
                let taken = write_pieces(&call.arguments, piece..piece + more, out);
                out.extend_from_slice(if self.is_of_functions() { "\"}" } else { "\"}}]" }.as_bytes());
                self.close(None, None, (k, taken, obfuscation::CHAT), out);
            }
        }
    }

    /// A chunk of text under `key`, from its members on.
    fn say(&self, key: &str, words: &Words, pieces: Range<usize>, k: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(key.as_bytes());
        let taken = write_pieces(words, pieces.clone(), out);
        if self.answer.logprobs.is_some() && key == self.text {
            out.push(b'"');
            self.close(None, Some((words, pieces)), (k, taken, obfuscation::CHAT), out);
        } else {
            out.extend_from_slice(self.suffix.as_bytes());
            self.obfuscate((k, taken, obfuscation::CHAT), out);
        }
    }

    /// What chunks without a piece of the answer have in the place of one.
    fn nothing(&self) -> &'static str {
        if matches!(self.answer.style, Style::Text { .. }) { "\"text\":\"\"" } else { "" }
    }

    fn finish(&self, i: usize, choice: &Choice, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefixes[i].as_bytes());
        out.extend_from_slice(self.nothing().as_bytes());
        self.close(Some(self.answer.finish_reason(choice)), None, (i + 7, 0, obfuscation::CHAT), out);
    }
}

impl Script for Chunks {
    /// Room for one step.
    fn size(&self) -> usize {
        let one = self.prefixes.first().map_or(0, String::len) + self.suffix.len() + 72;
        one * self.prefixes.len()
    }

    /// On Azure the verdict on the prompt; then the role chunks, or the prompt itself if it was asked for.
    fn opening(&mut self, out: &mut Vec<u8>) {
        self.answer.write_verdict(out);
        for (i, choice) in self.answer.choices.iter().enumerate() {
            match &self.answer.style {
                Style::Chat { .. } => {
                    out.extend_from_slice(self.prefixes[i].as_bytes());
                    let content = if matches!(choice.body, Body::Calls(_)) { "null" } else { "\"\"" };
                    // Writing to a Vec cannot fail.
                    let _ = write!(out, "\"role\":\"assistant\",\"content\":{content},\"refusal\":null");
                    self.close(None, None, (i, 0, obfuscation::ROLE), out);
                }
                Style::Text { echo } if echo.is_empty() => {}
                Style::Text { echo } => {
                    out.extend_from_slice(self.prefixes[i].as_bytes());
                    out.extend_from_slice(self.text.as_bytes());
                    escape(echo, out);
                    out.push(b'"');
                    self.close(None, None, (0, echo.len(), obfuscation::CHAT), out);
                }
            }
        }
    }

    /// The chunks of these tokens: one for each choice, if they are all of one kind.
    fn tokens(&mut self, tokens: Range<usize>, out: &mut Vec<u8>) {
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

    /// The finish chunks of the choices that were the longest, the usage chunk if it was asked for, and `[DONE]`.
    fn closing(&mut self, out: &mut Vec<u8>) {
        for (i, choice) in self.answer.choices.iter().enumerate() {
            if choice.tokens() == self.tokens {
                self.finish(i, choice, out);
            }
        }
        self.answer.write_end(&self.common, self.stream.include_usage, out);
    }

    fn is_loud(&self, k: usize) -> bool {
        self.answer.is_loud(k)
    }

    fn first(&self) -> Option<usize> {
        self.answer.first()
    }
}

/// Appends pieces; says how long they stand there.
fn write_pieces(words: &Words, pieces: Range<usize>, out: &mut Vec<u8>) -> usize {
    let before = out.len();
    words.write_pieces(pieces, out);
    out.len() - before
}
