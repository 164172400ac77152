//! What a schema has to be that a model keeps to strictly.

use serde_json::Value;

/// Checks that every object in `schema` names all of its members and takes no others.
///
/// # Errors
/// Where the first that does not stands, and what it lacks, as the services say it.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    walk(schema, &mut Vec::new())
}

fn walk(schema: &Value, path: &mut Vec<String>) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else { return Ok(()) };
    let is_object = match keywords.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
        None => keywords.contains_key("properties"),
    };
    let properties = keywords.get("properties").and_then(Value::as_object);
    if is_object && keywords.get("additionalProperties") != Some(&Value::Bool(false)) {
        let what = "'additionalProperties' is required to be supplied and to be false.";
        return Err(format!("In context={}, {what}", tuple(path)));
    }
    let required = keywords.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    if let Some(missing) = properties.into_iter().flat_map(|all| all.keys()).find(|name| !is_required(name)) {
        let what = "'required' is required to be supplied and to be an array including every key in properties.";
        return Err(format!("In context={}, {what} Missing '{missing}'.", tuple(path)));
    }
    for (key, value) in keywords {
        match (key.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(members)) => {
                members.iter().try_for_each(|(name, schema)| step(schema, path, &[key, name]))?;
            }
            ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(ways)) => {
                ways.iter().enumerate().try_for_each(|(i, schema)| step(schema, path, &[key, &i.to_string()]))?;
            }
            ("items", schema) => step(schema, path, &[key])?,
            _ => {}
        }
    }
    Ok(())
}

fn step(schema: &Value, path: &mut Vec<String>, steps: &[&str]) -> Result<(), String> {
    path.extend(steps.iter().map(|step| format!("'{step}'")));
    walk(schema, path)?;
    path.truncate(path.len() - steps.len());
    Ok(())
}

/// A path as the services write it.
fn tuple(path: &[String]) -> String {
    let comma = if path.len() == 1 { "," } else { "" };
    format!("({}{comma})", path.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_object_has_to_be_closed_and_complete() {
        let closed = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let with = |inner: Value| json!({"type": "object", "properties": {"a": inner}, "required": ["a"], "additionalProperties": false});
        let table = [
            (closed.clone(), None),
            (with(json!({"type": "string"})), None),
            (json!({"type": "object", "properties": {}}), Some("In context=(), 'additionalProperties'")),
            (with(json!({"type": "object"})), Some("In context=('properties', 'a'), 'additionalProperties'")),
            (
                with(json!({"type": "array", "items": {"type": ["object", "null"]}})),
                Some("In context=('properties', 'a', 'items'), "),
            ),
            (
                with(json!({"anyOf": [{"type": "null"}, {"type": "object"}]})),
                Some("In context=('properties', 'a', 'anyOf', '1'), "),
            ),
            (json!({"$defs": {"x": {"type": "object"}}, "$ref": "#/$defs/x"}), Some("In context=('$defs', 'x'), ")),
            (
                json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"], "additionalProperties": false}),
                Some(
                    "'required' is required to be supplied and to be an array including every key in properties. Missing 'b'.",
                ),
            ),
        ];
        for (schema, expected) in table {
            match (check(&schema), expected) {
                (Ok(()), None) => {}
                (Err(why), Some(expected)) => assert!(why.contains(expected), "{why}"),
                (found, _) => panic!("{found:?} for {schema}"),
            }
        }
    }
}
