//! What happened: a run as its files tell it. Everything after the measured phase works from this alone.

pub(crate) mod facts;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod historical;

use std::collections::BTreeMap;
use std::ops::Range;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measure::counts::Counts;
use crate::measure::errors_seen::ErrorSeen;
use crate::measure::health::{BadSeconds, Second};
use crate::measure::metric::{Basis, Metric};
use crate::measure::network::NetworkSeen;
use crate::measure::recorder::Series;
use crate::measure::sample::Sample;
use crate::measure::selftest::OwnError;
use crate::measure::sign_in::SignIn;
use crate::objective::objective::Objective;
use crate::plan::Plan;
use crate::units::{Nanos, PathId, Phase};

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
    /// This tool's own error as the newest selftest of the same machine and build found it; `None` without one.
    #[serde(default)]
    pub own_error: Option<OwnError>,
    /// What was seen of the network besides the calls.
    #[serde(default, skip_serializing_if = "NetworkSeen::is_empty")]
    pub network: NetworkSeen,
    /// What the reader must know, in sentences.
    pub notes: Vec<String>,
    /// How tokens were got, by path; empty where none were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_in: Vec<SignIn>,
    /// Which calls have rows; `None` when all have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowSample>,
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
    /// How many local ports a connection may choose from; `None` where the system does not tell.
    #[serde(default)]
    pub local_ports: Option<u64>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// Whether the whole plan was carried out.
    pub complete: bool,
    /// Why it was not, in a sentence.
    pub reason: Option<String>,
    /// What the profile asked for and was reached before the plan's end, in a sentence; such a run is complete.
    #[serde(default)]
    pub reached: Option<String>,
    /// The objective whose miss ended the run.
    #[serde(default)]
    pub aborted_by: Option<Aborted>,
    /// What broke and ended the run, beyond its plan and its objectives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
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

/// What broke and ended a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// Every path failed so many times in a row, and none ever succeeded.
    FailuresInARow(u64),
    /// A signal told the run to end.
    Signal,
    /// The bundled simulator ended; this is how, as the system tells it.
    SimulatorDied(String),
}

impl Ending {
    /// Whether the run gave up because every path kept failing.
    #[must_use]
    pub(crate) fn ended_by_failures(&self) -> bool {
        matches!(self.ended_by, Some(EndedBy::FailuresInARow(_)))
    }

    /// Whether a signal told the run to end.
    #[must_use]
    pub fn ended_by_signal(&self) -> bool {
        matches!(self.ended_by, Some(EndedBy::Signal))
    }

    /// How the bundled simulator ended, if it ended before the run.
    #[must_use]
    pub fn simulator_died(&self) -> Option<&str> {
        match &self.ended_by {
            Some(EndedBy::SimulatorDied(how)) => Some(how),
            Some(EndedBy::FailuresInARow(_) | EndedBy::Signal) | None => None,
        }
    }
}

/// The objective that ended a run, and what was seen of it then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Aborted {
    /// Its path.
    pub path: String,
    /// Its label.
    pub expression: String,
    /// Seconds of the measured phase until then.
    pub at_s: f64,
    /// What was seen.
    pub observed: Option<f64>,
    /// Its 95% interval.
    pub ci: (Option<f64>, Option<f64>),
}

impl Aborted {
    /// Whether it is this objective.
    #[must_use]
    pub(crate) fn is_by(&self, objective: &Objective) -> bool {
        objective.abort_after.is_some() && self.path == objective.path && self.expression == objective.label()
    }

    /// Why the run ended, in a sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("it was certain to be missed after {:.0} s of measuring, and the run ended early", self.at_s)
    }
}

/// Which calls have a row in `requests.csv` when there are too many for all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowSample {
    /// Calls that ended or were dropped; until the run has ended, those until this was written.
    #[serde(rename = "seen")]
    pub calls: u64,
    /// Rows kept of them; until the run has ended, those until this was written.
    pub kept: u64,
    /// The share of rounds whose rows are kept.
    pub share: f64,
    /// The same as a number out of 2^32: the rows of a round are kept if the upper half of its hash lies below it.
    pub below: u64,
    /// The first round that is measured: neighbours that belong together are counted from there.
    #[serde(default)]
    pub from: u64,
    /// The rule in words.
    pub rule: String,
}

/// What was counted and measured of every call while the run went on, when only some of them have rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Calls counted, by path, phase and the interval in which they were intended to start.
    pub spans: Vec<SpanCounts>,
    /// Values of the successful calls of the measured phase in nanoseconds, to three digits.
    pub values: BTreeMap<Series, Histogram<u64>>,
    /// Median and 0.99 quantile over time, milliseconds, by the interval in which a call of the measured phase ended; calls
    /// that timed out are longer than all others, and `None` stands where the quantile is one of theirs.
    pub over_time: BTreeMap<(u64, Series), (Option<f64>, Option<f64>)>,
}

/// What was counted in an interval on one path in one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanCounts {
    /// The interval's first second, from the run's start.
    pub second: u64,
    /// Its length in seconds.
    pub length: u64,
    /// The path.
    pub path: PathId,
    /// The phase.
    pub phase: Phase,
    /// Calls intended to start in it.
    pub calls: Counts,
    /// Calls taken up in it.
    pub begun: u64,
    /// Calls taken up that were over in it.
    pub over: u64,
}

/// A run as read from its directory.
#[derive(Clone, Debug)]
pub struct Run {
    /// Plan, environment, ending.
    pub manifest: Manifest,
    /// One per attempt that ended or was dropped, in the order of the file; if there is a totals, those of a sample of
    /// all rounds.
    pub samples: Vec<Sample>,
    /// What was counted and measured of every call; `None` when every call has its row, which tells more.
    pub totals: Option<Totals>,
    /// Gaps between content events in nanoseconds, by path, measured phase only. They are recorded as they come, before
    /// the outcome of their call is known, so those of calls that failed later are among them; the gap in which a call
    /// was given up is not, nor are those that ended in a second that is left out.
    pub chunk_gaps: Vec<Histogram<u64>>,
    /// The health of the host by second; empty if nobody watched.
    pub health: Vec<Second>,
    /// What was said of each class of errors on each path, and when they came; empty where nobody wrote it down.
    pub errors_seen: Vec<ErrorSeen>,
    /// Arrivals of the measured phase that left no row, because the run was killed while they were under way.
    pub lost: Lost,
}

/// Arrivals of the measured phase that left no row: known from the holes in the numbers of a killed run's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Those whose path is known, by path.
    pub by_path: Vec<u64>,
    /// Those whose path is not known.
    pub unattributed: u64,
}

impl Totals {
    /// The values of a metric on a path; of a metric that has one form alone, whatever the basis.
    #[must_use]
    pub fn of(&self, path: PathId, metric: Metric, basis: Basis) -> Option<&Histogram<u64>> {
        let basis = if metric.has_basis() { basis } else { Basis::Response };
        self.values.get(&Series { path, metric, basis })
    }
}

impl Manifest {
    /// [`Run::headline_basis`].
    #[must_use]
    pub(crate) fn headline_basis(&self) -> Basis {
        if self.plan.load.model.is_open() { Basis::Response } else { Basis::Service }
    }
}

impl Run {
    /// Arrivals due in the measured phase, by path: as the run counted them, or, if it was killed, as its rows and
    /// the holes between them tell.
    #[must_use]
    pub fn planned(&self) -> Vec<u64> {
        if let Some(ending) = &self.manifest.ending {
            return ending.planned.clone();
        }
        let mut planned = self.lost.by_path.clone();
        planned.resize(self.manifest.plan.paths.len(), 0);
        planned.iter_mut().zip(self.counted(Phase::Measure)).for_each(|(sum, counts)| *sum += counts.calls());
        planned
    }

    /// The calls of a phase counted, by path: from the rows if every call has one, otherwise from the totals.
    #[must_use]
    pub fn counted(&self, phase: Phase) -> Vec<Counts> {
        self.counted_where(|own| own == phase)
    }

    /// [`Run::counted`] over all phases that are `wanted`.
    #[must_use]
    pub(crate) fn counted_where(&self, wanted: impl Fn(Phase) -> bool) -> Vec<Counts> {
        let mut counted = vec![Counts::default(); self.manifest.plan.paths.len()];
        match &self.totals {
            Some(totals) => {
                let spans = totals.spans.iter().filter(|span| wanted(span.phase));
                spans.for_each(|span| counted[span.path.index()].add(&span.calls));
            }
            None => {
                let samples = self.samples.iter().filter(|sample| wanted(sample.phase));
                samples.for_each(|sample| counted[sample.path.index()].count(sample));
            }
        }
        counted
    }

    /// The basis of headlines and comparisons: response time under open load, service time under closed load, where
    /// no plan says when a call was due.
    #[must_use]
    pub(crate) fn headline_basis(&self) -> Basis {
        self.manifest.headline_basis()
    }

    /// The attempts whose intended time lies in the measured phase that have rows.
    pub fn measured(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.phase == Phase::Measure)
    }

    /// Seconds of the measured phase that were carried out.
    #[must_use]
    pub fn measured_s(&self) -> f64 {
        if let Some(ending) = &self.manifest.ending {
            return ending.measured_s;
        }
        let plan = &self.manifest.plan;
        let from = self.manifest.origin + plan.measure_from();
        let last = self.measured().map(|sample| sample.stamps.intended).max().unwrap_or(from);
        last.since(from).as_secs_f64().min(plan.load.duration.0.as_secs_f64())
    }

    /// The seconds from the run's start that the measured phase touches.
    #[must_use]
    pub(crate) fn measured_seconds(&self) -> Range<u64> {
        let from = self.manifest.plan.measure_from().as_secs_f64();
        from as u64..(from + self.measured_s() - 1e-6).ceil() as u64
    }

    /// The health of the host in the measured phase.
    pub(crate) fn measured_health(&self) -> impl Iterator<Item = &Second> {
        let measured = self.measured_seconds();
        self.health.iter().filter(move |row| measured.contains(&row.second))
    }

    /// The seconds of the measured phase in which this tool could not measure faithfully.
    #[must_use]
    pub fn bad_seconds(&self) -> BadSeconds {
        BadSeconds::among(&self.health, self.measured_seconds())
    }

    /// The second from the run's start in which this instant lies.
    #[must_use]
    pub(crate) fn second_of(&self, at: Nanos) -> u64 {
        at.since(self.manifest.origin).as_secs()
    }

    /// Whether the whole plan was carried out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.manifest.ending.as_ref().is_some_and(|ending| ending.complete)
    }
}
