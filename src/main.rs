//! The `hopmark` binary: the verbs, and nothing else.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Sim(mock_backend::cli::SimArgs),
}

fn main() -> ExitCode {
    match Cli::parse().verb {
        Verb::Sim(args) => mock_backend::cli::main(&args),
    }
}
