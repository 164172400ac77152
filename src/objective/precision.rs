//! How narrow intervals must become before a run may stop: `p50 2ms, p99 10%`.

use std::fmt;
use std::str::FromStr;

use crate::measure::metric::{AtTimeout, Metric, UnknownMetric};
use crate::objective::margin::Size;
use crate::units::{Quantile, TextError, serde_as_text};

/// One interval that must become narrow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Of which metric; the headline where none is named.
    pub metric: Option<Metric>,
    /// Of which quantile.
    pub quantile: Quantile,
    /// How long each arm of the 95% interval may be: milliseconds, or a share of the figure.
    pub half_width: Size,
}

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision(pub Vec<Target>);

impl FromStr for Precision {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        let targets: Result<Vec<Target>, String> = text.split(',').map(|part| target(part.trim())).collect();
        targets.map(Self).map_err(|why| TextError::because(text, "a precision such as 'p50 2ms, p99 10%'", why))
    }
}

fn target(text: &str) -> Result<Target, String> {
    let (what, size) = text.split_once(char::is_whitespace).ok_or("each part is a quantile and a size")?;
    let (metric, quantile): (Option<Metric>, &str) = match what.split_once('.') {
        Some((name, quantile)) if !name.starts_with('p') || name.parse::<Metric>().is_ok() => {
            (Some(name.parse().map_err(|error: UnknownMetric| error.to_string())?), quantile)
        }
        Some(_) | None => (None, what),
    };
    if metric.is_some_and(|metric| !metric.has_basis()) {
        let bounded = Metric::ALL.into_iter().filter(|metric| metric.at_timeout() != AtTimeout::Unknown);
        let compared = bounded.map(Metric::key).collect::<Vec<_>>().join(", ");
        return Err(format!("{what} is not compared; there are {compared}"));
    }
    let half_width: Size = size.trim().parse()?;
    let (Size::Ms(size) | Size::Share(size)) = half_width;
    if size <= 0.0 {
        return Err("a precision is above 0".to_owned());
    }
    Ok(Target { metric, quantile: quantile.parse()?, half_width })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.metric.map_or(String::new(), |metric| format!("{metric}."));
        write!(f, "{metric}{} {}", self.quantile, self.half_width)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(Target::to_string).collect();
        f.write_str(&parts.join(", "))
    }
}

serde_as_text!(Precision: r"^\s*\S+\s+[0-9.]+\s*\S+(\s*,.*)?$", "p50 2ms, p99 10%");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["p50 2ms, p99 10%", "e2e.p95 5%", "p99.9 1ms"] {
            assert_eq!(text.parse::<Precision>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("p50", "a quantile and a size"),
            ("p50 2", "neither a time"),
            ("p50 0ms", "a precision is above 0"),
            ("p101 2ms", "is not a quantile"),
            ("ttff.p50 2ms", "is not a metric"),
            ("tls.p50 2ms", "not compared"),
            ("", "a quantile and a size"),
        ] {
            let error = text.parse::<Precision>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
