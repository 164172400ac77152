//! Every path of a run on the first screen: its shift, its budget, its failures, its cost, and where its calls went.

use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::Candidate;
use crate::analysis::summary::paths::PathSummary;
use crate::analysis::{Analysis, Conclusion};
use crate::report::amounts;
use crate::report::figure;
use crate::report::overview::{Overview, PathLine, Shift};
use crate::report::run::budgets::{self, Budget};
use crate::report::run::failures::Failures;
use crate::report::run::paths::median;
use crate::report::run::ways;
use crate::report::shift;
use crate::report::table::{Cell, Tone, figures};
use crate::run::Run;
use crate::units::PathId;

/// The least that the scale of shifts reaches to either side, ms, and as a share of the baseline's median.
const LEAST_REACH: (f64, f64) = (1.0, 0.01);

/// Every path, the fastest first; in the order of the plan where nothing may be ranked.
pub(super) fn overview(run: &Run, analysis: &Analysis) -> Overview {
    let lines = Lines { run, analysis, failures: Failures::of_all(analysis) };
    let mut paths: Vec<PathLine> = analysis.paths.iter().map(|summary| lines.line(summary)).collect();
    if is_ranked(analysis.conclusion) {
        // What has no shift stands last.
        paths.sort_by(|a, b| place(a).total_cmp(&place(b)));
    }
    let metric = analysis.headline.name();
    let baseline = analysis.comparison.as_ref().map(|comparison| comparison.baseline);
    let median_ms = baseline.and_then(|path| median(&analysis.paths[path.index()], analysis.headline)).unwrap_or(0.0);
    let title = match baseline {
        Some(path) => format!("Median {metric} of each path against {}", run.manifest.plan.path(path).name),
        None => format!("Median {metric}"),
    };
    let mut heads = vec![figures("p50 ms"), figures("failed calls"), figures("throttled")];
    heads.extend((lines.failures.incomplete > 0).then_some(figures("cut off")));
    heads.extend((lines.failures.unsent > 0).then_some(figures("never sent")));
    heads.extend(analysis.cost.is_some().then_some(figures("cost")));
    let least_reach_ms = LEAST_REACH.0.max(LEAST_REACH.1 * median_ms);
    Overview { title, heads, paths, least_reach_ms, note: note(analysis) }
}

fn place(path: &PathLine) -> f64 {
    path.shift.map_or(f64::INFINITY, |shift| shift.ms)
}

/// Whether paths may be ranked: half a run and one that is not valid rank nothing.
fn is_ranked(conclusion: Conclusion) -> bool {
    match conclusion {
        Conclusion::Invalid | Conclusion::Incomplete => false,
        Conclusion::Failed | Conclusion::Missed | Conclusion::Inconclusive | Conclusion::Met => true,
    }
}

fn note(analysis: &Analysis) -> String {
    let margins = analysis.comparison.iter().flat_map(|comparison| &comparison.candidates);
    let has_margin = margins.flat_map(|candidate| &candidate.rows).any(|row| row.gate_ms.is_some());
    let mut note = String::new();
    if analysis.comparison.is_some() {
        note.push_str("Bars are 95% intervals; further right is slower.");
    }
    if has_margin {
        note.push_str(" Shaded: the declared margin.");
    }
    if analysis.objectives.is_empty() && !has_margin {
        note.push_str(" No objective was declared ([[objective]] in the profile).");
    }
    note.trim_start().to_owned()
}

struct Lines<'a> {
    run: &'a Run,
    analysis: &'a Analysis,
    /// The calls of all paths that did not succeed: nothing looks all good beside any.
    failures: Failures,
}

impl Lines<'_> {
    fn line(&self, summary: &PathSummary) -> PathLine {
        let path = summary.path;
        let net = self.run.manifest.plan.path(path);
        // A path is often called what it is.
        let kind = Some(net.kind.to_string()).filter(|kind| *kind != net.name);
        let mut way: Vec<Cell> = kind.into_iter().map(|kind| Cell::toned(kind, Tone::Quiet)).collect();
        way.extend(self.analysis.ways.iter().find(|way| way.path == path).map(ways::in_short).unwrap_or_default());
        let Budget { asked, actual, left, verdict } = budgets::of_path(self.run, self.analysis, path);
        let (shift, figures) = self.shift(path);
        PathLine {
            place: path.index(),
            name: net.name.clone(),
            way,
            shift,
            figures: self.unless_failures(figures),
            verdict: self.unless_failures(verdict),
            budget: describe_budget(&asked, &actual, &left),
            facts: self.facts(summary),
        }
    }

    /// Good news is no colour where calls did not succeed.
    fn unless_failures(&self, cell: Cell) -> Cell {
        let tone = if !self.failures.is_none() && cell.tone == Tone::Good { Tone::Plain } else { cell.tone };
        Cell { tone, ..cell }
    }

    fn shift(&self, path: PathId) -> (Option<Shift>, Cell) {
        let Some(comparison) = &self.analysis.comparison else { return (None, Cell::missing()) };
        if comparison.baseline == path {
            let failed = self.analysis.failing.iter().any(|failed| failed.path == path);
            return ((!failed).then(Shift::default), Cell::toned("baseline", Tone::Quiet));
        }
        let candidate = comparison.candidates.iter().find(|candidate| candidate.path == path);
        candidate.map_or_else(|| (None, Cell::missing()), |candidate| self.shift_of(comparison, candidate))
    }

    fn shift_of(&self, comparison: &Comparison, candidate: &Candidate) -> (Option<Shift>, Cell) {
        let ends = [candidate.path, comparison.baseline];
        if self.analysis.failing.iter().any(|failed| ends.contains(&failed.path)) {
            return (None, Cell::toned("not compared: a path failed", Tone::Quiet));
        }
        let Some(row) = candidate.headline(comparison.headline) else { return (None, Cell::missing()) };
        let (Some(ms), Some(figures)) = (row.shift_ms, shift::shift_figures(row.shift_ms, row.ci_ms)) else {
            return (None, Cell::missing());
        };
        let (tone, glyph, word) = shift::verdict_mark(row.verdict);
        let (tone, mark) = match (shift::is_withheld(row), row.gate) {
            (true, _) => (Tone::Quiet, "not judged"),
            // Slower is no fault where nothing was asked of the path.
            (false, Gate::Ungated) => (Tone::Plain, word),
            (false, Gate::Passed | Gate::Failed | Gate::Open) => (tone, word),
        };
        let margin_ms = row.gate_ms.filter(|_| row.gate != Gate::Ungated);
        let glyph = if shift::is_withheld(row) { "" } else { glyph };
        let text = format!("{glyph} {figures} ms, {mark}").trim_start().to_owned();
        (Some(Shift { ms, ci_ms: row.ci_ms, margin_ms }), Cell::toned(text, tone))
    }

    fn facts(&self, summary: &PathSummary) -> Vec<Cell> {
        let requests = &summary.requests;
        let of = |count: u64| match count {
            0 => Cell::from("0"),
            count => {
                let share = figure::share(count as f64 / requests.planned.max(1) as f64);
                Cell::toned(format!("{} ({share})", figure::count(count)), Tone::Bad)
            }
        };
        let own = Failures::of(summary);
        let median = Cell::figure(median(summary, self.analysis.headline));
        let mut facts = vec![median, of(own.failed), of(own.throttled)];
        facts.extend((self.failures.incomplete > 0).then(|| of(own.incomplete)));
        facts.extend((self.failures.unsent > 0).then(|| of(own.unsent)));
        let cost = |cost: &crate::analysis::summary::cost::Cost| {
            Cell::maybe(cost.total.map(|total| amounts::format_money(total, &cost.currency)))
        };
        facts.extend(self.analysis.cost.is_some().then(|| summary.cost.as_ref().map_or_else(Cell::missing, cost)));
        facts
    }
}

/// What was asked and what was seen, in a line.
fn describe_budget(asked: &Cell, actual: &Cell, left: &Cell) -> Cell {
    let left = if left == &Cell::missing() { String::new() } else { format!("; {} left", left.text) };
    if asked.tone == Tone::Quiet {
        // Nothing was asked: the shift stands beside it.
        return Cell::toned("", Tone::Quiet);
    }
    let actual = if actual == &Cell::missing() { "not measured" } else { &actual.text };
    Cell::toned(format!("{}: {actual}{left}", asked.text), Tone::Quiet)
}
