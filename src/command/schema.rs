//! `hopmark schema`: prints a JSON Schema, made of the types that are read and written.

use crate::cli::{SchemaArgs, SchemaOf};
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;
use crate::probe::document;
use crate::profile;
use crate::report::json;

/// The schema of `summary.json`.
#[must_use]
pub fn summary() -> String {
    json::schema()
}

/// The schema of what `hopmark probe --json` prints.
#[must_use]
pub fn probe() -> String {
    document::schema()
}

/// Carries out `hopmark schema`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) when standard output refuses.
pub fn schema(args: &SchemaArgs) -> CommandResult {
    match args.of {
        SchemaOf::Profile => console::show(&profile::schema()),
        SchemaOf::Summary => console::show(&summary()),
        SchemaOf::Probe => console::show(&probe()),
    }
    .or_world()?;
    Ok(Exit::Met)
}
