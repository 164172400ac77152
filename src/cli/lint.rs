//! `hopmark lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `hopmark lint`.
#[derive(Args, Clone, Debug)]
pub struct LintArgs {
    /// Profiles (.toml) and files with connection objects (.json, .tf, .tf.json)
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// How the findings are printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: LintFormat,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// A line for each, and the addresses of each connection
    Text,
    /// The same as JSON
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
}
