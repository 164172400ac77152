//! `junit.xml`: the run itself and every objective as test cases, for the test view of a build server.

use crate::analysis::Analysis;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::analysis::validity::{Validity, ValidityVerdict};
use crate::measure::objective::Severity;
use crate::report::errors;
use crate::report::html::escape;
use crate::report::words;
use crate::run::Run;

/// The bytes of `junit.xml`; `None` without objectives.
///
/// What could not be decided is skipped, not passed. The run's validity is a case of its own: an error if the run is
/// invalid, and then no objective passes or fails.
#[must_use]
pub fn render(run: &Run, analysis: &Analysis) -> Option<Vec<u8>> {
    if analysis.objectives.is_empty() {
        return None;
    }
    let invalid = analysis.validity.verdict == ValidityVerdict::Invalid;
    let cases = std::iter::once(of_run(&analysis.validity));
    let cases: Vec<Case> =
        cases.chain(analysis.objectives.iter().map(|result| of_objective(run, result, invalid))).collect();
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
    /// What stands below, if it did not pass.
    detail: String,
}

impl Case {
    fn xml(&self) -> String {
        let inner = match self.ending {
            Ending::Passed => format!("<system-out>{}</system-out>", escape(&self.message)),
            Ending::Failed => self.element("failure", " type=\"missed\""),
            Ending::Broken => self.element("error", " type=\"invalid\""),
            Ending::Skipped => self.element("skipped", ""),
        };
        let (class, name) = (escape(&self.class), escape(&self.name));
        format!("<testcase classname=\"{class}\" name=\"{name}\">{inner}</testcase>\n")
    }

    fn element(&self, name: &str, kind: &str) -> String {
        let (message, detail) = (escape(&self.message), escape(&self.detail));
        let end = if detail.is_empty() { "/>".to_owned() } else { format!(">{detail}</{name}>") };
        format!("<{name}{kind} message=\"{message}\"{end}")
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
    Case { class: "hopmark".to_owned(), name: "the run is valid".to_owned(), ending, message, detail: String::new() }
}

fn of_objective(run: &Run, result: &ObjectiveResult, invalid: bool) -> Case {
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
    let path = run.manifest.plan.path_named(&objective.path);
    let detail = path.map(|path| errors::of_path(run, path.id)).unwrap_or_default();
    Case { class: objective.path.clone(), name: objective.label(), ending, message, detail }
}

fn properties(run: &Run) -> String {
    let manifest = &run.manifest;
    let seed = manifest.plan.seed.to_string();
    let property = |(name, value): (&str, &str)| format!("<property name=\"{name}\" value=\"{}\"/>\n", escape(value));
    let known = [("run", manifest.id.as_str()), ("hopmark", &manifest.tool_version), ("seed", &seed)];
    format!("<properties>\n{}</properties>\n", known.into_iter().map(property).collect::<String>())
}
