//! An expression: an indicator, or what two of them or many windows make, on one side of a limit.

use std::fmt;
use std::str::FromStr;

use crate::measure::metric::Metric;
use crate::objective::indicator::{Form, Indicator, Quantity, Share, Unit, is_quantile};
use crate::units::{Fraction, Span, TextError, serde_as_text};

/// On which side of the limit a value must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparator {
    /// Whether a value meets the limit.
    #[must_use]
    pub fn is_met(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
        }
    }

    /// Whether small values are the good ones.
    #[must_use]
    pub(crate) fn is_upper(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual)
    }
}

/// The same or another indicator on another path.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// The path's name, or `baseline`.
    pub path: String,
    /// What is looked at there.
    pub indicator: Indicator,
}

/// What stands on the left side of the limit.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// The indicator itself, in its unit.
    Level(Indicator),
    /// The indicator over another: `ttft.p95 < 1.10 * direct.ttft.p95`, a pure number.
    Ratio(Indicator, Other),
    /// The indicator less another, in their unit: `ttft.p95 - direct.ttft.p95 < 15ms`.
    Difference(Indicator, Other),
    /// The share of windows in which the indicator keeps a limit: `ttft.p95 over 1m < 800ms in 99%`.
    Windows {
        /// What is looked at in each window.
        indicator: Indicator,
        /// How long a window is.
        length: Span,
        /// On which side of its limit it must lie in a window.
        comparator: Comparator,
        /// That limit, in the indicator's unit.
        limit: f64,
    },
}

/// `ttft.p95 < 800ms`, `error_rate < 1%`, `ttft.p95 < 1.10 * direct.ttft.p95` and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// As the user wrote it.
    pub text: String,
    /// What is looked at.
    pub subject: Subject,
    /// On which side of the limit it must lie.
    pub comparator: Comparator,
    /// The limit: milliseconds, a share of 1, tokens a second, or a factor.
    pub limit: f64,
}

impl Expression {
    /// The indicator on the objective's own path.
    #[must_use]
    pub(crate) fn indicator(&self) -> Indicator {
        match &self.subject {
            Subject::Level(indicator)
            | Subject::Ratio(indicator, _)
            | Subject::Difference(indicator, _)
            | Subject::Windows { indicator, .. } => *indicator,
        }
    }

    /// The other path's indicator, of comparative forms.
    #[must_use]
    pub fn other(&self) -> Option<&Other> {
        match &self.subject {
            Subject::Ratio(_, other) | Subject::Difference(_, other) => Some(other),
            Subject::Level(_) | Subject::Windows { .. } => None,
        }
    }

    /// In what the observed value is counted.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match &self.subject {
            Subject::Level(indicator) | Subject::Difference(indicator, _) => indicator.unit(),
            Subject::Ratio(..) => Unit::Ratio,
            Subject::Windows { .. } => Unit::Share,
        }
    }
}

impl FromStr for Expression {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        let expected = "an objective such as 'ttft.p95 < 800ms' or 'error_rate < 1%'";
        let wrong = |why: String| TextError::because(text, expected, why);
        let (left, comparator, right) =
            split(text).ok_or_else(|| wrong("it needs <, <=, > or >= and a limit".to_owned()))?;
        let (subject, comparator, limit) = read(left, comparator, right).map_err(wrong)?;
        Ok(Self { text: text.trim().to_owned(), subject, comparator, limit })
    }
}

/// "A < B" in its parts.
pub(crate) fn split(text: &str) -> Option<(&str, Comparator, &str)> {
    let at = text.find(['<', '>'])?;
    let (left, right) = text.split_at(at);
    let (comparator, sign) = match right.as_bytes() {
        [b'<', b'=', ..] => (Comparator::LessOrEqual, 2),
        [b'<', ..] => (Comparator::Less, 1),
        [b'>', b'=', ..] => (Comparator::GreaterOrEqual, 2),
        _ => (Comparator::Greater, 1),
    };
    Some((left.trim(), comparator, right[sign..].trim()))
}

fn read(left: &str, comparator: Comparator, right: &str) -> Result<(Subject, Comparator, f64), String> {
    if left.contains(" over ") || right.contains(" in ") {
        return read_windows(left, comparator, right);
    }
    if let Some((own, other)) = left.split_once(" - ") {
        let (own, other) = (Indicator::parse(own.trim())?, parse_other(other.trim())?);
        let limit = parse_limit(own.unit(), right)?;
        comparable(own, &other, "the difference of two")?;
        return Ok((Subject::Difference(own, other), comparator, limit));
    }
    let own = Indicator::parse(left)?;
    if let Some((factor, other)) = parse_factor(right)? {
        comparable(own, &other, "a multiple of another")?;
        if own.unit() == Unit::Share {
            let why = "shares are compared by their difference, such as 'error_rate - direct.error_rate < 0.5%'";
            return Err(why.to_owned());
        }
        return Ok((Subject::Ratio(own, other), comparator, factor));
    }
    Ok((Subject::Level(own), comparator, parse_limit(own.unit(), right)?))
}

fn read_windows(left: &str, comparator: Comparator, right: &str) -> Result<(Subject, Comparator, f64), String> {
    let form = "a windowed objective looks like 'ttft.p95 over 1m < 800ms in 99%'";
    let (indicator, length) = left.split_once(" over ").ok_or_else(|| format!("'in' needs 'over': {form}"))?;
    let (limit, share) = right.split_once(" in ").ok_or_else(|| format!("'over' needs 'in': {form}"))?;
    let indicator = Indicator::parse(indicator.trim())?;
    let length: Span = length.trim().parse().map_err(|error: TextError| error.to_string())?;
    if length < Span::from_secs(1) {
        return Err("a window lasts at least 1s".to_owned());
    }
    if matches!(indicator, Indicator::Figure(Quantity::Time(Metric::ChunkGap), _)) {
        return Err("chunk_gap cannot be split by window; use tpot".to_owned());
    }
    let limit = parse_limit(indicator.unit(), limit.trim())?;
    let share = parse_share(share.trim())?;
    let subject = Subject::Windows { indicator, length, comparator, limit };
    Ok((subject, Comparator::GreaterOrEqual, share))
}

/// "direct.ttft.p95"; a path's name may hold dots.
fn parse_other(text: &str) -> Result<Other, String> {
    let mut first = None;
    // A bare quantile would take the metric for a part of the path's name.
    for (at, _) in text.match_indices('.').filter(|(at, _)| !is_quantile(&text[at + 1..])) {
        match Indicator::parse(&text[at + 1..]) {
            Ok(indicator) => return Ok(Other { path: text[..at].to_owned(), indicator }),
            Err(why) => _ = first.get_or_insert(why),
        }
    }
    Err(first.unwrap_or_else(|| format!("'{text}' is not PATH.METRIC.p95, such as direct.ttft.p95")))
}

/// "1.10 * direct.ttft.p95" or "direct.ttft.p95"; `None` when it is a plain limit.
fn parse_factor(text: &str) -> Result<Option<(f64, Other)>, String> {
    match text.split_once('*') {
        Some((factor, other)) => {
            let number = factor.trim().parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor > 0.0);
            let factor = number.ok_or_else(|| format!("'{}' is not a factor such as 1.10", factor.trim()))?;
            Ok(Some((factor, parse_other(other.trim())?)))
        }
        None if text.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok(Some((1.0, parse_other(text)?))),
        None => Ok(None),
    }
}

/// Whether intervals can be made of two of these.
fn comparable(own: Indicator, other: &Other, what: &str) -> Result<(), String> {
    if own.unit() != other.indicator.unit() {
        return Err(format!("{own} and {} have different units", other.indicator));
    }
    for indicator in [own, other.indicator] {
        match indicator {
            Indicator::Figure(Quantity::Time(Metric::ChunkGap), _) => {
                return Err(format!("{what} has no interval for chunk_gap; use tpot"));
            }
            Indicator::Figure(_, Form::Max) => {
                return Err(format!("{what} has no interval for a largest value; use p99"));
            }
            Indicator::Share(Share::Goodput) => {
                return Err("goodput is not compared between paths; give each path its own objective".to_owned());
            }
            Indicator::Figure(..) | Indicator::Share(_) => {}
        }
    }
    Ok(())
}

pub(crate) fn parse_limit(unit: Unit, text: &str) -> Result<f64, String> {
    match unit {
        Unit::Share => parse_share(text),
        Unit::Ms => text.parse::<Span>().map(|span| span.0.as_secs_f64() * 1e3).map_err(|error| error.to_string()),
        Unit::TokensPerSecond | Unit::Ratio => {
            let number = text.strip_suffix("/s").unwrap_or(text).trim().parse::<f64>();
            let number = number.ok().filter(|number| number.is_finite() && *number >= 0.0);
            number.ok_or_else(|| format!("'{text}' is not a number of tokens a second such as 50"))
        }
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    text.parse::<Fraction>().map(|Fraction(share)| share).map_err(|error| error.to_string())
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

serde_as_text!(Expression: "[<>]=?", "ttft.p95 < 800ms");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Quantile;

    fn ttft(q: f64) -> Indicator {
        Indicator::Figure(Quantity::Time(Metric::Ttft), Form::Quantile(Quantile(q)))
    }

    fn direct(indicator: Indicator) -> Other {
        Other { path: "direct".to_owned(), indicator }
    }

    #[test]
    fn reads_the_forms_of_the_contract() {
        let share = |share| Subject::Level(Indicator::Share(share));
        let e2e = Indicator::Figure(Quantity::Time(Metric::E2e), Form::Quantile(Quantile(0.99)));
        let tokens = Indicator::Figure(Quantity::TokensPerSecond, Form::Quantile(Quantile(0.5)));
        let windows = |indicator| Subject::Windows {
            indicator,
            length: Span::from_secs(60),
            comparator: Comparator::Less,
            limit: 800.0,
        };
        let (less, at_least) = (Comparator::Less, Comparator::GreaterOrEqual);
        let table = [
            ("ttft.p95 < 800ms", Subject::Level(ttft(0.95)), less, 800.0),
            ("e2e.p99 <= 3s", Subject::Level(e2e), Comparator::LessOrEqual, 3000.0),
            ("error_rate < 1%", share(Share::Errors), less, 0.01),
            ("rate_429 < 0.5%", share(Share::Status(429)), less, 0.005),
            ("goodput >= 0.99", share(Share::Goodput), at_least, 0.99),
            ("connect_failure_rate<5%", share(Share::ConnectFailures), less, 0.05),
            ("tokens_per_second.p50 > 50", Subject::Level(tokens), Comparator::Greater, 50.0),
            ("ttft.p95 < 1.10 * direct.ttft.p95", Subject::Ratio(ttft(0.95), direct(ttft(0.95))), less, 1.1),
            (
                "ttft.p95 <= direct.ttft.p95",
                Subject::Ratio(ttft(0.95), direct(ttft(0.95))),
                Comparator::LessOrEqual,
                1.0,
            ),
            ("ttft.p95 - direct.ttft.p95 < 15ms", Subject::Difference(ttft(0.95), direct(ttft(0.95))), less, 15.0),
            ("ttft.p95 over 1m < 800ms in 99%", windows(ttft(0.95)), at_least, 0.99),
            ("p95 over 1m < 800ms in 99%", windows(ttft(0.95)), at_least, 0.99),
        ];
        for (text, subject, comparator, limit) in table {
            let expression: Expression = text.parse().expect(text);
            assert_eq!((&expression.subject, expression.comparator), (&subject, comparator), "{text}");
            assert!((expression.limit - limit).abs() < 1e-9, "{text}");
        }
        let dotted: Expression = "ttft.p99.9 < 2 * far-1.eu.ttft.p99.9".parse().expect("a path's name with dots");
        assert_eq!(dotted.other().expect("two paths").path, "far-1.eu");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("ttft.p95 = 1s", "needs <"),
            ("ttftt.p95 < 1s", "did you mean 'ttft'"),
            ("ttft.p101 < 1s", "between"),
            ("ttft.p95 < 800", "unit"),
            ("error_rate < 150%", "share"),
            ("error_rate < 2 * direct.error_rate", "by their difference"),
            ("ttft.p95 over 1m < 800ms", "'over' needs 'in'"),
            ("ttft.p95 < 800ms in 99%", "'in' needs 'over'"),
            ("ttft.p95 over 1x < 800ms in 99%", "unit"),
            ("ttft.p95 over 1ms < 800ms in 99%", "at least 1s"),
            ("chunk_gap.p95 over 1m < 8ms in 99%", "use tpot"),
            ("ttft.max < 2 * direct.ttft.max", "use p99"),
            ("ttft.p95 < 1.x * direct.ttft.p95", "is not a factor"),
            ("ttft.p95 < 1.1 * direct.ttftt.p95", "did you mean 'ttft'"),
            ("ttft.p95 < 1.1 * direct", "PATH.METRIC.p95"),
            ("ttft.p95 - direct.error_rate < 1ms", "different units"),
            ("goodput - direct.goodput > 1%", "its own objective"),
            ("tokens_per_second.p50 > 50ms", "tokens a second"),
        ] {
            let error = text.parse::<Expression>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(error.starts_with(&format!("'{text}' is not an objective")) && !error.contains('\n'), "{error}");
        }
    }
}
