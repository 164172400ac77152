//! What a `$ref` within a schema means.

use serde_json::Value;

/// What `reference` means in `root`: a JSON pointer or an anchor in the same document.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let fragment = reference.strip_prefix('#')?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(&unescape(fragment));
    }
    anchor(root, fragment)
}

/// A pointer with its percent escapes read.
fn unescape(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(escaped) if *byte == b'%' => {
                bytes.push(escaped);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn anchor<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    match schema {
        Value::Object(members) => {
            if members.get("$anchor").and_then(Value::as_str) == Some(name) {
                return Some(schema);
            }
            members.values().find_map(|value| anchor(value, name))
        }
        Value::Array(values) => values.iter().find_map(|value| anchor(value, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_pointers_and_anchors() {
        let root = json!({"$defs": {"a b": {"x": 1}, "c/d": {"x": 2}, "e": {"$anchor": "here", "x": 3}}});
        let x = |reference| resolve(&root, reference).and_then(|found| found["x"].as_i64());
        assert_eq!(x("#/$defs/a%20b"), Some(1));
        assert_eq!(x("#/$defs/c~1d"), Some(2));
        assert_eq!(x("#here"), Some(3));
        assert_eq!(resolve(&root, "#"), Some(&root));
        assert_eq!((x("#/$defs/zz"), x("other.json")), (None, None));
    }
}
