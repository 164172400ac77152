//! The APIs, in the dialects of OpenAI, Azure OpenAI and Anthropic: addresses, shapes, framing, refusals.
//!
//! From top to bottom: `answer` reads a request and has it answered; `admit`, `generate` and `call` answer at the time
//! that is planned; `chat`, `completions`, `responses`, `messages` and `embeddings` are the shapes of each API; `content` is what
//! they have in common.

mod admit;
mod answer;
mod anthropic_error;
pub(crate) mod auth;
pub(crate) mod backend;
mod call;
mod chat;
mod choices;
mod completions;
mod content;
mod dialect;
mod embeddings;
pub(crate) mod error;
mod error_text;
mod generate;
mod headers;
mod interfaces;
mod measure;
mod messages;
mod models;
mod page;
mod parameters;
mod prepare;
pub(crate) mod query;
mod reader;
mod request;
mod response;
mod responses;
pub(crate) mod route;
mod rules;
mod script;
mod service;
mod sse;
mod store;
mod task;
mod version;

pub(crate) use answer::answer;
pub(crate) use service::{Access, Service};
