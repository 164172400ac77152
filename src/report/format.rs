//! The forms in which a report comes.

use std::fmt;
use std::str::FromStr;

/// A form in which a report comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
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
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Terminal, Self::Json, Self::Csv, Self::Svg, Self::Html, Self::Junit];

    /// What a run writes by itself.
    pub const OF_A_RUN: [Self; 5] = [Self::Json, Self::Csv, Self::Svg, Self::Html, Self::Junit];

    /// The word used on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Svg => "svg",
            Self::Html => "html",
            Self::Junit => "junit",
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
#[error("'{0}' is no format; the formats are terminal, json, csv, svg, html, junit")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}
