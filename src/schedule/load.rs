//! The load, as a plan says it, and what each load model is: its keys, its times and its description.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::arrivals::ArrivalTimes;
use crate::schedule::design::Design;
use crate::units::{Fraction, Rate, Span};

pub use crate::schedule::arrivals::Arrivals;

/// When calls start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// Open or closed.
    pub model: LoadModel,
    /// Before measuring.
    pub warmup: Span,
    /// The measured phase.
    pub duration: Span,
    /// Which path an arrival takes.
    pub design: Design,
    /// Over which span the members of a round are spread.
    pub round_spread: Span,
    /// Beyond it arrivals are dropped and counted.
    pub max_in_flight: usize,
}

impl LoadPlan {
    /// How many calls an open load with a rate makes over so many paths, nearly; `None` where nobody knows before.
    #[must_use]
    pub(crate) fn planned_calls(&self, paths: usize) -> Option<f64> {
        let members = if self.design == Design::Paired { paths } else { 1 };
        Some(self.model.rate()?.0 * (self.warmup.0 + self.duration.0).as_secs_f64() * members as f64)
    }
}

/// Open or closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum LoadModel {
    /// Arrivals at a rate, whatever the answers do.
    Open {
        /// How they are spaced.
        arrivals: Arrivals,
        /// Arrivals a second (rounds a second under [`Design::Paired`]); `None` under [`Arrivals::Trace`].
        rate: Option<Rate>,
    },
    /// A fixed number of callers, each waiting for its answer.
    Closed {
        /// Callers over all paths.
        concurrency: usize,
        /// How long each rests between two calls.
        think_time: Span,
    },
}

impl LoadModel {
    /// The keys of an open load alone.
    pub(crate) const OPEN_KEYS: [&'static str; 4] = ["rate", "arrivals", "round_spread", "max_in_flight"];
    /// The keys of a closed load alone.
    pub(crate) const CLOSED_KEYS: [&'static str; 2] = ["concurrency", "think_time"];

    /// Whether arrivals come whatever the answers do.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Open { .. } => true,
            Self::Closed { .. } => false,
        }
    }

    /// The arrival process of an open load.
    #[must_use]
    pub fn arrivals(&self) -> Option<Arrivals> {
        match self {
            Self::Open { arrivals, .. } => Some(*arrivals),
            Self::Closed { .. } => None,
        }
    }

    /// The rate of an open load that has one.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Self::Open { rate, .. } => *rate,
            Self::Closed { .. } => None,
        }
    }

    /// The callers of a closed load; 0 for an open one.
    #[must_use]
    pub fn concurrency(&self) -> u64 {
        match self {
            Self::Open { .. } => 0,
            Self::Closed { concurrency, .. } => *concurrency as u64,
        }
    }

    /// How long a caller of a closed load rests between two calls.
    #[must_use]
    pub(crate) fn think_time(&self) -> Duration {
        match self {
            Self::Open { .. } => Duration::ZERO,
            Self::Closed { think_time, .. } => think_time.0,
        }
    }

    /// When the arrivals of an open load come, before `until`; none for a closed one.
    #[must_use]
    pub fn times<'trace>(&self, seed: u64, trace: Option<&'trace [Duration]>, until: u64) -> ArrivalTimes<'trace> {
        match self {
            Self::Open { arrivals, rate } => arrivals.times(seed, *rate, trace, until),
            Self::Closed { .. } => ArrivalTimes::trace(&[], until),
        }
    }

    /// What a report says of it: "20 rounds a second, Poisson".
    #[must_use]
    pub fn describe(&self, design: Design) -> String {
        match self {
            Self::Open { arrivals, rate } => {
                let (what, how) = (if design == Design::Paired { "rounds" } else { "calls" }, arrivals.description());
                rate.map_or_else(|| format!("{what} {how}"), |rate| format!("{} {what} a second, {how}", rate.0))
            }
            Self::Closed { concurrency, .. } => format!("{concurrency} callers in a loop"),
        }
    }

    /// What two runs must have alike to be compared: "open, 20/s".
    #[must_use]
    pub fn signature(&self) -> String {
        match self {
            Self::Open { rate: Some(rate), .. } => format!("open, {rate}"),
            Self::Open { rate: None, .. } => "open, at a trace's times".to_owned(),
            Self::Closed { concurrency, think_time } => format!("closed, {concurrency} callers, pause {think_time}"),
        }
    }
}

/// Where to stop before it hurts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// Calls in all.
    #[schemars(range(min = 1))]
    pub requests: Option<u64>,
    /// Prompt and output tokens in all.
    #[schemars(range(min = 1))]
    pub tokens: Option<u64>,
    /// What calls may cost in all, in the currency of `[prices]`.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub cost: Option<f64>,
    /// Answers 401 or 403 in a row on one path.
    #[schemars(range(min = 1))]
    pub auth_failures: u32,
    /// The share of a path's calls above which failures fail the run, such as "50%" or 0.5. A path without any success
    /// always does.
    pub failure_share: Fraction,
    /// End the run when every path failed so many times in a row and none ever succeeded; 0 never does. The default is
    /// more than luck of a service that works explains.
    pub failures_in_a_row: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: None,
            tokens: None,
            cost: None,
            auth_failures: 5,
            failure_share: Fraction(0.5),
            failures_in_a_row: 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_describes_itself() {
        let open = |arrivals, rate| LoadModel::Open { arrivals, rate };
        let table = [
            (open(Arrivals::Poisson, Some(Rate(20.0))), Design::Paired, "20 rounds a second, Poisson"),
            (open(Arrivals::Constant, Some(Rate(0.5))), Design::Interleaved, "0.5 calls a second, evenly spaced"),
            (open(Arrivals::Trace, None), Design::Paired, "rounds at a trace's times"),
            (
                LoadModel::Closed { concurrency: 8, think_time: Span::from_millis(250) },
                Design::Sequential,
                "8 callers in a loop",
            ),
        ];
        for (load, design, text) in table {
            assert_eq!(load.describe(design), text);
        }
    }
}
