//! A guess at a value that a schema describes, made again until it is right.

use std::collections::BTreeSet;

use rand::RngExt;
use serde_json::{Map, Value};

use super::check::{Means, check, item_schema, member_schemas, same};
use super::refs::resolve;
use super::{number, text};
use crate::model::rng::{SeededRng, pick};

/// How often a member is there that may be left out: models seldom leave one out.
const OPTIONAL: f64 = 0.95;
/// Guesses at one place before the place around it is guessed again.
const TRIES: usize = 12;
/// Guesses in all, at every place.
const FUEL: usize = 20_000;
/// Schemas looked at while all guesses are judged.
const STEPS: usize = 400_000;
/// From this depth on what can be left out is left out.
const LEAN: usize = 3;
/// The depth below which nothing is made.
const DEEP: usize = 48;
/// Schemas that may apply to one value.
const PARTS: usize = 512;
/// Schemas looked at to find the way that ends soonest.
const GLANCES: usize = 512;
/// How many of them cost as much as a guess.
const GLANCES_A_GUESS: usize = 16;
/// Characters of a string that cost as much as a guess.
const CHARACTERS: usize = 16;
/// What the making of one value may cost at least, however many are made.
const LEAST: (usize, usize) = (300, 6000);

/// A value that is valid against `schema`, if one is found; one of `among` that are made for the same request.
pub(super) fn make(schema: &Value, rng: &mut SeededRng, among: usize) -> Option<Value> {
    let share = |all: usize, least: usize| (all / among.max(1)).max(least);
    let means = Means::new(share(STEPS, LEAST.1));
    let mut maker = Maker { root: schema, rng, fuel: share(FUEL, LEAST.0), means };
    (0..4).find_map(|_| maker.value(&[schema], 0))
}

type Parts<'a> = Vec<&'a Map<String, Value>>;

struct Maker<'a, 'd> {
    root: &'a Value,
    rng: &'d mut SeededRng,
    fuel: usize,
    means: Means,
}

impl<'a> Maker<'a, '_> {
    /// A value that is valid against all `schemas`.
    fn value(&mut self, schemas: &[&'a Value], depth: usize) -> Option<Value> {
        if depth > DEEP || schemas.iter().any(|schema| **schema == Value::Bool(false)) {
            return None;
        }
        for _ in 0..TRIES {
            self.fuel = self.fuel.checked_sub(1).filter(|_| !self.means.are_spent())?;
            let mut parts = Parts::new();
            if !schemas.iter().all(|schema| self.gather(schema, depth, 0, &mut parts)) {
                continue;
            }
            if let Some(value) = self.guess(&parts, depth)
                && schemas.iter().all(|schema| check(self.root, schema, &value, &self.means))
            {
                return Some(value);
            }
        }
        None
    }

    /// Collects the keywords that apply to one value: those of `schema`, of what it refers to, and of the branches that
    /// are chosen now. False if nothing can be valid.
    fn gather(&mut self, schema: &'a Value, depth: usize, nested: usize, parts: &mut Parts<'a>) -> bool {
        let keywords = match schema {
            Value::Bool(any) => return *any,
            Value::Object(keywords) if nested < 32 && parts.len() < PARTS => keywords,
            _ => return false,
        };
        parts.push(keywords);
        let mut chosen: Vec<&'a Value> = Vec::new();
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            chosen.extend(resolve(self.root, reference));
        }
        if let Some(all) = keywords.get("allOf").and_then(Value::as_array) {
            chosen.extend(all);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(ways) = keywords.get(key).and_then(Value::as_array) {
                let Some(way) = self.choose(ways, depth) else { return false };
                chosen.push(way);
            }
        }
        if let Some(condition) = keywords.get("if") {
            if self.rng.random_bool(0.5) {
                chosen.push(condition);
                chosen.extend(keywords.get("then"));
            } else {
                chosen.extend(keywords.get("else"));
            }
        }
        chosen.into_iter().all(|schema| self.gather(schema, depth, nested + 1, parts))
    }

    /// One of the ways; deep down mostly the one that ends soonest.
    fn choose(&mut self, ways: &'a [Value], depth: usize) -> Option<&'a Value> {
        if depth >= LEAN && self.rng.random_bool(0.9) {
            let mut glances = GLANCES;
            let way = ways.iter().min_by_key(|way| self.height(way, 6, &mut glances));
            self.fuel = self.fuel.saturating_sub((GLANCES - glances) / GLANCES_A_GUESS);
            return way;
        }
        (!ways.is_empty()).then(|| &ways[pick(self.rng, ways.len())])
    }

    /// How deep the least value of a schema is, at most `left`, as far as `glances` schemas tell.
    fn height(&self, schema: &Value, left: usize, glances: &mut usize) -> usize {
        let Value::Object(keywords) = schema else { return 0 };
        let (Some(deeper), Some(fewer)) = (left.checked_sub(1), glances.checked_sub(1)) else { return 0 };
        *glances = fewer;
        if keywords.contains_key("const") || keywords.contains_key("enum") {
            return 0;
        }
        let mut height = 0;
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            let target = resolve(self.root, reference);
            height = target.map_or(0, |target| 1 + self.height(target, deeper, glances));
        }
        for schema in list(keywords, "allOf") {
            height = height.max(self.height(schema, deeper, glances));
        }
        for key in ["anyOf", "oneOf"] {
            let least = list(keywords, key).map(|way| self.height(way, deeper, glances)).min();
            height = height.max(least.unwrap_or(0));
        }
        if types(&[keywords]).iter().all(|name| *name == "object") {
            for schema in list(keywords, "required")
                .filter_map(Value::as_str)
                .flat_map(|key| member_schemas(keywords, key, &self.means))
            {
                height = height.max(1 + self.height(schema, deeper, glances));
            }
        } else if keywords.get("minItems").and_then(Value::as_u64).unwrap_or(0) > 0 {
            let item = item_schema(keywords, 0).map_or(1, |schema| 1 + self.height(schema, deeper, glances));
            height = height.max(item);
        }
        height
    }

    /// A value that the keywords describe, though perhaps not valid against all of them together.
    fn guess(&mut self, parts: &Parts<'a>, depth: usize) -> Option<Value> {
        if let Some(only) = parts.iter().find_map(|part| part.get("const")) {
            return Some(only.clone());
        }
        if let Some(any) = parts.iter().find_map(|part| part.get("enum")?.as_array()) {
            let in_all = |one: &&Value| {
                if self.means.are_spent() {
                    return false;
                }
                let mut others = parts.iter().filter_map(|part| part.get("enum")?.as_array());
                others.all(|others| others.iter().any(|other| same(one, other)))
            };
            let fitting: Vec<&Value> = any.iter().filter(in_all).collect();
            return (!fitting.is_empty()).then(|| fitting[pick(self.rng, fitting.len())].clone());
        }
        let types = types(parts);
        let name = if depth >= LEAN { types.first() } else { types.get(pick(self.rng, types.len())) };
        match *name? {
            "null" => Some(Value::Null),
            "boolean" => Some(Value::Bool(self.rng.random_bool(0.5))),
            "integer" => number::integer(parts, self.rng),
            "number" => number::number(parts, self.rng),
            "string" => {
                let (text, cost) = text::string(parts, self.rng, self.fuel * CHARACTERS);
                self.fuel = self.fuel.saturating_sub(cost / CHARACTERS);
                text
            }
            "array" => self.array(parts, depth),
            _ => self.object(parts, depth),
        }
    }

    fn array(&mut self, parts: &Parts<'a>, depth: usize) -> Option<Value> {
        let sizes = |key: &'static str| parts.iter().filter_map(|part| part.get(key)?.as_u64()).map(|n| n as usize);
        let contains: Vec<&Value> = parts.iter().filter_map(|part| part.get("contains")).collect();
        let contained = if contains.is_empty() { 0 } else { sizes("minContains").max().unwrap_or(1) };
        let least = sizes("minItems").max().unwrap_or(0).max(contained);
        let most = sizes("maxItems").min().unwrap_or(usize::MAX);
        let unique = parts.iter().any(|part| part.get("uniqueItems") == Some(&Value::Bool(true)));
        let closed = parts.iter().find(|part| part.get("unevaluatedItems") == Some(&Value::Bool(false)));
        let most = closed.map_or(most, |part| {
            most.min(part.get("prefixItems").and_then(Value::as_array).map_or(usize::MAX, Vec::len))
        });
        let more = if depth >= LEAN { 0 } else { pick(self.rng, 4) };
        let size = least.max(least.saturating_add(more).min(most));
        let mut items: Vec<Value> = Vec::new();
        for i in 0..size {
            let mut schemas: Vec<&Value> = parts.iter().filter_map(|part| item_schema(part, i)).collect();
            if i < contained {
                schemas.extend(&contains);
            }
            let fresh = |item: &Value| !unique || !items.iter().any(|known| same(known, item));
            match (0..TRIES).find_map(|_| self.value(&schemas, depth + 1).filter(fresh)) {
                Some(item) => items.push(item),
                None if items.len() >= least => break,
                None => return None,
            }
        }
        Some(Value::Array(items))
    }

    fn object(&mut self, parts: &Parts<'a>, depth: usize) -> Option<Value> {
        let sizes = |key: &'static str| parts.iter().filter_map(|part| part.get(key)?.as_u64()).map(|n| n as usize);
        let (least, most) = (sizes("minProperties").max().unwrap_or(0), sizes("maxProperties").min());
        let mut wanted: BTreeSet<&str> = names(parts, "required").collect();
        let declared: Vec<&str> = parts
            .iter()
            .filter_map(|part| part.get("properties")?.as_object())
            .flat_map(|properties| properties.keys().map(String::as_str))
            .collect();
        let must = wanted.clone();
        let share = if depth >= LEAN { 0.0 } else { OPTIONAL };
        wanted.extend(declared.iter().filter(|_| self.rng.random_bool(share)));
        let lacking: Vec<&str> = declared.into_iter().filter(|key| !wanted.contains(key)).collect();
        let missing = least.saturating_sub(wanted.len());
        wanted.extend(lacking.into_iter().take(missing));
        add_dependents(parts, &mut wanted);
        let mut members = Map::new();
        // What is required comes first, so that a limit leaves out the rest.
        for key in must.iter().chain(wanted.difference(&must)) {
            if !must.contains(key) && most.is_some_and(|most| members.len() >= most) {
                break;
            }
            match self.value(&schemas_of(parts, key, &self.means), depth + 1) {
                Some(value) => members.insert((*key).to_owned(), value),
                None if must.contains(key) => return None,
                None => None,
            };
        }
        for _ in 0..least.saturating_mul(4) {
            if members.len() >= least {
                break;
            }
            self.fuel = self.fuel.checked_sub(1)?;
            let key = self.new_key(parts, members.len(), depth)?;
            if let Some(value) = self.value(&schemas_of(parts, &key, &self.means), depth + 1) {
                members.insert(key, value);
            }
        }
        Some(Value::Object(members))
    }

    /// A name for a member that is not declared.
    fn new_key(&mut self, parts: &Parts<'a>, number: usize, depth: usize) -> Option<String> {
        let named: Vec<&Value> = parts.iter().filter_map(|part| part.get("propertyNames")).collect();
        if !named.is_empty() {
            return self.value(&named, depth + 1)?.as_str().map(str::to_owned);
        }
        let pattern = parts.iter().find_map(|part| part.get("patternProperties")?.as_object()?.keys().next());
        match pattern {
            Some(pattern) => {
                let keywords = Map::from_iter([("pattern".to_owned(), Value::from(pattern.as_str()))]);
                let (key, cost) = text::string(&[&keywords], self.rng, self.fuel * CHARACTERS);
                self.fuel = self.fuel.saturating_sub(cost / CHARACTERS);
                let key = key?.as_str()?.to_owned();
                let numbered = format!("{key}{number}");
                Some(if self.means.names(pattern, &numbered) { numbered } else { key })
            }
            None => Some(format!("extra_{number}")),
        }
    }
}

/// What `keywords` list under `key`.
fn list<'a>(keywords: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> {
    keywords.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn schemas_of<'a>(parts: &Parts<'a>, key: &str, means: &Means) -> Vec<&'a Value> {
    parts.iter().flat_map(|part| member_schemas(part, key, means)).collect()
}

/// The names listed under `keyword` in all parts.
fn names<'a>(parts: &Parts<'a>, keyword: &str) -> impl Iterator<Item = &'a str> {
    let lists = parts.iter().filter_map(|part| part.get(keyword)?.as_array()).collect::<Vec<_>>();
    lists.into_iter().flatten().filter_map(Value::as_str)
}

/// Adds the members that must stand beside those that are wanted.
fn add_dependents<'a>(parts: &Parts<'a>, wanted: &mut BTreeSet<&'a str>) {
    let rules: Vec<_> = parts.iter().filter_map(|part| part.get("dependentRequired")?.as_object()).collect();
    let mut new: Vec<&str> = wanted.iter().copied().collect();
    while let Some(key) = new.pop() {
        let names = rules.iter().filter_map(|rules| rules.get(key)?.as_array()).flatten().filter_map(Value::as_str);
        new.extend(names.filter(|name| wanted.insert(name)));
    }
}

/// The types that all parts allow, the simplest first; without any, what the other keywords hint at.
fn types(parts: &[&Map<String, Value>]) -> Vec<&'static str> {
    const ALL: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
    let allows = |part: &Map<String, Value>, name: &str| match part.get("type") {
        Some(Value::String(one)) => one == name || (one == "number" && name == "integer"),
        Some(Value::Array(any)) => {
            any.iter().filter_map(Value::as_str).any(|one| one == name || (one == "number" && name == "integer"))
        }
        _ => true,
    };
    let typed: Vec<&str> = ALL.into_iter().filter(|name| parts.iter().all(|part| allows(part, name))).collect();
    if typed.len() < ALL.len() {
        return typed;
    }
    let has = |keys: &[&str]| parts.iter().any(|part| keys.iter().any(|key| part.contains_key(*key)));
    let hints: [(&str, &[&str]); 4] = [
        ("object", &["properties", "required", "additionalProperties", "patternProperties", "minProperties"]),
        ("array", &["items", "prefixItems", "minItems", "contains", "uniqueItems"]),
        ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
        ("string", &["minLength", "maxLength", "pattern", "format"]),
    ];
    let hinted: Vec<&'static str> = hints.iter().filter(|(_, keys)| has(keys)).map(|(name, _)| *name).collect();
    if hinted.is_empty() { vec!["string"] } else { hinted }
}
