//! The `hopmark` binary: the verbs, and nothing else.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory, Parser, Subcommand};
use hopmark::cli;
use hopmark::command::exit::{CommandResult, Exit};
use hopmark::command::{compare, completions, init, lint, man, probe, report, run, schema, selftest, trend};
use hopmark::console;

/// What `--version` says: the version, the platform, and the commit where the build was told it.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let here = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let platform = option_env!("HOPMARK_TARGET").unwrap_or(&here);
    let commit = option_env!("HOPMARK_COMMIT").map(|commit| format!(", commit {commit}")).unwrap_or_default();
    format!("{} ({platform}{commit})", env!("CARGO_PKG_VERSION"))
});

/// hopmark measures what each network path to the same model costs.
///
/// Without a command it runs the built-in quickstart against the bundled simulator.
#[derive(Parser)]
#[command(name = "hopmark", version, long_version = LONG_VERSION.as_str())]
struct Cli {
    /// What to do.
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    #[command(flatten)]
    Known(cli::Verb),
    /// Start the simulator: the listeners of a scenario, or one listener from the flags
    Sim(mock_backend::cli::SimArgs),
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let broke = format!("error: hopmark itself failed ({panic}); please report this with the command that you ran");
        console::tell(without_secrets(broke));
    }));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(instead) => return print_instead(&instead),
    };
    let done = match cli.verb {
        Some(Verb::Sim(args)) => return mock_backend::cli::main(&args),
        Some(Verb::Known(verb)) => carry_out(verb),
        None => run::run(cli::RunArgs::default().resolve()),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let text = with_causes(failure.error());
            if !text.is_empty() {
                console::tell(without_secrets(format!("error: {text}")));
            }
            Exit::from(&failure).into()
        }
    }
}

/// Prints what the flags ask for in place of a verb (help, the version), or what is wrong with them.
fn print_instead(instead: &clap::Error) -> ExitCode {
    if instead.use_stderr() {
        console::tell(without_secrets(instead.to_string().trim_end().to_owned()));
        return Exit::Usage.into();
    }
    match instead.print() {
        Err(refused) if refused.kind() != std::io::ErrorKind::BrokenPipe => Exit::World.into(),
        Ok(()) | Err(_) => Exit::Met.into(),
    }
}

/// A message that repeats no secret.
fn without_secrets(message: String) -> String {
    cli::secrets::hidden(&message).unwrap_or(message)
}

/// The error with its causes, without those that its own text already tells.
fn with_causes(error: &anyhow::Error) -> String {
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
        cli::Verb::Run(args) => run::run(args.resolve()),
        cli::Verb::Init(args) => init::init(&args),
        cli::Verb::Report(args) => report::report(&args),
        cli::Verb::Schema(args) => schema::schema(&args),
        cli::Verb::Selftest(args) => selftest::selftest(&args),
        cli::Verb::Compare(args) => compare::compare(&args),
        cli::Verb::Lint(args) => lint::lint(&args),
        cli::Verb::Probe(args) => probe::probe(*args),
        cli::Verb::Trend(args) => trend::trend(&args),
        cli::Verb::Completions(args) => completions::completions(&args, Cli::command()),
        cli::Verb::Man(args) => man::man(&args, Cli::command()),
    }
}
