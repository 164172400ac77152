//! A report on more than one run before it has a form: every sentence and every cell decided.

use crate::report::table::{Table, Tone};
use crate::report::words::Decision;

/// A report on more than one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// What kind of report it is.
    pub kicker: &'static str,
    /// What it is about.
    pub title: String,
    /// When, how long, how much.
    pub subtitle: String,
    /// What it comes to.
    pub conclusion: (Tone, String),
    /// What is decided, one thing each.
    pub decisions: Vec<Decision>,
    /// What stands behind it; those without rows are not shown.
    pub tables: Vec<Table>,
    /// What the reader must have in mind, the gravest first.
    pub warnings: Vec<(Tone, String)>,
    /// What the reader must know.
    pub notes: Vec<String>,
}

impl Sheet {
    /// The tables that have rows.
    pub fn shown(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| !table.rows.is_empty())
    }
}
