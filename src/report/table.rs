//! A table as every format draws it: heads, cells, and what each cell means for the eye.

/// How a cell or a line is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
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
    #[must_use]
    pub fn as_str(self) -> &'static str {
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
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

impl Cell {
    /// A cell with a meaning.
    #[must_use]
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub head: &'static str,
    /// Whether it holds figures, which stand to the right.
    pub figures: bool,
    /// Whether it may be left out where there is little room.
    pub spare: bool,
}

impl Column {
    /// The same, but left out where there is little room.
    #[must_use]
    pub const fn spare(self) -> Self {
        Self { spare: true, ..self }
    }
}

/// A column of words.
#[must_use]
pub const fn words(head: &'static str) -> Column {
    Column { head, figures: false, spare: false }
}

/// A column of figures.
#[must_use]
pub const fn figures(head: &'static str) -> Column {
    Column { head, figures: true, spare: false }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, as wide as its columns.
    pub rows: Vec<Vec<Cell>>,
    /// What one must know to read it.
    pub note: Option<String>,
}
