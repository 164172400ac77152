//! `hopmark man`: a man page a command, made of the flags themselves.

use std::fs;

use clap::Command;

use crate::cli::ManArgs;
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;

/// Carries out `hopmark man` for the whole command line, the simulator's part with it.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) when the folder cannot be made or written to.
pub fn man(args: &ManArgs, whole: Command) -> CommandResult {
    let dir = &args.dir;
    fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(whole, dir))
        .map_err(|error| anyhow::anyhow!("cannot write man pages to {}: {error}; name another folder", dir.display()))
        .or_world()?;
    let example = dir.join("hopmark-run.1");
    console::tell(format!("wrote the man pages to {}; `man {}` shows one", dir.display(), example.display()));
    Ok(Exit::Met)
}
