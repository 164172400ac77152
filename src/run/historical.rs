//! One run of a history, as its `summary.json` tells it.

use serde::Serialize;

use crate::measure::metric::{Basis, Metric};
use crate::run::facts::Experiment;
use crate::units::Quantile;

/// Whether a run may be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Eligibility {
    /// It counts.
    Sound,
    /// This tool, not the paths, was the limit.
    Invalid,
    /// It did not carry out its plan, or nothing of it was summed up.
    Incomplete,
}

/// One quantile of one metric of one path in one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// The path's name.
    pub path: String,
    /// The metric.
    pub metric: Metric,
    /// From which instant it counts, where that makes a difference.
    pub basis: Option<Basis>,
    /// The quantile.
    pub quantile: Quantile,
    /// Milliseconds; what was not measured is no figure.
    pub ms: f64,
}

/// How much slower one quantile of a path was than that of the baseline in one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HistoricalShift {
    /// The path against which it stands.
    pub baseline: String,
    /// The path.
    pub candidate: String,
    /// The metric.
    pub metric: Metric,
    /// The quantile.
    pub quantile: Quantile,
    /// The shift, milliseconds.
    pub shift_ms: f64,
    /// Its 95% interval within the run.
    pub ci_ms: (f64, f64),
    /// From how many blocks that interval was made.
    pub blocks: usize,
}

/// One run of a history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct HistoricalRun {
    /// Where it was read from, below the folder of the history.
    pub source: String,
    /// The run's own name.
    pub id: String,
    /// The profile.
    #[serde(skip)]
    pub profile: String,
    /// When it started, RFC 3339.
    pub started_at: String,
    /// The same in seconds since 1970.
    #[serde(skip)]
    pub at_s: f64,
    /// The version of this tool that made it.
    pub tool_version: String,
    /// Whether it may be judged.
    #[serde(rename = "standing")]
    pub eligibility: Eligibility,
    /// The paths that failed in it.
    pub failed: Vec<String>,
    /// Its paths, in their order.
    #[serde(skip)]
    pub paths: Vec<String>,
    /// What was measured.
    #[serde(skip)]
    pub figures: Vec<Figure>,
    /// How its paths compared.
    #[serde(skip)]
    pub shifts: Vec<HistoricalShift>,
    /// Of what it is one repetition; `None` where no manifest lies beside its summary.
    #[serde(skip)]
    pub experiment: Option<Experiment>,
}

impl HistoricalRun {
    /// The figure of a path, if it was measured.
    #[must_use]
    pub(crate) fn figure(&self, path: &str, metric: Metric, quantile: Quantile) -> Option<&Figure> {
        let mut figures = self.figures.iter();
        figures.find(|figure| figure.path == path && (figure.metric, figure.quantile) == (metric, quantile))
    }

    /// The hour of the day it started at, UTC, with its fraction.
    #[must_use]
    pub(crate) fn hour(&self) -> f64 {
        self.at_s.rem_euclid(86_400.0) / 3_600.0
    }

    /// The day it started on, as people write it: the first ten letters of RFC 3339.
    #[must_use]
    pub(crate) fn day(&self) -> &str {
        self.started_at.get(..10).unwrap_or(&self.started_at)
    }
}
