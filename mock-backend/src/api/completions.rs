//! Completions of the older kind: the request, the answer in one piece, and the answer as chunks.

use std::io::Write;
use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;

use super::chat::{ChatStream, finish_reason, write_usage};
use super::chat_request::StreamOptions;
use super::content::{Body, Choice, Step, Words};
use super::error::ApiError;
use super::filter;
use super::json::escape;
use super::logprobs::Logprobs;
use super::obfuscation::{self, letters};
use super::prompt::Str;
use super::route::Dialect;
use super::wish::{Stop, Wish};
use crate::generate::count;

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct CompletionsRequest<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Str<'a>>,
    prompt: Option<Value>,
    pub(crate) stream: Option<bool>,
    pub(crate) stream_options: Option<StreamOptions>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) n: Option<u32>,
    echo: Option<bool>,
    logprobs: Option<u32>,
    stop: Option<Stop>,
    seed: Option<i64>,
}

/// Every field of the interface; what is not among them is refused by a strict simulator.
pub(crate) const FIELDS: [&str; 18] = [
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "model",
    "n",
    "presence_penalty",
    "prompt",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "suffix",
    "temperature",
    "top_p",
    "user",
];

impl CompletionsRequest<'_> {
    /// The tokens of the prompt: those of its text, or as many as are given.
    pub(crate) fn prompt_tokens(&self) -> usize {
        self.prompt.as_ref().map_or(0, tokens_of)
    }

    /// The prompt, if it is to stand before the answer.
    pub(crate) fn echoed(&self) -> Option<String> {
        let text = self.prompt.as_ref().and_then(Value::as_str)?;
        self.echo.unwrap_or(false).then(|| text.to_owned())
    }

    /// How likelihoods are reported, if they are.
    pub(crate) fn logprobs(&self) -> Result<Option<Logprobs>, ApiError> {
        match self.logprobs {
            Some(6..) => Err(ApiError::Invalid("'logprobs' must be from 0 to 5.".to_owned(), Some("logprobs"))),
            logprobs => Ok(logprobs.map(|top| Logprobs { top: top as usize })),
        }
    }

    /// What it wishes beyond plain text.
    pub(crate) fn wish(self) -> Result<Option<Box<Wish>>, ApiError> {
        if self.stop.is_none() && self.seed.is_none() {
            return Ok(None);
        }
        let stop = self.stop.map_or_else(|| Ok(Vec::new()), Stop::list)?;
        Ok(Some(Box::new(Wish { stop, seed: self.seed, ..Wish::default() })))
    }
}

/// The tokens of a text, of a list of texts, or of a list of tokens.
pub(super) fn tokens_of(value: &Value) -> usize {
    match value {
        Value::String(text) => count(text),
        Value::Number(_) => 1,
        Value::Array(list) => list.iter().map(tokens_of).sum(),
        Value::Null | Value::Bool(_) | Value::Object(_) => 0,
    }
}

/// What one answer says about itself.
pub(crate) struct CompletionsAnswer {
    pub(crate) id: String,
    pub(crate) created: u64,
    /// As a JSON string.
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// Those of them that came from the prefix cache.
    pub(crate) cached: usize,
    pub(crate) choices: Vec<Choice>,
    pub(crate) dialect: Dialect,
    /// What stands before each choice.
    pub(crate) echo: Option<String>,
    pub(crate) logprobs: Option<Logprobs>,
}

impl CompletionsAnswer {
    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        let Self { id, created, model, .. } = self;
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"id\":\"{id}\",\"object\":\"text_completion\",\"created\":{created},\"model\":{model},\"choices\":["
        );
        for (i, choice) in self.choices.iter().enumerate() {
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
            if self.dialect == Dialect::Azure {
                out.extend_from_slice(filter::PIECE.as_bytes());
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"],\"usage\":");
        write_usage((self.prompt_tokens, self.cached), &self.choices, &mut out);
        if self.dialect == Dialect::Azure {
            let _ = write!(out, ",{}", filter::PROMPT);
        }
        out.push(b'}');
        out
    }

    fn write_logprobs(&self, words: &Words, tokens: Range<usize>, out: &mut Vec<u8>) {
        match self.logprobs {
            Some(logprobs) => {
                let echoed = self.echo.as_ref().map_or(0, |echo| echo.chars().count());
                logprobs.write_legacy(words, tokens, echoed, out);
            }
            None => out.extend_from_slice(b"null"),
        }
    }

    /// The answer as chunks.
    pub(crate) fn chunks(self, stream: ChatStream) -> CompletionsChunks {
        let common = format!(
            "data: {{\"id\":\"{}\",\"object\":\"text_completion\",\"created\":{},\"model\":{},\"choices\":[",
            self.id, self.created, self.model
        );
        let tokens = self.choices.iter().map(Choice::tokens).max().unwrap_or(0);
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
    /// Room for one step.
    pub(crate) fn size(&self) -> usize {
        (self.common.len() + 384) * self.answer.choices.len()
    }

    /// Whether token `k` sends something.
    pub(crate) fn is_loud(&self, k: usize) -> bool {
        self.answer.choices.iter().any(|choice| choice.step(k).is_loud() || choice.tokens() == k + 1)
    }

    /// The first token that sends something.
    pub(crate) fn first(&self) -> Option<usize> {
        self.answer.choices.iter().filter_map(Choice::first).min()
    }

    /// On Azure the verdict on the prompt; then the prompt itself, if it was asked for.
    pub(crate) fn opening(&self, out: &mut Vec<u8>) {
        if self.answer.dialect == Dialect::Azure {
            out.extend_from_slice(b"data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",");
            out.extend_from_slice(filter::PROMPT.as_bytes());
            out.extend_from_slice(b"}\n\n");
        }
        if let Some(echo) = &self.answer.echo {
            let mut text = Vec::new();
            escape(echo, &mut text);
            (0..self.answer.choices.len()).for_each(|i| self.chunk(i, &text, None, (None, 0), out));
        }
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
        if self.answer.dialect == Dialect::Azure {
            out.extend_from_slice(if text.is_empty() { filter::EMPTY } else { filter::PIECE }.as_bytes());
        }
        let close: &[u8] = if self.stream.include_usage { b"}],\"usage\":null" } else { b"}]" };
        out.extend_from_slice(close);
        if self.stream.obfuscated {
            let _ = write!(out, ",\"obfuscation\":\"{}\"", letters(k, text.len(), obfuscation::CHAT));
        }
        out.extend_from_slice(b"}\n\n");
    }

    /// The chunks of these tokens, one of each choice.
    pub(crate) fn tokens(&self, tokens: Range<usize>, out: &mut Vec<u8>) {
        let mut text = Vec::new();
        for (i, choice) in self.answer.choices.iter().enumerate() {
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
    pub(crate) fn closing(&self, out: &mut Vec<u8>) {
        for (i, choice) in self.answer.choices.iter().enumerate() {
            if choice.tokens() == self.tokens {
                self.chunk(i, b"", Some(finish_reason(choice)), (None, i), out);
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
