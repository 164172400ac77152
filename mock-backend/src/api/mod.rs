//! The APIs, in the dialects of OpenAI and Azure OpenAI: addresses, shapes, framing, refusals.

mod admit;
mod answer;
mod ask;
mod chat;
mod chat_request;
mod completions;
mod compose;
mod content;
mod embeddings;
mod error;
mod filter;
mod heads;
mod json;
mod logprobs;
mod models;
mod obfuscation;
mod prompt;
mod responses;
mod responses_events;
mod responses_request;
mod retrieve;
mod route;
mod sse;
mod strict;
mod trouble;
mod version;
mod wish;

pub(crate) use answer::{PLAN, answer};
pub(crate) use error::ApiError;
pub(crate) use prompt::prompt_tokens;
pub(crate) use responses::ResponsesAnswer;
pub(crate) use route::{Dialect, api};
pub(crate) use sse::EventStream;
pub(crate) use trouble::{Details, TROUBLES, Trouble, failed_event};
