//! The APIs by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which API a call speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, strum::EnumString, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Api {
    /// Chat completions.
    Chat,
    /// Responses.
    Responses,
    /// Anthropic's messages, by which Foundry serves Claude.
    Messages,
}

impl Api {
    /// All of them, each at its [`Api::index`].
    pub(crate) const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Messages];
    /// The word of each.
    pub(crate) const WORDS: &[&str] = <Self as strum::VariantNames>::VARIANTS;

    /// The least limit on an answer that it takes, in tokens.
    pub(crate) const fn least_output(self) -> u32 {
        match self {
            Self::Chat | Self::Messages => 1,
            Self::Responses => 16,
        }
    }

    /// Whether it refuses a request that does not limit its answer.
    pub(crate) const fn needs_limit(self) -> bool {
        match self {
            Self::Chat | Self::Responses => false,
            Self::Messages => true,
        }
    }

    /// What a call adds to the base URL of its path.
    #[must_use]
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Responses => "/responses",
            Self::Messages => "/v1/messages",
        }
    }

    /// Its place among all.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}
