//! Reading a run directory that a person named. What is no run directory is a wrong name, whatever the verb; one that is
//! damaged, or made by a newer version, is what the world did to it.

use std::path::Path;

use anyhow::Context;

use crate::run::Run;
use crate::runner::failure::{OrFailure, RunResult};
use crate::store;
use crate::store::file;

/// Reads a run, to be `used` for something.
///
/// # Errors
/// A [`Failure`](crate::runner::failure::Failure): 2 where there is no run of this name, 1 where one cannot be read.
pub(crate) fn read(dir: &Path, used: &str) -> RunResult<Run> {
    let run = store::load(dir).with_context(|| format!("{} cannot be {used}", dir.display()));
    if file::is_of_a_run(dir) { run.or_world() } else { run.or_usage() }
}
