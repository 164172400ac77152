//! A call that got no connection.

use crate::attempt::guard::Cut;
use crate::measure::outcome::{ErrorClass, Outcome};

/// A call that got no connection, and why.
pub(super) struct Unconnected {
    /// How the call ended.
    pub(super) outcome: Outcome,
    /// Why, in words, where they are known.
    pub(super) cause: Option<String>,
}

impl Unconnected {
    /// No connection came about.
    pub(super) fn failed(class: ErrorClass, cause: Option<String>) -> Self {
        Self { outcome: Outcome::Failed(class), cause }
    }

    /// The call was given up while it waited for one.
    pub(super) fn cut(cut: Cut) -> Self {
        Self { outcome: cut.outcome(), cause: None }
    }
}
