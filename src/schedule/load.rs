//! The load, as a plan says it: plain data, and its description for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::schedule::design::Design;
use crate::units::{Rate, Span};

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

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// A Poisson process.
    Poisson,
    /// The trace's own times.
    Trace,
}

/// Where to stop before it hurts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Attempts in all.
    pub requests: Option<u64>,
    /// Tokens in all, prompt and output.
    pub tokens: Option<u64>,
    /// What calls may cost in all, in the currency of the prices.
    #[serde(default)]
    pub cost: Option<f64>,
    /// Answers 401 or 403 in a row on one path.
    pub auth_failures: u32,
    /// The share of a path's calls above which failures fail the run, 0 to 1.
    #[serde(default = "failure_share")]
    pub failure_share: f64,
    /// Failures in a row on every path, none of which ever succeeded, that end the run; 0 never does.
    #[serde(default = "failures_in_a_row")]
    pub failures_in_a_row: u64,
}

/// Half of a path's calls.
fn failure_share() -> f64 {
    0.5
}

/// So many that no luck of a service that works explains them.
fn failures_in_a_row() -> u64 {
    20
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: None,
            tokens: None,
            cost: None,
            auth_failures: 5,
            failure_share: failure_share(),
            failures_in_a_row: failures_in_a_row(),
        }
    }
}

impl fmt::Display for LoadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.design == Design::Paired { "rounds" } else { "calls" };
        match &self.model {
            LoadModel::Open { arrivals: Arrivals::Trace, .. } => {
                write!(f, "open load, {unit} at the trace's own times")?
            }
            LoadModel::Open { arrivals, rate } => {
                let spacing = if *arrivals == Arrivals::Poisson { "Poisson arrivals" } else { "even spacing" };
                let rate = rate.map_or(0.0, |rate| rate.0);
                write!(f, "open load, {rate} {unit} a second, {spacing}")?;
            }
            LoadModel::Closed { concurrency, think_time } => {
                write!(f, "closed load, {concurrency} callers")?;
                if !think_time.0.is_zero() {
                    write!(f, " resting {think_time} between two calls")?;
                }
            }
        }
        write!(f, ", {}, {} of warmup, {} measured", self.design.as_str(), self.warmup, self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_describes_itself() {
        let plan = |model, design| LoadPlan {
            model,
            warmup: Span::from_secs(5),
            duration: Span::from_secs(60),
            design,
            round_spread: Span::from_millis(500),
            max_in_flight: 100,
        };
        let open = |arrivals, rate| LoadModel::Open { arrivals, rate };
        let table = [
            (
                plan(open(Arrivals::Poisson, Some(Rate(20.0))), Design::Paired),
                "open load, 20 rounds a second, Poisson arrivals, paired, 5s of warmup, 60s measured",
            ),
            (
                plan(open(Arrivals::Constant, Some(Rate(0.5))), Design::Interleaved),
                "open load, 0.5 calls a second, even spacing, interleaved, 5s of warmup, 60s measured",
            ),
            (
                plan(open(Arrivals::Trace, None), Design::Paired),
                "open load, rounds at the trace's own times, paired, 5s of warmup, 60s measured",
            ),
            (
                plan(LoadModel::Closed { concurrency: 8, think_time: Span::from_millis(250) }, Design::Sequential),
                "closed load, 8 callers resting 250ms between two calls, sequential, 5s of warmup, 60s measured",
            ),
        ];
        for (load, text) in table {
            assert_eq!(load.to_string(), text);
        }
    }
}
