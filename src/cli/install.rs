//! `hopmark completions` and `hopmark man`: what an installed program brings with it.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `hopmark completions`.
#[derive(Args, Clone, Copy, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// `hopmark man`.
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// The folder to write them to; made if it does not exist
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
