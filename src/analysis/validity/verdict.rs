//! The three things that a run can be.

use schemars::JsonSchema;
use serde::Serialize;

/// What may be made of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ValidityVerdict {
    /// All of it.
    Valid,
    /// All of it, with the reasons in mind.
    Degraded,
    /// Nothing: this tool, not the path, was the limit.
    Invalid,
}

impl ValidityVerdict {
    /// Invalid if that holds, or degraded.
    pub(crate) fn invalid_if(invalid: bool) -> Self {
        if invalid { Self::Invalid } else { Self::Degraded }
    }
}
