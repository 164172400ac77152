//! The report at a glance for whoever looks at standard output.

use crate::analysis::Analysis;
use crate::report::run::document;
use crate::report::terminal::{self, Look};
use crate::run::Run;
use crate::screen::Screen;

/// The report at a glance, as the terminal at standard output wants it; `files` are lines that say where files are.
pub(crate) fn glance(run: &Run, analysis: &Analysis, files: &[String]) -> String {
    terminal::render(&document(run, analysis), stdout_look(), files)
}

/// What the terminal at standard output wants: its width, and whether it shows colours.
pub(crate) fn stdout_look() -> Look {
    let screen = Screen::stdout();
    Look { width: Some(screen.table_width()), colour: screen.is_capable() }
}
