//! The simulator as a program of its own; `hopmark sim` is the same.

use std::process::ExitCode;

use clap::Parser;
use mock_backend::cli::{self, SimArgs};

/// The system's allocator takes a tenth of the time of a small chat.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
