//! Whether a run that goes on has told enough, or too much.

pub(crate) mod early_stop;
pub(crate) mod frontier;
pub(crate) mod held;
