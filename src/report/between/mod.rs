//! The forms of a comparison of two runs, or of two paths of one.

pub mod json;
pub mod model;

/// The comparison for machines.
pub const JSON: &str = "comparison.json";
/// The comparison for pull requests.
pub const MARKDOWN: &str = "comparison.md";
