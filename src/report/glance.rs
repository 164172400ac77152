//! The report at a glance for whoever looks at standard output.

use crate::analysis::Analysis;
use crate::report::run::document;
use crate::report::terminal::{self, Look};
use crate::run::Run;
use crate::screen::Screen;

/// The report at a glance, as the terminal at standard output wants it; `page` names the report's file.
pub(crate) fn glance(run: &Run, analysis: &Analysis, page: Option<&str>) -> String {
    let page: Vec<String> = page.map(|page| format!("report: {page}")).into_iter().collect();
    terminal::render(&document(run, analysis), stdout_look(), &page)
}

/// What the terminal at standard output wants: its width, and whether it shows colours.
pub(crate) fn stdout_look() -> Look {
    let screen = Screen::stdout();
    Look { width: Some(screen.table_width()), colour: screen.is_capable() }
}
