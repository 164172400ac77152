//! Typed reading of a table of the tree, which refuses every key that it does not know.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::path::NetPath;
use crate::profile::error::{Origin, Problem, Wrong};
use crate::profile::tree::{Node, Table, Value};
use crate::schedule::load::LoadModel;
use crate::spelling::nearest;
use crate::units::Api;

/// The keys of each section, by which a misplaced key is found again.
pub const SECTIONS: [(&str, &[&str]); 16] = [
    (
        "",
        &[
            "name",
            "seed",
            "baseline",
            "workers",
            "rules",
            "expectations",
            "simulator",
            "workload",
            "load",
            "compare",
            "limits",
            "prices",
            "sizing",
            "path",
            "objective",
            "expectation",
        ],
    ),
    ("simulator", &["scenario"]),
    (
        "workload",
        &[
            "kind",
            "file",
            "api",
            "stream",
            "model",
            "input_tokens",
            "output_tokens",
            "max_input_tokens",
            "max_output_tokens",
            "time_scale",
            "time_unit",
        ],
    ),
    ("load", &LoadModel::KEYS),
    ("compare", &["margins", "noise_floor"]),
    ("limits", &["requests", "tokens", "cost", "auth_failures", "failure_share", "failures_in_a_row"]),
    ("prices", &["input", "output", "currency"]),
    ("sizing", &["sigma", "ttft"]),
    ("path", &["name", "kind", "base_url", "auth", "backend", "connections", "tls", "timeouts", "tags"]),
    ("path.auth", &["kind", "env", "file"]),
    ("path.connections", &["policy", "http", "max", "streams"]),
    ("path.tls", &["ca_file", "verify"]),
    ("path.timeouts", &["connect", "first_byte", "gap", "total"]),
    (
        "objective",
        &["path", "kind", "tag", "name", "expr", "api", "stream", "per_call", "severity", "abort", "abort_after"],
    ),
    ("expectation", &["claim", "reference", "path", "kind", "tag", "slo", "api", "stream", "per_call"]),
    ("workload.api", Api::WORDS),
];

/// The keys of files that a profile names.
const FILES: [(&str, &[&str]); 2] = [("rules", &["objective"]), ("expectations", &["expectation"])];

/// A table under reading.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'tree> {
    table: &'tree Table,
    origin: &'tree Origin,
    /// The dotted name of this table, as messages say it.
    at: String,
    /// The folder from which relative paths count.
    folder: &'tree Path,
}

impl<'tree> Fields<'tree> {
    /// Reads a node as the table of a section; `at` is its name in messages.
    ///
    /// # Errors
    /// When it is no table or has a key that the section does not know.
    pub(crate) fn new(node: &'tree Node, section: &str, at: &str, folder: &'tree Path) -> Result<Self, Wrong> {
        let Value::Table(table) = &node.value else {
            return Err(wrong_value(&node.origin, at, &node.value, "a table"));
        };
        let fields = Self { table, origin: &node.origin, at: at.to_owned(), folder };
        let known = SECTIONS.iter().chain(&FILES).find(|(name, _)| *name == section).map_or(&[][..], |(_, keys)| keys);
        fields.refuse_unknown(section, known)?;
        Ok(fields)
    }

    fn refuse_unknown(&self, section: &str, known: &[&str]) -> Result<(), Wrong> {
        let Some((key, node)) = self.table.iter().find(|(key, _)| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        let problem = Problem::UnknownKey { key: self.key(key), hint: hint(key, section, known) };
        Err(Wrong { origin: node.origin.clone(), problem })
    }

    /// The dotted name of a key.
    #[must_use]
    pub(crate) fn key(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    /// Where a key stands; where its table stands if it does not.
    #[must_use]
    pub(crate) fn origin(&self, key: &str) -> &'tree Origin {
        self.table.get(key).map_or(self.origin, |node| &node.origin)
    }

    /// What stands at a key.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<&'tree Node> {
        self.table.get(key)
    }

    /// The first of these keys that is there.
    #[must_use]
    pub(crate) fn first_of(&self, keys: &[&'static str]) -> Option<&'static str> {
        keys.iter().copied().find(|key| self.table.contains_key(*key))
    }

    /// A value that is none of those allowed; it is shown.
    #[must_use]
    pub(crate) fn wrong(&self, key: &str, expected: &str) -> Wrong {
        match self.table.get(key) {
            Some(node) => wrong_value(&node.origin, &self.key(key), &node.value, expected),
            None => self.missing(key, format!("it takes {expected}")),
        }
    }

    /// A key that must be there.
    #[must_use]
    pub(crate) fn missing(&self, key: &str, remedy: impl Into<String>) -> Wrong {
        let problem = Problem::Missing { key: self.key(key), remedy: remedy.into() };
        Wrong { origin: self.origin.clone(), problem }
    }

    /// Values that do not go together, at a key.
    #[must_use]
    pub(crate) fn rule(&self, key: &str, message: impl Into<String>) -> Wrong {
        Wrong::rule(self.origin(key), message)
    }

    /// A text that is not empty.
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'tree str>, Wrong> {
        match self.table.get(key).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Text(text)) if !text.trim().is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a text in quotes")),
        }
    }

    /// Texts in a list.
    ///
    /// # Errors
    /// When it is no list, or anything in it is no text.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&'tree str>, Wrong> {
        let Some(node) = self.table.get(key) else { return Ok(Vec::new()) };
        let wrong = || self.wrong(key, "a list of texts in quotes");
        let Value::List(items) = &node.value else { return Err(wrong()) };
        let text =
            |item: &'tree Node| if let Value::Text(text) = &item.value { Ok(text.as_str()) } else { Err(wrong()) };
        items.iter().map(text).collect()
    }

    /// A text in a form of its own, such as a time or a rate.
    ///
    /// # Errors
    /// When it is no text or not in that form.
    pub(crate) fn parsed<T>(&self, key: &str, expected: &str) -> Result<Option<T>, Wrong>
    where
        T: FromStr,
        T::Err: Display,
    {
        match self.table.get(key).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Text(text)) => text.parse().map(Some).map_err(|_| self.wrong(key, expected)),
            Some(_) => Err(self.wrong(key, expected)),
        }
    }

    /// A whole number of at least `least`.
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn count(&self, key: &str, least: u64) -> Result<Option<u64>, Wrong> {
        match self.table.get(key).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Integer(number)) if *number >= i128::from(least) && *number <= i128::from(i64::MAX) => {
                Ok(u64::try_from(*number).ok())
            }
            Some(_) => Err(self.wrong(key, &format!("a whole number from {least} up"))),
        }
    }

    /// A number of tokens.
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn tokens(&self, key: &str) -> Result<Option<u32>, Wrong> {
        let limit = u64::from(MOST_TOKENS);
        match self.count(key, 1)? {
            Some(count) if count > limit => Err(self.wrong(key, &format!("a whole number from 1 to {MOST_TOKENS}"))),
            count => Ok(count.and_then(|count| u32::try_from(count).ok())),
        }
    }

    /// A finite number.
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, Wrong> {
        match self.table.get(key).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(*number as f64)),
            Some(Value::Float(number)) if number.is_finite() => Ok(Some(*number)),
            Some(_) => Err(self.wrong(key, "a number")),
        }
    }

    /// A share from 0 to 1, as a number or in percent: 0.5 or "50%".
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn share(&self, key: &str) -> Result<Option<f64>, Wrong> {
        let written = match self.table.get(key).map(|node| &node.value) {
            None => return Ok(None),
            Some(Value::Integer(number)) => Some(*number as f64),
            Some(Value::Float(number)) => Some(*number),
            Some(Value::Text(text)) => percent(text),
            Some(Value::Bool(_) | Value::List(_) | Value::Table(_)) => None,
        };
        let share = written.filter(|share| (0.0..=1.0).contains(share));
        share.map(Some).ok_or_else(|| self.wrong(key, "a share such as \"50%\" or 0.5, from 0 to 1"))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Wrong> {
        match self.table.get(key).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// One of a closed set of words.
    ///
    /// # Errors
    /// When it is none of them.
    pub(crate) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>, Wrong> {
        let Some(node) = self.table.get(key) else { return Ok(None) };
        let word = word_of(node);
        let word = word.as_deref().unwrap_or_default();
        let found = choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| Some(*choice));
        found.ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            let meant = nearest(word, &words).map_or(String::new(), |word| format!("; did you mean \"{word}\"?"));
            self.wrong(key, &format!("{}{meant}", quoted.join(", ")))
        })
    }

    /// A table inside this one.
    ///
    /// # Errors
    /// When it is no table or has an unknown key.
    pub(crate) fn table(&self, key: &str, section: &str) -> Result<Option<Fields<'tree>>, Wrong> {
        self.table.get(key).map(|node| Fields::new(node, section, &self.key(key), self.folder)).transpose()
    }

    /// Tables in a list, `[[...]]`.
    ///
    /// # Errors
    /// When it is no list.
    pub(crate) fn list(&self, key: &str) -> Result<&'tree [Node], Wrong> {
        match self.table.get(key).map(|node| &node.value) {
            None => Ok(&[]),
            Some(Value::List(items)) => Ok(items),
            Some(_) => Err(self.wrong(key, &format!("a list; each begins with [[{}]]", self.key(key)))),
        }
    }

    /// A file that exists, counted from the profile's folder.
    ///
    /// # Errors
    /// When it is no text, or there is no such file.
    pub(crate) fn file(&self, key: &str) -> Result<Option<PathBuf>, Wrong> {
        let Some(path) = self.path(key)? else { return Ok(None) };
        if path.is_file() {
            return Ok(Some(path));
        }
        let rule =
            format!("'{}': there is no file {}; paths count from the profile's folder", self.key(key), path.display());
        Err(self.rule(key, rule))
    }

    /// A path, counted from the profile's folder.
    ///
    /// # Errors
    /// When it is no text.
    pub(crate) fn path(&self, key: &str) -> Result<Option<PathBuf>, Wrong> {
        Ok(self.text(key)?.map(|text| self.folder.join(text)))
    }

    /// The folder from which relative paths count.
    #[must_use]
    pub(crate) fn folder(&self) -> &'tree Path {
        self.folder
    }
}

/// "50%" as 0.5; a number without the sign, as a flag may hold it, is a share already.
fn percent(text: &str) -> Option<f64> {
    match text.trim().strip_suffix('%') {
        Some(digits) => digits.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.trim().parse().ok(),
    }
}

/// A path that is named and is not there.
#[must_use]
pub(crate) fn unknown_path(paths: &[NetPath], name: &str, origin: &Origin, key: &str) -> Wrong {
    let names: Vec<&str> = paths.iter().map(|path| path.name.as_str()).collect();
    let meant = nearest(name, &names).map_or(String::new(), |near| format!("did you mean '{near}'? "));
    let known = names.join(", ");
    Wrong::rule(origin, format!("'{key}' names the path '{name}', which does not exist; {meant}the paths are {known}"))
}

/// The most tokens that a prompt or an answer may be asked to have.
pub(crate) const MOST_TOKENS: u32 = 2_000_000;

fn wrong_value(origin: &Origin, key: &str, value: &Value, expected: &str) -> Wrong {
    let found = match value {
        Value::Text(text) => format!("\"{text}\""),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::List(_) | Value::Table(_) => value.kind().to_owned(),
    };
    let problem = Problem::Value { key: key.to_owned(), found, expected: expected.to_owned() };
    Wrong { origin: origin.clone(), problem }
}

/// What was probably meant by an unknown key: one like it here, the same or one like it elsewhere, or any that exists.
fn hint(key: &str, section: &str, known: &[&str]) -> String {
    let elsewhere = || SECTIONS.iter().find(|(name, keys)| *name != section && keys.contains(&key));
    if let Some(near) = nearest(key, known) {
        format!("did you mean '{near}'?")
    } else if let Some((home, _)) = elsewhere() {
        let home = if home.is_empty() { "the top of the file".to_owned() } else { format!("[{home}]") };
        format!("'{key}' belongs in {home}; the keys here are {}", known.join(", "))
    } else {
        format!("the keys here are {}", known.join(", "))
    }
}

/// The word at a node. A flag has no quotes, so what looks like a number there may be one.
fn word_of(node: &Node) -> Option<Cow<'_, str>> {
    match (&node.value, &node.origin) {
        (Value::Text(word), _) => Some(Cow::Borrowed(word)),
        (Value::Integer(number), Origin::Flag(_)) => Some(Cow::Owned(number.to_string())),
        (Value::Float(number), Origin::Flag(_)) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::tree;

    fn unknown(text: &str, section: &str) -> String {
        let tree = tree::parse(text).expect("TOML");
        let wrong = Fields::new(&tree, section, section, Path::new("")).expect_err("unknown key");
        wrong.problem.to_string()
    }

    #[test]
    fn an_unknown_key_has_a_hint() {
        for (text, section, hint) in [
            ("rtae = 1", "load", "unknown key 'load.rtae'; did you mean 'rate'?"),
            ("Duration = 1", "load", "did you mean 'duration'?"),
            ("url = 1", "path", "did you mean 'base_url'?"),
            ("concurency = 1", "load", "did you mean 'concurrency'?"),
            ("objectives = 1", "", "did you mean 'objective'?"),
            ("verify = true", "path", "'verify' belongs in [path.tls]"),
            (
                "zzz = 1",
                "limits",
                "the keys here are requests, tokens, cost, auth_failures, failure_share, failures_in_a_row",
            ),
        ] {
            let message = unknown(text, section);
            assert!(message.contains(hint), "{message}");
        }
    }

    #[test]
    fn a_share_is_a_number_or_in_percent() {
        let share = |text: &str| {
            let tree = tree::parse(&format!("failure_share = {text}")).expect("TOML");
            let fields = Fields::new(&tree, "limits", "limits", Path::new("")).expect("known keys");
            fields.share("failure_share").map_err(|wrong| wrong.problem.to_string())
        };
        for (text, expected) in
            [("0.5", 0.5), ("\"50%\"", 0.5), ("\" 2.5 % \"", 0.025), ("1", 1.0), ("0", 0.0), ("\"0.25\"", 0.25)]
        {
            assert_eq!(share(text), Ok(Some(expected)), "{text}");
        }
        for text in ["1.1", "-0.1", "50", "\"150%\"", "\"half\"", "true", "nan", "\"nan\"", "[0.5]"] {
            assert!(share(text).expect_err(text).contains("it takes a share such as \"50%\" or 0.5"), "{text}");
        }
    }

    #[test]
    fn values_are_checked_by_kind() {
        let tree = tree::parse("kind = \"opn\"\nrate = 5\nwarmup = \"-1s\"\nconcurrency = 0").expect("TOML");
        let fields = Fields::new(&tree, "load", "load", Path::new("")).expect("known keys");
        let messages = [
            fields.choice("kind", &[("open", 1), ("closed", 2)]).map(|_| ()),
            fields.text("rate").map(|_| ()),
            fields.parsed::<crate::units::Span>("warmup", "a time").map(|_| ()),
            fields.count("concurrency", 1).map(|_| ()),
        ]
        .map(|result| result.expect_err("wrong").problem.to_string());
        let expected = [
            "'load.kind' is \"opn\"; it takes \"open\", \"closed\"; did you mean \"open\"?",
            "'load.rate' is 5; it takes a text in quotes",
            "'load.warmup' is \"-1s\"; it takes a time",
            "'load.concurrency' is 0; it takes a whole number from 1 up",
        ];
        assert_eq!(messages, expected);
    }
}
