//! What the simulator says on standard error. Nobody need listen: a terminal that is gone, or a full disk behind it, never
//! ends the simulator, as the macros that panic then would.

use std::fmt::Display;
use std::io::Write;

/// Writes a message and a line end to standard error, if it can take it.
pub(crate) fn tell(message: impl Display) {
    // Nobody is left to hear of a refusal.
    let _ = std::io::stderr().lock().write_all(format!("{message}\n").as_bytes());
}
