//! `hopmark lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `hopmark lint`.
#[derive(Args, Clone, Debug)]
pub struct LintArgs {
    /// Profiles (.toml) and files with connection objects (.json, .tf, .tf.json)
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// How to print the findings
    #[arg(long, value_enum, default_value = "text")]
    pub format: LintFormat,

    /// Ask each connection for its models as the agents do, or send a short call to each model that it lists
    ///
    /// This sends requests to its target, with the key of --key-env or, without it, the one in the file. Exit code 1 when
    /// an answer lacks what the agents need.
    #[arg(long)]
    pub run: bool,

    /// The environment variable that holds the key, or a token if the connection signs in with one
    #[arg(long, value_name = "VARIABLE", requires = "run")]
    pub key_env: Option<String>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// A line for each finding, and the addresses of each connection
    Text,
    /// The same as JSON
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
}
