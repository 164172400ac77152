//! The two APIs, in the dialects of OpenAI and Azure OpenAI: addresses, shapes, framing, refusals.

mod admit;
mod answer;
mod ask;
mod chat;
mod error;
mod models;
mod prompt;
mod responses;
mod route;
mod sse;
mod trouble;

pub(crate) use answer::{PLAN, answer};
pub(crate) use error::ApiError;
pub(crate) use prompt::prompt_tokens;
pub(crate) use route::{Dialect, api};
pub(crate) use sse::EventStream;
pub(crate) use trouble::{Details, TROUBLES, Trouble, failed_event};
