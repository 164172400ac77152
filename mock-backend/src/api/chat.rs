//! Chat completions: the request, the answer in one piece, and the answer as chunks.

use std::io::Write;
use std::ops::Range;

use serde::Deserialize;

use super::prompt::{Counted, Str};
use crate::generate::Text;

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Str<'a>>,
    pub(crate) messages: Option<Counted>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    pub(crate) stream_options: Option<StreamOptions>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    pub(crate) n: Option<u32>,
}

/// `stream_options`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    #[serde(default)]
    pub(crate) include_usage: Option<bool>,
}

impl ChatRequest<'_> {
    /// The caller's limit of the answer.
    pub(crate) fn limit(&self) -> Option<u32> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// The tokens of the prompt: those of the contents, 3 for each message, and 3 that open the answer.
    pub(crate) fn prompt_tokens(&self) -> usize {
        self.messages.map_or(0, |messages| messages.tokens + 3 * messages.items + 3)
    }
}

/// What one answer says about itself.
#[derive(Clone, Debug)]
pub(crate) struct ChatAnswer {
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// Those of them that came from the prefix cache.
    pub(crate) cached: usize,
    pub(crate) tokens: usize,
    /// Whether the limit cut it.
    pub(crate) cut: bool,
    pub(crate) text: Text,
}

const FINGERPRINT: &str = "fp_7f3d1c0a9b";
const USAGE_DETAILS: &[u8] = b",\"audio_tokens\":0},\
    \"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\
    \"rejected_prediction_tokens\":0}}";

impl ChatAnswer {
    fn finish_reason(&self) -> &'static str {
        if self.cut { "length" } else { "stop" }
    }

    fn write_usage(&self, out: &mut Vec<u8>) {
        let (prompt, completion) = (self.prompt_tokens, self.tokens);
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\"total_tokens\":{},\
             \"prompt_tokens_details\":{{\"cached_tokens\":{}",
            prompt + completion,
            self.cached
        );
        out.extend_from_slice(USAGE_DETAILS);
    }

    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(704 + 8 * self.tokens);
        let Self { id, created, model, .. } = self;
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"id\":\"{id}\",\"object\":\"chat.completion\",\"created\":{created},\"model\":{model},\"choices\":[{{\"index\":0,\
             \"message\":{{\"role\":\"assistant\",\"content\":\""
        );
        self.text.append(self.tokens, &mut out);
        out.extend_from_slice(b"\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"");
        out.extend_from_slice(self.finish_reason().as_bytes());
        out.extend_from_slice(b"\"}],\"usage\":");
        self.write_usage(&mut out);
        let _ = write!(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"{FINGERPRINT}\"}}");
        out
    }

    /// The answer as chunks.
    pub(crate) fn chunks(self, include_usage: bool) -> ChatChunks {
        let common = format!(
            "data: {{\"id\":\"{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},\
             \"system_fingerprint\":\"{FINGERPRINT}\",\"choices\":[",
            self.id, self.created, self.model
        );
        let prefix = format!("{common}{{\"index\":0,\"delta\":{{");
        let close = if include_usage { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        let suffix = format!("\"}},\"logprobs\":null,\"finish_reason\":null}}{close}");
        ChatChunks { answer: self, include_usage, common, prefix, suffix, close }
    }
}

/// An answer as chunks, with everything rendered that they have in common.
pub(crate) struct ChatChunks {
    answer: ChatAnswer,
    include_usage: bool,
    common: String,
    prefix: String,
    suffix: String,
    close: &'static str,
}

impl ChatChunks {
    /// Room for one chunk.
    pub(crate) fn size(&self) -> usize {
        self.prefix.len() + self.suffix.len() + 32
    }

    /// The role chunk.
    pub(crate) fn opening(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,");
        out.extend_from_slice(b"\"finish_reason\":null}");
        out.extend_from_slice(self.close.as_bytes());
    }

    /// The chunk of these tokens.
    pub(crate) fn tokens(&self, tokens: Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(b"\"content\":\"");
        tokens.for_each(|k| out.extend_from_slice(self.answer.text.piece(k).as_bytes()));
        out.extend_from_slice(self.suffix.as_bytes());
    }

    /// The finish chunk, the usage chunk if it was asked for, and `[DONE]`.
    pub(crate) fn closing(&self, out: &mut Vec<u8>) {
        let finish = self.answer.finish_reason();
        let last = format!("{}}},\"logprobs\":null,\"finish_reason\":\"{finish}\"}}{}", self.prefix, self.close);
        out.extend_from_slice(last.as_bytes());
        if self.include_usage {
            out.extend_from_slice(self.common.as_bytes());
            out.extend_from_slice(b"],\"usage\":");
            self.answer.write_usage(out);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
