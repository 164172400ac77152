//! The report at a glance: a few lines and one table, as wide as the terminal.

use std::collections::BTreeSet;

use comfy_table::{Attribute, CellAlignment, Color, LineStyle, Table as Grid, TableStyle};

use crate::report::document::{Decision, Document, Remark, Subject, Topic};
use crate::report::layout::{self, Breaks, Texts};
use crate::report::table::{Cell, Column, Table, Tone};
use crate::screen::{self, visible_width};
use crate::visible::line;

/// A line under the head and nothing else.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How far the fields of a block stand in.
const BLOCK_INDENT: usize = 3;
/// What stands between the fields of a line.
const BETWEEN: &str = " · ";
/// A column that is narrower than this and has cells of more lines is not read with ease.
const RAGGED: (usize, usize) = (24, 3);

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
        lines.extend(files.iter().flat_map(|file| self.wrapped(file, 0)));
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

    /// The whole table if it fits, else without its spare columns, else with its cells broken between words, else without
    /// columns that yield, else a block of lines for each row.
    fn table(&self, table: &Table) -> String {
        let width = usize::from(self.0.width.unwrap_or(u16::MAX));
        let whole = self.grid(&Shown::of(table, |_| true));
        if widest(&whole) <= width {
            return whole;
        }
        let yielding: Vec<usize> =
            (0..table.columns.len()).rev().filter(|place| table.columns[*place].yields).collect();
        // A figure and its interval are torn apart only where no column is left to yield.
        let ways = [Breaks::AroundIntervals, Breaks::BetweenWords]
            .map(|breaks| (0..=yielding.len()).map(move |gone| (breaks, gone)));
        let narrower = ways.into_iter().flatten().find_map(|(breaks, gone)| {
            let gone = &yielding[..gone];
            let shown = Shown::of(table, |place| !table.columns[place].spare && !gone.contains(&place));
            self.broken(&shown, width, breaks)
        });
        narrower.unwrap_or_else(|| self.blocks(&Shown::of(table, |place| !table.columns[place].spare), width))
    }

    /// A table of this width, its cells broken between words where they must be; `None` where a word would have to be.
    fn broken(&self, shown: &Shown, width: usize, breaks: Breaks) -> Option<String> {
        let whole = self.grid(shown);
        if widest(&whole) <= width {
            return Some(whole);
        }
        let texts = shown.texts();
        // What stands between the columns.
        let between = widest(&whole) - layout::natural(&texts);
        let widths = layout::widths(&texts, width.checked_sub(between)?, breaks)?;
        Some(shown.wrapped(&widths, breaks)).filter(|wrapped| !wrapped.is_ragged(&widths)).map(|it| self.grid(&it))
    }

    fn grid(&self, shown: &Shown) -> String {
        let mut grid = Grid::new();
        grid.load_style(RULED).force_no_tty();
        if self.0.colour {
            grid.enforce_styling();
        }
        grid.set_header(shown.heads.iter().zip(&shown.columns).map(|(head, column)| grid_head(*column, head)));
        let mut before = None;
        for row in &shown.rows {
            let repeats = row.first().is_some_and(|cell| before == Some(&cell.text)) && shown.repeats_subject;
            let subject = if repeats { vec![comfy_table::Cell::new("")] } else { Vec::new() };
            let cells = shown.columns.iter().zip(row).map(|(column, cell)| grid_cell(*column, cell));
            grid.add_row(subject.into_iter().chain(cells.skip(usize::from(repeats))));
            before = row.first().map(|cell| &cell.text);
        }
        // Cells of the last column are as wide as the widest.
        grid.trim_fmt().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// A block of lines for each row: what it is about, and its other cells.
    fn blocks(&self, shown: &Shown, width: usize) -> String {
        let about = shown.about();
        let block = |row: &Vec<Cell>| {
            let subject = row[..about].iter().map(|cell| cell.text.as_str()).filter(|text| !text.is_empty());
            let tone = row.first().map_or(Tone::Plain, |cell| cell.tone);
            let subject = screen::wrap(&subject.collect::<Vec<_>>().join("  "), 1, width);
            let mut lines: Vec<String> = subject.iter().map(|line| self.toned(line, tone)).collect();
            lines.extend(self.fields(&shown.heads[about..], &row[about..], width));
            lines.join("\n")
        };
        shown.rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }

    /// Cells behind their heads, as many in a line as fit; a long one has lines of its own.
    fn fields(&self, heads: &[String], cells: &[Cell], width: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut has_room = false;
        for (head, cell) in heads.iter().zip(cells) {
            let field = format!("{head} {}", self.toned(&cell.text, cell.tone));
            let wide = visible_width(&field);
            let last = lines.last_mut().filter(|_| has_room);
            if BLOCK_INDENT + wide > width {
                let whole = screen::wrap(&format!("{head}: {}", cell.text), BLOCK_INDENT, width);
                lines.extend(whole.iter().map(|line| self.toned(line, cell.tone)));
                has_room = false;
            } else if let Some(line) = last.filter(|line| visible_width(line) + visible_width(BETWEEN) + wide <= width)
            {
                line.push_str(BETWEEN);
                line.push_str(&field);
            } else {
                lines.push(format!("{:BLOCK_INDENT$}{field}", ""));
                has_room = true;
            }
        }
        lines
    }

    /// Words in lines as wide as the terminal, indented, the second and later ones by two more.
    pub(crate) fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        screen::wrap(&line(text), indent, self.0.width.map_or(usize::MAX, usize::from))
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

/// What of a table is drawn: columns, their heads, and rows of cells whose texts can be shown.
struct Shown {
    columns: Vec<Column>,
    heads: Vec<String>,
    rows: Vec<Vec<Cell>>,
    /// Whether a row says only once what it and those before it are about.
    repeats_subject: bool,
}

impl Shown {
    /// Of a table the columns at the wanted places.
    fn of(table: &Table, wanted: impl Fn(usize) -> bool) -> Self {
        // Where a cell may be broken is decided by its words.
        let shown = |cell: &Cell| Cell::toned(line(&cell.text).replace('\u{a0}', " "), cell.tone);
        let row = |row: &Vec<Cell>| {
            row.iter().enumerate().filter(|(place, _)| wanted(*place)).map(|(_, cell)| shown(cell)).collect()
        };
        let columns = table.columns.iter().enumerate().filter(|(place, _)| wanted(*place));
        let columns: Vec<Column> = columns.map(|(_, column)| *column).collect();
        Self {
            heads: columns.iter().map(|column| column.head.to_owned()).collect(),
            columns,
            rows: table.rows.iter().map(row).collect(),
            repeats_subject: table.columns.len() > 4,
        }
    }

    /// How many of its first cells say what a row is about, where it stands alone: several rows may be about one thing.
    fn about(&self) -> usize {
        let subjects: BTreeSet<&str> = self.rows.iter().filter_map(|row| row.first()).map(|cell| &*cell.text).collect();
        let repeats = subjects.len() < self.rows.len();
        if repeats && self.heads.len() > 2 { 2 } else { 1 }
    }

    /// Whether a narrow column has cells of many lines.
    fn is_ragged(&self, widths: &[usize]) -> bool {
        let (narrow, most) = RAGGED;
        let of_row = |row: &Vec<Cell>| {
            row.iter().zip(widths).any(|(cell, width)| *width < narrow && cell.text.lines().count() > most)
        };
        self.rows.iter().any(of_row)
    }

    /// The texts of each column, its head first.
    fn texts(&self) -> Vec<Texts> {
        let column = |(place, head): (usize, &String)| {
            let cells = self.rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.text.clone());
            std::iter::once(head.clone()).chain(cells).collect()
        };
        self.heads.iter().enumerate().map(column).collect()
    }

    /// The same with its texts in lines of these widths.
    fn wrapped(&self, widths: &[usize], breaks: Breaks) -> Self {
        let wrap = |text: &str, width: usize| layout::wrap(text, width, breaks).join("\n");
        let row = |row: &Vec<Cell>| {
            row.iter().zip(widths).map(|(cell, width)| Cell::toned(wrap(&cell.text, *width), cell.tone)).collect()
        };
        Self {
            columns: self.columns.clone(),
            heads: self.heads.clone(),
            rows: self.rows.iter().map(row).collect(),
            repeats_subject: self.repeats_subject,
        }
    }
}

/// The width of the widest line.
fn widest(text: &str) -> usize {
    text.lines().map(visible_width).max().unwrap_or(0)
}

fn grid_head(column: Column, head: &str) -> comfy_table::Cell {
    let cell = comfy_table::Cell::new(head).add_attribute(Attribute::Bold);
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
    use std::collections::HashSet;
    use std::sync::OnceLock;

    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::report::fixture;
    use crate::report::run::document;
    use crate::report::table::{figures, words as words_of};
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

    fn compared() -> &'static Document {
        static COMPARED: OnceLock<Document> = OnceLock::new();
        COMPARED.get_or_init(fixture::comparison)
    }

    /// The words of a text.
    fn words(text: &str) -> Vec<&str> {
        let words = text.split([' ', '\u{a0}', '\n']).map(|word| word.trim_end_matches(':'));
        words.filter(|word| !word.is_empty()).collect()
    }

    /// The words of cells and heads that are not whole where their table is drawn.
    fn lost(table: &Table, look: Look) -> Vec<String> {
        let text = Pen(look).table(table);
        let whole: HashSet<&str> = words(&text).into_iter().collect();
        let shown = |column: &Column| !column.spare && !column.yields;
        let cells = table.rows.iter().flat_map(|row| table.columns.iter().zip(row)).filter(|(column, _)| shown(column));
        // A block does not say the head of what it is about.
        let heads = table.columns.iter().filter(|column| shown(column)).skip(2).map(|column| column.head.to_owned());
        let texts: Vec<String> = cells.map(|(_, cell)| line(&cell.text)).chain(heads).collect();
        let lost = texts.iter().flat_map(|text| words(text)).filter(|word| !whole.contains(word));
        lost.map(|word| format!("{look:?}: lost: {word} in\n{text}")).collect()
    }

    fn broken(document: &Document, width: u16) -> Vec<String> {
        let look = |width| Look { width: Some(width), colour: false };
        let whole = render(document, look(u16::MAX), &[]);
        let faults = screen::faults(&render(document, look(width), &[]), width.into(), &whole);
        faults.into_iter().chain(document.tables_on(&TABLES).flat_map(|(_, table)| lost(table, look(width)))).collect()
    }

    #[test]
    fn no_word_and_no_number_of_a_table_is_broken_however_narrow_the_terminal() {
        let mut world = World { shifts_ms: vec![0.0, 27.3, 120.21], failing: vec![0.0, 0.01, 0.0], ..World::default() };
        world.seed = 3;
        let mut run = world.run();
        let names = ["direct", "private-endpoint-of-another-region", "api-management-with-a-long-name"];
        for (path, name) in run.manifest.plan.paths.iter_mut().zip(names) {
            path.name = name.to_owned();
        }
        let plan = &mut run.manifest.plan;
        plan.objectives = vec![Objective::new(names[1], "ttft.p99.9 < 5s".parse().expect("expression"))];
        let long = document(&run, &analyse(&run));
        let (run, analysis) = fixture::judged();
        for document in [document(run, analysis), long, fixture::comparison(), fixture::history()] {
            for width in 40..=200 {
                assert_eq!(broken(&document, width), [] as [&str; 0]);
            }
        }
    }

    proptest! {
        #[test]
        fn any_table_fits_with_its_words_whole(
            rows in vec(vec("[a-z0-9\\[\\],.%+漢 -]{0,40}", 5), 1..4),
            spare in vec(any::<bool>(), 5),
            width in 40u16..200,
        ) {
            let heads = ["path", "metric", "median of all that was measured", "p99 ms", "what helps"];
            let column = |(head, spare): (&'static str, &bool)| if *spare { figures(head).spare() } else { words_of(head) };
            let columns: Vec<Column> = heads.into_iter().zip(&spare).map(column).collect();
            let rows = rows.into_iter().map(|row| row.into_iter().map(Cell::from).collect());
            let mut document = compared().clone();
            document.tables = vec![(Topic::Shifts, Table::new("made up", columns, rows))];
            prop_assert_eq!(broken(&document, width), [] as [&str; 0]);
        }
    }

    #[test]
    fn colours_come_only_when_wanted_and_narrow_terminals_wrap() {
        assert!(text(Look { width: Some(100), colour: true }).contains("\u{1b}[31m"));
        let narrow = text(Look { width: Some(80), colour: false });
        assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    }
}
