//! How a run's end is told: to the verb that waits for it, and in the manifest.

use crate::measure::sample::Gap;
use crate::run::{Aborted, EndedBy, Ending};
use crate::runner::coordinator::Cut;
use crate::runner::event_loop::MeasuredRun;

/// What an early end means to whoever waits for the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyEnd {
    /// The profile asked for it: a limit, an objective, a precision.
    AsAsked,
    /// Every path kept failing.
    Failing,
    /// The bundled simulator died.
    SimulatorDied,
    /// SIGINT.
    Interrupted,
    /// SIGTERM, or a terminal that closed.
    Terminated,
    /// The world refused, or this tool broke.
    Broken,
}

impl From<&Cut> for EarlyEnd {
    fn from(cut: &Cut) -> Self {
        match cut {
            Cut::Limit(_) | Cut::Aborted(_) | Cut::Enough(_) => Self::AsAsked,
            Cut::Failing(_) => Self::Failing,
            Cut::SimulatorDied(_) => Self::SimulatorDied,
            Cut::Interrupted => Self::Interrupted,
            Cut::Terminated | Cut::HungUp => Self::Terminated,
            Cut::Refused(_) | Cut::Broken(_) => Self::Broken,
        }
    }
}

impl Cut {
    /// Why the run ended, in words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Aborted(Aborted { expression, path, .. }) => {
                format!("stopped by the objective '{expression}' of path '{path}'")
            }
            Self::Failing(count) => format!(
                "{count} calls in a row failed on every path, and none ever succeeded (limits.failures_in_a_row)"
            ),
            Self::SimulatorDied(how) => format!("the bundled simulator died ({how})"),
            Self::Interrupted => "interrupted".to_owned(),
            Self::Terminated => "terminated".to_owned(),
            Self::HungUp => "its terminal was closed (SIGHUP)".to_owned(),
            Self::Limit(why) => format!("stopped by {why}"),
            Self::Enough(why) | Self::Refused(why) => why.clone(),
            Self::Broken(error) => format!("{error:#}"),
        }
    }

    /// What broke and ended the run, beyond its plan and its objectives.
    fn ended_by(&self) -> Option<EndedBy> {
        match self {
            Self::Failing(count) => Some(EndedBy::FailuresInARow(*count)),
            Self::Interrupted | Self::Terminated => Some(EndedBy::Signal),
            Self::HungUp
            | Self::Limit(_)
            | Self::Aborted(_)
            | Self::Enough(_)
            | Self::SimulatorDied(_)
            | Self::Refused(_)
            | Self::Broken(_) => None,
        }
    }
}

/// What the manifest says of the end of a run over so many paths, and every gap that was kept.
pub(crate) fn of(run: MeasuredRun, paths: usize) -> (Ending, Vec<Gap>) {
    let cut = run.end.cut.as_ref();
    let reached = cut.and_then(|cut| if let Cut::Enough(why) = cut { Some(why.clone()) } else { None });
    let aborted_by = cut.and_then(|cut| if let Cut::Aborted(by) = cut { Some(by.clone()) } else { None });
    let died = run.end.simulator_died.map(EndedBy::SimulatorDied);
    let mut planned = vec![0; paths];
    let mut gaps = Vec::new();
    let mut rows_lost = 0;
    for mut worker in run.workers {
        planned.iter_mut().zip(worker.due).for_each(|(sum, due)| *sum += due);
        rows_lost += worker.rows_lost;
        gaps.append(&mut worker.gaps);
    }
    let ending = Ending {
        complete: cut.is_none() || reached.is_some(),
        reason: cut.map(Cut::reason).filter(|_| reached.is_none()),
        reached,
        aborted_by,
        ended_by: died.or_else(|| cut.and_then(Cut::ended_by)),
        measured_s: run.end.measured.as_secs_f64(),
        drain_s: run.end.drain.as_secs_f64(),
        planned,
        rows_lost,
        peak_rss_mib: run.peak_rss_mib,
        cpu_s: run.cpu_s,
    };
    (ending, gaps)
}
