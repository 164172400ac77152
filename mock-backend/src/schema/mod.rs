//! Values that are valid against a JSON Schema: what a model answers when its answer must have a shape.
//!
//! [`make`] guesses a value from what the schema says, [`check`] tells whether it is valid, and a wrong guess is made
//! again with other draws. So what one keyword says of another (`oneOf`, `not`, `if`) needs no rules of its own.

mod check;
mod make;
mod number;
mod refs;
mod text;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::latency::Dice;

/// A value that is valid against `schema`; an empty object if none was found.
pub(crate) fn instance(schema: &Value, dice: &mut Dice) -> Value {
    make::make(schema, dice).unwrap_or_else(|| Value::Object(serde_json::Map::new()))
}
