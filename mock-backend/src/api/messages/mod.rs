//! Anthropic's messages: reading a request, and the shapes of its answer.

pub(crate) mod answer;
pub(crate) mod events;
pub(crate) mod request;
pub(crate) mod thinking;
