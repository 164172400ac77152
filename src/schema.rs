//! JSON Schemas, made of the types that are read and written.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::limits::Limit;

/// The schema of what a type writes.
pub(crate) fn written<T: JsonSchema>() -> Schema {
    of::<T>(SchemaSettings::draft2020_12().for_serialize().with_transform(RecursiveTransform(close)))
}

/// The schema of what a type reads: every object where it stands, closed sets of words as lists, texts that say something.
pub(crate) fn read<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    of::<T>(settings.with_transform(RecursiveTransform(|schema: &mut Schema| {
        simplify(schema);
        close(schema);
    })))
}

fn of<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    settings.into_generator().into_root_schema_for::<T>()
}

/// A schema for people and tools.
#[must_use]
pub(crate) fn text(schema: &Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}

/// That a key has a value.
#[must_use]
pub(crate) fn is(key: &str, value: &str) -> Value {
    json!({"properties": {key: {"const": value}}, "required": [key]})
}

/// That any of these keys is there.
#[must_use]
pub(crate) fn has_any(keys: &[&str]) -> Value {
    let present: Vec<Value> = keys.iter().map(|key| json!({"required": [key]})).collect();
    json!({"anyOf": present})
}

/// An object has the keys that it names and no others, and a key that may be missing is never null. The widths of Rust's
/// numbers are none of a reader's business.
fn close(schema: &mut Schema) {
    schema.remove("format");
    if schema.get("type") != Some(&json!("object")) || schema.get("properties").is_none() {
        return;
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |key: &String| required.as_array().is_some_and(|keys| keys.contains(&json!(key)));
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for property in properties.filter(|(key, _)| !is_required(key)).map(|(_, property)| property) {
        without_null(property);
    }
}

/// Takes the null from a schema of something that may be null.
fn without_null(schema: &mut Value) {
    for (key, null) in [("type", json!("null")), ("anyOf", json!({"type": "null"}))] {
        if let Some(choices) = schema.get_mut(key).and_then(Value::as_array_mut) {
            choices.retain(|choice| *choice != null);
        }
    }
}

fn simplify(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let only =
        |object: &Map<String, Value>, key: &str| match object.get(key).and_then(Value::as_array).map(Vec::as_slice) {
            Some([only]) => Some(only.clone()),
            Some(_) | None => None,
        };
    if let Some(Value::Object(inner)) = only(object, "anyOf") {
        object.remove("anyOf");
        inner.into_iter().for_each(|(key, value)| _ = object.entry(key).or_insert(value));
    }
    if let Some(kind) = only(object, "type") {
        object.insert("type".to_owned(), kind);
    }
    object.retain(|key, value| key != "default" || !(value.is_null() || value.is_object()));
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    let word = |choice: &Value| choice.get("const").cloned();
    let words = |choices: &Value| choices.as_array()?.iter().map(word).collect::<Option<Vec<Value>>>();
    if let Some(words) = object.get("oneOf").and_then(words) {
        object.remove("oneOf");
        object.insert("enum".to_owned(), json!(words));
    }
    let bounds: &[(&str, Value)] = match object.get("type").and_then(Value::as_str) {
        Some("array") => &[("maxItems", json!(Limit::ProfileList.most()))],
        Some("string") if !["enum", "const"].iter().any(|key| object.contains_key(*key)) => {
            &[("pattern", json!("\\S")), ("maxLength", json!(Limit::ProfileText.most()))]
        }
        Some(_) | None => &[],
    };
    for (key, bound) in bounds {
        object.entry(*key).or_insert_with(|| bound.clone());
    }
}
