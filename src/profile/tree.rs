//! A profile as a tree of values that remember where they were written; flags are laid over it here.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::limits::Limit;
use crate::profile::error::{Origin, Problem, Wrong};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where it was written.
    pub origin: Origin,
    /// What was written.
    pub value: Value,
}

/// A TOML value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A string, a date, or a flag's value that is no TOML.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `[...]` or several `[[...]]`.
    List(Vec<Node>),
    /// `{...}` or `[...]`.
    Table(Table),
}

/// Keys and their values.
pub(crate) type Table = BTreeMap<String, Node>;

impl Value {
    /// A single value as it is written, without quotes; nothing for a list and a table.
    #[must_use]
    pub(crate) fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Bool(flag) => flag.to_string(),
            Self::List(_) | Self::Table(_) => String::new(),
        }
    }

    /// The value's kind, for messages.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// A table without keys.
    #[must_use]
    pub(crate) fn table(origin: Origin) -> Self {
        Self { origin, value: Value::Table(Table::new()) }
    }

    /// Everything in it was written at one place.
    fn come_from(&mut self, origin: &Origin) {
        self.origin = origin.clone();
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.come_from(origin)),
            Value::Table(table) => table.values_mut().for_each(|item| item.come_from(origin)),
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) => {}
        }
    }

    /// A text.
    #[must_use]
    pub(crate) fn text(origin: Origin, text: &str) -> Self {
        Self { origin, value: Value::Text(text.to_owned()) }
    }
}

/// Reads TOML.
///
/// # Errors
/// When the text is not TOML.
pub(crate) fn parse(text: &str) -> Result<Node, Wrong> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| Wrong {
        origin: Origin::Line(lines.at(error.span().map_or(0, |span| span.start))),
        problem: Problem::Syntax(Limit::ShownText.cut(&error.message().trim().replace('\n', ", "))),
    })?;
    Ok(Node { origin: Origin::Line(1), value: lines.table(table.get_ref()) })
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(place, _)| place + 1)).collect())
    }

    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte)
    }

    fn table(&self, table: &DeTable<'_>) -> Value {
        let nodes = table.iter().map(|(key, value)| {
            let origin = Origin::Line(self.at(key.span().start));
            (key.get_ref().to_string(), Node { origin, value: self.value(value.get_ref()) })
        });
        Value::Table(nodes.collect())
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                let parsed = i128::from_str_radix(number.as_str(), number.radix());
                parsed.map_or_else(|_| Value::Text(number.to_string()), Value::Integer)
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().parse();
                parsed.map_or_else(|_| Value::Text(number.to_string()), Value::Float)
            }
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(time) => Value::Text(time.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.item(item)).collect()),
            DeValue::Table(table) => self.table(table),
        }
    }

    fn item(&self, item: &Spanned<DeValue<'_>>) -> Node {
        Node { origin: Origin::Line(self.at(item.span().start)), value: self.value(item.get_ref()) }
    }
}

/// Lays a value over a dotted key; tables that are not there are made. An item of a list is named by its `name` or its
/// number from 1; `*` means each of them, `+` a new one.
///
/// # Errors
/// When a part of the key is neither a table nor a list, or no item of a list has this name.
pub(crate) fn set(root: &mut Node, key: &str, text: &str, flag: &str) -> Result<(), Wrong> {
    let origin = Origin::Flag(Limit::ShownText.cut(flag));
    Limit::KeyParts.check(key.split('.').count()).map_err(|why| Wrong::rule(&origin, why))?;
    let mut value = Node { value: flag_value(text), origin: origin.clone() };
    value.come_from(&origin);
    let parts: Vec<&str> = key.split('.').collect();
    lay(root, &parts, 0, &value)
}

/// Lays a value over what stands at `parts`, of which those before `at` have been walked.
fn lay(node: &mut Node, parts: &[&str], at: usize, value: &Node) -> Result<(), Wrong> {
    let Some(part) = parts.get(at) else {
        *node = value.clone();
        return Ok(());
    };
    let is_new_list = parts.get(at + 1) == Some(&"+");
    match (&mut node.value, *part) {
        (Value::List(items), "*") => items.iter_mut().try_for_each(|item| lay(item, parts, at + 1, value)),
        (Value::List(items), "+") => {
            let mut item = Node::table(value.origin.clone());
            lay(&mut item, parts, at + 1, value)?;
            items.push(item);
            Ok(())
        }
        (Value::Table(table), _) if is_new_list && !table.contains_key(*part) => {
            let mut list = Node { origin: value.origin.clone(), value: Value::List(Vec::new()) };
            lay(&mut list, parts, at + 1, value)?;
            table.insert((*part).to_owned(), list);
            Ok(())
        }
        (
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_),
            _,
        ) => lay(step(node, part, &parts[..at].join("."), &value.origin)?, parts, at + 1, value),
    }
}

fn step<'n>(node: &'n mut Node, part: &str, walked: &str, origin: &Origin) -> Result<&'n mut Node, Wrong> {
    match &mut node.value {
        Value::Table(table) => Ok(table.entry(part.to_owned()).or_insert_with(|| Node::table(origin.clone()))),
        Value::List(items) => {
            let names: Vec<String> = items.iter().filter_map(name_of).collect();
            let place = items.iter().position(|item| name_of(item).as_deref() == Some(part));
            let numbered = || part.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let found = place.or_else(numbered).and_then(|place| items.get_mut(place));
            found.ok_or_else(|| Wrong::rule(origin, no_such_item(walked, part, &names)))
        }
        other => Err(Wrong::rule(origin, format!("'{walked}' is {} and has no key '{part}'", other.kind()))),
    }
}

fn no_such_item(list: &str, part: &str, names: &[String]) -> String {
    let known = if names.is_empty() { "they are numbered from 1".to_owned() } else { names.join(", ") };
    format!("there is no {list} '{part}'; known are: {known}")
}

/// The `name` of a table.
#[must_use]
pub(crate) fn name_of(item: &Node) -> Option<String> {
    let Value::Table(table) = &item.value else { return None };
    match &table.get("name")?.value {
        Value::Text(name) => Some(name.clone()),
        _ => None,
    }
}

/// A flag's value: TOML if it is one value of TOML, otherwise the text itself.
fn flag_value(text: &str) -> Value {
    let alone = || match parse(&format!("value = {text}")).ok()?.value {
        Value::Table(mut table) if table.len() == 1 => table.remove("value").map(|node| node.value),
        _ => None,
    };
    alone().unwrap_or_else(|| Value::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "seed = 1\n\n[load]\nrate = \"5/s\"\n\n[[path]]\nname = \"a\"\n[[path]]\nname = \"b\"\n";

    fn get<'n>(node: &'n Node, key: &str) -> &'n Node {
        key.split('.').fold(node, |node, part| match &node.value {
            Value::Table(table) => &table[part],
            Value::List(items) => &items[part.parse::<usize>().expect("a number")],
            _ => panic!("{key}"),
        })
    }

    #[test]
    fn values_remember_their_line() {
        let tree = parse(TEXT).expect("TOML");
        for (key, line) in [("seed", 1), ("load", 3), ("load.rate", 4), ("path.1.name", 9)] {
            assert_eq!(get(&tree, key).origin, Origin::Line(line), "{key}");
        }
        let wrong = parse("seed = 1\nload = = 2\n").expect_err("no TOML");
        assert_eq!(wrong.origin, Origin::Line(2));
    }

    #[test]
    fn a_flag_lays_a_value_over_a_key() {
        let mut tree = parse(TEXT).expect("TOML");
        for (key, text, place, value) in [
            ("load.rate", "9/s", "load.rate", Value::Text("9/s".into())),
            ("load.warmup", "\"2s\"", "load.warmup", Value::Text("2s".into())),
            ("seed", "7", "seed", Value::Integer(7)),
            ("workload.stream", "0.5", "workload.stream", Value::Float(0.5)),
            ("path.b.tls.verify", "false", "path.1.tls.verify", Value::Bool(false)),
            ("path.1.base_url", "http://h/v1", "path.0.base_url", Value::Text("http://h/v1".into())),
            ("name", "x\nseed = 2", "name", Value::Text("x\nseed = 2".into())),
            ("path.*.timeouts.total", "5s", "path.0.timeouts.total", Value::Text("5s".into())),
            ("path.*.timeouts.total", "5s", "path.1.timeouts.total", Value::Text("5s".into())),
            ("path.+.name", "c", "path.2.name", Value::Text("c".into())),
            ("objective.+.expr", "x < 1", "objective.0.expr", Value::Text("x < 1".into())),
            ("objective.+.expr", "y < 1", "objective.1.expr", Value::Text("y < 1".into())),
        ] {
            set(&mut tree, key, text, "--set").expect(key);
            assert_eq!(get(&tree, place).value, value, "{key}");
            assert_eq!(get(&tree, place).origin, Origin::Flag("--set".into()));
        }
        assert_eq!(get(&tree, "path.1.name").origin, Origin::Line(9));
    }

    #[test]
    fn a_flag_for_what_is_not_there_is_refused() {
        for (key, part) in [
            ("path.c.kind", "known are: a, b"),
            ("seed.*.a", "'seed' is a number"),
            ("seed.more", "'seed' is a number"),
        ] {
            let mut tree = parse(TEXT).expect("TOML");
            let wrong = set(&mut tree, key, "1", "--set").expect_err(key);
            assert!(wrong.problem.to_string().contains(part), "{wrong:?}");
        }
    }
}
