//! A table as every form draws it: heads, cells, and what each cell means for the eye.

use crate::report::figure;

/// What stands in a cell for what was not measured. In a sentence a dash says nothing, so no other module has it.
const MISSING: &str = "–";

/// How a cell or a line is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Secondary.
    Quiet,
    /// Good news.
    Good,
    /// Something to have in mind.
    Warn,
    /// Bad news.
    Bad,
}

impl Tone {
    /// The word used as a style's name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Quiet => "quiet",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// What it says.
    pub(crate) text: String,
    /// How it is meant.
    pub(crate) tone: Tone,
}

impl Cell {
    /// A cell with a meaning.
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// What was not measured.
    pub(crate) fn missing() -> Self {
        Self::toned(MISSING, Tone::Quiet)
    }

    /// A text, if there is one.
    pub(crate) fn maybe(text: Option<String>) -> Self {
        text.map_or_else(Self::missing, Self::from)
    }

    /// A figure whose unit stands in the head, if it was measured.
    pub(crate) fn figure(value: Option<f64>) -> Self {
        Self::maybe(value.map(figure::bare))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its head.
    pub(crate) head: &'static str,
    /// Whether it holds figures, which stand to the right.
    pub(crate) figures: bool,
    /// Whether it may be left out where there is little room.
    pub(crate) spare: bool,
    /// Whether it may be left out, the last of them first, where the table would not fit otherwise.
    pub(crate) yields: bool,
}

impl Column {
    /// The same, but left out where there is little room.
    pub(crate) const fn spare(self) -> Self {
        Self { spare: true, ..self }
    }

    /// The same, but left out where the table would not fit otherwise.
    pub(crate) const fn yielding(self) -> Self {
        Self { yields: true, ..self }
    }
}

/// A column of words.
pub(crate) const fn words(head: &'static str) -> Column {
    Column { head, figures: false, spare: false, yields: false }
}

/// A column of figures.
pub(crate) const fn figures(head: &'static str) -> Column {
    Column { head, figures: true, spare: false, yields: false }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// What it shows.
    pub(crate) title: String,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its rows, as wide as its columns.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What one must know to read it.
    pub(crate) note: Option<String>,
}

impl Table {
    /// A table without a note.
    pub(crate) fn new(
        title: impl Into<String>,
        columns: Vec<Column>,
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) -> Self {
        Self { title: title.into(), columns, rows: rows.into_iter().collect(), note: None }
    }

    /// The same with a note.
    pub(crate) fn noted(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}
