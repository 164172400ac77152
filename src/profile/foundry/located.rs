//! A document as a tree of values that know their line and column, whatever it was written in.

use crate::limits::Limit;

/// A place in a file; line and column count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// Where a file begins.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What can be written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// Values in a row.
    List(Vec<Node>),
    /// Values by their keys, in their order.
    Table(Vec<Member>),
    /// A value that is turned into a text of JSON: by `jsonencode` of Terraform, or by the template whose parameter it is.
    Encoded(Box<Node>),
    /// An expression whose value only Terraform or Azure knows.
    Unknown,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// The key, as it is spelled.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The members of a table; none of anything else.
    #[must_use]
    pub(crate) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Table(members) => members,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Encoded(_)
            | Value::Unknown => &[],
        }
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Table(_)
            | Value::Encoded(_)
            | Value::Unknown => &[],
        }
    }

    /// A text.
    #[must_use]
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::List(_)
            | Value::Table(_)
            | Value::Encoded(_)
            | Value::Unknown => None,
        }
    }

    /// The member with this key: spelled so, or else in other letter cases.
    #[must_use]
    pub(crate) fn member(&self, key: &str) -> Option<&Member> {
        let members = self.members();
        let exact = members.iter().find(|member| member.key == key);
        exact.or_else(|| members.iter().find(|member| member.key.eq_ignore_ascii_case(key)))
    }

    /// The value of a key.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|member| &member.value)
    }

    /// Whether it says nothing: null, or a text without letters.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.value == Value::Null || self.text().is_some_and(|text| text.trim().is_empty())
    }

    /// What kind of value it is, for messages.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false without quotes",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Table(_) => "an object",
            Value::Encoded(_) => "a text of JSON",
            Value::Unknown => "an expression",
        }
    }

    /// Every text in it, keys left out.
    pub(crate) fn texts<'n>(&'n self, found: &mut Vec<&'n str>) {
        match &self.value {
            Value::Text(text) | Value::Number(text) => found.push(text),
            Value::List(items) => items.iter().for_each(|item| item.texts(found)),
            Value::Table(members) => members.iter().for_each(|member| member.value.texts(found)),
            Value::Encoded(inner) => inner.texts(found),
            Value::Null | Value::Bool(_) | Value::Unknown => {}
        }
    }
}

/// A text that is not what it should be, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// Where.
    pub place: Place,
    /// What, in a part of a sentence that repeats nothing of the text.
    pub message: String,
}

/// Where the lines of a text begin.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// The lines of a text.
    #[must_use]
    pub(crate) fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The place of a byte.
    #[must_use]
    pub(crate) fn at(&self, byte: usize) -> Place {
        let byte = self.text.floor_char_boundary(byte.min(self.text.len()));
        let line = self.starts.partition_point(|start| *start <= byte).max(1);
        let column = 1 + self.text[self.starts[line - 1]..byte].chars().count();
        Place { line, column }
    }
}

/// Holds a document to the depth that is read.
///
/// # Errors
/// When a value at this depth, counted from 0, lies beyond it.
pub(crate) fn check_depth(depth: usize, place: Place) -> Result<(), Syntax> {
    Limit::ConnectionDepth.allow(depth).map_err(|beyond| Syntax { place, message: beyond.to_string() })
}
