//! Completions of the older kind: the answer in one piece.

use std::io::Write;
use std::ops::Range;

use crate::api::content::choice::{Body, Words};
use crate::api::content::completion::{Completion, finish_reason};
use crate::api::content::filter;
use crate::api::content::json::escape;

/// An answer.
pub(crate) struct CompletionsAnswer {
    pub(crate) completion: Completion,
    /// What stands before each choice.
    pub(crate) echo: Option<String>,
}

impl CompletionsAnswer {
    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        let Completion { id, created, model, choices, .. } = &self.completion;
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"id\":\"{id}\",\"object\":\"text_completion\",\"created\":{created},\"model\":{model},\"choices\":["
        );
        for (i, choice) in choices.iter().enumerate() {
            let _ = write!(out, "{}{{\"text\":\"", if i > 0 { "," } else { "" });
            escape(self.echo.as_deref().unwrap_or_default(), &mut out);
            if let Body::Text(words) = &choice.body {
                words.write(&mut out);
            }
            let _ = write!(out, "\",\"index\":{i},\"logprobs\":");
            match &choice.body {
                Body::Text(words) => self.write_logprobs(words, 0..words.tokens(), &mut out),
                Body::Refusal(_) | Body::Calls(_) => out.extend_from_slice(b"null"),
            }
            let _ = write!(out, ",\"finish_reason\":\"{}\"", finish_reason(choice));
            if self.completion.is_azure() {
                out.extend_from_slice(filter::PIECE.as_bytes());
            }
            out.push(b'}');
        }
        self.completion.write_usage(&mut out);
        if self.completion.is_azure() {
            let _ = write!(out, ",{}", filter::PROMPT);
        }
        out.push(b'}');
        out
    }

    pub(crate) fn write_logprobs(&self, words: &Words, tokens: Range<usize>, out: &mut Vec<u8>) {
        match self.completion.logprobs {
            Some(logprobs) => {
                let echoed = self.echo.as_ref().map_or(0, |echo| echo.chars().count());
                logprobs.write_legacy(words, tokens, echoed, out);
            }
            None => out.extend_from_slice(b"null"),
        }
    }
}
