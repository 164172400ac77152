//! The report at a glance: a few lines and one table, as wide as the terminal.

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, LineStyle, Table as Grid, TableStyle};

use crate::report::model::Model;
use crate::report::sheet::Sheet;
use crate::report::table::{Cell, Column, Table, Tone};
use crate::report::words::Decision;

/// A line under the head and nothing else.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How a terminal wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns; `None` does not wrap.
    pub width: Option<u16>,
    /// Whether colours are wanted.
    pub colour: bool,
}

/// The text for a terminal, with a last line that names the report's file if there is one.
#[must_use]
pub fn render(model: &Model, look: Look, report: Option<&str>) -> String {
    let pen = Pen(look);
    let mut parts = vec![pen.title(&model.title, &model.subtitle, &model.conclusion)];
    parts.extend(pen.decisions(&model.decisions));
    parts.push(pen.table(&model.overview));
    for table in [&model.errors, &model.shifts, &model.objectives, &model.expectations] {
        if !table.rows.is_empty() {
            parts.push(format!("{}\n{}", pen.bold(&table.title), pen.table(table)));
        }
    }
    parts.push(pen.ending(model, report));
    parts.join("\n\n") + "\n"
}

/// The same for a report on more than one run; `files` names what was written.
#[must_use]
pub fn render_sheet(sheet: &Sheet, look: Look, files: &[String]) -> String {
    let pen = Pen(look);
    let mut parts = vec![pen.title(&sheet.title, &sheet.subtitle, &sheet.conclusion)];
    parts.extend(pen.decisions(&sheet.decisions));
    for table in sheet.shown() {
        let note = table.note.iter().flat_map(|note| pen.wrapped(note, 0)).map(|line| pen.toned(&line, Tone::Quiet));
        let lines: Vec<String> = [pen.bold(&table.title), pen.table(table)].into_iter().chain(note).collect();
        parts.push(lines.join("\n"));
    }
    let warnings = sheet.warnings.iter().map(|(tone, text)| (*tone, text.clone()));
    let notes = sheet.notes.iter().map(|note| (Tone::Quiet, format!("note: {note}")));
    let files = files.iter().map(|file| (Tone::Plain, format!("written: {file}")));
    let ending = warnings.chain(notes).chain(files);
    let toned = |(tone, text): (Tone, String)| -> Vec<String> {
        pen.wrapped(&text, 0).iter().map(|line| pen.toned(line, tone)).collect()
    };
    let ending: Vec<String> = ending.flat_map(toned).collect();
    parts.extend((!ending.is_empty()).then(|| ending.join("\n")));
    parts.join("\n\n") + "\n"
}

/// One table and, under it, lines of text; each wrapped to the terminal.
#[must_use]
pub fn table(table: &Table, lines: &[(Tone, String)], look: Look) -> String {
    let pen = Pen(look);
    let mut text = format!("{}\n{}\n", pen.bold(&table.title), pen.table(table));
    for (tone, line) in lines {
        for line in pen.wrapped(line, 0) {
            text.push_str(&pen.toned(&line, *tone));
            text.push('\n');
        }
    }
    text
}

struct Pen(Look);

impl Pen {
    fn title(&self, title: &str, subtitle: &str, (tone, sentence): &(Tone, String)) -> String {
        let mut lines = vec![self.bold(title)];
        lines.extend(self.wrapped(subtitle, 0).into_iter().map(|line| self.toned(&line, Tone::Quiet)));
        if !sentence.is_empty() {
            lines.push(self.toned(sentence, *tone));
        }
        lines.join("\n")
    }

    fn decisions(&self, decisions: &[Decision]) -> Option<String> {
        let mut lines = Vec::new();
        for decision in decisions {
            // What is quiet does not shout.
            let loud = decision.tone != Tone::Quiet;
            let sentence = if loud { self.bold(&decision.sentence) } else { decision.sentence.clone() };
            lines.push(self.toned(&sentence, decision.tone));
            lines.extend(decision.details.iter().flat_map(|detail| self.wrapped(detail, 2)));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn ending(&self, model: &Model, report: Option<&str>) -> String {
        let (tone, validity) = &model.validity;
        let mut lines: Vec<String> = self.wrapped(validity, 0).into_iter().map(|l| self.toned(&l, *tone)).collect();
        for (tone, message, remedy) in &model.reasons {
            lines.extend(self.wrapped(&format!("{message}; {remedy}"), 2).into_iter().map(|l| self.toned(&l, *tone)));
        }
        let (tone, own_error) = &model.own_error;
        lines.extend(self.wrapped(own_error, 0).into_iter().map(|line| self.toned(&line, *tone)));
        for (path, message, remedy) in &model.findings {
            let text = format!("{path}: {message}; {remedy}");
            lines.extend(self.wrapped(&text, 0).into_iter().map(|line| self.toned(&line, Tone::Warn)));
        }
        for note in &model.notes {
            lines.extend(self.wrapped(&format!("note: {note}"), 0).into_iter().map(|l| self.toned(&l, Tone::Quiet)));
        }
        lines.extend(report.map(|report| format!("report: {report}")));
        lines.join("\n")
    }

    /// The whole table if it fits, else without its spare columns, else with its cells broken into lines.
    fn table(&self, table: &Table) -> String {
        let width = usize::from(self.0.width.unwrap_or(u16::MAX));
        let fits = |text: &String| text.lines().all(|line| visible_width(line) <= width);
        let whole = self.grid(table, |_| true, None);
        Some(whole).filter(fits).unwrap_or_else(|| self.grid(table, |column| !column.spare, self.0.width))
    }

    fn grid(&self, table: &Table, shown: fn(&Column) -> bool, width: Option<u16>) -> String {
        let mut grid = Grid::new();
        grid.load_style(RULED).force_no_tty();
        if let Some(width) = width {
            grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if self.0.colour {
            grid.enforce_styling();
        }
        grid.set_header(table.columns.iter().filter(|column| shown(column)).map(|column| grid_head(*column)));
        let mut before = None;
        for row in &table.rows {
            let cells = table.columns.iter().zip(row).filter(|(column, _)| shown(column));
            let cells = cells.map(|(column, cell)| grid_cell(*column, cell));
            let repeats = row.first().is_some_and(|cell| before == Some(&cell.text) && table.columns.len() > 4);
            let subject = if repeats { vec![comfy_table::Cell::new("")] } else { Vec::new() };
            grid.add_row(subject.into_iter().chain(cells.skip(usize::from(repeats))));
            before = row.first().map(|cell| &cell.text);
        }
        grid.trim_fmt()
    }

    /// Words in lines as wide as the terminal, indented.
    fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        let width = self.0.width.map_or(usize::MAX, usize::from);
        let mut lines = Vec::new();
        let mut line = " ".repeat(indent);
        for word in text.split(' ') {
            let is_empty = line.trim().is_empty();
            if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent + 2)));
            } else if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        lines
    }

    fn bold(&self, text: &str) -> String {
        self.styled(text, "1")
    }

    fn toned(&self, text: &str, tone: Tone) -> String {
        match tone {
            Tone::Plain => text.to_owned(),
            Tone::Quiet => self.styled(text, "2"),
            Tone::Good => self.styled(text, "32"),
            Tone::Warn => self.styled(text, "33"),
            Tone::Bad => self.styled(text, "31"),
        }
    }

    fn styled(&self, text: &str, code: &str) -> String {
        if self.0.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Letters that are seen: escapes that colour a text take no room.
fn visible_width(line: &str) -> usize {
    let mut escaped = false;
    line.chars().fold(0, |width, letter| {
        let seen = !escaped && letter != '\u{1b}';
        escaped = letter == '\u{1b}' || (escaped && letter != 'm');
        width + usize::from(seen)
    })
}

fn grid_head(column: Column) -> comfy_table::Cell {
    let cell = comfy_table::Cell::new(column.head).add_attribute(Attribute::Bold);
    if column.figures { cell.set_alignment(CellAlignment::Right) } else { cell }
}

fn grid_cell(column: Column, cell: &Cell) -> comfy_table::Cell {
    let drawn = comfy_table::Cell::new(&cell.text);
    let drawn = if column.figures { drawn.set_alignment(CellAlignment::Right) } else { drawn };
    match cell.tone {
        Tone::Plain => drawn,
        Tone::Quiet => drawn.add_attribute(Attribute::Dim),
        Tone::Good => drawn.fg(Color::Green),
        Tone::Warn => drawn.fg(Color::Yellow),
        Tone::Bad => drawn.fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::run::fixture::World;

    fn text(look: Look) -> String {
        let world = World { failing: vec![0.0, 0.0, 0.01], shifts_ms: vec![0.0, 30.0, 6.0], ..World::default() };
        let mut run = world.run();
        run.manifest.plan.objectives = vec![Objective::new("gateway", "ttft.p95 < 800ms".parse().expect("expression"))];
        run.manifest.notes.push("`tcp` on the simulator is loopback".to_owned());
        render(&Model::of(&run, &analyse(&run)), look, Some("results/made-up/report.html"))
    }

    #[test]
    fn a_glance_tells_what_was_decided() {
        let text = text(Look { width: Some(120), colour: false });
        for part in [
            "private is 2",
            " slower than direct",
            "95% interval [",
            "gateway fails more often than direct: ",
            "Every objective was met.",
            "✓ met",
            "TTFT p50",
            "valid: 1",
            "http_429",
            "note: `tcp`",
            "report: results/made-up/report.html",
        ] {
            assert!(text.contains(part), "'{part}' in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn colours_come_only_when_wanted_and_narrow_terminals_wrap() {
        assert!(text(Look { width: Some(100), colour: true }).contains("\u{1b}[31m"));
        let narrow = text(Look { width: Some(80), colour: false });
        assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    }
}
