//! The command line: as written (the clap types) and as meant ([`RunArgs::meant`]).
//!
//! Values that a profile also holds stay text here: they are laid over the profile and read there, so that a wrong
//! value has one message wherever it was written.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// hopmark measures what each network path to the same model costs.
///
/// Without a command it runs the built-in quickstart against the bundled simulator.
#[derive(Clone, Debug, Parser)]
#[command(name = "hopmark", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Run a profile, write a run directory and print the summary
    Run(RunArgs),
    /// Write a commented profile to start from
    Init(InitArgs),
    /// Render again from the files of a run, also of one that was killed
    Report(ReportArgs),
    /// Print the JSON Schema of a profile or of summary.json
    Schema(SchemaArgs),
    /// Measure how wrong this tool itself is on this machine, against the simulator's ledger; about a minute
    Selftest(SelftestArgs),
    /// Compare two runs, or two paths of one: RUN_DIR:direct RUN_DIR:gateway
    ///
    /// A change ends with exit code 3 only if it is both more than chance and larger than the margin. Two runs at
    /// different times are weaker than one paired run, and the output says why.
    Compare(CompareArgs),
    /// Find in a folder of many runs the nights at which something changed
    ///
    /// Change points by e-divisive, confirmed by Welch's test and larger than the noise learnt from the past. Exit code
    /// 3 only if the newest stretch of nights is worse by a change larger than the margin.
    Trend(TrendArgs),
}

/// `hopmark run`, as written.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// The profile; without it, the built-in quickstart against the bundled simulator
    #[arg(value_name = "PROFILE", conflicts_with = "path")]
    pub profile: Option<PathBuf>,

    /// The run directory, new or empty [default: results/PROFILE-START/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// How long to measure, such as 30s; warmup and drain come on top
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,

    /// How long to send before measuring, such as 5s
    #[arg(long, value_name = "TIME")]
    pub warmup: Option<String>,

    /// Arrivals a second, such as 20/s; under the paired design each is a round over all paths
    #[arg(long, value_name = "RATE")]
    pub rate: Option<String>,

    /// The seed of every random choice
    #[arg(long, value_name = "N")]
    pub seed: Option<String>,

    /// Set any key of the profile, such as load.design=interleaved or path.gateway.base_url=https://...
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Override>,

    /// Print the plan, its requests, minutes, tokens and cost, and the smallest shift that it can resolve; send nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Size the dry run by the times of this run directory
    #[arg(long, value_name = "RUN_DIR", requires = "dry_run")]
    pub size_from: Option<PathBuf>,

    /// End with exit code 5 when a verdict is inconclusive
    #[arg(long)]
    pub strict: bool,

    /// Do not try each path before the run
    #[arg(long)]
    pub skip_preflight: bool,

    /// Print no progress
    #[arg(long, short)]
    pub quiet: bool,

    /// Print summary.json instead of the tables
    #[arg(long)]
    pub json: bool,

    /// A path without a profile; the first is the baseline
    #[arg(long, value_name = "NAME=URL", requires_all = ["model", "rate", "duration"])]
    pub path: Vec<NamedUrl>,

    /// The model or deployment name, with --path
    #[arg(long, value_name = "MODEL", requires = "path")]
    pub model: Option<String>,

    /// The API to speak, with --path: chat or responses [default: chat]
    #[arg(long, value_name = "API", requires = "path")]
    pub api: Option<String>,

    /// The environment variable that holds the key, with --path
    #[arg(long, value_name = "VAR", requires = "path")]
    pub key_env: Option<String>,
}

/// `hopmark init`.
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// The file to write
    #[arg(value_name = "FILE", default_value = "hopmark.toml")]
    pub file: PathBuf,

    /// Write over a file that exists
    #[arg(long)]
    pub force: bool,
}

/// `hopmark report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// The run directory
    #[arg(value_name = "RUN_DIR")]
    pub run_dir: PathBuf,

    /// What to render
    #[arg(long, value_name = "FORMAT", value_enum, value_delimiter = ',', default_value = "terminal")]
    pub format: Vec<Format>,

    /// Where to write files [default: the run directory]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `hopmark schema`.
#[derive(Args, Clone, Debug)]
pub struct SchemaArgs {
    /// Of what
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
}

/// `hopmark selftest`.
#[derive(Args, Clone, Debug, Default)]
pub struct SelftestArgs {
    /// Streams at once, a level for each number, such as 100,1000 [default: 10,100,1000 and on while the machine holds,
    /// then 1000 arrivals a second]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub streams: Vec<u32>,

    /// Also 10,000 streams at 5 tokens a second
    #[arg(long)]
    pub full: bool,

    /// Print selftest.json instead of the table
    #[arg(long)]
    pub json: bool,

    /// Write selftest.json here as well, besides where later runs find it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Print no progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// `hopmark compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// The run directory to stand against, with :PATH for one of its paths
    #[arg(value_name = "BASE")]
    pub base: PathBuf,

    /// The run directory to judge, with :PATH for one of its paths
    #[arg(value_name = "CANDIDATE")]
    pub candidate: PathBuf,

    /// How much worse is no matter: ttft.p95=10ms, e2e=5%, 5% for every latency, error_rate=0.5%
    /// [default: 5% up to the median, 10% above it, errors 0%]
    #[arg(long, value_name = "MARGIN", verbatim_doc_comment)]
    pub margin: Vec<String>,

    /// What to print, or with --out to write as comparison.json, comparison.md and junit.xml
    #[arg(long, value_name = "FORMAT", value_enum, value_delimiter = ',', default_value = "terminal")]
    pub format: Vec<CompareFormat>,

    /// Where to write files
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// End with exit code 5 when a verdict is inconclusive
    #[arg(long)]
    pub strict: bool,
}

/// A form of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// Tables on standard output
    Terminal,
    /// comparison.json
    Json,
    /// comparison.md
    Md,
    /// junit.xml
    Junit,
}

/// `hopmark trend`.
#[derive(Args, Clone, Debug)]
pub struct TrendArgs {
    /// The folder of run directories, or of their summary.json files under any name
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// Where to write trend.html, trend.json, junit.xml and charts/*.svg
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// A metric to follow, such as ttft; may be repeated
    #[arg(long, value_name = "METRIC", value_delimiter = ',', default_value = "ttft,e2e")]
    pub metric: Vec<String>,

    /// A quantile to follow: 0.5, 0.9, 0.95, 0.99 or 0.999, or p50 and so on; may be repeated
    #[arg(long, value_name = "Q", value_delimiter = ',', default_value = "0.5,0.95")]
    pub quantile: Vec<String>,

    /// How much worse is no matter: 5%, e2e=10%, ttft.p95=20ms; of several the narrowest counts
    #[arg(long, value_name = "MARGIN", value_delimiter = ',', default_value = "5%")]
    pub margin: Vec<String>,

    /// The profile whose runs are followed [default: that of the newest run]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Judge the newest N nights only
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub last: usize,

    /// Print trend.json instead of the table
    #[arg(long)]
    pub json: bool,

    /// End with exit code 5 when there are too few nights to judge
    #[arg(long)]
    pub strict: bool,
}

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables on standard output
    Terminal,
    /// report.html, self-contained
    Html,
    /// charts/*.svg
    Svg,
    /// summary.csv
    Csv,
    /// summary.json
    Json,
    /// junit.xml, when the profile has objectives
    Junit,
    /// summary.md, for pull requests and job summaries
    #[value(name = "md")]
    Markdown,
    /// hlog/*.hlog, HdrHistogram interval logs, one a path and metric
    Hlog,
    /// hgrm/*.hgrm, HdrHistogram percentile distributions, one a path and metric
    Hgrm,
    /// k6-summary.json, in the shape of k6's handleSummary
    K6,
    /// vllm/*.json, with the field names of vLLM's serving benchmark, one a path
    Vllm,
    /// github-benchmark.json, for github-action-benchmark (customSmallerIsBetter)
    GithubBenchmark,
    /// bencher.json, Bencher Metric Format
    Bencher,
    /// otava.csv, one row for Apache Otava
    Otava,
    /// hopmark.prom, for Prometheus' textfile collector
    Prometheus,
}

/// A key of the profile and the value to lay over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The dotted key, such as `load.rate`.
    pub key: String,
    /// The value: TOML where it is TOML, otherwise text.
    pub value: String,
    /// The flag as the user wrote it, for messages.
    pub flag: String,
}

impl FromStr for Override {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                let flag = format!("--set {}", key.trim());
                Ok(Self { key: key.trim().to_owned(), value: value.trim().to_owned(), flag })
            }
            _ => Err("it is not KEY=VALUE such as load.rate=20/s".to_owned()),
        }
    }
}

/// A path of the one-line form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUrl {
    /// The path's name.
    pub name: String,
    /// Its base address.
    pub url: String,
}

impl FromStr for NamedUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, url)) if !name.is_empty() && url.contains("://") => {
                Ok(Self { name: name.to_owned(), url: url.to_owned() })
            }
            _ => Err("it is not NAME=URL such as direct=https://example.com/openai/v1".to_owned()),
        }
    }
}

/// Where a run's profile comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileSource {
    /// The built-in quickstart.
    Quickstart,
    /// A file.
    File(PathBuf),
    /// The one-line form.
    Paths(OneLine),
}

/// The one-line form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneLine {
    /// The paths, the baseline first.
    pub paths: Vec<NamedUrl>,
    /// The model or deployment name.
    pub model: String,
    /// The API to speak.
    pub api: String,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
}

/// `hopmark run`, as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the profile comes from.
    pub source: ProfileSource,
    /// What the flags say about the profile; a later one stands over an earlier one.
    pub overrides: Vec<Override>,
    /// The run directory.
    pub out: Option<PathBuf>,
    /// Print the plan and send nothing.
    pub dry_run: bool,
    /// The run directory whose times size a dry run.
    pub size_from: Option<PathBuf>,
    /// An inconclusive verdict is exit code 5.
    pub strict: bool,
    /// Do not try each path before the run.
    pub skip_preflight: bool,
    /// Print no progress.
    pub quiet: bool,
    /// Print `summary.json` instead of tables.
    pub json: bool,
}

impl RunArgs {
    /// What was meant by what was written.
    #[must_use]
    pub fn meant(self) -> Run {
        let overrides = self.overrides();
        let source = match (self.profile, self.path.is_empty()) {
            (Some(file), _) => ProfileSource::File(file),
            (None, true) => ProfileSource::Quickstart,
            (None, false) => ProfileSource::Paths(OneLine {
                paths: self.path,
                model: self.model.unwrap_or_default(),
                api: self.api.unwrap_or_else(|| "chat".to_owned()),
                key_env: self.key_env,
            }),
        };
        Run {
            source,
            overrides,
            out: self.out,
            dry_run: self.dry_run,
            size_from: self.size_from,
            strict: self.strict,
            skip_preflight: self.skip_preflight,
            quiet: self.quiet,
            json: self.json,
        }
    }

    /// `--set` first: a flag of its own is the plainer word and stands over it.
    fn overrides(&self) -> Vec<Override> {
        let flags = [
            ("load.duration", "--duration", &self.duration),
            ("load.warmup", "--warmup", &self.warmup),
            ("load.rate", "--rate", &self.rate),
            ("seed", "--seed", &self.seed),
        ];
        let own = flags.into_iter().filter_map(|(key, flag, value)| {
            let value = value.clone()?;
            Some(Override { key: key.to_owned(), flag: flag.to_owned(), value })
        });
        self.set.iter().cloned().chain(own).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn run(line: &str) -> Result<Run, String> {
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        match cli.verb {
            Some(Verb::Run(args)) => Ok(args.meant()),
            None => Ok(RunArgs::default().meant()),
            Some(
                Verb::Init(_)
                | Verb::Report(_)
                | Verb::Schema(_)
                | Verb::Selftest(_)
                | Verb::Compare(_)
                | Verb::Trend(_),
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
            "hopmark run --path a=http://h/v1 --model m --rate 5/s",
            "hopmark run --path a=http://h/v1 --rate 5/s --duration 2m",
            "hopmark run --path http://h/v1 --model m --rate 5/s --duration 2m",
            "hopmark run p.toml --path a=http://h/v1 --model m --rate 5/s --duration 2m",
            "hopmark run --model m",
            "hopmark run --set load.rate",
        ] {
            assert!(run(line).is_err(), "{line}");
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
