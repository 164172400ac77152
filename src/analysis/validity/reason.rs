//! What can speak against a run: each with a stable code and a weight. Its words are in [`message`](super::message).

use std::collections::BTreeMap;

use crate::analysis::compare::shift::Interference;
use crate::analysis::validity::verdict::ValidityVerdict;
use crate::evidence::ladder::Rung;
use crate::measure::outcome::ErrorClass;

/// A part of the time between the moment that the plan wanted and the moment of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum LagPart {
    /// Until a worker took the call up: the clock's grain, and whatever the worker was still busy with.
    Timer,
    /// Until the call had its turn, and from a ready connection to the first byte handed to the kernel.
    Dispatch,
}

impl LagPart {
    pub(super) fn when(self) -> &'static str {
        match self {
            Self::Timer => "before a worker took it up",
            Self::Dispatch => "between there and the kernel",
        }
    }
}

/// Variance over mean of the arrivals in bins of one width (the index of dispersion): 0 for a metronome, 1 for a
/// Poisson process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dispersion {
    /// Of the plan.
    pub planned: f64,
    /// Of what was sent, as far as it was up to this tool.
    pub achieved: f64,
    /// The width of a bin, seconds.
    pub bin_s: f64,
}

/// One thing that speaks against a run.
#[derive(Clone, Debug, PartialEq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// Calls of a path were sent late.
    SendLag {
        /// The path.
        path: String,
        /// The 0.99 quantile of its lag, ms.
        p99_ms: f64,
        /// What is allowed, ms.
        allowed_ms: f64,
        /// The part that was longer.
        part: LagPart,
        /// How grave it is.
        weight: ValidityVerdict,
    },
    /// Arrivals were never sent.
    Dropped {
        /// How many, by why.
        classes: BTreeMap<ErrorClass, u64>,
        /// Of how many.
        planned: u64,
        /// How grave it is.
        weight: ValidityVerdict,
    },
    /// Arrivals were made after the measured phase was over.
    BehindPlan {
        /// How many.
        behind: u64,
        /// Of how many.
        planned: u64,
    },
    /// Arrivals were made more, or less, evenly than planned.
    #[strum(serialize = "bunched_arrivals")]
    Bunched(Dispersion),
    /// Calls under way as counted and as added up from the rows differ.
    LittlesLaw {
        /// As the heartbeats counted them.
        counted: f64,
        /// As the rows add up to.
        expected: f64,
    },
    /// Planned is not ok, failed, incomplete and dropped.
    Accounting(Vec<String>),
    /// The disk could not follow.
    RowsLost(u64),
    /// Stamps run backwards.
    Clock(u64),
    /// Calls broke inside this tool.
    OwnFailures {
        /// How many.
        count: u64,
        /// How grave it is.
        weight: ValidityVerdict,
    },
    /// Too few descriptors, or nearly.
    Descriptors {
        /// Calls that had none.
        failed: u64,
        /// The most that were open.
        peak: Option<u64>,
        /// How many may be open.
        limit: u64,
        /// How grave it is.
        weight: ValidityVerdict,
    },
    /// Too few local ports, or nearly.
    Ports {
        /// Calls that had none.
        failed: u64,
        /// The most that were taken.
        peak: u64,
        /// How many there are.
        range: u64,
        /// How grave it is.
        weight: ValidityVerdict,
    },
    /// The processors were nearly all used by this tool.
    Cpu {
        /// Processors used, mean.
        used: f64,
        /// Processors that its workers may use.
        of: f64,
    },
    /// Workers did not run when they should have.
    Hiccups {
        /// In how many seconds.
        seconds: u64,
        /// Of how many.
        of: u64,
        /// The longest, ms.
        longest_ms: f64,
        /// Processors that other programs used in these seconds, mean.
        others: Option<f64>,
        /// Processors of this machine.
        cpus: usize,
        /// How grave it is.
        weight: ValidityVerdict,
    },
    /// The hypervisor gave this machine's processors to others.
    Steal {
        /// In how many seconds.
        seconds: u64,
        /// Of how many.
        of: u64,
        /// The highest share.
        highest: f64,
        /// How grave it is.
        weight: ValidityVerdict,
    },
    /// The control group has a limit on processor time, and it was reached.
    Throttled {
        /// In how many seconds.
        seconds: u64,
        /// How long, ms.
        sum_ms: f64,
    },
    /// The bundled simulator could not do what it planned.
    SimulatorCeiling {
        /// Answers that it began more than 10 ms late.
        late: u64,
        /// Of how many.
        answers: u64,
        /// Processors that it used, mean.
        used: Option<f64>,
    },
    /// The bundled simulator did not answer when it was asked how it was.
    SimulatorSilent {
        /// In how many seconds in which this tool itself did not stand still.
        seconds: u64,
        /// Of how many.
        of: u64,
        /// How grave it is.
        weight: ValidityVerdict,
    },
    /// The calls of a round were in each other's way.
    SelfInterference {
        /// The candidate.
        path: String,
        /// The baseline.
        baseline: String,
        /// What was found.
        found: Interference,
    },
    /// The health of the host was not recorded.
    Unwatched,
    /// The bundled simulator ended before the run did; this is how.
    SimulatorDied(String),
    /// A path was declared private and was not.
    NotPrivate {
        /// The path.
        path: String,
        /// The first rung that failed.
        rung: Rung,
        /// What was seen.
        evidence: String,
        /// What helps.
        remedy: Option<&'static str>,
    },
    /// The plan was not carried out.
    IncompleteRun(String),
}

impl Reason {
    /// The stable name, for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }

    /// How grave it is.
    #[must_use]
    pub fn weight(&self) -> ValidityVerdict {
        match self {
            Self::SendLag { weight, .. }
            | Self::Dropped { weight, .. }
            | Self::OwnFailures { weight, .. }
            | Self::Descriptors { weight, .. }
            | Self::Ports { weight, .. }
            | Self::Hiccups { weight, .. }
            | Self::Steal { weight, .. }
            | Self::SimulatorSilent { weight, .. } => *weight,
            Self::BehindPlan { .. }
            | Self::Accounting(_)
            | Self::RowsLost(_)
            | Self::Clock(_)
            | Self::NotPrivate { .. }
            | Self::SimulatorDied(_) => ValidityVerdict::Invalid,
            Self::Bunched(_)
            | Self::LittlesLaw { .. }
            | Self::Cpu { .. }
            | Self::Throttled { .. }
            | Self::SimulatorCeiling { .. }
            | Self::SelfInterference { .. }
            | Self::Unwatched
            | Self::IncompleteRun(_) => ValidityVerdict::Degraded,
        }
    }

    /// Whether it is that this tool, or the bundled simulator, waited for a processor.
    pub(crate) fn is_of_waiting(&self) -> bool {
        match self {
            Self::SendLag { .. }
            | Self::Dropped { .. }
            | Self::BehindPlan { .. }
            | Self::Bunched(_)
            | Self::Hiccups { .. }
            | Self::SimulatorCeiling { .. }
            | Self::SimulatorSilent { .. } => true,
            Self::LittlesLaw { .. }
            | Self::Accounting(_)
            | Self::RowsLost(_)
            | Self::Clock(_)
            | Self::OwnFailures { .. }
            | Self::Descriptors { .. }
            | Self::Ports { .. }
            | Self::Cpu { .. }
            | Self::Steal { .. }
            | Self::Throttled { .. }
            | Self::SelfInterference { .. }
            | Self::Unwatched
            | Self::SimulatorDied(_)
            | Self::NotPrivate { .. }
            | Self::IncompleteRun(_) => false,
        }
    }
}
