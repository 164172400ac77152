//! `junit.xml`: every objective as a test case, for the test view of a build server.

use crate::analysis::Analysis;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::report::html::escape;
use crate::report::words;
use crate::run::Run;

/// The bytes of `junit.xml`; `None` without objectives. What could not be decided is skipped, not passed.
#[must_use]
pub fn render(run: &Run, analysis: &Analysis) -> Option<Vec<u8>> {
    let results = &analysis.objectives;
    if results.is_empty() {
        return None;
    }
    let count = |verdict| results.iter().filter(|result| result.verdict == verdict).count();
    let head = format!(
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3}\" timestamp=\"{}\">",
        escape(&run.manifest.plan.name),
        results.len(),
        count(ObjectiveVerdict::Missed),
        count(ObjectiveVerdict::Inconclusive),
        run.measured_s(),
        escape(run.manifest.started_at.trim_end_matches('Z'))
    );
    let cases: String = results.iter().map(case).collect();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n{head}\n{cases}</testsuite>\n</testsuites>\n"
    );
    Some(text.into_bytes())
}

fn case(result: &ObjectiveResult) -> String {
    let (_, seen) = words::objective(result);
    let seen = escape(&seen);
    let inner = match result.verdict {
        ObjectiveVerdict::Met => format!("<system-out>{seen}</system-out>"),
        ObjectiveVerdict::Missed => format!("<failure message=\"{seen}\"/>"),
        ObjectiveVerdict::Inconclusive => format!("<skipped message=\"{seen}\"/>"),
    };
    let (path, expression) = (escape(&result.objective.path), escape(&result.objective.expr.to_string()));
    format!("<testcase classname=\"{path}\" name=\"{expression}\">{inner}</testcase>\n")
}
