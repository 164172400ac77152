//! What will happen: resolved, validated, seeded and serializable, without a secret. `run --dry-run` prints it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::objective::Objective;
use crate::path::NetPath;
use crate::units::{Api, PathId, Phase, Rate, Seq, Span};

/// Everything that decides what a run sends, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The profile's name.
    pub name: String,
    /// The seed of every random choice.
    pub seed: u64,
    /// Worker threads.
    pub workers: usize,
    /// The path against which the others are compared.
    pub baseline: PathId,
    /// The ways to the model.
    pub paths: Vec<NetPath>,
    /// What is asked.
    pub workload: WorkloadPlan,
    /// When.
    pub load: LoadPlan,
    /// What must hold.
    pub objectives: Vec<Objective>,
    /// Where to stop before it hurts.
    pub limits: Limits,
    /// The bundled simulator, if the run starts it.
    pub simulator: Option<SimulatorPlan>,
}

/// The bundled simulator as a child of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatorPlan {
    /// A bundled scenario's name or a file.
    pub scenario: String,
}

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
    },
    /// Lengths, and on wish arrival times, of a production trace.
    Trace {
        /// The file.
        file: PathBuf,
        /// How much faster than recorded its own arrival times are replayed.
        time_scale: f64,
    },
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

/// Which path an arrival takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Design {
    /// Every arrival is a round: one prompt over every path.
    Paired,
    /// Every arrival goes to one path, by seeded permutations that keep the paths exactly balanced.
    Interleaved,
    /// Path after path.
    Sequential,
}

impl Design {
    /// The word used in profiles and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paired => "paired",
            Self::Interleaved => "interleaved",
            Self::Sequential => "sequential",
        }
    }
}

/// Where to stop before it hurts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Attempts in all.
    pub requests: Option<u64>,
    /// Tokens in all, prompt and output.
    pub tokens: Option<u64>,
    /// Answers 401 or 403 in a row on one path.
    pub auth_failures: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: None, tokens: None, auth_failures: 5 }
    }
}

/// One planned attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its number in the plan.
    pub seq: Seq,
    /// Its round.
    pub round: u64,
    /// The path it takes.
    pub path: PathId,
    /// The phase in which `intended` lies.
    pub phase: Phase,
    /// When it is to start, from the run's start (the beginning of warmup).
    pub intended: Duration,
}

impl Plan {
    /// The path with this place.
    #[must_use]
    pub fn path(&self, id: PathId) -> &NetPath {
        &self.paths[id.index()]
    }

    /// The path with this name.
    #[must_use]
    pub fn path_named(&self, name: &str) -> Option<&NetPath> {
        self.paths.iter().find(|path| path.name == name)
    }

    /// When measuring begins, from the run's start.
    #[must_use]
    pub fn measure_from(&self) -> Duration {
        self.load.warmup.0
    }

    /// When measuring ends, from the run's start.
    #[must_use]
    pub fn measure_until(&self) -> Duration {
        self.load.warmup.0 + self.load.duration.0
    }
}
