//! Whether the counts of a run add up: every arrival accounted for, every row there, every stamp in its order.

use crate::analysis::validity::reason::Reason;
use crate::measure::counts::Counts;
use crate::run::Run;
use crate::units::CallCounts;

/// What is wrong with them.
pub(crate) fn reasons(run: &Run, all: &Counts, requests: &[CallCounts]) -> Vec<Reason> {
    let found = [simulator_died(run), accounting(run, requests), rows_lost(run), clock(all), incomplete(run)];
    found.into_iter().flatten().collect()
}

/// Planned must be the sum of ok, failed, incomplete and dropped, path by path.
fn accounting(run: &Run, requests: &[CallCounts]) -> Option<Reason> {
    let named = run.manifest.plan.paths.iter().map(|path| &path.name).zip(requests);
    let wrong: Vec<String> = named
        .filter(|(_, requests)| !requests.adds_up())
        .map(|(name, r)| {
            format!(
                "'{name}': {} planned, {} ok + {} failed + {} incomplete + {} dropped",
                r.planned, r.ok, r.failed, r.incomplete, r.dropped
            )
        })
        .collect();
    (!wrong.is_empty()).then_some(Reason::Accounting(wrong))
}

fn rows_lost(run: &Run) -> Option<Reason> {
    let lost = run.manifest.ending.as_ref().map_or(0, |ending| ending.rows_lost);
    (lost > 0).then_some(Reason::RowsLost(lost))
}

/// Stamps that run backwards.
fn clock(all: &Counts) -> Option<Reason> {
    (all.backwards > 0).then_some(Reason::Clock(all.backwards))
}

/// The bundled simulator is the backend: without it there is nothing to measure.
fn simulator_died(run: &Run) -> Option<Reason> {
    let how = run.manifest.ending.as_ref()?.simulator_died()?;
    Some(Reason::SimulatorDied(how.to_owned()))
}

fn incomplete(run: &Run) -> Option<Reason> {
    if run.is_complete() {
        return None;
    }
    Some(Reason::IncompleteRun(match &run.manifest.ending {
        Some(ending) => ending.reason.clone().unwrap_or_else(|| "it did not say why".to_owned()),
        None => "it was killed, or is still under way".to_owned(),
    }))
}
