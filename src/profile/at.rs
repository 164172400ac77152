//! A value of the tree at its dotted key: its place for messages, and what the schema says of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::limits::Limit;
use crate::profile::error::{Fault, Origin, Problem, Wrong};
use crate::profile::tree::{Node, Value, name_of};
use crate::spelling::nearest;
use crate::text_file;

/// Keys under which people write the secret itself into `auth`.
const SECRET_KEYS: [&str; 10] =
    ["key", "api_key", "api-key", "apikey", "secret", "client_secret", "token", "access_token", "password", "value"];

/// What every value of a profile is read with.
#[derive(Debug)]
pub(crate) struct Base<'t> {
    /// The schema of the whole profile.
    pub schema: &'t Json,
    /// The folder from which relative paths count.
    pub folder: &'t Path,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<'t> {
    /// What is written.
    pub node: &'t Node,
    key: String,
    schema: &'t Json,
    base: &'t Base<'t>,
}

impl<'t> At<'t> {
    /// The whole of a file.
    #[must_use]
    pub(crate) fn top(node: &'t Node, base: &'t Base<'t>) -> Self {
        Self { node, key: String::new(), schema: base.schema, base }
    }

    /// Reads the value as a type.
    ///
    /// # Errors
    /// The first thing in it that is wrong.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Wrong> {
        T::deserialize(self.clone()).map_err(|fault| self.place(fault))
    }

    /// The dotted name of the value itself.
    #[must_use]
    pub(crate) fn own_key(&self) -> &str {
        &self.key
    }

    /// The dotted name of a key.
    #[must_use]
    pub(crate) fn key(&self, key: &str) -> String {
        if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) }
    }

    /// What stands at a key.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        match &self.node.value {
            Value::Table(table) => table.get(key).map(|node| self.child(key, node)),
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) => None,
        }
    }

    /// What stands in a list.
    #[must_use]
    pub(crate) fn items(&self, key: &str) -> Vec<Self> {
        match self.get(key) {
            Some(Self { node: Node { value: Value::List(items), .. }, key, schema, base }) => {
                let list = Self { node: self.node, key, schema, base };
                (1..).zip(items).map(|(number, item)| list.item(number, item)).collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// The first of these keys that is there.
    #[must_use]
    pub(crate) fn first_of(&self, keys: &[&'static str]) -> Option<&'static str> {
        keys.iter().copied().find(|key| self.get(key).is_some())
    }

    /// Where a key stands; where its table stands if it does not.
    #[must_use]
    pub(crate) fn origin(&self, key: &str) -> Origin {
        self.get(key).map_or(&self.node.origin, |at| &at.node.origin).clone()
    }

    /// A value that is none of those allowed; it is shown.
    #[must_use]
    pub(crate) fn wrong(&self, key: &str, expected: &str) -> Wrong {
        match self.get(key) {
            Some(at) => at.unlike(expected.to_owned()),
            None => self.missing(key, format!("it takes {expected}")),
        }
    }

    /// An item of a list, from 0, that is none of those allowed; of a single value in place of a list that one.
    #[must_use]
    pub(crate) fn wrong_item(&self, key: &str, number: usize, expected: &str) -> Wrong {
        match self.items(key).get(number) {
            Some(item) => item.unlike(expected.to_owned()),
            None => self.wrong(key, expected),
        }
    }

    /// A key that must be there.
    #[must_use]
    pub(crate) fn missing(&self, key: &str, remedy: impl Into<String>) -> Wrong {
        Wrong {
            origin: self.node.origin.clone(),
            problem: Problem::Missing { key: self.key(key), remedy: remedy.into() },
        }
    }

    /// Values that do not go together, at a key.
    #[must_use]
    pub(crate) fn rule(&self, key: &str, message: impl Into<String>) -> Wrong {
        Wrong::rule(&self.origin(key), message)
    }

    /// A file that exists, counted from the profile's folder.
    ///
    /// # Errors
    /// When there is no such file.
    pub(crate) fn file(&self, key: &str, path: &Path) -> Result<PathBuf, Wrong> {
        let path = self.base.folder.join(path);
        let why = match text_file::is_regular(&path) {
            Ok(()) => return Ok(path),
            Err(why) if why.kind() == ErrorKind::InvalidData => format!("{}: {why}", path.display()),
            Err(_) => format!("there is no file {}; paths are relative to the profile's folder", path.display()),
        };
        Err(self.rule(key, format!("'{}': {why}", self.key(key))))
    }

    /// What every value of this file is read with.
    #[must_use]
    pub(crate) fn base(&self) -> &'t Base<'t> {
        self.base
    }

    pub(crate) fn child(&self, key: &str, node: &'t Node) -> Self {
        let schema = self.forms().map(|form| &form["properties"][key]).find(|schema| !schema.is_null());
        Self { node, key: self.key(key), schema: schema.unwrap_or(&Json::Null), base: self.base }
    }

    /// The forms that the schema has for this value: one, or several.
    fn forms(&self) -> impl Iterator<Item = &'t Json> + use<'t> {
        std::iter::once(self.schema).chain(self.schema["oneOf"].as_array().into_iter().flatten())
    }

    /// The schema of an item of a list.
    fn items_schema(&self) -> &'t Json {
        self.forms().map(|form| &form["items"]).find(|schema| !schema.is_null()).unwrap_or(&Json::Null)
    }

    /// An item of a list: a table by its number, a path by its name; anything else is a part of the whole list.
    pub(crate) fn item(&self, number: usize, node: &'t Node) -> Self {
        let (key, schema) = match &node.value {
            Value::Table(_) if self.key == "path" => {
                let name = name_of(node).filter(|name| !name.trim().is_empty() && name.len() <= 64);
                (self.key(&name.unwrap_or_else(|| number.to_string())), self.items_schema())
            }
            Value::Table(_) => (self.key(&number.to_string()), self.items_schema()),
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) => {
                (self.key.clone(), self.schema)
            }
        };
        Self { node, key, schema, base: self.base }
    }

    /// The mistake at this place.
    pub(crate) fn place(&self, fault: Fault) -> Wrong {
        match fault {
            Fault::Placed(wrong) => wrong,
            Fault::Kind(expected) => self.unlike(self.expected(expected)),
            Fault::Choice(words) => self.unlike(self.choices(words)),
            Fault::Missing(key) => self.missing(key, "add it"),
            Fault::Other(message) => match message.strip_prefix(&format!("'{}' is not ", self.node.value.plain())) {
                Some(expected) => self.unlike(expected.to_owned()),
                None => Wrong::rule(&self.node.origin, format!("'{}': {message}", self.key)),
            },
        }
    }

    fn unlike(&self, expected: String) -> Wrong {
        let found = match &self.node.value {
            // It may be the secret itself.
            Value::Text(_) if self.key.split('.').any(|part| matches!(part, "auth" | "headers")) => {
                "another text".to_owned()
            }
            Value::Text(text) => format!("\"{}\"", Limit::ShownText.cut(text)),
            value @ (Value::Integer(_) | Value::Float(_) | Value::Bool(_)) => value.plain(),
            value @ (Value::List(_) | Value::Table(_)) => value.kind().to_owned(),
        };
        Wrong {
            origin: self.node.origin.clone(),
            problem: Problem::Value { key: Limit::ShownText.cut(&self.key), found, expected },
        }
    }

    /// What is expected, in the words of the schema where those of a type are no words for people.
    fn expected(&self, of_type: String) -> String {
        let such_as = match &self.schema["examples"][0] {
            Json::Null => String::new(),
            example => format!(" such as {example}"),
        };
        match (self.schema["type"].as_str(), of_type.as_str()) {
            (Some("integer"), _) => format!("a whole number {}", self.bounds().unwrap_or_default()),
            (Some("number"), _) => self.bounds().map_or("a number".to_owned(), |bounds| format!("a number {bounds}")),
            (Some("boolean"), _) => "true or false".to_owned(),
            (Some("array"), _) if self.schema["items"]["type"] == "object" => {
                format!("a list; each begins with [[{}]]", self.key)
            }
            (Some("array"), _) => format!("a list of texts in quotes{such_as}"),
            (Some("string"), "a string" | "path string") => format!("a text in quotes{such_as}"),
            _ => of_type,
        }
    }

    /// The closed set of words that a key takes.
    #[must_use]
    pub(crate) fn words_of(&self, key: &str) -> Option<String> {
        let words = self.forms().find_map(|form| form["properties"][key]["enum"].as_array())?;
        Some(format!("it is {}", words.iter().map(Json::to_string).collect::<Vec<_>>().join(", ")))
    }

    /// "from 1 to 1024", as far as the schema has bounds.
    fn bounds(&self) -> Option<String> {
        let bound =
            |key: &str| self.schema.get(key).map(Json::to_string).map(|text| text.trim_end_matches(".0").to_owned());
        match (bound("minimum"), bound("maximum"), bound("exclusiveMinimum")) {
            (Some(least), Some(most), _) => Some(format!("from {least} to {most}")),
            (Some(least), None, _) => Some(format!("from {least} up")),
            (None, _, Some(below)) => Some(format!("above {below}")),
            (None, _, None) => None,
        }
    }

    pub(crate) fn keeps_bounds(&self, number: f64) -> bool {
        let bound = |key: &str| self.schema[key].as_f64();
        // Where the schema has several forms, the type itself says which numbers it takes.
        (number.is_finite() || self.schema["type"].is_null())
            && bound("minimum").is_none_or(|least| number >= least)
            && bound("maximum").is_none_or(|most| number <= most)
            && bound("exclusiveMinimum").is_none_or(|below| number > below)
    }

    fn choices(&self, words: &[&str]) -> String {
        let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        let word = self.node.value.plain();
        let meant = nearest(&word, words).map_or(String::new(), |word| format!("; did you mean \"{word}\"?"));
        quoted.join(", ") + &meant
    }

    /// An unknown key with what was probably meant: one like it here, the same elsewhere, or any that exists.
    pub(crate) fn unknown(&self, key: &str, known: &[&str]) -> Wrong {
        let hint = if self.is_credential() && SECRET_KEYS.contains(&key.to_ascii_lowercase().as_str()) {
            "a profile never holds a secret: put it into an environment variable and write auth = { kind = \
             \"api-key\", env = \"NAME_OF_THE_VARIABLE\" }"
                .to_owned()
        } else if let Some(near) = nearest(key, known) {
            format!("did you mean '{near}'?")
        } else {
            let home = section_with(self.base.schema, "", key);
            let home =
                home.map(|home| if home.is_empty() { "the top of the file".to_owned() } else { format!("[{home}]") });
            let home = home.map_or(String::new(), |home| format!("'{key}' belongs in {home}; "));
            format!("{home}the keys here are {}", known.join(", "))
        };
        Wrong {
            origin: self.origin(key),
            problem: Problem::UnknownKey { key: Limit::ShownText.cut(&self.key(key)), hint },
        }
    }

    /// Whether this is `auth` of a path, or one of its list.
    fn is_credential(&self) -> bool {
        let key = self.key.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('.');
        key.rsplit('.').next() == Some("auth")
    }

    /// The word of a closed set. A flag has no quotes, so what looks like a number there may be one.
    pub(crate) fn word(&self) -> Option<String> {
        match (&self.node.value, &self.node.origin) {
            (Value::Text(_), _) | (Value::Integer(_) | Value::Float(_), Origin::Flag(_)) => {
                Some(self.node.value.plain())
            }
            _ => None,
        }
    }
}

/// The section that has a key.
fn section_with(schema: &Json, name: &str, key: &str) -> Option<String> {
    let properties = schema["properties"].as_object()?;
    let inner = |(part, schema): (&String, &Json)| {
        let name = if name.is_empty() { part.clone() } else { format!("{name}.{part}") };
        section_with(schema, &name, key).or_else(|| section_with(&schema["items"], &name, key))
    };
    if properties.contains_key(key) { Some(name.to_owned()) } else { properties.iter().find_map(inner) }
}
