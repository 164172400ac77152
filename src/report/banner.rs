//! The banner of a report: what the whole run comes to, in a line.

use crate::analysis::slo::ObjectiveVerdict;
use crate::analysis::validity::Reason;
use crate::analysis::{Analysis, Conclusion, FailedPath};
use crate::measure::objective::Severity;
use crate::report::table::Tone;
use crate::run::{EndedBy, Ending, Run};

/// How many failed paths are told one by one.
const TOLD: usize = 3;

/// What the run comes to; empty when nothing was asked of it and nothing failed.
#[must_use]
pub fn banner(run: &Run, analysis: &Analysis) -> (Tone, String) {
    let told = |tone, text: &str| (tone, text.to_owned());
    match analysis.conclusion {
        Conclusion::Invalid => (Tone::Bad, format!("INVALID: {}. Do not use these figures.", why_invalid(analysis))),
        Conclusion::Failed => (Tone::Bad, failed(run, &analysis.failing)),
        Conclusion::Incomplete => told(Tone::Warn, "INCOMPLETE: what was measured is shown, nothing is decided by it."),
        Conclusion::Missed if has(analysis, ObjectiveVerdict::Missed, Severity::Critical) => {
            told(Tone::Bad, "An objective was missed.")
        }
        Conclusion::Missed => told(Tone::Bad, "A path is worse than the baseline by more than its margin."),
        Conclusion::Inconclusive | Conclusion::Met => of_objectives(analysis),
    }
}

fn why_invalid(analysis: &Analysis) -> &'static str {
    if analysis.validity.reasons.iter().any(|reason| matches!(reason, Reason::SimulatorDied(_))) {
        "the bundled simulator died in the middle of the run"
    } else {
        "this tool, not the paths, was the limit"
    }
}

/// Why the run failed, path by path.
fn failed(run: &Run, failing: &[FailedPath]) -> String {
    let ending = run.manifest.ending.as_ref();
    let gave_up = match ending.and_then(|ending| ending.ended_by.as_ref()) {
        Some(EndedBy::FailuresInARow(count)) => {
            format!(" The run ended early: {count} calls in a row failed on every path, and none ever succeeded.")
        }
        Some(EndedBy::Signal | EndedBy::SimulatorDied(_)) | None => String::new(),
    };
    let complete = run.is_complete() || ending.is_some_and(Ending::ended_by_failures);
    let head = if complete { "FAILED" } else { "INCOMPLETE, and failed" };
    let mut told: Vec<String> = failing.iter().take(TOLD).map(FailedPath::message).collect();
    if failing.len() > TOLD {
        told.push(format!("{} more paths failed", failing.len() - TOLD));
    }
    format!("{head}: {}.{gave_up}", told.join("; "))
}

fn has(analysis: &Analysis, verdict: ObjectiveVerdict, severity: Severity) -> bool {
    analysis.objectives.iter().any(|result| result.verdict == verdict && result.objective.severity == severity)
}

/// What the objectives come to when none of the critical ones was missed.
fn of_objectives(analysis: &Analysis) -> (Tone, String) {
    let open = |severity| has(analysis, ObjectiveVerdict::Inconclusive, severity);
    let (tone, text) = if analysis.objectives.is_empty() {
        (Tone::Plain, "")
    } else if open(Severity::Critical) {
        (Tone::Warn, "An objective could not be decided.")
    } else if has(analysis, ObjectiveVerdict::Missed, Severity::Warning) {
        (Tone::Warn, "Every critical objective was met; a warning was missed.")
    } else if open(Severity::Warning) {
        (Tone::Good, "Every critical objective was met; a warning could not be decided.")
    } else {
        (Tone::Good, "Every objective was met.")
    };
    (tone, text.to_owned())
}
