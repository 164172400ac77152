//! Whether a value is valid against a schema.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::number::is_multiple;
use super::refs::resolve;
use crate::units::bounds::Bound;
use crate::units::budget;

/// References followed one into the other before a schema counts as one that nothing satisfies.
const DEEP: usize = 64;

/// The largest program that a pattern may become, in bytes.
const PROGRAM: usize = 1 << 19;
/// How many schemas cost as much as the making of such a program.
const A_PROGRAM: usize = 1000;

/// Steps from one look at the processor's time to the next.
const GRAIN: usize = 256;

/// What judging may cost: a hostile schema can refer to itself in every branch.
pub(super) struct Means {
    /// Schemas that may still be looked at, after which nothing is valid.
    steps: Cell<usize>,
    /// The patterns that were met; none is one beyond us.
    patterns: RefCell<HashMap<String, Option<Regex>>>,
}

impl Means {
    pub(super) fn new(steps: usize) -> Self {
        Self { steps: Cell::new(steps), patterns: RefCell::default() }
    }

    /// Whether nothing more is to be tried.
    pub(super) fn are_spent(&self) -> bool {
        if budget::is_spent() {
            self.steps.set(0);
        }
        self.steps.get() == 0
    }

    fn spend(&self, steps: usize) -> bool {
        let before = self.steps.get();
        let left = before.checked_sub(steps);
        self.steps.set(left.unwrap_or(0));
        // The processor's time is asked for now and then only.
        left.is_some_and(|left| left / GRAIN == before / GRAIN || !self.are_spent())
    }

    /// Whether `text` matches `pattern`; none if that is beyond us.
    fn matches(&self, pattern: &str, text: &str) -> Option<bool> {
        if pattern.len() > Bound::Pattern.most() || text.len() > Bound::MatchedText.most() {
            return None;
        }
        if let Some(known) = self.patterns.borrow().get(pattern) {
            return known.as_ref().map(|regex| regex.is_match(text));
        }
        let made = (self.spend(A_PROGRAM) && !self.are_spent())
            .then(|| RegexBuilder::new(pattern).size_limit(PROGRAM).build().ok())
            .flatten();
        let found = made.as_ref().map(|regex| regex.is_match(text));
        self.patterns.borrow_mut().insert(pattern.to_owned(), made);
        found
    }

    /// Whether `key` matches `pattern`; a pattern that is beyond us matches nothing.
    pub(super) fn names(&self, pattern: &str, key: &str) -> bool {
        self.matches(pattern, key) == Some(true)
    }
}

/// Whether `value` is valid against `schema`, whose references point into `root`.
pub(super) fn check(root: &Value, schema: &Value, value: &Value, means: &Means) -> bool {
    Checker { root, deep: 0, means }.is_valid(schema, value)
}

/// Whether two values are the same for JSON Schema, which does not tell 1 from 1.0.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same(a, b)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, a)| y.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Whether `value` has the type of this name.
fn has_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|x| x.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

#[derive(Clone, Copy)]
struct Checker<'a> {
    root: &'a Value,
    deep: usize,
    means: &'a Means,
}

impl Checker<'_> {
    fn is_valid(&self, schema: &Value, value: &Value) -> bool {
        if !self.means.spend(1) {
            return false;
        }
        let keywords = match schema {
            Value::Bool(any) => return *any,
            Value::Object(keywords) => keywords,
            _ => return true,
        };
        let typed = match keywords.get("type") {
            Some(Value::String(name)) => has_type(name, value),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(|name| has_type(name, value)),
            _ => true,
        };
        typed
            && keywords.get("const").is_none_or(|only| same(only, value))
            && keywords.get("enum").and_then(Value::as_array).is_none_or(|any| any.iter().any(|one| same(one, value)))
            && self.combined(keywords, value)
            && match value {
                Value::Number(_) => number(keywords, value),
                Value::String(text) => self.string(keywords, text),
                Value::Array(items) => self.array(keywords, items),
                Value::Object(members) => self.object(keywords, members),
                Value::Null | Value::Bool(_) => true,
            }
    }

    /// The keywords that apply other schemas to the same value.
    fn combined(&self, keywords: &Map<String, Value>, value: &Value) -> bool {
        let deeper = Self { deep: self.deep + 1, ..*self };
        let valid = |schema: &Value| deeper.deep < DEEP && deeper.is_valid(schema, value);
        let list = |key: &str| keywords.get(key).and_then(Value::as_array);
        let target = |reference: &Value| reference.as_str().and_then(|reference| resolve(self.root, reference));
        keywords.get("$ref").is_none_or(|reference| target(reference).is_none_or(valid))
            && list("allOf").is_none_or(|all| all.iter().all(valid))
            && list("anyOf").is_none_or(|any| any.iter().any(valid))
            && list("oneOf").is_none_or(|one| one.iter().filter(|schema| valid(schema)).count() == 1)
            && keywords.get("not").is_none_or(|not| !valid(not))
            && keywords.get("if").is_none_or(|condition| {
                let branch = if valid(condition) { "then" } else { "else" };
                keywords.get(branch).is_none_or(valid)
            })
    }

    fn array(&self, keywords: &Map<String, Value>, items: &[Value]) -> bool {
        let deeper = Self { deep: 0, ..*self };
        let size = |key: &str| keywords.get(key).and_then(Value::as_u64).map(|n| n as usize);
        let unique = keywords.get("uniqueItems") == Some(&Value::Bool(true));
        let contained = || {
            keywords.get("contains").is_none_or(|schema| {
                let found = items.iter().filter(|item| deeper.is_valid(schema, item)).count();
                found >= size("minContains").unwrap_or(1) && size("maxContains").is_none_or(|most| found <= most)
            })
        };
        size("minItems").is_none_or(|least| items.len() >= least)
            && size("maxItems").is_none_or(|most| items.len() <= most)
            && (!unique
                || items
                    .iter()
                    .enumerate()
                    .all(|(i, a)| self.means.spend(1 + i / 16) && !items[..i].iter().any(|b| same(a, b))))
            && items
                .iter()
                .enumerate()
                .all(|(i, item)| item_schema(keywords, i).is_none_or(|schema| deeper.is_valid(schema, item)))
            && contained()
    }

    fn object(&self, keywords: &Map<String, Value>, members: &Map<String, Value>) -> bool {
        let deeper = Self { deep: 0, ..*self };
        let size = |key: &str| keywords.get(key).and_then(Value::as_u64).map(|n| n as usize);
        let has_all = |names: &Value| {
            names.as_array().is_none_or(|names| names.iter().filter_map(Value::as_str).all(|n| members.contains_key(n)))
        };
        let object = |key: &str| keywords.get(key).and_then(Value::as_object);
        let names = keywords.get("propertyNames");
        size("minProperties").is_none_or(|least| members.len() >= least)
            && size("maxProperties").is_none_or(|most| members.len() <= most)
            && keywords.get("required").is_none_or(has_all)
            && object("dependentRequired")
                .is_none_or(|rules| rules.iter().all(|(key, names)| !members.contains_key(key) || has_all(names)))
            && object("dependentSchemas").is_none_or(|rules| {
                let whole = Value::Object(members.clone());
                self.means.spend(members.len())
                    && rules.iter().all(|(key, schema)| !members.contains_key(key) || self.is_valid(schema, &whole))
            })
            && members.iter().all(|(key, value)| {
                names.is_none_or(|schema| deeper.is_valid(schema, &Value::from(key.as_str())))
                    && member_schemas(keywords, key, self.means).iter().all(|schema| deeper.is_valid(schema, value))
            })
    }

    fn string(&self, keywords: &Map<String, Value>, text: &str) -> bool {
        let size = |key: &str| keywords.get(key).and_then(Value::as_u64).map(|n| n as usize);
        if !self.means.spend(text.len() / 64) {
            return false;
        }
        let length = text.chars().count();
        let pattern = keywords.get("pattern").and_then(Value::as_str);
        size("minLength").is_none_or(|least| length >= least)
            && size("maxLength").is_none_or(|most| length <= most)
            && pattern.is_none_or(|pattern| self.means.matches(pattern, text) != Some(false))
    }
}

/// What `keywords` say of item `i`.
pub(super) fn item_schema(keywords: &Map<String, Value>, i: usize) -> Option<&Value> {
    let items = keywords.get("items");
    let (prefix, rest) = match (keywords.get("prefixItems"), items) {
        (Some(Value::Array(prefix)), rest) => (prefix.as_slice(), rest),
        (_, Some(Value::Array(prefix))) => (prefix.as_slice(), keywords.get("additionalItems")),
        (_, rest) => (&[][..], rest),
    };
    prefix.get(i).or(rest)
}

/// What `keywords` say of the member `key`.
pub(super) fn member_schemas<'a>(keywords: &'a Map<String, Value>, key: &str, means: &Means) -> Vec<&'a Value> {
    let mut found: Vec<&Value> = Vec::new();
    found.extend(keywords.get("properties").and_then(|properties| properties.get(key)));
    if let Some(Value::Object(patterns)) = keywords.get("patternProperties") {
        found.extend(patterns.iter().filter(|(pattern, _)| means.names(pattern, key)).map(|(_, schema)| schema));
    }
    if found.is_empty() {
        found.extend(keywords.get("additionalProperties"));
    }
    found
}

fn number(keywords: &Map<String, Value>, value: &Value) -> bool {
    let Some(value) = value.as_f64() else { return true };
    let bound = |key: &str| keywords.get(key).and_then(Value::as_f64);
    bound("minimum").is_none_or(|bound| value >= bound)
        && bound("maximum").is_none_or(|bound| value <= bound)
        && bound("exclusiveMinimum").is_none_or(|bound| value > bound)
        && bound("exclusiveMaximum").is_none_or(|bound| value < bound)
        && bound("multipleOf").is_none_or(|of| is_multiple(value, of))
}
