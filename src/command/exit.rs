//! Exit codes: what each end of a command tells the shell.

use std::process::ExitCode;

use crate::analysis::Conclusion;
use crate::runner::coordinator::Cut;
pub use crate::runner::failure::Failure;
pub(crate) use crate::runner::failure::OrFailure;
use crate::runner::signals::StopSignal;

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

    /// What a run, a comparison or a history comes to; under `strict` what is open is no success.
    #[must_use]
    pub fn of(conclusion: Conclusion, strict: bool) -> Self {
        let verdicts = [Self::Missed, Self::Invalid, Self::Inconclusive];
        // The number stands in `summary.json` too, so the judgement itself knows it.
        verdicts.into_iter().find(|exit| exit.code() == conclusion.exit_code(strict)).unwrap_or(Self::Met)
    }
}

impl From<&Cut> for Exit {
    fn from(cut: &Cut) -> Self {
        match cut {
            Cut::Limit(_) | Cut::Aborted(_) | Cut::Enough(_) => Self::Met,
            Cut::Failing(_) => Self::Missed,
            Cut::SimulatorDied(_) => Self::Invalid,
            Cut::Signal(signal) => (*signal).into(),
            Cut::Refused(_) | Cut::Broken(_) => Self::World,
        }
    }
}

impl From<StopSignal> for Exit {
    fn from(signal: StopSignal) -> Self {
        match signal {
            StopSignal::Interrupt => Self::Interrupted,
            StopSignal::Terminate | StopSignal::HangUp => Self::Terminated,
        }
    }
}

impl From<&Failure> for Exit {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::World(_) => Self::World,
            Failure::Usage(_) => Self::Usage,
            Failure::Stopped(signal, _) => (*signal).into(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What a command returns.
pub type CommandResult<T = Exit> = Result<T, Failure>;
