//! The report at a glance for whoever looks at standard output.

use std::io::IsTerminal;

use crate::analysis::Analysis;
use crate::report::run::document;
use crate::report::terminal::{self, Look};
use crate::run::Run;

/// The report at a glance, as the terminal at standard output wants it; `page` names the report's file.
pub(crate) fn glance(run: &Run, analysis: &Analysis, page: Option<&str>) -> String {
    let page: Vec<String> = page.map(|page| format!("report: {page}")).into_iter().collect();
    terminal::render(&document(run, analysis), stdout_look(), &page)
}

/// What the terminal at standard output wants: its width, and colours unless `NO_COLOR` is set or it is no terminal.
pub(crate) fn stdout_look() -> Look {
    let is_terminal = std::io::stdout().is_terminal();
    let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Look { width: stdout_width(is_terminal), colour }
}

/// The terminal's own width; that of `COLUMNS` where it does not tell; 120 elsewhere.
fn stdout_width(is_terminal: bool) -> Option<u16> {
    let told = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col).filter(|_| is_terminal);
    let asked = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Some(told.filter(|width| *width > 0).or_else(asked).unwrap_or(120).max(60))
}
