//! The three things that a run can be.

use schemars::JsonSchema;
use serde::Serialize;

/// What may be made of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidityVerdict {
    /// All of it.
    Valid,
    /// All of it, with the reasons in mind.
    Degraded,
    /// Nothing: this tool, not the path, was the limit.
    Invalid,
}

impl ValidityVerdict {
    /// The word used in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Degraded => "degraded",
            Self::Invalid => "invalid",
        }
    }

    /// Invalid if that holds, or degraded.
    pub(crate) fn invalid_if(invalid: bool) -> Self {
        if invalid { Self::Invalid } else { Self::Degraded }
    }
}
