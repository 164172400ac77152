//! `hopmark lint`: what is known to go wrong with profiles and connection objects.

use anyhow::anyhow;

use crate::cli::{LintArgs, LintFormat};
use crate::command::exit::{CommandResult, Exit, Failure, OrFailure};
use crate::console;
use crate::lint::{Level, lint as lint_file};
use crate::report::lint::linted::Linted;
use crate::report::lint::{json, sarif, text};

/// Carries out `hopmark lint`. Findings are printed of every file that can be read, whatever is wrong with the others.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure): 2 when a file cannot be read, 1 when standard output refuses.
pub fn lint(args: &LintArgs) -> CommandResult {
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    for file in &args.files {
        match lint_file(file) {
            Ok(report) => files.push(report),
            Err(error) => unread.push(error),
        }
    }
    let linted = Linted { files: &files, unread: &unread };
    let document = match args.format {
        LintFormat::Text => text::render(&linted),
        LintFormat::Json => json::render(&linted),
        LintFormat::Sarif => sarif::render(&linted),
    };
    if !files.is_empty() || args.format != LintFormat::Text {
        console::deliver(&document).or_world()?;
    }
    let errors = linted.count(Level::Error);
    match unread.pop() {
        Some(last) => {
            unread.iter().for_each(|error| console::tell(format!("error: {error}")));
            Err(Failure::Usage(anyhow!(last)))
        }
        None if errors > 0 => Ok(Exit::Missed),
        None => Ok(Exit::Met),
    }
}
