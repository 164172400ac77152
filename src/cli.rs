//! The command line: a file a group of flags, as written (the clap types) and, for `hopmark run`, as meant.

mod compare;
mod install;
mod lint;
mod one_line;
mod probe;
mod report;
mod run;
pub mod secrets;
mod selftest;
mod trend;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::units::Span;

pub use compare::{CompareArgs, CompareFormat};
pub use install::{CompletionsArgs, ManArgs};
pub use lint::{LintArgs, LintFormat};
pub use one_line::OneLineFlags;
pub use probe::{CapabilityFlags, PathFlag, ProbeArgs, ProbeRequest, Until};
pub use report::ReportArgs;
pub use run::{Length, Run, RunArgs, RunFlags};
pub use selftest::SelftestArgs;
pub use trend::TrendArgs;

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Run a profile, write a run directory and print the summary
    Run(Box<RunArgs>),
    /// Write a commented profile to start from
    Init(InitArgs),
    /// Render a run again from its files, even a run that was killed
    Report(ReportArgs),
    /// Print the JSON Schema of profiles, of summary.json or of the output of `probe --json`
    Schema(SchemaArgs),
    /// Measure this tool's own error on this machine against the simulator's ledger; takes about a minute
    Selftest(SelftestArgs),
    /// Compare two runs, or two paths of one: RUN_DIR:direct RUN_DIR:gateway
    ///
    /// Exit code 3 when a figure is worse by more than chance and by more than the margin. Two runs at different times
    /// show less than one paired run; the output says why.
    Compare(CompareArgs),
    /// Check profiles and Foundry connection objects for known mistakes, and print the addresses that they lead to
    ///
    /// Nothing is sent without --run. Exit code 3 when a rule of level error finds something, 2 when a file cannot be read.
    Lint(LintArgs),
    /// Check each path step by step, with cause and remedy: name, TCP, TLS, credential, model, distance, privacy
    ///
    /// Sends one call of each shape that the run would send, one call without the credential, and up to 15 short calls to
    /// test more features. Exit code 1 when a check of any path fails.
    Probe(Box<ProbeArgs>),
    /// Find the runs in a folder at which a figure changed
    ///
    /// Change points come from e-divisive, are confirmed by Welch's test and are larger than the noise of earlier runs.
    /// Exit code 3 when the newest runs are worse by more than the margin, or a path failed in the newest run.
    Trend(TrendArgs),
    /// Print shell completions
    ///
    /// Put the text where your shell looks for completions; docs/install.md names the file for each shell.
    Completions(CompletionsArgs),
    /// Write a man page for every command
    Man(ManArgs),
}

/// `hopmark init`.
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// The file to write
    #[arg(value_name = "FILE", default_value = "hopmark.toml")]
    pub file: PathBuf,

    /// A profile for Azure: Entra ID, a private endpoint and API Management
    #[arg(long)]
    pub azure: bool,

    /// Make the run long enough to show a shift of this size in the median time to first token, such as 6ms
    #[arg(long = "for", value_name = "SHIFT")]
    pub shift: Option<Span>,

    /// Size the run by the times in this run directory
    #[arg(long, value_name = "RUN_DIR", requires = "shift")]
    pub size_from: Option<PathBuf>,

    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// `hopmark schema`.
#[derive(Args, Clone, Debug)]
pub struct SchemaArgs {
    /// What to print the schema of
    #[arg(value_name = "OF", value_enum)]
    pub of: SchemaOf,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A profile, TOML read as JSON
    Profile,
    /// summary.json
    Summary,
    /// The output of `probe --json`
    Probe,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::profile::source::ProfileSource;
    use crate::report::export::Format;

    #[derive(Parser)]
    #[command(name = "hopmark")]
    struct Cli {
        #[command(subcommand)]
        verb: Option<Verb>,
    }

    fn run(line: &str) -> Result<Run, String> {
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        match cli.verb {
            Some(Verb::Run(args)) => Ok(args.resolve()),
            None => Ok(RunArgs::default().resolve()),
            Some(
                Verb::Init(_)
                | Verb::Report(_)
                | Verb::Schema(_)
                | Verb::Selftest(_)
                | Verb::Compare(_)
                | Verb::Lint(_)
                | Verb::Probe(_)
                | Verb::Trend(_)
                | Verb::Completions(_)
                | Verb::Man(_),
            ) => Err("another verb".to_owned()),
        }
    }

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_run_without_a_profile_is_the_quickstart() {
        for line in ["hopmark", "hopmark run", "hopmark run --duration 10s"] {
            assert_eq!(run(line).expect(line).source, ProfileSource::Quickstart);
        }
        assert_eq!(run("hopmark run a.toml").expect("file").source, ProfileSource::File("a.toml".into()));
    }

    #[test]
    fn flags_become_keys_and_stand_over_set() {
        let run =
            run("hopmark run a.toml --rate 5/s --seed 7 --set load.rate=9/s --set path.b.base_url=http://h/v1?a=b");
        let keys: Vec<_> = run.expect("parses").overrides.into_iter().map(|o| (o.key, o.value, o.flag)).collect();
        let expected = [
            ("load.rate", "9/s", "--set load.rate"),
            ("path.b.base_url", "http://h/v1?a=b", "--set path.b.base_url"),
            ("load.rate", "5/s", "--rate"),
            ("seed", "7", "--seed"),
        ];
        assert_eq!(keys, expected.map(|(key, value, flag)| (key.into(), value.into(), flag.into())));
    }

    #[test]
    fn the_one_line_form_needs_all_its_parts() {
        let whole = "hopmark run --path a=http://h/v1 --path b=http://i/v1 --model m --rate 5/s --duration 2m";
        let ProfileSource::Paths(one) = run(whole).expect("whole").source else { panic!("paths") };
        assert_eq!((one.paths.len(), one.api.as_str(), one.key_env), (2, "chat", None));
        for line in [
            "hopmark run --path a=http://h/v1 --rate 5/s --duration 2m",
            "hopmark run --path a=http://h/v1 --model m --duration 2m --for 6ms",
            "hopmark run --path a=http://h/v1 --model m --for 6",
            "hopmark run --path http://h/v1 --model m --rate 5/s --duration 2m",
            "hopmark run p.toml --path a=http://h/v1 --model m --rate 5/s --duration 2m",
            "hopmark run --model m",
            "hopmark run --set load.rate",
        ] {
            assert!(run(line).is_err(), "{line}");
        }
    }

    #[test]
    fn paths_without_a_load_get_one_that_is_as_long_as_needed() {
        let keys = |run: &Run| -> Vec<String> {
            run.overrides.iter().map(|set| format!("{}={}", set.key, set.value)).collect()
        };
        let paths = "hopmark run --path a=http://h/v1 --model m";
        let ms = |ms| Span::from_millis(ms);
        for (more, load, length) in [
            ("", &["load.rate=5/s", "load.duration=60s"][..], Length::ForObjectives),
            (" --rate 9/s", &["load.duration=60s", "load.rate=9/s"], Length::ForObjectives),
            (" --duration 7s", &["load.rate=5/s", "load.duration=7s"], Length::AsWritten),
            (" --set load.duration=7s", &["load.rate=5/s", "load.duration=7s"], Length::AsWritten),
            (" --for 6ms", &["load.rate=5/s", "load.duration=60s"], Length::ForShift(ms(6))),
            (
                " --concurrency 4 --duration 7s",
                &["load.kind=closed", "load.duration=7s", "load.concurrency=4"],
                Length::AsWritten,
            ),
        ] {
            let run = run(&format!("{paths}{more}")).expect(more);
            assert_eq!(
                (keys(&run), run.length),
                (load.iter().map(|key| (*key).to_owned()).collect(), length),
                "{more}"
            );
        }
        for (line, length) in
            [("hopmark run a.toml", Length::AsWritten), ("hopmark run a.toml --for 20ms", Length::ForShift(ms(20)))]
        {
            let run = run(line).expect(line);
            assert_eq!((keys(&run), run.length), (Vec::new(), length), "{line}");
        }
    }

    #[test]
    fn formats_are_a_list() {
        let cli = Cli::try_parse_from(["hopmark", "report", "dir", "--format", "html,junit"]).expect("parses");
        let Some(Verb::Report(args)) = cli.verb else { panic!("report") };
        assert_eq!(args.format, [Format::Html, Format::Junit]);
    }

    #[test]
    fn what_is_followed_by_default_is_a_list_too() {
        let cli = Cli::try_parse_from(["hopmark", "trend", "dir", "--margin", "5%,e2e=10%"]).expect("parses");
        let Some(Verb::Trend(args)) = cli.verb else { panic!("trend") };
        assert_eq!(
            (args.metric, args.quantile),
            (vec!["ttft".into(), "e2e".into()], vec!["0.5".into(), "0.95".into()])
        );
        assert_eq!((args.margin, args.last), (vec!["5%".to_owned(), "e2e=10%".to_owned()], 100));
        let cli = Cli::try_parse_from(["hopmark", "compare", "a:direct", "b", "--margin", "5%", "--format", "json,md"]);
        let Some(Verb::Compare(args)) = cli.expect("parses").verb else { panic!("compare") };
        assert_eq!(args.format, [CompareFormat::Json, CompareFormat::Md]);
    }
}
