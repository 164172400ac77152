//! The simulator as a program of its own; `hopmark sim` is the same.

use std::process::ExitCode;

use clap::Parser;
use mock_backend::cli::{self, SimArgs};

/// A simulator of Azure OpenAI and of the network paths to it.
#[derive(Parser)]
#[command(name = "mock-backend", version)]
struct Args {
    #[command(flatten)]
    sim: SimArgs,
}

fn main() -> ExitCode {
    cli::main(&Args::parse().sim)
}
