//! The JSON Schema of `summary.json`, made of the types that are written.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// The schema of a document, for people and tools.
pub(super) fn of<T: JsonSchema>() -> String {
    let closed = RecursiveTransform(close);
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(closed);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
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

/// This key is not in the summaries of earlier versions.
#[derive(Clone)]
pub(super) struct Later(pub(super) &'static str);

impl Transform for Later {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|key| key != self.0);
        }
    }
}

/// These figures may be null only beside a reason: the one of their own name, or that of the whole object.
#[derive(Clone)]
pub(super) struct Explained(pub(super) &'static [&'static str]);

impl Transform for Explained {
    fn transform(&mut self, schema: &mut Schema) {
        let has = |key: &str| schema.get("properties").is_some_and(|properties| properties.get(key).is_some());
        let rule = |figure: &&str| {
            let reasons = [format!("{figure}_reason"), "reason".to_owned()].into_iter().filter(|key| has(key));
            let any: Vec<Value> = reasons.map(|reason| json!({"required": [reason]})).collect();
            json!({
                "if": {"properties": {*figure: {"type": "null"}}, "required": [figure]},
                "then": {"anyOf": any},
            })
        };
        let rules: Vec<Value> = self.0.iter().map(rule).collect();
        schema.insert("allOf".to_owned(), json!(rules));
    }
}
