//! What an answer of both completion APIs says, chat and the older one.

use std::io::Write;

use super::choice::{Body, Choice};
use super::filter;
use super::logprobs::Logprobs;
use crate::api::dialect::Dialect;
use crate::model::prefix_cache::Hit;

/// What one answer says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Completion {
    pub(crate) id: String,
    pub(crate) created: u64,
    /// As a JSON string.
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// What of them the prefix cache had.
    pub(crate) hit: Hit,
    /// The tier of service that was asked for, as it is told.
    pub(crate) tier: Option<String>,
    pub(crate) choices: Vec<Choice>,
    pub(crate) dialect: Dialect,
    pub(crate) logprobs: Option<Logprobs>,
    pub(crate) style: Style,
}

/// Which of the two APIs it is of.
#[derive(Clone, Debug)]
pub(crate) enum Style {
    /// Chat. `function`: calls are told in the deprecated way, as one `function_call`.
    Chat { function: bool },
    /// The older one. `echo` stands before each choice.
    Text { echo: String },
}

impl Completion {
    pub(crate) fn is_azure(&self) -> bool {
        self.dialect == Dialect::Azure
    }

    /// Tokens of its longest choice.
    pub(crate) fn longest(&self) -> usize {
        self.choices.iter().map(Choice::tokens).max().unwrap_or(0)
    }

    /// Whether token `k` sends something in a stream.
    pub(crate) fn is_loud(&self, k: usize) -> bool {
        self.choices.iter().any(|choice| choice.step(k).is_loud() || choice.tokens() == k + 1)
    }

    /// The first token that sends something of the answer.
    pub(crate) fn first(&self) -> Option<usize> {
        self.choices.iter().filter_map(Choice::first).min()
    }

    /// In a stream on Azure, the verdict on the prompt.
    pub(crate) fn write_verdict(&self, out: &mut Vec<u8>) {
        if self.is_azure() {
            out.extend_from_slice(b"data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",");
            out.extend_from_slice(filter::PROMPT.as_bytes());
            out.extend_from_slice(b"}\n\n");
        }
    }

    /// The end of the choices, and the usage after them.
    pub(crate) fn write_usage(&self, out: &mut Vec<u8>) {
        let (prompt, Hit { cached, written }) = (self.prompt_tokens, self.hit);
        let completion: usize = self.choices.iter().map(Choice::tokens).sum();
        let reasoning: usize = self.choices.iter().map(|choice| choice.thinking).sum();
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "],\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\"total_tokens\":{},\
             \"prompt_tokens_details\":{{\"cached_tokens\":{cached},\"cache_write_tokens\":{written},\"audio_tokens\":0}},\
             \"completion_tokens_details\":{{\"reasoning_tokens\":{reasoning},\"audio_tokens\":0,\
             \"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}}",
            prompt + completion
        );
    }

    /// The end of a stream: the usage chunk after `common`, if it was asked for, and `[DONE]`.
    pub(crate) fn write_end(&self, common: &str, include_usage: bool, out: &mut Vec<u8>) {
        if include_usage {
            out.extend_from_slice(common.as_bytes());
            self.write_usage(out);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// Why a choice ended.
pub(crate) fn finish_reason(choice: &Choice) -> &'static str {
    match choice.body {
        _ if choice.filtered => "content_filter",
        _ if choice.cut => "length",
        Body::Calls(_) => "tool_calls",
        Body::Text(_) | Body::Refusal(_) => "stop",
    }
}
