//! The `hopmark` binary: the verbs, and nothing else.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hopmark::cli;
use hopmark::command::exit::{CommandResult, Exit, OrExit, say};
use hopmark::command::{compare, init, report, run, schema, selftest, trend};

/// hopmark measures what each network path to the same model costs.
///
/// Without a command it runs the built-in quickstart against the bundled simulator.
#[derive(Parser)]
#[command(name = "hopmark", version, disable_help_subcommand = true)]
struct Cli {
    /// What to do.
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    #[command(flatten)]
    Known(cli::Verb),
    /// The simulator: a scenario of listeners with distance and a gateway, or one listener from the flags
    Sim(mock_backend::cli::SimArgs),
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("error: hopmark itself broke ({panic}); please report this with the command that led to it");
    }));
    let done = match Cli::parse().verb {
        Some(Verb::Sim(args)) => return mock_backend::cli::main(&args),
        Some(Verb::Known(verb)) => carry_out(verb),
        None => run::run(cli::RunArgs::default().meant()),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("error: {}", told(&failure.error));
            failure.exit.into()
        }
    }
}

/// The error with its causes, without those that its own text already tells.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn carry_out(verb: cli::Verb) -> CommandResult {
    match verb {
        cli::Verb::Run(args) => run::run(args.meant()),
        cli::Verb::Init(args) => {
            let written = init::init(&args);
            let written = match written {
                Err(error) if error.exit_code() == Exit::World.code() => Err(error).or_world(),
                written => written.or_usage(),
            };
            written.map(|told| {
                say(&told);
                Exit::Met
            })
        }
        cli::Verb::Report(args) => report::report(&args),
        cli::Verb::Schema(args) => {
            say(schema::schema(&args));
            Ok(Exit::Met)
        }
        cli::Verb::Selftest(args) => selftest::selftest(&args),
        cli::Verb::Compare(args) => compare::compare(&args),
        cli::Verb::Trend(args) => trend::trend(&args),
    }
}
