//! `hopmark run`: as written ([`RunArgs`]) and as meant ([`RunArgs::resolve`]).
//!
//! Values that a profile also holds stay text here: they are laid over the profile and read there, so that a wrong
//! value has one message wherever it was written.

use std::path::PathBuf;

use clap::Args;

use crate::cli::one_line::OneLineFlags;
use crate::profile::source::{HeaderFlag, NamedUrl, Override, ProfileSource};
use crate::units::Span;

/// Arrivals a second over paths without a profile.
const RATE: &str = "5/s";

/// The least that paths without a profile are measured.
const DURATION: &str = "60s";

/// `hopmark run`, as written.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// The profile; without one, the built-in quickstart runs against the bundled simulator
    #[arg(value_name = "PROFILE", conflicts_with = "path")]
    pub profile: Option<PathBuf>,

    /// The run directory, new or empty [default: results/PROFILE-START/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// How long to measure, such as 30s; warmup and drain are added [with --path: 60s, or longer if the objectives
    /// need it]
    #[arg(long, value_name = "TIME", conflicts_with = "shift")]
    pub duration: Option<String>,

    /// How long to send before measuring, such as 5s
    #[arg(long, value_name = "TIME")]
    pub warmup: Option<String>,

    /// Arrivals a second, such as 20/s; with the paired design, each is a round over all paths [with --path: 5/s]
    #[arg(long, value_name = "RATE", group = "pace")]
    pub rate: Option<String>,

    /// Measure long enough to show a shift of this size in the median time to first token, such as 6ms, and to decide
    /// the objectives
    #[arg(long = "for", value_name = "SHIFT")]
    pub shift: Option<Span>,

    /// The seed of every random choice
    #[arg(long, value_name = "N")]
    pub seed: Option<String>,

    /// The number of callers of a closed load, over all paths; each waits for its answer. With --path, it replaces --rate
    #[arg(long, value_name = "N", group = "pace")]
    pub concurrency: Option<String>,

    /// Stop after this many calls
    #[arg(long, value_name = "N")]
    pub requests: Option<String>,

    /// Tokens in each prompt, such as 300, or a distribution as in a profile [with --path: 256]
    #[arg(long, value_name = "TOKENS")]
    pub input_tokens: Option<String>,

    /// Output tokens to ask for, such as 64, or a distribution as in a profile [with --path: 64]
    #[arg(long, value_name = "TOKENS")]
    pub output_tokens: Option<String>,

    /// The longest time that a call may take on any path, such as 30s [default: 300s]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,

    /// What must hold on every path, such as 'ttft.p95 < 800ms'; repeatable
    #[arg(long, value_name = "EXPR")]
    pub objective: Vec<String>,

    /// A header of every call on every path, such as 'x-team: a'; repeatable; must not hold a secret
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub header: Vec<HeaderFlag>,

    /// Set any key of the profile, such as load.design=interleaved or path.gateway.base_url=https://...; '*' means
    /// every path
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Override>,

    /// How the run is carried out and shown.
    #[command(flatten)]
    pub flags: RunFlags,

    /// A path without a profile; the first is the baseline. Paste the address as it is. Options may follow, each after a
    /// comma: kind=, key-env=, key-file=, auth=, dialect=, model=, deployment=, api-version=, token-limit=,
    /// stream-options=, backend=, http=, connections=, ca-file=, connect-to=, source-address=, dns=, proxy=
    #[arg(long, value_name = "NAME=URL[,OPTION=VALUE]", requires = "model")]
    pub path: Vec<NamedUrl>,

    /// What is asked of them.
    #[command(flatten)]
    pub one_line: OneLineFlags,
}

/// The flags of `hopmark run` that the profile does not know.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFlags {
    /// Print what the plan sends, how long it takes, what it costs, which objectives it can decide and the smallest shift
    /// that it can show, but send nothing. With --json, print the plan itself
    #[arg(long)]
    pub dry_run: bool,

    /// With --for or --dry-run, size the run by the times in this run directory
    #[arg(long, value_name = "RUN_DIR")]
    pub size_from: Option<PathBuf>,

    /// End with exit code 5 when a verdict is inconclusive
    #[arg(long)]
    pub strict: bool,

    /// Do not call each path once before the run
    #[arg(long)]
    pub skip_preflight: bool,

    /// Print no progress
    #[arg(long, short)]
    pub quiet: bool,

    /// Print summary.json instead of the tables; with --dry-run, print the plan
    #[arg(long)]
    pub json: bool,
}

/// How long a run measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// As the profile or a flag says.
    AsWritten,
    /// As long as its objectives need, and not shorter than written.
    ForObjectives,
    /// Until it shows a shift of this size.
    ForShift(Span),
}

/// `hopmark run`, as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the profile comes from.
    pub source: ProfileSource,
    /// What the flags say about the profile; a later one stands over an earlier one.
    pub overrides: Vec<Override>,
    /// How long it measures.
    pub length: Length,
    /// The run directory.
    pub out: Option<PathBuf>,
    /// How the run is carried out and shown.
    pub flags: RunFlags,
}

impl RunArgs {
    /// What was meant by what was written.
    #[must_use]
    pub fn resolve(self) -> Run {
        let overrides = self.overrides();
        let length = self.length();
        let source = match (self.profile, self.path.is_empty()) {
            (Some(file), _) => ProfileSource::File(file),
            (None, true) => ProfileSource::Quickstart,
            (None, false) => ProfileSource::Paths(self.one_line.profile_of(self.path)),
        };
        Run { source, overrides, length, out: self.out, flags: self.flags }
    }

    fn length(&self) -> Length {
        match self.shift {
            Some(shift) => Length::ForShift(shift),
            None if self.path.is_empty() || self.sets("load.duration", &self.duration) => Length::AsWritten,
            None => Length::ForObjectives,
        }
    }

    /// Whether a flag or `--set` gives the key.
    fn sets(&self, key: &str, flag: &Option<String>) -> bool {
        flag.is_some() || self.set.iter().any(|set| set.key == key)
    }

    /// What paths without a profile get where no flag says it.
    fn defaults(&self) -> impl Iterator<Item = Override> {
        let paced = self.sets("load.rate", &self.rate)
            || self.sets("load.concurrency", &self.concurrency)
            || self.sets("load.arrivals", &None);
        let rate = (!self.path.is_empty() && !paced).then_some(("load.rate", RATE));
        let timed = self.sets("load.duration", &self.duration);
        let duration = (!self.path.is_empty() && !timed).then_some(("load.duration", DURATION));
        let of = |(key, value): (&str, &str)| Override {
            key: key.to_owned(),
            flag: "--path".to_owned(),
            value: value.to_owned(),
        };
        rate.into_iter().chain(duration).map(of)
    }

    /// `--set` first: a flag of its own is the plainer word and stands over it.
    fn overrides(&self) -> Vec<Override> {
        let flags = [
            ("load.duration", "--duration", &self.duration),
            ("load.warmup", "--warmup", &self.warmup),
            ("load.rate", "--rate", &self.rate),
            ("seed", "--seed", &self.seed),
            ("load.concurrency", "--concurrency", &self.concurrency),
            ("limits.requests", "--requests", &self.requests),
            ("workload.input_tokens", "--input-tokens", &self.input_tokens),
            ("workload.output_tokens", "--output-tokens", &self.output_tokens),
            ("path.*.timeouts.total", "--timeout", &self.timeout),
        ];
        let own = flags.into_iter().filter_map(|(key, flag, value)| {
            let value = value.clone()?;
            Some(Override { key: key.to_owned(), flag: flag.to_owned(), value })
        });
        let override_of =
            |key: &str, flag: &str, value: String| Override { key: key.to_owned(), flag: flag.to_owned(), value };
        let objectives = self.objective.iter().map(|expr| {
            // A text in quotes, whatever it looks like.
            override_of("objective.+.expr", "--objective", serde_json::Value::from(expr.as_str()).to_string())
        });
        // Without a file nothing else says of what kind the load is.
        let closed = !self.path.is_empty() && self.concurrency.is_some();
        let closed = closed.then(|| override_of("load.kind", "--concurrency", "closed".to_owned()));
        let headers = self.header.iter().map(|HeaderFlag(header)| header.clone());
        self.defaults()
            .chain(self.set.iter().cloned())
            .chain(closed)
            .chain(own)
            .chain(objectives)
            .chain(headers)
            .collect()
    }
}
