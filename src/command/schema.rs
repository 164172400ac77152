//! `hopmark schema`: prints a JSON Schema. The files are written by hand and held to the code by `tests/schema.rs`.

use crate::cli::{SchemaArgs, SchemaOf};

/// The schema of a profile, as JSON; a profile itself is TOML.
pub const PROFILE: &str = include_str!("../../docs/schema/profile.json");

/// The schema of `summary.json`.
pub const SUMMARY: &str = include_str!("../../docs/schema/summary.json");

/// The schema that was asked for.
#[must_use]
pub fn schema(args: &SchemaArgs) -> &'static str {
    match args.of {
        SchemaOf::Profile => PROFILE,
        SchemaOf::Summary => SUMMARY,
    }
}
