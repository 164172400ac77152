//! `junit.xml`: the run itself, every path, every objective and every declared margin as test cases, for the test view of
//! a build server. It fails where the run does.

use crate::analysis::compare::gate::Gate;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::analysis::validity::{Validity, ValidityVerdict};
use crate::analysis::{Analysis, PathSummary};
use crate::objective::objective::Severity;
use crate::report::figure;
use crate::report::junit::{Case, Ending, Suite};
use crate::report::run::{errors, objectives, validity};
use crate::run::Run;

/// The bytes of `junit.xml`; `None` where nothing was asked of the run and nothing failed.
///
/// What could not be decided is skipped, not passed. The run's validity is a case of its own: an error if the run is
/// invalid, and then nothing else passes or fails.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Option<Vec<u8>> {
    if analysis.objectives.is_empty() && analysis.conclusion.exit_code(false) == 0 {
        return None;
    }
    let invalid = analysis.validity.verdict == ValidityVerdict::Invalid;
    let mut cases = vec![of_run(&analysis.validity)];
    cases.extend(analysis.paths.iter().map(|summary| of_path(run, analysis, summary)));
    cases.extend(analysis.objectives.iter().map(|result| of_objective(run, analysis, result, invalid)));
    cases.extend(of_margins(run, analysis));
    if invalid {
        cases.iter_mut().for_each(Case::skip_unless_broken);
    }
    let manifest = &run.manifest;
    let properties = vec![
        ("run", manifest.id.clone()),
        ("hopmark", manifest.tool_version.clone()),
        ("seed", manifest.plan.seed.to_string()),
    ];
    let (started_at, seconds) = (manifest.started_at.as_str(), run.measured_s());
    Some(Suite { name: &manifest.plan.name, started_at, seconds, properties, cases }.bytes())
}

fn of_run(judged: &Validity) -> Case {
    let (_, sentence) = validity::describe_validity(judged);
    let reasons = judged.reasons.iter().map(|reason| format!("; {}: {}", reason.message(), reason.remedy()));
    let ending = match judged.verdict {
        ValidityVerdict::Valid | ValidityVerdict::Degraded => Ending::Passed,
        ValidityVerdict::Invalid => Ending::Broken,
    };
    let message = sentence + &reasons.collect::<String>();
    Case::new("hopmark", "the run is valid", ending, message)
}

/// Whether a path answered: the case that fails when it did not, whatever else was asked of it.
fn of_path(run: &Run, analysis: &Analysis, summary: &PathSummary) -> Case {
    let failed = analysis.failing.iter().find(|failed| failed.path == summary.path);
    let (ending, message) = match failed {
        Some(failed) => (Ending::Failed, failed.describe()),
        None if summary.requests.ok == 0 => (Ending::Skipped, "no call was finished".to_owned()),
        None => (Ending::Passed, format!("{} of {} calls succeeded", summary.requests.ok, summary.requests.planned)),
    };
    let class = &run.manifest.plan.path(summary.path).name;
    let detail = errors::describe_errors_of(summary);
    Case { detail, ..Case::new(class, "the path answers", ending, message) }
}

/// The declared margins of every candidate.
fn of_margins(run: &Run, analysis: &Analysis) -> Vec<Case> {
    let mut cases = Vec::new();
    for candidate in analysis.comparison.iter().flat_map(|comparison| comparison.others()) {
        let class = &run.manifest.plan.path(candidate.path).name;
        let case = |name: String, gate, message: String| Case::new(class, name, of_gate(gate), message);
        for row in &candidate.rows {
            let Some(margin) = row.margin else { continue };
            let name = format!("{}.{} within {margin} of the baseline", row.metric, row.quantile);
            let shift = row.shift_ms.map_or_else(|| "not measured".to_owned(), figure::shift);
            let why = row.reason.as_ref().map_or(String::new(), |reason| format!("; {reason}"));
            cases.push(case(name, row.gate, format!("shift {shift}{why}")));
        }
        let shares = &candidate.failures;
        if let (Some(margin), Some(share)) = (shares.margin, shares.candidate) {
            let name = format!("error_rate within {} of the baseline", figure::share(margin));
            cases.push(case(name, shares.gate, format!("{} of calls failed", figure::share(share))));
        }
    }
    cases
}

fn of_gate(gate: Gate) -> Ending {
    match gate {
        Gate::Passed => Ending::Passed,
        Gate::Failed => Ending::Failed,
        Gate::Open | Gate::Ungated => Ending::Skipped,
    }
}

fn of_objective(run: &Run, analysis: &Analysis, result: &ObjectiveResult, invalid: bool) -> Case {
    let (_, seen) = objectives::describe_objective(result);
    let ending = match result.verdict {
        _ if invalid => Ending::Skipped,
        ObjectiveVerdict::Met => Ending::Passed,
        // A test view knows no warnings: one that is missed neither passes nor breaks the build.
        ObjectiveVerdict::Missed if result.objective.severity == Severity::Warning => Ending::Skipped,
        ObjectiveVerdict::Missed => Ending::Failed,
        ObjectiveVerdict::Inconclusive => Ending::Skipped,
    };
    let warned = result.verdict == ObjectiveVerdict::Missed && !result.fails_the_run();
    let message = match (invalid, warned) {
        (true, _) => format!("the run is invalid; observed: {seen}"),
        (false, true) => format!("missed, a warning only: {seen}"),
        (false, false) => seen,
    };
    let objective = &result.objective;
    let path = run.manifest.plan.path_named(&objective.path).map(|path| path.id);
    let summary = analysis.paths.iter().find(|summary| Some(summary.path) == path);
    let detail = summary.map(errors::describe_errors_of).unwrap_or_default();
    Case { detail, ..Case::new(&objective.path, objective.title(), ending, message) }
}
