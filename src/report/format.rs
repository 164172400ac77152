//! The forms in which a report comes.

use std::fmt;
use std::str::FromStr;

/// A form in which a report comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// Text for a terminal.
    Terminal,
    /// `summary.json`.
    Json,
    /// `summary.csv`.
    Csv,
    /// `charts/*.svg`.
    Svg,
    /// `report.html`.
    Html,
    /// `junit.xml`, when there are objectives.
    Junit,
    /// `summary.md`.
    Markdown,
    /// `hlog/*.hlog`, one a path and metric.
    Hlog,
    /// `hgrm/*.hgrm`, one a path and metric.
    Hgrm,
    /// `k6-summary.json`.
    K6,
    /// `vllm/*.json`, one a path.
    Vllm,
    /// `github-benchmark.json`.
    GithubBenchmark,
    /// `bencher.json`.
    Bencher,
    /// `otava.csv`.
    Otava,
    /// `hopmark.prom`.
    Prometheus,
}

impl Format {
    /// Every format.
    pub(crate) const ALL: [Self; 15] = [
        Self::Terminal,
        Self::Json,
        Self::Csv,
        Self::Svg,
        Self::Html,
        Self::Junit,
        Self::Markdown,
        Self::Hlog,
        Self::Hgrm,
        Self::K6,
        Self::Vllm,
        Self::GithubBenchmark,
        Self::Bencher,
        Self::Otava,
        Self::Prometheus,
    ];

    /// What a run writes by itself.
    pub(crate) const OF_A_RUN: [Self; 5] = [Self::Json, Self::Csv, Self::Svg, Self::Html, Self::Junit];

    /// The word used on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Svg => "svg",
            Self::Html => "html",
            Self::Junit => "junit",
            Self::Markdown => "md",
            Self::Hlog => "hlog",
            Self::Hgrm => "hgrm",
            Self::K6 => "k6",
            Self::Vllm => "vllm",
            Self::GithubBenchmark => "github-benchmark",
            Self::Bencher => "bencher",
            Self::Otava => "otava",
            Self::Prometheus => "prometheus",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no format; the formats are {formats}", formats = words())]
pub(crate) struct UnknownFormat(pub String);

fn words() -> String {
    Format::ALL.map(Format::as_str).join(", ")
}

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}
