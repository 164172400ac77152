//! The signals that end a run: Ctrl-C, a request to terminate, a terminal that closes.
//!
//! SIGQUIT keeps its own meaning, the end at once with a core file: what was measured until a second before is on disk.

use std::fmt::{self, Display, Formatter};
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that asks this process to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    HangUp,
}

impl Display for StopSignal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "interrupted",
            Self::Terminate => "terminated",
            Self::HangUp => "its terminal was closed (SIGHUP)",
        })
    }
}

/// Hears them for as long as it lives; from the first on, none of them ends this process by itself any more.
pub(crate) struct Signals {
    interrupts: Signal,
    terminations: Signal,
    /// Not heard where it is ignored: then somebody wants this process to outlive its terminal.
    hangups: Option<Signal>,
}

impl Signals {
    /// Begins to hear.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn hear() -> io::Result<Self> {
        let hangups = if hears_hangups() { Some(signal(SignalKind::hangup())?) } else { None };
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
            hangups,
        })
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) -> StopSignal {
        let hung_up = async {
            match &mut self.hangups {
                Some(hangups) => hangups.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(()) = self.interrupts.recv() => StopSignal::Interrupt,
            Some(()) = self.terminations.recv() => StopSignal::Terminate,
            Some(()) = hung_up => StopSignal::HangUp,
            else => std::future::pending().await,
        }
    }
}

/// Waits for a signal to end; `None` when signals cannot be heard. A terminal that closes is no such signal here: its
/// shell and its system both send one, and the files should still be written.
pub(crate) async fn wait_for_stop() -> Option<StopSignal> {
    let mut signals = Signals::hear().ok()?;
    loop {
        match signals.next().await {
            signal @ (StopSignal::Interrupt | StopSignal::Terminate) => return Some(signal),
            StopSignal::HangUp => {}
        }
    }
}

/// Whether SIGHUP may be heard: `nohup` ignores it, and hearing it would undo that. Where the system does not tell, it is
/// left alone.
fn hears_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").ok();
    status.and_then(|status| is_ignored(&status, SignalKind::hangup())).is_some_and(|ignored| !ignored)
}

/// Whether a process ignores a signal, by its `/proc/PID/status`.
fn is_ignored(status: &str, kind: SignalKind) -> Option<bool> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_known_by_its_bit() {
        for (mask, hangup, pipe) in
            [("0000000000000000", false, false), ("0000000000001000", false, true), ("0000000000001001", true, true)]
        {
            let status = format!("Name:\thopmark\nSigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\n");
            let of = |kind| is_ignored(&status, kind);
            assert_eq!((of(SignalKind::hangup()), of(SignalKind::pipe())), (Some(hangup), Some(pipe)), "{mask}");
        }
        assert_eq!(is_ignored("Name:\thopmark\n", SignalKind::hangup()), None);
        assert_eq!(is_ignored("SigIgn:\tnothing\n", SignalKind::hangup()), None);
    }
}
