//! Why something was not carried out, by whose fault it was. The verb turns it into an exit code.

/// A command or a run that was not carried out, or not to its end.
#[derive(Debug)]
pub enum Failure {
    /// The world refused.
    World(anyhow::Error),
    /// What was given is wrong; nothing was sent.
    Usage(anyhow::Error),
}

impl Failure {
    /// What to say in one sentence.
    #[must_use]
    pub fn error(&self) -> &anyhow::Error {
        match self {
            Self::World(error) | Self::Usage(error) => error,
        }
    }
}

/// What the steps of a run return.
pub(crate) type RunResult<T> = Result<T, Failure>;

/// Says whose fault an error is.
pub(crate) trait OrFailure<T> {
    /// The world's.
    ///
    /// # Errors
    /// The same error, as [`Failure::World`].
    fn or_world(self) -> RunResult<T>;
    /// That of what was given.
    ///
    /// # Errors
    /// The same error, as [`Failure::Usage`].
    fn or_usage(self) -> RunResult<T>;
}

impl<T, E: Into<anyhow::Error>> OrFailure<T> for Result<T, E> {
    fn or_world(self) -> RunResult<T> {
        self.map_err(|error| Failure::World(error.into()))
    }

    fn or_usage(self) -> RunResult<T> {
        self.map_err(|error| Failure::Usage(error.into()))
    }
}
