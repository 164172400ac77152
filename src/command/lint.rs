//! `hopmark lint`: what is known to go wrong with profiles and connection objects.

use anyhow::{Context, anyhow};

use crate::cli::{LintArgs, LintFormat};
use crate::command::exit::{CommandResult, Exit, Failure, OrFailure};
use crate::console;
use crate::lint::{FileReport, Level, lint_all};
use crate::probe::discovery::Questions;
use crate::profile::foundry;
use crate::report::lint::linted::Linted;
use crate::report::lint::{json, sarif, text};
use crate::screen::Screen;
use crate::transport::credential::secret;
use crate::transport::runtime::NetRuntime;

/// Carries out `hopmark lint`. Findings are printed of every file that can be read, whatever is wrong with the others.
///
/// # Errors
/// A [`Failure`]: 2 when a file cannot be read, 1 when standard output refuses.
pub fn lint(args: &LintArgs) -> CommandResult {
    let (mut files, mut unread) = lint_all(&args.files);
    let failed = if args.run { ask_all(args, &mut files)? } else { false };
    let linted = Linted { files: &files, unread: &unread };
    let document = match args.format {
        // In a pipe a finding is a line, as editors read it.
        LintFormat::Text => Screen::stdout().fit(&text::render(&linted)),
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
        None if failed => Ok(Exit::World),
        None if errors > 0 => Ok(Exit::Missed),
        None => Ok(Exit::Met),
    }
}

/// Asks each connection of the files; whether one does not get what the agents need.
fn ask_all(args: &LintArgs, files: &mut [FileReport]) -> CommandResult<bool> {
    let key = args.key_env.as_deref().map(|variable| secret::of_flag("--key-env", variable));
    let key = key.transpose().map_err(|why| Failure::Usage(anyhow!(why)))?;
    let mut questions = Vec::new();
    for (number, file) in files.iter().enumerate().filter(|(_, file)| !file.connections.is_empty()) {
        for (place, connection) in foundry::open(&file.file).or_usage()?.connections.iter().enumerate() {
            let asked = Questions::of(connection, key.as_ref());
            questions.push((number, place, asked.with_context(|| file.file.display().to_string()).or_usage()?));
        }
    }
    // Everything that can be known before has been said by now.
    let runtime = NetRuntime::new().or_world()?;
    let mut failed = false;
    for (number, place, questions) in questions {
        let asked = runtime.block_on(questions.ask());
        failed |= asked.iter().any(|asked| !asked.good);
        if let Some(described) = files[number].connections.get_mut(place) {
            described.asked = asked;
        }
    }
    Ok(failed)
}
