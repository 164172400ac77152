//! Why something was not carried out, by whose fault it was. The verb turns it into an exit code.

use anyhow::anyhow;

use crate::runner::signals::{Signals, StopSignal};

/// A command or a run that was not carried out, or not to its end.
#[derive(Debug)]
pub enum Failure {
    /// The world refused.
    World(anyhow::Error),
    /// What was given is wrong; nothing was sent.
    Usage(anyhow::Error),
    /// A signal came before anything was measured.
    Stopped(StopSignal, anyhow::Error),
}

impl Failure {
    /// A run that a signal ended before anything was measured.
    pub(crate) fn stopped(signal: StopSignal) -> Self {
        Self::Stopped(signal, anyhow!("{signal} before anything was measured; no run directory was written"))
    }

    /// What to say in one sentence.
    #[must_use]
    pub fn error(&self) -> &anyhow::Error {
        match self {
            Self::World(error) | Self::Usage(error) | Self::Stopped(_, error) => error,
        }
    }
}

/// What the steps of a run return.
pub(crate) type RunResult<T> = Result<T, Failure>;

/// What a step of the preparation comes to, unless a signal comes first: then the step is given up, with all that it has
/// begun.
///
/// # Errors
/// Those of the step; [`Failure::Stopped`] on a signal.
pub(crate) async fn unless_stopped<T>(signals: &mut Signals, step: impl Future<Output = RunResult<T>>) -> RunResult<T> {
    tokio::select! {
        biased;
        signal = signals.next() => Err(Failure::stopped(signal)),
        done = step => done,
    }
}

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
