//! Why there is no token: what happened, and whether it may get better by itself.

use std::time::Duration;

/// A token that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct NoToken {
    /// What happened, and what to do.
    pub(crate) message: String,
    /// Whether asking again is of no use.
    pub(crate) lasts: bool,
    /// How long the endpoint wants to be left alone.
    pub(crate) wait: Option<Duration>,
}

impl NoToken {
    /// What will not get better by itself.
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), lasts: true, wait: None }
    }

    /// What may get better by itself.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), lasts: false, wait: None }
    }
}
