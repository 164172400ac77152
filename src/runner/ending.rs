//! How a run's end is told: in words, and in the manifest.

use crate::run::{Aborted, EndedBy, Ending};
use crate::runner::coordinator::Cut;
use crate::runner::event_loop::MeasuredRun;

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
            Self::Signal(signal) => signal.to_string(),
            Self::Limit(why) => format!("stopped by {why}"),
            Self::Enough(why) | Self::Refused(why) => why.clone(),
            Self::Broken(error) => format!("{error:#}"),
        }
    }

    /// What broke and ended the run, beyond its plan and its objectives.
    fn ended_by(&self) -> Option<EndedBy> {
        match self {
            Self::Failing(count) => Some(EndedBy::FailuresInARow(*count)),
            Self::Signal(_) => Some(EndedBy::Signal),
            Self::Limit(_)
            | Self::Aborted(_)
            | Self::Enough(_)
            | Self::SimulatorDied(_)
            | Self::Refused(_)
            | Self::Broken(_) => None,
        }
    }
}

/// What the manifest says of the end of a run over so many paths.
pub(crate) fn ending_of(run: &MeasuredRun, paths: usize) -> Ending {
    let cut = run.end.cut.as_ref();
    let reached = cut.and_then(|cut| if let Cut::Enough(why) = cut { Some(why.clone()) } else { None });
    let aborted_by = cut.and_then(|cut| if let Cut::Aborted(by) = cut { Some(by.clone()) } else { None });
    let died = run.end.simulator_died.clone().map(EndedBy::SimulatorDied);
    let mut planned = vec![0; paths];
    for worker in &run.workers {
        planned.iter_mut().zip(&worker.due).for_each(|(sum, due)| *sum += due);
    }
    Ending {
        complete: cut.is_none() || reached.is_some(),
        reason: cut.map(Cut::reason).filter(|_| reached.is_none()),
        reached,
        aborted_by,
        ended_by: died.or_else(|| cut.and_then(Cut::ended_by)),
        measured_s: run.end.measured.as_secs_f64(),
        drain_s: run.end.drain.as_secs_f64(),
        planned,
        rows_lost: run.workers.iter().map(|worker| worker.rows_lost).sum(),
        peak_rss_mib: run.peak_rss_mib,
        cpu_s: run.cpu_s,
    }
}
