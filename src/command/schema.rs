//! `hopmark schema`: prints a JSON Schema. That of a profile is a file, held to the code by `tests/schema.rs`; that of
//! `summary.json` is made of the types that are written.

use crate::cli::{SchemaArgs, SchemaOf};
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;
use crate::report::json;

/// The schema of a profile, as JSON; a profile itself is TOML.
pub const PROFILE: &str = include_str!("../../docs/schema/profile.json");

/// The schema of `summary.json`.
#[must_use]
pub fn summary() -> String {
    json::schema()
}

/// Carries out `hopmark schema`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) when standard output refuses.
pub fn schema(args: &SchemaArgs) -> CommandResult {
    match args.of {
        SchemaOf::Profile => console::show(PROFILE),
        SchemaOf::Summary => console::show(&summary()),
    }
    .or_world()?;
    Ok(Exit::Met)
}
