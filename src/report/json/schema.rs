//! What the JSON Schema of `summary.json` says beside the types that are written.

use schemars::Schema;
use schemars::transform::Transform;
use serde_json::{Value, json};

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
