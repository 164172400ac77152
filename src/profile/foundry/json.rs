//! JSON with places. What editors and blog posts add (comments, a comma after the last item) is read and remembered.

use jsonc_parser::ast::{ObjectPropName, Value as Parsed};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::profile::foundry::located::{Lines, Member, Node, Place, Syntax, Value, check_depth};

/// JSON that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// All of it.
    pub top: Node,
    /// The first place that is no JSON in the strict sense: a comment, or a comma too many.
    pub loose: Option<Place>,
}

/// Reads a file of JSON.
///
/// # Errors
/// When it is none, or nested too deeply.
pub(crate) fn document(text: &str) -> Result<Document, Syntax> {
    let lines = Lines::of(text);
    let top = parse(text, true, &|byte| lines.at(byte))?;
    let loose = parse_to_ast(text, &CollectOptions::default(), &options(false)).err();
    Ok(Document { top, loose: loose.map(|error| lines.at(error.range().start)) })
}

/// Reads JSON inside a text; all of it stands where the text stands.
///
/// # Errors
/// When it is none in the strict sense.
pub(crate) fn embedded(text: &str, place: Place) -> Result<Node, Syntax> {
    parse(text, false, &|_| place)
}

fn options(loose: bool) -> ParseOptions {
    ParseOptions {
        allow_comments: loose,
        allow_trailing_commas: loose,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn parse(text: &str, loose: bool, at: &dyn Fn(usize) -> Place) -> Result<Node, Syntax> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options(loose));
    let parsed = parsed
        .map_err(|error| Syntax { place: at(error.range().start), message: lower_first(&error.kind().to_string()) })?;
    match parsed.value {
        Some(value) => node(value, 0, at),
        None => Err(Syntax { place: at(0), message: "there is nothing in it".to_owned() }),
    }
}

fn node(value: Parsed<'_>, depth: usize, at: &dyn Fn(usize) -> Place) -> Result<Node, Syntax> {
    let place = at(value.range().start);
    check_depth(depth, place)?;
    let value = match value {
        Parsed::NullKeyword(_) => Value::Null,
        Parsed::BooleanLit(flag) => Value::Bool(flag.value),
        Parsed::NumberLit(number) => Value::Number(number.value.to_owned()),
        Parsed::StringLit(text) => Value::Text(text.value.into_owned()),
        Parsed::Array(array) => {
            let items = array.elements.into_iter().map(|item| node(item, depth + 1, at));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Parsed::Object(object) => {
            let members = object.properties.into_iter().map(|property| {
                let place = at(property.name.range().start);
                let key = match property.name {
                    ObjectPropName::String(text) => text.value.into_owned(),
                    ObjectPropName::Word(word) => word.value.to_owned(),
                };
                Ok(Member { key, place, value: node(property.value, depth + 1, at)? })
            });
            Value::Table(members.collect::<Result<_, _>>()?)
        }
    };
    Ok(Node { place, value })
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_places() {
        let read = document("{\n  \"a\": [1, \"é\", {\"b\": null}]\n}").expect("JSON");
        let list = read.top.get("a").expect("a");
        assert_eq!((list.place, read.loose), (Place { line: 2, column: 8 }, None));
        assert_eq!(list.items()[2].member("b").expect("b").place, Place { line: 2, column: 18 });
    }

    #[test]
    fn what_is_no_strict_json_is_remembered_and_what_is_none_is_refused() {
        let loose = |text: &str| document(text).expect(text).loose.map(|place| place.line);
        assert_eq!((loose("{\n\"a\": 1,\n}"), loose("{\n// why\n}")), (Some(2), Some(2)));
        assert_eq!(loose("{\"a\": [1, 2]}"), None);
        for text in ["", "{", "{'a': 1}", "{a: 1}", "[1 2]", "{\"a\": 0x1}", "{} {}", "[+1]", "[NaN]", "\u{0}"] {
            assert!(document(text).is_err(), "{text}");
        }
        assert!(embedded("[1,]", Place::START).is_err());
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        use crate::limits::Limit;
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let most = Limit::ConnectionDepth.most();
        assert!(document(&deep(most)).is_ok());
        for levels in [most + 2, 600, 100_000] {
            assert!(document(&deep(levels)).is_err(), "{levels}");
        }
    }
}
