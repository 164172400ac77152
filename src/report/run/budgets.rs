//! The first thing a reader wants: one line a path with what was allowed, what was seen, what is left, and the verdict.

use std::cmp::Ordering;

use crate::analysis::Analysis;
use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{Candidate, ShiftRow};
use crate::analysis::conclusion::Conclusion;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::objective::objective::Severity;
use crate::report::figure;
use crate::report::run::held::describe_count;
use crate::report::run::objectives;
use crate::report::shift;
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::run::Run;
use crate::units::PathId;

/// The table, with a row for each path.
#[must_use]
pub(super) fn table(run: &Run, analysis: &Analysis) -> Table {
    let mut columns = vec![word_column("path"), word_column("budget"), word_column("actual")];
    columns.extend([figures("margin left"), word_column("verdict")]);
    let paths = analysis.paths.iter().map(|summary| summary.path);
    let rows = paths.map(|path| {
        let Budget { asked, actual, left, verdict } = of_path(run, analysis, path);
        vec![run.manifest.plan.path(path).name.as_str().into(), asked, actual, left, verdict]
    });
    Table { title: "Decision".to_owned(), columns, rows: rows.collect(), note: Some(note(analysis)) }
}

/// What decides about a path.
pub(super) struct Budget {
    /// What was allowed.
    pub(super) asked: Cell,
    /// What was seen.
    pub(super) actual: Cell,
    /// How far what was seen lies from what was allowed.
    pub(super) left: Cell,
    /// The verdict.
    pub(super) verdict: Cell,
}

/// What decides about this path.
pub(super) fn of_path(run: &Run, analysis: &Analysis, path: PathId) -> Budget {
    deciding_budget(run, analysis, path).budget(analysis, path)
}

fn note(analysis: &Analysis) -> String {
    let mut note =
        "If a path has several budgets, its row shows the one that decides: missed before undecided before met, then \
         the one with the least margin left. Margin left: the distance from the observed figure to the limit, as a \
         share of the limit."
            .to_owned();
    if analysis.objectives.is_empty() {
        note.push_str(" No objective was declared ([[objective]] in the profile).");
    }
    note
}

/// What decides about a path.
enum Line<'a> {
    /// An objective, and how many more there are.
    Objective(&'a ObjectiveResult, usize),
    /// A shift beside its declared margin.
    Margin(&'a ShiftRow),
    /// A shift for which nothing was declared.
    Shift(&'a ShiftRow),
    /// The path that others are held against.
    Baseline,
    /// The baseline once more.
    Twin(&'a ShiftRow),
    /// Nothing was asked of it, or nothing can be said.
    Nothing,
}

fn deciding_budget<'a>(run: &Run, analysis: &'a Analysis, path: PathId) -> Line<'a> {
    let name = &run.manifest.plan.path(path).name;
    let own: Vec<&ObjectiveResult> = analysis.objectives.iter().filter(|held| held.objective.path == *name).collect();
    if let Some(deciding) = own.iter().min_by(|a, b| more_decisive(a, b)) {
        return Line::Objective(deciding, own.len() - 1);
    }
    let Some(comparison) = &analysis.comparison else { return Line::Nothing };
    if comparison.baseline == path {
        return Line::Baseline;
    }
    match comparison.candidates.iter().find(|candidate| candidate.path == path) {
        Some(candidate) => budget_of(comparison, candidate),
        None => Line::Nothing,
    }
}

fn budget_of<'a>(comparison: &Comparison, candidate: &'a Candidate) -> Line<'a> {
    let headline = candidate.headline(comparison.headline);
    if comparison.twin == Some(candidate.path) {
        return headline.map_or(Line::Nothing, Line::Twin);
    }
    let rank = |gate| match gate {
        Gate::Failed => 0,
        Gate::Open => 1,
        Gate::Passed => 2,
        Gate::Ungated => 3,
    };
    let declared = candidate.rows.iter().filter(|row| row.margin.is_some());
    let left = |row: &ShiftRow| share_left(row.shift_ms, row.gate_ms, true).unwrap_or(f64::INFINITY);
    let deciding = declared.min_by(|a, b| rank(a.gate).cmp(&rank(b.gate)).then(left(a).total_cmp(&left(b))));
    deciding.map(Line::Margin).or(headline.map(Line::Shift)).unwrap_or(Line::Nothing)
}

/// Which of two objectives decides about their path.
fn more_decisive(a: &ObjectiveResult, b: &ObjectiveResult) -> Ordering {
    let rank = |held: &ObjectiveResult| match (held.verdict, held.objective.severity) {
        (ObjectiveVerdict::Missed, Severity::Critical) => 0,
        (ObjectiveVerdict::Inconclusive, Severity::Critical) => 1,
        (ObjectiveVerdict::Missed, Severity::Warning) => 2,
        (ObjectiveVerdict::Inconclusive, Severity::Warning) => 3,
        (ObjectiveVerdict::Met, _) => 4,
    };
    let room = |held| room_left(held).unwrap_or(f64::INFINITY);
    rank(a).cmp(&rank(b)).then(room(a).total_cmp(&room(b)))
}

fn room_left(held: &ObjectiveResult) -> Option<f64> {
    let expr = &held.objective.expr;
    share_left(held.estimate.value, Some(expr.limit), expr.comparator.is_upper())
}

/// How far a figure lies from its limit, as a share of the limit; below 0 if it breaks it.
fn share_left(seen: Option<f64>, limit: Option<f64>, is_upper: bool) -> Option<f64> {
    let (seen, limit) = (seen?, limit?);
    let room = if is_upper { limit - seen } else { seen - limit };
    (limit.abs() > 1e-12).then(|| room / limit.abs())
}

impl Line<'_> {
    fn budget(&self, analysis: &Analysis, path: PathId) -> Budget {
        let none = Cell::missing;
        let (asked, actual, left, verdict) = match self {
            Self::Objective(held, more) => {
                let (tone, seen) = objectives::describe_observed(held);
                let seen = describe_count(held).map_or(seen.clone(), |count| format!("{seen}; {count}"));
                let more = if *more > 0 { format!(" (and {more} more)") } else { String::new() };
                let verdict = Cell::toned(objectives::verdict_mark(held), tone);
                (format!("{}{more}", held.objective.label()).into(), seen.into(), share_cell(room_left(held)), verdict)
            }
            Self::Margin(row) => {
                let named = format!("{} {}", row.metric.short(), row.quantile);
                let budget = match row.gate_ms {
                    Some(limit) => format!("{named} < {}", figure::shift(limit)),
                    None => format!("{named} within its margin"),
                };
                (
                    budget.into(),
                    shift_cell(row),
                    share_cell(share_left(row.shift_ms, row.gate_ms, true)),
                    gate_cell(row.gate),
                )
            }
            Self::Shift(row) => (Cell::toned("none declared", Tone::Quiet), shift_cell(row), none(), verdict_cell(row)),
            Self::Twin(row) => {
                (Cell::toned("none: the baseline again", Tone::Quiet), shift_cell(row), none(), "noise floor".into())
            }
            Self::Baseline => (Cell::toned("none declared", Tone::Quiet), none(), none(), "baseline".into()),
            Self::Nothing => (Cell::toned("none declared", Tone::Quiet), none(), none(), none()),
        };
        let failed = analysis.failing.iter().find(|failed| failed.path == path);
        let (actual, left, verdict) = match (analysis.conclusion, failed) {
            (Conclusion::Failed, Some(failed)) => {
                (failed.describe().into(), none(), Cell::toned("✗ failed", Tone::Bad))
            }
            (Conclusion::Invalid, _) => (actual, none(), Cell::toned("none: the run is invalid", Tone::Bad)),
            (Conclusion::Incomplete, _) => (actual, none(), Cell::toned("none: the run is incomplete", Tone::Warn)),
            (Conclusion::Failed | Conclusion::Missed | Conclusion::Inconclusive | Conclusion::Met, _) => {
                (actual, left, verdict)
            }
        };
        Budget { asked, actual, left, verdict }
    }
}

fn share_cell(left: Option<f64>) -> Cell {
    match left {
        Some(left) => {
            let text = format!("{:+.0}%", left * 100.0).replace('-', "−");
            Cell::toned(text, if left < 0.0 { Tone::Bad } else { Tone::Plain })
        }
        None => Cell::missing(),
    }
}

fn shift_cell(row: &ShiftRow) -> Cell {
    let named = |figures| format!("{} {}: {figures} ms", row.metric.short(), row.quantile);
    Cell::maybe(shift::shift_figures(row.shift_ms, row.ci_ms).map(named))
}

fn gate_cell(gate: Gate) -> Cell {
    let word = match gate {
        Gate::Passed => "within its margin",
        Gate::Failed => "beyond its margin",
        Gate::Open => "inconclusive",
        Gate::Ungated => "not gated",
    };
    let shown = |(tone, glyph)| Cell::toned(format!("{glyph} {word}"), tone);
    shift::gate_mark(gate).map_or_else(|| Cell::toned(word, Tone::Quiet), shown)
}

fn verdict_cell(row: &ShiftRow) -> Cell {
    let (tone, glyph, word) = shift::verdict_mark(row.verdict);
    Cell::toned(format!("{glyph} {word}"), tone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::run::fixture::World;

    fn rows(exprs: &[(&str, &str)], margins: &[&str], spoil: impl Fn(&mut Run)) -> Vec<[String; 5]> {
        let mut run = World { shifts_ms: vec![0.0, 30.0, 6.0], ..World::default() }.run();
        let objective = |(path, expr): &(&str, &str)| Objective::new(path, expr.parse().expect("expression"));
        run.manifest.plan.objectives = exprs.iter().map(objective).collect();
        run.manifest.plan.margins = margins.iter().map(|margin| margin.parse().expect("margin")).collect();
        spoil(&mut run);
        let table = table(&run, &analyse(&run));
        let text = |row: &Vec<Cell>| -> [String; 5] { std::array::from_fn(|place| row[place].text.clone()) };
        table.rows.iter().map(text).collect()
    }

    #[test]
    fn each_path_has_a_line_and_the_budget_that_decides() {
        let rows = rows(
            &[("direct", "ttft.p50 < 1s"), ("direct", "ttft.p50 < 200ms"), ("gateway", "ttft.p50 < 100ms")],
            &["ttft.p50=10ms"],
            |_| {},
        );
        assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["direct", "private", "gateway"]);
        assert_eq!((rows[0][1].as_str(), rows[0][4].as_str()), ("ttft.p50 < 200ms (and 1 more)", "✓ met"));
        assert_eq!((rows[1][1].as_str(), rows[1][4].as_str()), ("TTFT p50 < +10.0 ms", "✗ beyond its margin"));
        assert_eq!((rows[2][1].as_str(), rows[2][4].as_str()), ("ttft.p50 < 100ms", "✗ missed"));
        let left: Vec<f64> =
            rows.iter().map(|row| row[3].trim_end_matches('%').replace('−', "-").parse().expect("percent")).collect();
        assert!((10.0..40.0).contains(&left[0]) && left[1] < -100.0 && left[2] < -30.0, "{left:?}");
    }

    #[test]
    fn without_budgets_the_shift_speaks() {
        let rows = rows(&[], &[], |_| {});
        assert_eq!([&rows[0][4], &rows[1][4]], ["baseline", "▲ slower"]);
        assert!(rows[1][2].starts_with("TTFT p50: +") && rows[1][1] == "none declared", "{rows:?}");
    }

    #[test]
    fn an_invalid_run_has_no_verdict() {
        let rows = rows(&[("direct", "ttft.p50 < 1s")], &[], |run| {
            run.manifest.ending.as_mut().expect("ending").rows_lost = 1;
        });
        assert!(
            rows.iter().all(|row| row[4] == "none: the run is invalid" && row[3] == Cell::missing().text),
            "{rows:?}"
        );
    }
}
