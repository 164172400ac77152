//! What answers of every API have in common: their text token by token, tools, likelihoods, the content filter.

pub(crate) mod choice;
pub(crate) mod completion;
pub(crate) mod compose;
pub(crate) mod features;
pub(crate) mod filter;
pub(crate) mod json;
pub(crate) mod logprobs;
pub(crate) mod obfuscation;
mod strict_schema;
