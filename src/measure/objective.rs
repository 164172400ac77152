//! An objective: a metric's quantile on a path, held against a limit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::measure::metric::Metric;
use crate::units::Span;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Indicator {
    /// A quantile of a metric, 0 < q < 1.
    Quantile(Metric, f64),
    /// The mean of a metric.
    Mean(Metric),
    /// The largest value of a metric.
    Max(Metric),
    /// The share of calls that were not ok, 0..=1.
    ErrorRate,
}

/// On which side of the limit the indicator must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// `ttft.p95 < 800ms` or `error_rate < 1%`.
///
/// The limit is in milliseconds for times and a share of 1 for rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    /// As the user wrote it.
    pub text: String,
    /// What is looked at.
    pub indicator: Indicator,
    /// On which side it must lie.
    pub comparator: Comparator,
    /// The limit: milliseconds, or a share of 1.
    pub limit: f64,
}

/// An expression that must hold on a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// The path's name.
    pub path: String,
    /// What must hold.
    pub expr: Expression,
}

/// A text that is no objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an objective such as 'ttft.p95 < 800ms' or 'error_rate < 1%': {why}")]
pub struct ExpressionError {
    text: String,
    why: String,
}

impl FromStr for Expression {
    type Err = ExpressionError;
    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let wrong = |why: String| ExpressionError { text: text.to_owned(), why };
        let (left, comparator, right) = split(text).ok_or_else(|| wrong("it needs < or <=".to_owned()))?;
        let indicator = parse_indicator(left).map_err(wrong)?;
        let limit = parse_limit(indicator, right).map_err(wrong)?;
        Ok(Self { text: text.trim().to_owned(), indicator, comparator, limit })
    }
}

fn split(text: &str) -> Option<(&str, Comparator, &str)> {
    let (left, right) = text.split_once('<')?;
    Some(match right.strip_prefix('=') {
        Some(right) => (left.trim(), Comparator::LessOrEqual, right.trim()),
        None => (left.trim(), Comparator::Less, right.trim()),
    })
}

fn parse_indicator(text: &str) -> Result<Indicator, String> {
    if text == "error_rate" {
        return Ok(Indicator::ErrorRate);
    }
    let (metric, form) =
        text.split_once('.').ok_or("the left side is METRIC.p95, METRIC.mean, METRIC.max or error_rate")?;
    let metric: Metric = metric.parse().map_err(|error: crate::measure::metric::UnknownMetric| error.to_string())?;
    match form {
        "mean" => Ok(Indicator::Mean(metric)),
        "max" => Ok(Indicator::Max(metric)),
        _ => {
            let percent: f64 = form
                .strip_prefix('p')
                .and_then(|digits| digits.replace('_', ".").parse().ok())
                .ok_or_else(|| format!("'{form}' is not p50, p95, p99, p99.9, mean or max"))?;
            if percent > 0.0 && percent < 100.0 {
                Ok(Indicator::Quantile(metric, percent / 100.0))
            } else {
                Err(format!("'{form}' is not between p0 and p100"))
            }
        }
    }
}

fn parse_limit(indicator: Indicator, text: &str) -> Result<f64, String> {
    match indicator {
        Indicator::ErrorRate => {
            let share = match text.strip_suffix('%') {
                Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
                None => text.parse::<f64>(),
            };
            share
                .ok()
                .filter(|share| (0.0..=1.0).contains(share))
                .ok_or_else(|| format!("'{text}' is not a share such as 1% or 0.01"))
        }
        Indicator::Quantile(..) | Indicator::Mean(_) | Indicator::Max(_) => {
            text.parse::<Span>().map(|span| span.0.as_secs_f64() * 1e3).map_err(|error| error.to_string())
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Expression {
    type Error = ExpressionError;
    fn try_from(text: String) -> Result<Self, ExpressionError> {
        text.parse()
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_of_the_contract() {
        let table = [
            ("ttft.p95 < 800ms", Indicator::Quantile(Metric::Ttft, 0.95), Comparator::Less, 800.0),
            ("e2e.p99 <= 3s", Indicator::Quantile(Metric::E2e, 0.99), Comparator::LessOrEqual, 3000.0),
            ("error_rate < 1%", Indicator::ErrorRate, Comparator::Less, 0.01),
        ];
        for (text, indicator, comparator, limit) in table {
            let expression: Expression = text.parse().expect(text);
            assert_eq!((expression.indicator, expression.comparator), (indicator, comparator));
            assert!((expression.limit - limit).abs() < 1e-9);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("ttft.p95 = 1s", "needs <"),
            ("ttff.p95 < 1s", "no metric"),
            ("ttft.p101 < 1s", "between"),
            ("ttft.p95 < 800", "unit"),
            ("error_rate < 150%", "share"),
        ] {
            let error = text.parse::<Expression>().expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
