//! The errors of a run as a reader meets them: how many, message and remedy.

use crate::analysis::Analysis;
use crate::analysis::summary::errors_seen;
use crate::analysis::summary::paths::PathSummary;
use crate::measure::errors_seen::ErrorSeen;
use crate::report::figure;
use crate::report::table::{Cell, Table, figures, words};
use crate::run::Run;

/// What the calls are called that nobody knows the end of.
const KILLED: &str = "under way when the run was killed";

/// What went wrong, by path; without rows if nothing did.
pub(crate) fn table(run: &Run, analysis: &Analysis) -> Table {
    let of_path = |summary: &PathSummary| -> Vec<Vec<Cell>> {
        let name = run.manifest.plan.path(summary.path).name.clone();
        let planned = summary.requests.planned.max(1) as f64;
        let row = |class: &str, count: u64, told: String| {
            let share = figure::share(count as f64 / planned);
            vec![name.as_str().into(), class.into(), figure::count(count).into(), share.into(), told.into()]
        };
        let lost = run.lost.by_path.get(summary.path.index()).copied().filter(|lost| *lost > 0);
        let killed = lost.map(|lost| row(KILLED, lost, String::new()));
        summary.errors.iter().map(|(class, seen)| row(class, seen.count, describe_error(seen))).chain(killed).collect()
    };
    let mut rows: Vec<Vec<Cell>> = analysis.paths.iter().flat_map(of_path).collect();
    if run.lost.unattributed > 0 {
        let count = figure::count(run.lost.unattributed);
        rows.push(vec![Cell::missing(), KILLED.into(), count.into(), Cell::missing(), "".into()]);
    }
    Table::new(
        "What went wrong",
        vec![words("path"), words("error"), figures("calls"), figures("share"), words("message and remedy")],
        rows,
    )
}

/// What was said of a class of errors, and what helps.
pub(crate) fn describe_error(seen: &ErrorSeen) -> String {
    let remedy = errors_seen::remedy(seen).map(|remedy| format!(" → {remedy}")).unwrap_or_default();
    format!("{}{remedy}", errors_seen::explained(seen))
}

/// The errors of a path, a line a class; empty without errors.
pub(crate) fn describe_errors_of(summary: &PathSummary) -> String {
    let line =
        |(class, seen): (&String, &ErrorSeen)| format!("{class} ({} calls): {}", seen.count, describe_error(seen));
    summary.errors.iter().map(line).collect::<Vec<_>>().join("\n")
}
