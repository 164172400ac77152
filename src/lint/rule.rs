//! What a rule is, and what it finds.

use serde::Serialize;

use crate::lint::entry::ProfileEntry;
use crate::profile::foundry::Connection;
use crate::profile::foundry::located::Place;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::Display, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Level {
    /// It does not work.
    Error,
    /// It may not work, or not do what is meant.
    Warning,
    /// It should be known.
    Note,
}

/// One thing that is looked for, with the day of what is known of it.
#[derive(Debug)]
pub struct Rule {
    /// Its name in every output; it stays the same for ever.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// The day, or month, of the newest source that says so.
    pub as_of: &'static str,
    /// Where it is said.
    pub source: &'static str,
    /// What is wrong, in general.
    pub what: &'static str,
    /// What comes of it.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// How it is looked for.
    pub(crate) check: Check,
}

/// How a rule looks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// At a connection.
    Connection(fn(&Connection) -> Vec<Hit>),
    /// At a path of a profile.
    Path(fn(&ProfileEntry<'_>) -> Vec<Hit>),
    /// At either.
    Both(fn(&Connection) -> Vec<Hit>, fn(&ProfileEntry<'_>) -> Vec<Hit>),
    /// While the file is read.
    Reading,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Where.
    pub place: Place,
    /// What, in a part of a sentence: what stands there and what comes of it.
    pub message: String,
}

impl Hit {
    /// At a place.
    #[must_use]
    pub(crate) fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }

    /// One, if there is a message.
    #[must_use]
    pub(crate) fn if_some(place: Place, message: Option<String>) -> Vec<Self> {
        message.map(|message| Self { place, message }).into_iter().collect()
    }
}
