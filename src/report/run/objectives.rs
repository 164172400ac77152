//! The objectives and the claims of a run.

use crate::analysis::slo::{ExpectationResult, ObjectiveResult, ObjectiveVerdict};
use crate::analysis::{Analysis, Conclusion};
use crate::objective::expression::Subject;
use crate::objective::indicator::Unit;
use crate::objective::objective::Severity;
use crate::report::figure;
use crate::report::glyph::{BROKEN, KEPT, UNDECIDED};
use crate::report::run::held::describe_count;
use crate::report::table::{Cell, Table, Tone, words as word_column};

/// The objectives; without rows if there are none.
pub(super) fn objectives(analysis: &Analysis) -> Table {
    let row = |result: &ObjectiveResult| -> Vec<Cell> {
        let (tone, seen) = describe_objective(result);
        let (tone, mark) = mark_shown(analysis, &result.objective.path, tone, verdict_mark(result));
        let objective = &result.objective;
        vec![Cell::toned(mark, tone), objective.path.as_str().into(), objective.title().into(), seen.into()]
    };
    Table::new(
        "Objectives",
        vec![word_column("verdict"), word_column("path"), word_column("objective"), word_column("observed")],
        analysis.objectives.iter().map(row),
    )
    .noted(
        "Met if the whole 95% interval keeps the limit, or so few calls are beyond it that the same is 95% sure; missed \
             if none of the interval keeps it. A missed warning does not fail the run.",
    )
}

/// The verdict on something that was asked of a path: none of an invalid run, and no good colour on a path that failed.
fn mark_shown(analysis: &Analysis, path: &str, tone: Tone, mark: String) -> (Tone, String) {
    let failed = analysis.failing.iter().any(|failed| failed.name == path);
    match tone {
        _ if analysis.conclusion == Conclusion::Invalid => (Tone::Quiet, "not judged".to_owned()),
        Tone::Good if failed => (Tone::Quiet, mark),
        Tone::Plain | Tone::Quiet | Tone::Good | Tone::Warn | Tone::Bad => (tone, mark),
    }
}

/// The claims; without rows if there are none.
pub(super) fn expectations(analysis: &Analysis) -> Table {
    let row = |held: &ExpectationResult| -> Vec<Cell> {
        let (tone, seen) = describe_objective(&held.result);
        let mark = match held.result.verdict {
            ObjectiveVerdict::Met => format!("{KEPT} holds"),
            ObjectiveVerdict::Missed => format!("{BROKEN} fails"),
            ObjectiveVerdict::Inconclusive => format!("{UNDECIDED} unproven"),
        };
        let expectation = &held.expectation;
        let (tone, mark) = mark_shown(analysis, &expectation.slo.path, tone, mark);
        let reference = expectation.reference.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
        vec![
            format!("{}{reference}", expectation.claim).into(),
            expectation.slo.path.as_str().into(),
            Cell::toned(mark, tone),
            expectation.slo.label().into(),
            seen.into(),
        ]
    };
    let heads = ["claim", "path", "verdict", "held against", "observed"];
    Table::new("Expectations", heads.map(word_column).to_vec(), analysis.expectations.iter().map(row))
        .noted("Holds, fails or is unproven by the same intervals; a claim never decides how a run ends.")
}

/// The sentence of an objective.
pub(crate) fn describe_objective(result: &ObjectiveResult) -> (Tone, String) {
    let (tone, seen) = describe_observed(result);
    let more = describe_count(result).into_iter().chain(result.reason.clone());
    (tone, std::iter::once(seen).chain(more).collect::<Vec<_>>().join("; "))
}

/// The figure of an objective with its interval.
pub(crate) fn describe_observed(result: &ObjectiveResult) -> (Tone, String) {
    let figure = |value: f64| in_unit(result, value);
    let tone = match result.verdict {
        ObjectiveVerdict::Met => Tone::Good,
        ObjectiveVerdict::Missed if result.objective.severity == Severity::Warning => Tone::Warn,
        ObjectiveVerdict::Missed => Tone::Bad,
        ObjectiveVerdict::Inconclusive => Tone::Warn,
    };
    let side = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), figure);
    let seen = result.estimate.value.map_or_else(
        || "not measured".to_owned(),
        |observed| match (result.estimate.low, result.estimate.high) {
            (None, None) => figure(observed),
            (low, high) => format!("{} [{}, {}]", figure(observed), side(low), side(high)),
        },
    );
    (tone, seen)
}

/// A figure of an objective in its unit.
fn in_unit(result: &ObjectiveResult, value: f64) -> String {
    let is_difference = matches!(result.objective.expr.subject, Subject::Difference(..));
    match result.objective.expr.unit() {
        Unit::Ms if is_difference => figure::shift(value),
        Unit::Ms => figure::ms(value),
        Unit::Share if is_difference => figure::change(value),
        Unit::Share => figure::share(value),
        Unit::TokensPerSecond => format!("{} tokens/s", figure::bare(value)),
        Unit::Ratio => format!("{value:.3}\u{d7}"),
    }
}

/// The verdict on an objective, for a cell.
pub(crate) fn verdict_mark(result: &ObjectiveResult) -> String {
    match result.verdict {
        ObjectiveVerdict::Met => format!("{KEPT} met"),
        ObjectiveVerdict::Missed if result.objective.severity == Severity::Warning => "⚠ missed (warning)".to_owned(),
        ObjectiveVerdict::Missed => format!("{BROKEN} missed"),
        ObjectiveVerdict::Inconclusive => format!("{UNDECIDED} inconclusive"),
    }
}
