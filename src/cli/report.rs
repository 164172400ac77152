//! `hopmark report` and the forms that it renders.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
