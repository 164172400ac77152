//! What is asked, as a plan says it: plain data that every later step may read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::Limit;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// The most tokens that a prompt or an answer may be asked to have.
pub(crate) const MOST_TOKENS: u32 = Limit::Tokens.most() as u32;

/// A distribution of token counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "dist", rename_all = "lowercase", deny_unknown_fields)]
pub enum TokenDist {
    /// Always the same.
    Fixed {
        /// The count.
        #[schemars(range(min = 1, max = MOST_TOKENS))]
        value: u32,
    },
    /// Every count of a range equally likely.
    Uniform {
        /// The smallest.
        #[schemars(range(min = 1, max = MOST_TOKENS))]
        min: u32,
        /// The largest.
        #[schemars(range(min = 1, max = MOST_TOKENS))]
        max: u32,
    },
    /// Normal, cut at 1.
    Normal {
        /// The mean.
        #[schemars(range(min = 1, max = MOST_TOKENS))]
        mean: f64,
        /// The standard deviation.
        #[schemars(range(min = 0, max = MOST_TOKENS))]
        sd: f64,
    },
    /// Lognormal, given by two of its quantiles.
    Lognormal {
        /// The median.
        #[schemars(range(min = 1, max = MOST_TOKENS))]
        p50: f64,
        /// The 0.99 quantile.
        #[schemars(range(min = 1, max = MOST_TOKENS))]
        p99: f64,
    },
}

impl TokenDist {
    /// Whether it can be drawn from.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(self) -> Result<(), String> {
        let inside = |key: &str, value: f64, least: f64| {
            let is_inside = value >= least && value <= f64::from(MOST_TOKENS);
            is_inside.then_some(()).ok_or_else(|| format!("{key} is {value}; it takes {least} to {MOST_TOKENS}"))
        };
        match self {
            Self::Fixed { value } => inside("value", f64::from(value), 1.0),
            Self::Uniform { min, max } if min > max => Err(format!("min is {min} and above max, {max}")),
            Self::Uniform { min, max } => inside("min", f64::from(min), 1.0).and(inside("max", f64::from(max), 1.0)),
            Self::Normal { mean, sd } => inside("mean", mean, 1.0).and(inside("sd", sd, 0.0)),
            Self::Lognormal { p50, p99 } if p99 < p50 => Err(format!("p99 is {p99} and below p50, {p50}")),
            Self::Lognormal { p50, p99 } => inside("p50", p50, 1.0).and(inside("p99", p99, 1.0)),
        }
    }
}
