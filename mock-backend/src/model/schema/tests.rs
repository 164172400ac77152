//! Schemas that the code has not seen: random ones, and those that people write, judged by a foreign validator.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::instance;
use crate::model::rng::seeded_rng;

/// Makes values from several draws and has each of them judged.
fn judge(schema: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap_or_else(|e| panic!("{e}: {schema}"));
    for seed in 0..3 {
        let value = instance(schema, &mut seeded_rng(seed, "schema", 0), 1);
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{value} is not valid: {errors:?}\nschema: {schema}");
    }
}

#[test]
fn what_people_write_is_answered() {
    let schemas = [
        json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}},
            "required": ["city", "unit"], "additionalProperties": false}),
        json!({"type": "object", "properties": {"steps": {"type": "array", "minItems": 2, "maxItems": 3,
            "items": {"$ref": "#/$defs/step"}}}, "required": ["steps"], "additionalProperties": false,
            "$defs": {"step": {"type": "object", "properties": {"explanation": {"type": "string"},
            "output": {"type": "string"}}, "required": ["explanation", "output"], "additionalProperties": false}}}),
        // A tree and a linked list.
        json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"value": {"type": "integer"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["value", "children"],
            "additionalProperties": false}}}),
        json!({"type": "object", "properties": {"value": {"type": "number"}, "next": {"anyOf": [{"$ref": "#"},
            {"type": "null"}]}}, "required": ["value", "next"], "additionalProperties": false}),
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": ["string", "null"]}}}),
        json!({"type": "string", "pattern": "^[A-Z]{2}-\\d{4}$"}),
        json!({"type": "string", "pattern": "^(foo|ba[rz])+\\.json$", "minLength": 12, "maxLength": 40}),
        json!({"type": "string", "minLength": 300, "maxLength": 300}),
        json!({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}),
        json!({"type": "integer", "minimum": -9_007_199_254_740_991_i64, "multipleOf": 7}),
        json!({"type": "number", "multipleOf": 0.25, "minimum": 0.1, "maximum": 0.4}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}),
        json!({"type": "array", "uniqueItems": true, "minItems": 3, "items": {"enum": [1, 2, 3]}}),
        json!({"type": "array", "contains": {"const": 7}, "items": {"type": "integer", "maximum": 7}, "maxItems": 4}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": false, "minItems": 2}),
        json!({"oneOf": [{"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}},
            "required": ["kind", "lives"]}, {"type": "object", "properties": {"kind": {"const": "dog"}},
            "required": ["kind"]}]}),
        json!({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"a": {"minimum": 10}, "b": {"type": "string"}}, "required": ["b"]}]}),
        json!({"type": "object", "minProperties": 3, "additionalProperties": {"type": "boolean"}}),
        json!({"type": "object", "patternProperties": {"^x_": {"type": "integer"}}, "additionalProperties": false,
            "minProperties": 2}),
        json!({"type": "object", "propertyNames": {"pattern": "^[a-z]{3}$"}, "minProperties": 2}),
        json!({"type": "object", "properties": {"card": {"type": "string"}, "address": {"type": "string"}},
            "dependentRequired": {"card": ["address"]}}),
        json!({"type": "object", "properties": {"country": {"enum": ["US", "DE"]}, "zip": {"type": "string"}},
            "required": ["country", "zip"], "if": {"properties": {"country": {"const": "US"}}},
            "then": {"properties": {"zip": {"pattern": "^\\d{5}-\\d{4}$"}}},
            "else": {"properties": {"zip": {"pattern": "^\\d{5}$"}}}}),
        json!({"type": "integer", "not": {"multipleOf": 2}}),
        json!({"const": {"a": [1, null, "x"]}}),
        json!(true),
        json!({}),
        json!({"properties": {"a": false, "b": {"type": "null"}}, "required": ["b"]}),
        json!({"type": "string", "enum": ["\u{e9}\u{1f680}", "\"quoted\""]}),
        json!({"$defs": {"a": {"$anchor": "here", "type": "boolean"}}, "$ref": "#here"}),
    ];
    schemas.iter().for_each(judge);
}

#[test]
fn formats_are_kept() {
    for format in ["date", "time", "date-time", "email", "hostname", "ipv4", "ipv6", "uri", "uuid", "duration"] {
        let schema = json!({"type": "string", "format": format});
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        for seed in 0..20 {
            let value = instance(&schema, &mut seeded_rng(seed, "format", 0), 1);
            assert!(validator.is_valid(&value), "{format}: {value}");
        }
    }
}

#[test]
fn a_schema_that_nothing_satisfies_ends_in_an_empty_object() {
    for schema in [json!(false), json!({"type": "string", "minLength": 5, "maxLength": 2}), json!({"$ref": "#"})] {
        assert_eq!(instance(&schema, &mut seeded_rng(1, "none", 0), 1), json!({}));
    }
    let endless = json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]});
    assert_eq!(instance(&endless, &mut seeded_rng(1, "none", 0), 1), json!({}));
}

#[test]
fn hostile_schemas_come_to_an_end() {
    let many = |schema: Value, n: usize| Value::Array(vec![schema; n]);
    let itself = || json!({"$ref": "#"});
    let schemas = [
        json!({"anyOf": many(itself(), 50)}),
        json!({"allOf": many(itself(), 50)}),
        json!({"oneOf": many(json!({"not": {"$ref": "#"}}), 20)}),
        json!({"type": "object", "properties": {"a": {"anyOf": many(itself(), 100)}}, "required": ["a"]}),
        json!({"type": "array", "items": {"$ref": "#"}, "minItems": 3}),
        json!({"type": "array", "items": {"type": "string", "minLength": 1_000_000}, "minItems": 1_000_000}),
        json!({"type": "array", "items": {"type": "null"}, "minItems": 4_000_000_000_u64}),
        json!({"type": "string", "minLength": u64::MAX}),
        json!({"type": "string", "pattern": "((a{1000}){1000}){1000}"}),
        json!({"type": "string", "pattern": "(){4000000000}"}),
        json!({"type": "integer", "minimum": -1e300, "maximum": 1e300, "multipleOf": 1e-300}),
        json!({"type": "number", "multipleOf": 0}),
    ];
    for schema in schemas {
        // What comes out matters less than that something does, without using up the machine.
        assert!(instance(&schema, &mut seeded_rng(1, "hostile", 0), 1).to_string().len() < 10_000_000);
    }
}

/// Schemas without anything inside.
fn leaf() -> impl Strategy<Value = Value> {
    let integers = (-1000i64..1000, 0i64..50)
        .prop_map(|(low, span)| json!({"type": "integer", "minimum": low, "maximum": low + span}));
    let multiples = (1i64..30, -50i64..50).prop_map(
        |(of, low)| json!({"type": "integer", "multipleOf": of, "minimum": low, "exclusiveMaximum": low + 2 * of + 1}),
    );
    let numbers = (-1e3..1e3, 0.01..50.0)
        .prop_map(|(low, span): (f64, f64)| json!({"type": "number", "exclusiveMinimum": low, "maximum": low + span}));
    let strings = (0usize..20, 0usize..20)
        .prop_map(|(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more}));
    let patterns = prop::sample::select(vec![
        "^[a-f0-9]{8}$",
        "^\\w+@\\w+\\.(com|org)$",
        "^(a|b|cd)*$",
        "[xyz]",
        "^\\+?\\d{3,9}$",
        "^[^\\s]{1,5}$",
    ]);
    let enums = prop::collection::vec(any::<i16>(), 1..5).prop_map(|values| json!({"enum": values}));
    prop_oneof![
        Just(json!({"type": "null"})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": ["string", "null"]})),
        any::<u8>().prop_map(|value| json!({"const": value})),
        Just(json!({"$ref": "#/$defs/shared"})),
        Just(json!({"$ref": "#/$defs/tree"})),
        integers,
        multiples,
        numbers,
        strings,
        patterns.prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        enums,
    ]
}

/// Objects with these members, of which each second one is required.
fn object(members: Vec<Value>, closed: bool) -> Value {
    let name = |i: usize| format!("m{i}");
    let required: Vec<String> = (0..members.len()).filter(|i| i % 2 == 0).map(name).collect();
    let properties: Map<String, Value> = members.into_iter().enumerate().map(|(i, schema)| (name(i), schema)).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": !closed})
}

/// Schemas of any depth.
fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 5, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..5);
        let arrays = (inner.clone(), 0usize..4, 0usize..4).prop_map(|(items, least, more)| {
            json!({"type": "array", "items": items, "minItems": least, "maxItems": least + more})
        });
        let tuples = (several.clone(), inner.clone()).prop_map(
            |(prefix, rest)| json!({"type": "array", "minItems": prefix.len(), "prefixItems": prefix, "items": rest}),
        );
        // Of these exactly one is right, since the tag tells them apart.
        let tagged = several.clone().prop_map(|ways| {
            let tag = |(i, way): (usize, Value)| {
                json!({"type": "object", "properties": {"tag": {"const": i}, "value": way},
                    "required": ["tag", "value"], "additionalProperties": false})
            };
            json!({"oneOf": ways.into_iter().enumerate().map(tag).collect::<Vec<_>>()})
        });
        let both = (several.clone(), several.clone()).prop_map(|(one, other)| {
            let other: Map<String, Value> = other.into_iter().enumerate().map(|(i, s)| (format!("o{i}"), s)).collect();
            let required: Vec<String> = other.keys().cloned().collect();
            json!({"allOf": [object(one, false), {"properties": other, "required": required}]})
        });
        prop_oneof![
            (several.clone(), any::<bool>()).prop_map(|(members, closed)| object(members, closed)),
            arrays,
            tuples,
            tagged,
            both,
            several.prop_map(|ways| json!({"anyOf": ways})),
            inner.prop_map(|way| json!({"anyOf": [way, {"type": "null"}]})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schema_gets_a_valid_answer(mut schema in schema()) {
        schema["$defs"] = json!({
            "shared": {"type": "object", "properties": {"id": {"type": "integer", "minimum": 1}}, "required": ["id"]},
            "tree": {"type": "object", "properties": {"left": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
                "label": {"type": "string", "maxLength": 6}}, "required": ["left", "label"],
                "additionalProperties": false}
        });
        judge(&schema);
    }
}

#[test]
fn what_asks_for_too_much_ends_all_the_same() {
    let long = "a".repeat(4000);
    let schemas = [
        json!({"type": "object", "minProperties": 1_000_000_000_000_000_u64}),
        json!({"type": "object", "minProperties": u64::MAX, "patternProperties": {"^x": true}}),
        json!({"type": "array", "minItems": u64::MAX}),
        json!({"type": "array", "minItems": 5000, "items": {"type": "string", "pattern": "^\\p{L}{900}$"}}),
        json!({"type": "array", "minItems": 5000, "items": {"type": "string", "pattern": "(a{1000}){60}", "maxLength": 5}}),
        json!({"type": "string", "pattern": format!("^({long}){{60000}}$")}),
        json!({"type": "string", "minLength": 1 << 20}),
        json!({"type": "integer", "minimum": -1e308, "maximum": 1e308, "multipleOf": 1e-308}),
        json!({"type": "number", "multipleOf": 0}),
        json!({"enum": vec![0; 30_000]}),
    ];
    for schema in schemas {
        for among in [1, 64 * 128] {
            assert!(instance(&schema, &mut seeded_rng(1, "much", 0), among).to_string().len() < 2_000_000);
        }
    }
}
