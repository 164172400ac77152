//! A margin: how much worse something may be before anybody minds, as a person writes it.

use std::fmt;
use std::str::FromStr;

use crate::measure::metric::{Metric, UnknownMetric};
use crate::units::{Quantile, Span, TextError, serde_as_text};

/// How far a figure may move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// By so many milliseconds.
    Ms(f64),
    /// By such a share of the baseline's figure; for a failed share, by so many points of 1.
    Share(f64),
}

impl Size {
    /// The margin in milliseconds beside a figure of the baseline.
    #[must_use]
    pub(crate) fn in_ms(self, baseline_ms: f64) -> f64 {
        match self {
            Self::Ms(ms) => ms,
            Self::Share(share) => share * baseline_ms,
        }
    }
}

/// Which figures a margin is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scope {
    /// Every quantile of every metric.
    All,
    /// Every quantile of a metric.
    Metric(Metric),
    /// One quantile of a metric.
    Quantile(Metric, Quantile),
    /// The share of calls that failed.
    ErrorRate,
}

/// `ttft.p95=10ms`, `e2e=5%`, `5%` or `error_rate=0.5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// Which figures it is for.
    pub scope: Scope,
    /// How far they may move.
    pub size: Size,
}

/// The size declared for a quantile of a metric, by the narrowest scope, and of those by the last.
#[must_use]
pub(crate) fn declared(margins: &[Margin], metric: Metric, quantile: Quantile) -> Option<Size> {
    let narrowness = |margin: &Margin| match margin.scope {
        Scope::All => Some(0),
        Scope::Metric(of) => (of == metric).then_some(1),
        Scope::Quantile(of, q) => ((of, q) == (metric, quantile)).then_some(2),
        Scope::ErrorRate => None,
    };
    let fitting = margins.iter().filter_map(|margin| Some((narrowness(margin)?, margin.size)));
    // Of equals the last one is the largest.
    fitting.max_by_key(|(narrowness, _)| *narrowness).map(|(_, size)| size)
}

/// The points of 1 by which the share of failed calls may rise, if that was declared.
#[must_use]
pub(crate) fn declared_for_errors(margins: &[Margin]) -> Option<f64> {
    let of_errors = margins.iter().rev().find(|margin| margin.scope == Scope::ErrorRate)?;
    match of_errors.size {
        Size::Share(share) => Some(share),
        Size::Ms(_) => None,
    }
}

impl FromStr for Margin {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        let expected = "a margin such as ttft.p95=10ms, e2e=5%, 5% or error_rate=0.5%";
        let wrong = |why: String| TextError::because(text, expected, why);
        let (scope, size) = match text.split_once('=') {
            None => (Scope::All, text),
            Some((scope, size)) => (parse_scope(scope.trim()).map_err(wrong)?, size),
        };
        let size = size.trim().parse().map_err(wrong)?;
        match (scope, size) {
            (Scope::ErrorRate, Size::Ms(_)) => Err(wrong("the margin of a share is a share".to_owned())),
            _ => Ok(Self { scope, size }),
        }
    }
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    if text == "error_rate" {
        return Ok(Scope::ErrorRate);
    }
    let metric = |name: &str| name.parse::<Metric>().map_err(|error: UnknownMetric| error.to_string());
    let Some((name, form)) = text.split_once('.') else { return metric(text).map(Scope::Metric) };
    Ok(Scope::Quantile(metric(name)?, form.parse()?))
}

/// "10ms" or "5%"; a sentence when the text is neither, or below nought.
impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is neither a time such as 10ms nor a share such as 5%");
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim().parse::<f64>().map_err(|_| wrong())?;
                if percent.is_finite() && percent >= 0.0 { Ok(Self::Share(percent / 100.0)) } else { Err(wrong()) }
            }
            None => text.parse::<Span>().map(|span| Self::Ms(span.0.as_secs_f64() * 1e3)).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = |value: f64| (value * 1e6).round() / 1e6;
        match self {
            Self::Ms(ms) => write!(f, "{}ms", digits(*ms)),
            Self::Share(share) => write!(f, "{}%", digits(100.0 * share)),
        }
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            Scope::All => write!(f, "{}", self.size),
            Scope::Metric(metric) => write!(f, "{metric}={}", self.size),
            Scope::Quantile(metric, q) => write!(f, "{metric}.{q}={}", self.size),
            Scope::ErrorRate => write!(f, "error_rate={}", self.size),
        }
    }
}

serde_as_text!(Margin: r"\S", "ttft.p95=10ms"; Size: r"^[0-9.]+ *(ms|s|%)$", "10ms");

#[cfg(test)]
mod tests {
    use super::*;

    fn margins(texts: &[&str]) -> Vec<Margin> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    #[test]
    fn reads_what_it_writes() {
        for text in ["ttft.p95=10ms", "e2e=5%", "7.5%", "error_rate=0.5%", "e2e.p99.9=1.5ms", "0%"] {
            assert_eq!(text.parse::<Margin>().expect(text).to_string(), text);
        }
        assert_eq!("p95".parse::<Quantile>(), "0.95".parse());
    }

    #[test]
    fn the_narrowest_word_counts_and_of_equals_the_last() {
        let margins = margins(&["ttft.p95=10ms", "5%", "ttft=3%", "ttft=4%", "error_rate=1%"]);
        for (metric, q, size) in [
            (Metric::Ttft, 0.95, Size::Ms(10.0)),
            (Metric::Ttft, 0.5, Size::Share(0.04)),
            (Metric::E2e, 0.5, Size::Share(0.05)),
        ] {
            assert_eq!(declared(&margins, metric, Quantile(q)), Some(size), "{metric} {q}");
        }
        assert_eq!(declared_for_errors(&margins), Some(0.01));
        assert_eq!(declared(&margins[..1], Metric::Ttft, Quantile(0.5)), None);
        assert_eq!((Size::Ms(10.0).in_ms(200.0), Size::Share(0.04).in_ms(200.0)), (10.0, 8.0));
    }

    #[test]
    fn what_is_no_margin_is_refused_with_a_reason() {
        for (text, part) in [
            ("ttff=5%", "is not a metric"),
            ("ttft.p0=5%", "is not a quantile"),
            ("ttft.p95=5", "neither a time"),
            ("-5%", "neither a time"),
            ("error_rate=5ms", "a share"),
            ("", "neither"),
        ] {
            let error = text.parse::<Margin>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
