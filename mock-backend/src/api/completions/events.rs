//! Completions of the older kind: the answer as chunks.

use std::io::Write;
use std::ops::Range;

use super::answer::CompletionsAnswer;
use crate::api::chat::events::ChatStream;
use crate::api::content::choice::{Step, Words};
use crate::api::content::completion::{Completion, finish_reason};
use crate::api::content::filter;
use crate::api::content::json::escape;
use crate::api::content::obfuscation::{self, letters};
use crate::api::script::Script;

impl CompletionsAnswer {
    /// The answer as chunks.
    pub(crate) fn chunks(self, stream: ChatStream) -> CompletionsChunks {
        let common = format!(
            "data: {{\"id\":\"{}\",\"object\":\"text_completion\",\"created\":{},\"model\":{},\"choices\":[",
            self.completion.id, self.completion.created, self.completion.model
        );
        let tokens = self.completion.longest();
        CompletionsChunks { answer: self, stream, common, tokens }
    }
}

/// An answer as chunks.
pub(crate) struct CompletionsChunks {
    answer: CompletionsAnswer,
    stream: ChatStream,
    common: String,
    tokens: usize,
}

impl CompletionsChunks {
    /// What it says besides its echo.
    fn completion(&self) -> &Completion {
        &self.answer.completion
    }

    /// A chunk; what it brings are these pieces of words, and `k` chooses its letters.
    fn chunk(
        &self,
        i: usize,
        text: &[u8],
        finish: Option<&str>,
        (pieces, k): (Option<(&Words, Range<usize>)>, usize),
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(self.common.as_bytes());
        out.extend_from_slice(b"{\"text\":\"");
        out.extend_from_slice(text);
        let finish = finish.map_or("null".to_owned(), |finish| format!("\"{finish}\""));
        // Writing to a Vec cannot fail.
        let _ = write!(out, "\",\"index\":{i},\"logprobs\":");
        match pieces {
            Some((words, pieces)) => self.answer.write_logprobs(words, pieces, out),
            None => out.extend_from_slice(b"null"),
        }
        let _ = write!(out, ",\"finish_reason\":{finish}");
        if self.completion().is_azure() {
            out.extend_from_slice(if text.is_empty() { filter::EMPTY } else { filter::PIECE }.as_bytes());
        }
        let close: &[u8] = if self.stream.include_usage { b"}],\"usage\":null" } else { b"}]" };
        out.extend_from_slice(close);
        if self.stream.obfuscated {
            let _ = write!(out, ",\"obfuscation\":\"{}\"", letters(k, text.len(), obfuscation::CHAT));
        }
        out.extend_from_slice(b"}\n\n");
    }
}

impl Script for CompletionsChunks {
    /// Room for one step.
    fn size(&self) -> usize {
        (self.common.len() + 384) * self.completion().choices.len()
    }

    /// On Azure the verdict on the prompt; then the prompt itself, if it was asked for.
    fn opening(&mut self, out: &mut Vec<u8>) {
        self.completion().write_verdict(out);
        if let Some(echo) = &self.answer.echo {
            let mut text = Vec::new();
            escape(echo, &mut text);
            (0..self.completion().choices.len()).for_each(|i| self.chunk(i, &text, None, (None, 0), out));
        }
    }

    /// The chunks of these tokens, one of each choice.
    fn tokens(&mut self, tokens: Range<usize>, out: &mut Vec<u8>) {
        let mut text = Vec::new();
        for (i, choice) in self.completion().choices.iter().enumerate() {
            let mut k = tokens.start;
            while k < tokens.end {
                let end = choice.run(k, tokens.end);
                if let Step::Text(words, piece) = choice.step(k) {
                    text.clear();
                    let pieces = piece..piece + (end - k);
                    words.write_pieces(pieces.clone(), &mut text);
                    self.chunk(i, &text, None, (Some((words, pieces)), k), out);
                }
                k = end;
            }
            let over = choice.tokens() > tokens.start && choice.tokens() <= tokens.end;
            if over && choice.tokens() < self.tokens {
                self.chunk(i, b"", Some(finish_reason(choice)), (None, k), out);
            }
        }
    }

    /// The finish chunks of the choices that were the longest, the usage chunk if it was asked for, and `[DONE]`.
    fn closing(&mut self, out: &mut Vec<u8>) {
        for (i, choice) in self.completion().choices.iter().enumerate() {
            if choice.tokens() == self.tokens {
                self.chunk(i, b"", Some(finish_reason(choice)), (None, i), out);
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
