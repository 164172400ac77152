//! `hopmark completions`: the completions of a shell, made of the flags themselves.

use clap::Command;

use crate::cli::CompletionsArgs;
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;

/// Carries out `hopmark completions` for the whole command line, the simulator's part with it.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) when standard output refuses.
pub fn completions(args: &CompletionsArgs, mut whole: Command) -> CommandResult {
    let name = whole.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut whole, name, &mut script);
    console::show(&String::from_utf8_lossy(&script)).or_world()?;
    Ok(Exit::Met)
}
