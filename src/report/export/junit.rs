//! `junit.xml`: the run itself, every path, every objective and every declared margin as test cases, for the test view of
//! a build server. It fails where the run does.

use crate::analysis::gate::Gate;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::analysis::validity::{Validity, ValidityVerdict};
use crate::analysis::{Analysis, PathSummary};
use crate::measure::objective::Severity;
use crate::report::figure;
use crate::report::html::escape;
use crate::report::words;
use crate::run::Run;

/// The bytes of `junit.xml`; `None` where nothing was asked of the run and nothing failed.
///
/// What could not be decided is skipped, not passed. The run's validity is a case of its own: an error if the run is
/// invalid, and then nothing else passes or fails.
#[must_use]
pub fn render(run: &Run, analysis: &Analysis) -> Option<Vec<u8>> {
    if analysis.objectives.is_empty() && analysis.conclusion.exit_code(false) == 0 {
        return None;
    }
    let invalid = analysis.validity.verdict == ValidityVerdict::Invalid;
    let mut cases = vec![of_run(&analysis.validity)];
    cases.extend(analysis.paths.iter().map(|summary| of_path(run, analysis, summary)));
    cases.extend(analysis.objectives.iter().map(|result| of_objective(result, invalid)));
    cases.extend(of_margins(run, analysis));
    if invalid {
        cases.iter_mut().for_each(Case::skip_unless_broken);
    }
    let count = |of: fn(&Ending) -> bool| cases.iter().filter(|case| of(&case.ending)).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
        cases.len(),
        count(|ending| *ending == Ending::Failed),
        count(|ending| *ending == Ending::Broken),
        count(|ending| *ending == Ending::Skipped),
        run.measured_s()
    );
    let name = escape(&run.manifest.plan.name);
    // Jenkins' schema takes neither a fraction of a second nor a zone.
    let started = escape(run.manifest.started_at.split(['.', 'Z', '+']).next().unwrap_or_default());
    let body: String = cases.iter().map(Case::xml).collect();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hopmark\" {counts}>\n\
         <testsuite name=\"{name}\" {counts} timestamp=\"{started}\">\n{}{body}</testsuite>\n</testsuites>\n",
        properties(run)
    );
    Some(text.into_bytes())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Passed,
    Failed,
    Broken,
    Skipped,
}

struct Case {
    class: String,
    name: String,
    ending: Ending,
    message: String,
}

impl Case {
    /// Of an invalid run nothing passes or fails.
    fn skip_unless_broken(&mut self) {
        if self.ending != Ending::Broken && self.ending != Ending::Skipped {
            self.ending = Ending::Skipped;
            self.message = format!("the run is invalid; seen was {}", self.message);
        }
    }

    fn xml(&self) -> String {
        let message = escape(&self.message);
        let inner = match self.ending {
            Ending::Passed => format!("<system-out>{message}</system-out>"),
            Ending::Failed => format!("<failure type=\"missed\" message=\"{message}\"/>"),
            Ending::Broken => format!("<error type=\"invalid\" message=\"{message}\"/>"),
            Ending::Skipped => format!("<skipped message=\"{message}\"/>"),
        };
        let (class, name) = (escape(&self.class), escape(&self.name));
        format!("<testcase classname=\"{class}\" name=\"{name}\">{inner}</testcase>\n")
    }
}

fn of_run(validity: &Validity) -> Case {
    let (_, sentence) = words::validity(validity);
    let reasons = validity.reasons.iter().map(|reason| format!("; {}: {}", reason.message(), reason.remedy()));
    let ending = match validity.verdict {
        ValidityVerdict::Valid | ValidityVerdict::Degraded => Ending::Passed,
        ValidityVerdict::Invalid => Ending::Broken,
    };
    let message = sentence + &reasons.collect::<String>();
    Case { class: "hopmark".to_owned(), name: "the run is valid".to_owned(), ending, message }
}

/// Whether a path answered: the case that fails when it did not, whatever else was asked of it.
fn of_path(run: &Run, analysis: &Analysis, summary: &PathSummary) -> Case {
    let failed = analysis.failing.iter().find(|failed| failed.path == summary.path);
    let (ending, message) = match failed {
        Some(failed) => (Ending::Failed, failed.seen()),
        None if summary.requests.ok == 0 => (Ending::Skipped, "no call was finished".to_owned()),
        None => (Ending::Passed, format!("{} of {} calls succeeded", summary.requests.ok, summary.requests.planned)),
    };
    let class = run.manifest.plan.path(summary.path).name.clone();
    Case { class, name: "the path answers".to_owned(), ending, message }
}

/// The declared margins of every candidate.
fn of_margins(run: &Run, analysis: &Analysis) -> Vec<Case> {
    let mut cases = Vec::new();
    for candidate in analysis.comparison.iter().flat_map(|comparison| comparison.others()) {
        let class = &run.manifest.plan.path(candidate.path).name;
        let case = |name: String, gate, message| Case { class: class.clone(), name, ending: of_gate(gate), message };
        for row in &candidate.rows {
            let Some(margin) = row.margin else { continue };
            let name = format!("{}.{} within {margin} of the baseline", row.metric, figure::quantile(row.quantile));
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

fn of_objective(result: &ObjectiveResult, invalid: bool) -> Case {
    let (_, seen) = words::objective(result);
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
        (true, _) => format!("the run is invalid; seen was {seen}"),
        (false, true) => format!("missed, a warning only: {seen}"),
        (false, false) => seen,
    };
    let objective = &result.objective;
    Case { class: objective.path.clone(), name: objective.label(), ending, message }
}

fn properties(run: &Run) -> String {
    let manifest = &run.manifest;
    let seed = manifest.plan.seed.to_string();
    let property = |(name, value): (&str, &str)| format!("<property name=\"{name}\" value=\"{}\"/>\n", escape(value));
    let known = [("run", manifest.id.as_str()), ("hopmark", &manifest.tool_version), ("seed", &seed)];
    format!("<properties>\n{}</properties>\n", known.into_iter().map(property).collect::<String>())
}
