//! One thing that a path did wrong beyond being slow.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// One thing that a path did wrong.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Finding {
    /// Stable; all of them stand in `docs/answers.md`.
    pub code: &'static str,
    /// What was seen.
    pub message: String,
    /// What helps.
    pub remedy: String,
    /// The figures behind it.
    pub evidence: BTreeMap<&'static str, f64>,
}
