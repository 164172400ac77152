//! What is asked, as a plan says it: plain data that every later step may read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::units::Api;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// Where prompts and lengths come from.
    pub source: WorkloadSource,
    /// The weight of each API; they add up to 1.
    pub api: BTreeMap<Api, f64>,
    /// The share of calls that ask for a stream, 0..=1.
    pub stream: f64,
    /// The model or deployment name.
    pub model: String,
    /// An upper limit on the output tokens asked for.
    pub max_output_tokens: Option<u32>,
    /// An upper limit on the prompt's tokens.
    pub max_input_tokens: Option<u32>,
}

/// Where prompts and lengths come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum WorkloadSource {
    /// Lengths drawn from distributions.
    Synthetic {
        /// Prompt tokens.
        input_tokens: TokenDist,
        /// Output tokens.
        output_tokens: TokenDist,
    },
    /// Conversations of a file.
    Dataset {
        /// The file.
        file: PathBuf,
        /// The limit on output tokens, in place of the file's own.
        output_tokens: Option<TokenDist>,
    },
    /// Lengths, and on wish arrival times, of a production trace.
    Trace {
        /// The file, or the name of a built-in one.
        file: PathBuf,
        /// How much faster than recorded its own arrival times are replayed.
        time_scale: f64,
        /// What its times are counted in, where they are numbers and nothing else tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_unit: Option<TimeUnit>,
        /// Prompt tokens, in place of the recorded ones.
        input_tokens: Option<TokenDist>,
        /// Output tokens, in place of the recorded ones.
        output_tokens: Option<TokenDist>,
    },
}

/// What times are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeUnit {
    /// `s`
    #[serde(rename = "s")]
    Seconds,
    /// `ms`
    #[serde(rename = "ms")]
    Milliseconds,
    /// `us`
    #[serde(rename = "us")]
    Microseconds,
    /// `ns`
    #[serde(rename = "ns")]
    Nanoseconds,
}

impl TimeUnit {
    /// Every unit.
    pub(crate) const ALL: [Self; 4] = [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    /// The word of the profile.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }

    /// How long it is.
    #[must_use]
    pub(crate) fn nanoseconds(self) -> f64 {
        match self {
            Self::Seconds => 1e9,
            Self::Milliseconds => 1e6,
            Self::Microseconds => 1e3,
            Self::Nanoseconds => 1.0,
        }
    }
}

/// A distribution of token counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "dist", rename_all = "lowercase", deny_unknown_fields)]
pub enum TokenDist {
    /// Always the same.
    Fixed {
        /// The count.
        value: u32,
    },
    /// Every count of a range equally likely.
    Uniform {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// Normal, cut at 1.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        sd: f64,
    },
    /// Lognormal, given by two of its quantiles.
    Lognormal {
        /// The median.
        p50: f64,
        /// The 0.99 quantile.
        p99: f64,
    },
}
