//! What `hopmark lint` found, as text for people, as JSON, and as SARIF for what reads that.

pub(crate) mod json;
pub(crate) mod linted;
pub(crate) mod sarif;
pub(crate) mod text;

#[cfg(test)]
mod tests;
