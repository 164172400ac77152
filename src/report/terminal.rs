//! The report at a glance: a few lines and one table, as wide as the terminal.

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, LineStyle, Table as Grid, TableStyle};
use unicode_width::UnicodeWidthChar;

use crate::report::document::{Decision, Document, Remark, Subject, Topic};
use crate::report::table::{Cell, Column, Table, Tone};
use crate::visible::line;

/// A line under the head and nothing else.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How a terminal wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Columns; `None` does not wrap.
    pub(crate) width: Option<u16>,
    /// Whether colours are wanted.
    pub(crate) colour: bool,
}

/// The tables, in their order.
const TABLES: [Topic; 13] = [
    Topic::Paths,
    Topic::Ways,
    Topic::Rungs,
    Topic::Errors,
    Topic::SignIn,
    Topic::Shifts,
    Topic::Objectives,
    Topic::Expectations,
    Topic::FailedCalls,
    Topic::Differences,
    Topic::Series,
    Topic::Changes,
    Topic::NotJudged,
];

/// The text for a terminal; `files` are its last lines and name what was written.
pub(crate) fn render(document: &Document, look: Look, files: &[String]) -> String {
    let pen = Pen(look);
    let mut parts = vec![pen.title(document)];
    parts.extend(pen.decisions(&document.decisions));
    parts.extend(document.tables_on(&TABLES).map(|(topic, table)| match (document.subject, topic) {
        (Subject::Run, Topic::Paths | Topic::Ways) => pen.table(table),
        // The page of a run says how its tables are read.
        (Subject::Run, _) => pen.titled(table),
        (Subject::Comparison | Subject::History, _) => pen.table_with_note(table),
    }));
    let ending = pen.ending(document, files);
    parts.extend((!ending.is_empty()).then_some(ending));
    parts.join("\n\n") + "\n"
}

/// One table and, under it, lines of text; each wrapped to the terminal.
pub(crate) fn table(table: &Table, lines: &[(Tone, String)], look: Look) -> String {
    let pen = Pen(look);
    let mut text = pen.titled(table) + "\n";
    for line in lines.iter().flat_map(|(tone, line)| pen.lines(line, 0, *tone)) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Draws text as a terminal wants it.
pub(crate) struct Pen(pub(crate) Look);

impl Pen {
    fn title(&self, document: &Document) -> String {
        let mut lines = self.bold(&document.title);
        lines.extend(self.lines(&document.subtitle, 0, Tone::Quiet));
        let (tone, sentence) = &document.conclusion;
        if !sentence.is_empty() {
            lines.extend(self.lines(sentence, 0, *tone));
        }
        lines.join("\n")
    }

    fn decisions(&self, decisions: &[Decision]) -> Option<String> {
        let mut lines = Vec::new();
        for Decision { tone, sentence, details } in decisions {
            // What is quiet does not shout.
            let loud = if *tone == Tone::Quiet { self.wrapped(sentence, 0) } else { self.bold(sentence) };
            lines.extend(loud.iter().map(|line| self.toned(line, *tone)));
            lines.extend(details.iter().flat_map(|detail| self.wrapped(detail, 2)));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn ending(&self, document: &Document, files: &[String]) -> String {
        let mut lines: Vec<String> = document.remarks.iter().flat_map(|remark| self.remark(remark)).collect();
        let notes = document.notes.iter();
        lines.extend(notes.flat_map(|note| self.lines(&format!("note: {note}"), 0, Tone::Quiet)));
        lines.extend(files.iter().map(|file| line(file)));
        lines.join("\n")
    }

    fn remark(&self, remark: &Remark) -> Vec<String> {
        match remark {
            Remark::Validity(tone, text) | Remark::OwnError(tone, text) | Remark::Warning(tone, text) => {
                self.lines(text, 0, *tone)
            }
            Remark::Reason(tone, message, remedy) => self.lines(&format!("{message}; {remedy}"), 2, *tone),
            Remark::Finding { path, message, remedy } => {
                self.lines(&format!("{path}: {message}; {remedy}"), 0, Tone::Warn)
            }
        }
    }

    fn titled(&self, table: &Table) -> String {
        format!("{}\n{}", self.bold(&table.title).join("\n"), self.table(table))
    }

    fn table_with_note(&self, table: &Table) -> String {
        let note = table.note.iter().flat_map(|note| self.lines(note, 0, Tone::Quiet));
        let lines: Vec<String> = [self.titled(table)].into_iter().chain(note).collect();
        lines.join("\n")
    }

    /// Words in lines as wide as the terminal, indented, in a tone.
    pub(crate) fn lines(&self, text: &str, indent: usize, tone: Tone) -> Vec<String> {
        self.wrapped(text, indent).iter().map(|line| self.toned(line, tone)).collect()
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

    /// Words in lines as wide as the terminal, indented, the second and later ones by two
    /// more; a word that is wider is broken.
    pub(crate) fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        let width = self.0.width.map_or(usize::MAX, usize::from);
        let mut lines = vec![" ".repeat(indent)];
        let (mut used, mut is_empty) = (indent, true);
        for word in line(text).split(' ') {
            let fits = used + usize::from(!is_empty) + visible_width(word) <= width;
            let parts = [if fits && !is_empty { " " } else { "" }, word];
            for (place, letter) in parts.iter().flat_map(|part| part.chars()).enumerate() {
                let wide = letter.width().unwrap_or(0);
                let begins = place == 0 && !fits && !is_empty;
                if begins || (used + wide > width && used > indent + 2) {
                    lines.push(" ".repeat(indent + 2));
                    used = indent + 2;
                }
                lines.last_mut().into_iter().for_each(|line| line.push(letter));
                used += wide;
            }
            is_empty = false;
        }
        lines
    }

    pub(crate) fn bold(&self, text: &str) -> Vec<String> {
        self.wrapped(text, 0).iter().map(|line| self.styled(line, "1")).collect()
    }

    pub(crate) fn toned(&self, text: &str, tone: Tone) -> String {
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

/// How much room a line takes: escapes that colour a text take none, some letters two columns.
fn visible_width(line: &str) -> usize {
    let mut escaped = false;
    line.chars().fold(0, |width, letter| {
        let seen = !escaped && letter != '\u{1b}';
        escaped = letter == '\u{1b}' || (escaped && letter != 'm');
        width + if seen { letter.width().unwrap_or(0) } else { 0 }
    })
}

fn grid_head(column: Column) -> comfy_table::Cell {
    let cell = comfy_table::Cell::new(column.head).add_attribute(Attribute::Bold);
    if column.figures { cell.set_alignment(CellAlignment::Right) } else { cell }
}

fn grid_cell(column: Column, cell: &Cell) -> comfy_table::Cell {
    let drawn = comfy_table::Cell::new(line(&cell.text));
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
    use crate::report::run::document;
    use crate::run::fixture::World;

    fn text(look: Look) -> String {
        let world = World { failing: vec![0.0, 0.0, 0.01], shifts_ms: vec![0.0, 30.0, 6.0], ..World::default() };
        let mut run = world.run();
        run.manifest.plan.objectives = vec![Objective::new("gateway", "ttft.p95 < 800ms".parse().expect("expression"))];
        run.manifest.notes.push("`tcp` on the simulator is loopback".to_owned());
        let files = ["report: results/made-up/report.html".to_owned()];
        render(&document(&run, &analyse(&run)), look, &files)
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
