//! The errors of a run by path and class: how many, when, and a sample of what was said.

use crate::measure::outcome::ErrorClass;
use crate::units::{Nanos, PathId};

/// One class of errors on one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSeen {
    /// The path.
    pub path: PathId,
    /// The class.
    pub class: ErrorClass,
    /// How many calls of the measured phase ended so.
    pub count: u64,
    /// When the first and the last of them did; `None` without any.
    pub between: Option<(Nanos, Nanos)>,
    /// What was said the first time that anything was, whatever the phase: cleaned, short, without secrets.
    pub message: Option<Box<str>>,
}

impl ErrorSeen {
    /// None of this class yet.
    #[must_use]
    pub fn none(path: PathId, class: ErrorClass) -> Self {
        Self { path, class, count: 0, between: None, message: None }
    }

    /// One more of the measured phase, which ended at this moment.
    pub fn add(&mut self, at: Nanos) {
        self.count += 1;
        let (first, last) = self.between.unwrap_or((at, at));
        self.between = Some((first.min(at), last.max(at)));
    }
}
