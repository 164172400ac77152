//! `hopmark probe`: as written ([`ProbeArgs`]) and as meant ([`ProbeArgs::resolve`]).

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::cli::one_line::OneLineFlags;
use crate::profile::source::{HeaderFlag, NamedUrl, Override, ProfileSource};
use crate::units::Span;

/// `hopmark probe`, as written.
#[derive(Args, Clone, Debug)]
pub struct ProbeArgs {
    /// The profile; without it, paths by --path NAME=URL
    #[arg(value_name = "PROFILE")]
    pub profile: Option<PathBuf>,

    /// Only this path of the profile, or a path without a profile, as for `run`; repeatable
    #[arg(long, value_name = "NAME or NAME=URL[,OPTION=VALUE]")]
    pub path: Vec<PathFlag>,

    /// What is asked of paths without a profile.
    #[command(flatten)]
    pub one_line: OneLineFlags,

    /// A header of every call on every path, such as 'x-team: a'; repeatable; must not hold a secret
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub header: Vec<HeaderFlag>,

    /// Set any key of the profile, such as path.gateway.base_url=https://...; '*' means every path
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Override>,

    /// Repeat the probe for up to this time, such as 10m, until --until holds; network changes take minutes
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub wait: Option<Span>,

    /// What to wait for
    #[arg(long, value_name = "WHAT", value_enum, default_value = "ready", requires = "wait")]
    pub until: Until,

    /// The output of `probe --json` from outside the network, where private paths must be refused
    #[arg(long, value_name = "FILE")]
    pub outside: Option<PathBuf>,

    /// Do not test features beyond the calls of the run, which takes up to 15 calls per path
    #[arg(long)]
    pub skip_capabilities: bool,

    /// The model or deployment to test embeddings with
    #[arg(long, value_name = "MODEL", conflicts_with = "skip_capabilities")]
    pub embedding_model: Option<String>,

    /// The environment variable that holds a debug token of API Management, to ask for a trace
    #[arg(long, value_name = "VAR", conflicts_with = "skip_capabilities")]
    pub debug_token_env: Option<String>,

    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,

    /// Print no progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// No check of any path fails
    Ready,
    /// Every path is private
    Private,
}

/// One `--path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathFlag {
    /// The name of a path of the profile.
    Name(String),
    /// A path without a profile.
    Url(NamedUrl),
}

impl FromStr for PathFlag {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("it is empty; it takes the name of a path, or NAME=URL".to_owned()),
            text if text.contains("://") => text.parse().map(Self::Url),
            name => Ok(Self::Name(name.to_owned())),
        }
    }
}

/// `hopmark probe`, as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRequest {
    /// Where the profile comes from.
    pub source: ProfileSource,
    /// What the flags say about the profile.
    pub overrides: Vec<Override>,
    /// The paths to look at; empty means all.
    pub paths: Vec<String>,
    /// How long to look again and again, and until what.
    pub wait: Option<(Span, Until)>,
    /// What was seen outside.
    pub outside: Option<PathBuf>,
    /// How to try what paths can do beyond the calls of the run; `None` where that is left out.
    pub capabilities: Option<CapabilityFlags>,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to print no progress.
    pub quiet: bool,
}

/// What the matrix of capabilities needs beside the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityFlags {
    /// The model or deployment of embeddings.
    pub embedding_model: Option<String>,
    /// The variable that holds a debug token.
    pub debug_token_env: Option<String>,
}

/// The load of a path without a profile, of which nothing is sent.
const NO_LOAD: [(&str, &str); 2] = [("load.rate", "1/s"), ("load.duration", "10s")];

impl ProbeArgs {
    /// What was meant by what was written.
    ///
    /// # Errors
    /// A sentence, when it means nothing.
    pub fn resolve(self) -> Result<ProbeRequest, String> {
        let (mut names, mut urls) = (Vec::new(), Vec::new());
        for path in self.path {
            match path {
                PathFlag::Name(name) => names.push(name),
                PathFlag::Url(url) => urls.push(url),
            }
        }
        let mut overrides: Vec<Override> = Vec::new();
        let source = match (self.profile, urls.is_empty()) {
            (None, true) => {
                return Err("name a profile, or give paths with --path NAME=URL and --model MODEL".to_owned());
            }
            (Some(_), false) => {
                return Err("--path NAME=URL replaces a profile; with a profile, --path takes a NAME".to_owned());
            }
            (Some(file), true) => match self.one_line.beside_a_profile() {
                Some((flag, set)) => {
                    return Err(format!("{flag} goes with --path NAME=URL; with a profile, use --set {set}"));
                }
                None => ProfileSource::File(file),
            },
            (None, false) if self.one_line.model.is_none() => {
                return Err("--path NAME=URL needs --model MODEL".to_owned());
            }
            (None, false) => {
                let load = |(key, value): (&str, &str)| Override {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    flag: "--path".to_owned(),
                };
                overrides.extend(NO_LOAD.map(load));
                ProfileSource::Paths(self.one_line.profile_of(urls))
            }
        };
        overrides.extend(self.set);
        overrides.extend(self.header.into_iter().map(|HeaderFlag(header)| header));
        Ok(ProbeRequest {
            source,
            overrides,
            paths: names,
            wait: self.wait.map(|wait| (wait, self.until)),
            outside: self.outside,
            capabilities: (!self.skip_capabilities).then_some(CapabilityFlags {
                embedding_model: self.embedding_model,
                debug_token_env: self.debug_token_env,
            }),
            json: self.json,
            quiet: self.quiet,
        })
    }
}

fn span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error: crate::units::TextError| error.to_string())
}
