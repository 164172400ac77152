//! `hopmark schema`: prints a JSON Schema. That of a profile is a file, held to the code by `tests/schema.rs`; that of
//! `summary.json` is made of the types that are written.

use std::borrow::Cow;

use crate::cli::{SchemaArgs, SchemaOf};
use crate::report::json;

/// The schema of a profile, as JSON; a profile itself is TOML.
pub const PROFILE: &str = include_str!("../../docs/schema/profile.json");

/// The schema that was asked for.
#[must_use]
pub fn schema(args: &SchemaArgs) -> Cow<'static, str> {
    match args.of {
        SchemaOf::Profile => PROFILE.into(),
        SchemaOf::Summary => summary().into(),
    }
}

/// The schema of `summary.json`.
#[must_use]
pub fn summary() -> String {
    json::schema()
}
