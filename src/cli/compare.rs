//! `hopmark compare`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `hopmark compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// The run directory to compare with; add :PATH for one of its paths
    #[arg(value_name = "BASE")]
    pub base: PathBuf,

    /// The run directory to judge; add :PATH for one of its paths
    #[arg(value_name = "CANDIDATE")]
    pub candidate: PathBuf,

    /// How much worse is acceptable: ttft.p95=10ms, e2e=5%, 5% for every latency, error_rate=0.5%
    /// [default: TTFT and end-to-end time by 5% up to the median and 10% above it, at least 1 ms; errors 0%]
    #[arg(long, value_name = "MARGIN", value_delimiter = ',', verbatim_doc_comment)]
    pub margin: Vec<String>,

    /// What to print, or with --out what to write: comparison.json, comparison.md, comparison.html and junit.xml
    #[arg(long, value_name = "FORMAT", value_enum, value_delimiter = ',', default_value = "terminal")]
    pub format: Vec<CompareFormat>,

    /// The folder to write files to
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
    /// comparison.html, a page that needs no network
    Html,
    /// junit.xml
    Junit,
}
