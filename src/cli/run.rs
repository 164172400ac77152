//! `hopmark run`: as written ([`RunArgs`]) and as meant ([`RunArgs::resolve`]).
//!
//! Values that a profile also holds stay text here: they are laid over the profile and read there, so that a wrong
//! value has one message wherever it was written.

use std::path::PathBuf;

use clap::Args;

use crate::profile::source::{NamedUrl, OneLine, Override, ProfileSource};

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

    /// How the run is carried out and shown.
    #[command(flatten)]
    pub flags: RunFlags,

    /// A path without a profile; the first is the baseline
    #[arg(long, value_name = "NAME=URL", requires_all = ["model", "rate", "duration"])]
    pub path: Vec<NamedUrl>,

    /// The model or deployment name, with --path
    #[arg(long, value_name = "MODEL", requires = "path")]
    pub model: Option<String>,

    /// The API to speak, with --path: chat, responses or messages [default: chat]
    #[arg(long, value_name = "API", requires = "path")]
    pub api: Option<String>,

    /// The environment variable that holds the key, with --path
    #[arg(long, value_name = "VAR", requires = "path")]
    pub key_env: Option<String>,
}

/// The flags of `hopmark run` that the profile does not know.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFlags {
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
    /// How the run is carried out and shown.
    pub flags: RunFlags,
}

impl RunArgs {
    /// What was meant by what was written.
    #[must_use]
    pub fn resolve(self) -> Run {
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
        Run { source, overrides, out: self.out, flags: self.flags }
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
