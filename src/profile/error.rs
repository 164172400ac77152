//! What can be wrong with a profile. Every message says where, what, and what to write instead; none repeats a secret.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Error, Expected, Unexpected};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of the profile, from 1.
    Line(usize),
    /// A flag.
    Flag(String),
    /// A line, from 1, of a file that the profile names.
    File(Box<(PathBuf, usize)>),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not TOML.
    #[error("this is not TOML: {0}")]
    Syntax(String),
    /// A key that does not exist here.
    #[error("unknown key '{key}'; {hint}")]
    UnknownKey {
        /// The dotted key.
        key: String,
        /// What was probably meant, or what exists.
        hint: String,
    },
    /// A key that must be there.
    #[error("'{key}' is missing; {remedy}")]
    Missing {
        /// The dotted key.
        key: String,
        /// What to write.
        remedy: String,
    },
    /// A value that is none of those allowed.
    #[error("'{key}' is {found}; it takes {expected}")]
    Value {
        /// The dotted key.
        key: String,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// Values that do not go together.
    #[error("{0}")]
    Rule(String),
}

/// A problem and its place in a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where.
    pub origin: Origin,
    /// What.
    pub problem: Problem,
}

impl Wrong {
    /// Values that do not go together.
    #[must_use]
    pub fn rule(origin: &Origin, message: impl Into<String>) -> Self {
        Self { origin: origin.clone(), problem: Problem::Rule(message.into()) }
    }
}

/// What serde found wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A mistake whose place is known.
    #[error("{}", .0.problem)]
    Placed(Wrong),
    /// A value of another kind than this.
    #[error("it takes {0}")]
    Kind(String),
    /// A word that is none of these.
    #[error("it is not one of {}", .0.join(", "))]
    Choice(&'static [&'static str]),
    /// A table without this key.
    #[error("'{0}' is missing")]
    Missing(&'static str),
    /// Anything else, in a sentence.
    #[error("{0}")]
    Other(String),
}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        match message.strip_prefix("it takes ") {
            Some(expected) => Self::Kind(expected.to_owned()),
            None => Self::Other(message),
        }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Kind(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Kind(expected.to_string())
    }

    fn unknown_variant(_: &str, words: &'static [&'static str]) -> Self {
        Self::Choice(words)
    }

    fn missing_field(key: &'static str) -> Self {
        Self::Missing(key)
    }
}

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("cannot read the profile {}: {source}; `hopmark init` writes one to start from", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}", place(file, wrong))]
    Wrong {
        /// The file.
        file: PathBuf,
        /// What, and on which line.
        wrong: Wrong,
    },
}

fn place(file: &std::path::Path, wrong: &Wrong) -> impl fmt::Display {
    let message = match &wrong.origin {
        Origin::Line(line) => format!("{}:{line}: {}", file.display(), wrong.problem),
        Origin::File(place) => format!("{}:{}: {}", place.0.display(), place.1, wrong.problem),
        Origin::Flag(flag) => format!("{flag}: {}", wrong.problem),
    };
    // What is quoted may go over lines.
    message.replace(char::is_control, " ")
}
