//! `hopmark schema`: prints a JSON Schema. The files are written by hand and held to the code by `tests/schema.rs`.

use crate::cli::{SchemaArgs, SchemaOf};
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;

/// The schema of a profile, as JSON; a profile itself is TOML.
pub const PROFILE: &str = include_str!("../../docs/schema/profile.json");

/// The schema of `summary.json`.
pub const SUMMARY: &str = include_str!("../../docs/schema/summary.json");

/// Carries out `hopmark schema`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) when standard output refuses.
pub fn schema(args: &SchemaArgs) -> CommandResult {
    let schema = match args.of {
        SchemaOf::Profile => PROFILE,
        SchemaOf::Summary => SUMMARY,
    };
    console::show(schema).or_world()?;
    Ok(Exit::Met)
}
