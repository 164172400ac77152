//! The shift of each candidate against the baseline, a row a metric.

use crate::analysis::Analysis;
use crate::analysis::compare::shift::{SHOWN, ShiftRow, Verdict};
use crate::measure::metric::Metric;
use crate::report::figure;
use crate::report::planned::Planned;
use crate::report::shift;
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::run::Run;
use crate::units::{PathId, Quantile};

/// The table; without rows for one path alone.
pub(super) fn table(run: &Run, analysis: &Analysis, planned: Option<Planned>) -> Table {
    let Some(comparison) = &analysis.comparison else { return Table::default() };
    let baseline = &run.manifest.plan.path(comparison.baseline).name;
    let mut columns = vec![word_column("path"), word_column("metric")];
    columns.extend([figures("p50 ms"), figures("p90 ms").spare(), figures("p95 ms"), figures("p99 ms")]);
    let mut rows = Vec::new();
    for candidate in &comparison.candidates {
        // A metric is compared in every row of a candidate or in none.
        for metric in candidate.means.iter().map(|mean| mean.metric) {
            rows.push(shift_row(run, candidate.path, metric, candidate.rows.iter()));
        }
        let truth = |q| planned.and_then(|planned| planned.ttft_shift_ms(candidate.path, comparison.baseline, q));
        rows.extend(planned_row(run, candidate.path, &truth));
    }
    let blocks = &comparison.blocks;
    Table::new(format!("Shift against {baseline}"), columns, rows).noted(format!(
            "Calls on {} connections, those that timed out as longer than any. Brackets hold the 95% interval from {} blocks of {} drawn again, the same \
             for all paths. ▲ slower and ▼ faster are verdicts that hold for all rows at once with 95% confidence.{}",
            comparison.connections,
            comparison.filled(),
            figure::seconds(blocks.length_s),
            if planned.is_some() { " TTFT planned is what the simulator was told to do." } else { "" }
        ))
}

fn shift_row<'a>(run: &Run, path: PathId, metric: Metric, rows: impl Iterator<Item = &'a ShiftRow>) -> Vec<Cell> {
    let name = run.manifest.plan.path(path).name.as_str();
    let mut cells: Vec<Cell> = vec![name.into(), metric.short().into()];
    cells.extend(rows.filter(|row| row.metric == metric && SHOWN.contains(&row.quantile)).map(shift_cell));
    cells
}

fn shift_cell(row: &ShiftRow) -> Cell {
    let Some(figures) = shift::shift_figures(row.shift_ms, row.ci_ms) else { return Cell::missing() };
    let (tone, glyph, _) = shift::verdict_mark(row.verdict);
    let mark = if row.verdict == Verdict::Inconclusive { String::new() } else { format!("{glyph} ") };
    Cell::toned(format!("{mark}{figures}"), tone)
}

fn planned_row(run: &Run, path: PathId, truth: &dyn Fn(f64) -> Option<f64>) -> Option<Vec<Cell>> {
    truth(0.5)?;
    let quiet = |text: String| Cell::toned(text, Tone::Quiet);
    let cell = |q: Quantile| truth(q.0).map_or_else(Cell::missing, |shift| quiet(figure::bare_shift(shift)));
    let mut cells =
        vec![quiet(run.manifest.plan.path(path).name.clone()), quiet(format!("{} planned", Metric::Ttft.short()))];
    cells.extend(SHOWN.map(cell));
    Some(cells)
}
