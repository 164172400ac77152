//! Exit codes, and failures that carry theirs.

use std::process::ExitCode;

use crate::runner::ending::EarlyEnd;
use crate::runner::failure;

/// What a command tells the shell. The numbers are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked was met.
    Met,
    /// The world refused: preflight, results folder, disk.
    World,
    /// Something is wrong in flags, profile, data files or the variables they name; nothing was sent.
    Usage,
    /// An objective failed.
    Missed,
    /// The generator, not the path, was the limit.
    Invalid,
    /// Inconclusive, under `--strict`.
    Inconclusive,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Met => 0,
            Self::World => 1,
            Self::Usage => 2,
            Self::Missed => 3,
            Self::Invalid => 4,
            Self::Inconclusive => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl Exit {
    /// The verdict with this number: 3, 4 and 5; anything else is met.
    #[must_use]
    pub fn of(code: u8) -> Self {
        [Self::Missed, Self::Invalid, Self::Inconclusive]
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Self::Met)
    }
}

impl From<EarlyEnd> for Exit {
    fn from(end: EarlyEnd) -> Self {
        match end {
            EarlyEnd::AsAsked => Self::Met,
            EarlyEnd::Failing => Self::Missed,
            EarlyEnd::SimulatorDied => Self::Invalid,
            EarlyEnd::Interrupted => Self::Interrupted,
            EarlyEnd::Terminated => Self::Terminated,
            EarlyEnd::Broken => Self::World,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A failure to say in one sentence, with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// What the shell is told.
    pub exit: Exit,
    /// What the person is told.
    pub error: anyhow::Error,
}

impl From<failure::Failure> for Failure {
    fn from(failure: failure::Failure) -> Self {
        match failure {
            failure::Failure::World(error) => Self { exit: Exit::World, error },
            failure::Failure::Usage(error) => Self { exit: Exit::Usage, error },
        }
    }
}

/// What a command returns.
pub type CommandResult<T = Exit> = Result<T, Failure>;

/// Gives an error its exit code.
pub trait OrExit<T> {
    /// The world refused.
    ///
    /// # Errors
    /// The same failure, with [`Exit::World`].
    fn or_world(self) -> CommandResult<T>;
    /// What was given is wrong.
    ///
    /// # Errors
    /// The same failure, with [`Exit::Usage`].
    fn or_usage(self) -> CommandResult<T>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_world(self) -> CommandResult<T> {
        self.map_err(|error| Failure { exit: Exit::World, error: error.into() })
    }

    fn or_usage(self) -> CommandResult<T> {
        self.map_err(|error| Failure { exit: Exit::Usage, error: error.into() })
    }
}
