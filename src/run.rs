//! What happened: a run as its files tell it. Everything after the measured phase works from this alone.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::units::Nanos;

/// The manifest of a run: plan, environment and how it ended. No secret, no prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// 1.
    pub schema_version: u32,
    /// The run's own name, unique.
    pub id: String,
    /// The version of this tool.
    pub tool_version: String,
    /// When it started, RFC 3339, UTC.
    pub started_at: String,
    /// The monotonic clock at the run's start: the zero of every time in `requests.csv`.
    pub origin: Nanos,
    /// What was to happen.
    pub plan: Plan,
    /// Where it happened.
    pub environment: Environment,
    /// What the bundled simulator planned, as it describes itself; `None` when it was not used.
    pub simulator: Option<serde_json::Value>,
    /// What the reader must know, in sentences.
    pub notes: Vec<String>,
    /// How it ended; `None` while it runs, and for ever if it was killed.
    pub ending: Option<Ending>,
}

/// Where a run happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Operating system and kernel.
    pub os: String,
    /// Cores this process may use.
    pub cpus: usize,
    /// The processor's own name.
    pub cpu_model: String,
    /// The soft limit on open files.
    pub open_files: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// Whether the whole plan was carried out.
    pub complete: bool,
    /// Why it was not, in a sentence.
    pub reason: Option<String>,
    /// Seconds of the measured phase that were carried out.
    pub measured_s: f64,
    /// Seconds of the drain.
    pub drain_s: f64,
    /// Arrivals due in the measured phase, by path.
    pub planned: Vec<u64>,
    /// Rows that were lost because the writer could not follow.
    pub rows_lost: u64,
    /// The most memory resident in the measured phase, MiB.
    pub peak_rss_mib: Option<f64>,
    /// CPU seconds of this process, all threads, in the measured phase.
    pub cpu_s: Option<f64>,
}

/// A run as read from its directory.
#[derive(Clone, Debug)]
pub struct Run {
    /// Plan, environment, ending.
    pub manifest: Manifest,
    /// One per attempt that ended or was dropped, in the order of the file.
    pub samples: Vec<Sample>,
    /// Gaps between content events in nanoseconds, by path, measured phase and successful calls only.
    pub chunk_gaps: Vec<Histogram<u64>>,
}
