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

use crate::model::rng::SeededRng;

/// The largest schema, in values.
const LARGEST: usize = 20_000;
/// Bytes of a text in it that count as one value more.
const TEXT: usize = 64;

/// A value that is valid against `schema`; an empty object if none was found, or the schema is too large. It is one of
/// `among` that are made for the same request, which share what this may cost.
pub(crate) fn instance(schema: &Value, rng: &mut SeededRng, among: usize) -> Value {
    let small = size(schema, LARGEST) < LARGEST;
    let found = small.then(|| make::make(schema, rng, among)).flatten();
    found.unwrap_or_else(|| Value::Object(serde_json::Map::new()))
}

/// The number of values in a schema, with what its texts count as, as far as `most`.
fn size(schema: &Value, most: usize) -> usize {
    let count = |sum: usize, value| if sum < most { sum + size(value, most - sum) } else { sum };
    match schema {
        Value::Array(values) => values.iter().fold(1, count),
        Value::Object(members) => members.iter().fold(1, |sum, (key, value)| count(sum + key.len() / TEXT, value)),
        Value::String(text) => 1 + text.len() / TEXT,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}
