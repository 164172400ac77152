//! What an objective looks at: a figure of single calls, or a share of them.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

use crate::measure::metric::Metric;
use crate::measure::outcome::ErrorClass;
use crate::spelling::suggestion;
use crate::units::Quantile;

/// A figure that every call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A time, in milliseconds.
    Time(Metric),
    /// Output tokens a second of one stream, from its first content to its last: the reciprocal of [`Metric::Tpot`].
    TokensPerSecond,
}

/// What is made of the figures of many calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A quantile.
    Quantile(Quantile),
    /// The mean.
    Mean,
    /// The largest value.
    Max,
}

/// A share of the calls that were sent and ended, 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Those that were not ok.
    Errors,
    /// Those answered with this status, such as 429.
    Status(u16),
    /// Those answered with a status of this hundred, 4 or 5.
    StatusClass(u16),
    /// Those that could not get a connection: name, TCP or TLS failed.
    ConnectFailures,
    /// Those that got no answer at all, not even a status.
    Unanswered,
    /// Those that were ok and kept every per-call condition.
    Goodput,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Indicator {
    /// A figure over all calls.
    Figure(Quantity, Form),
    /// A share of all calls.
    Share(Share),
}

/// In what an indicator is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// A share of 1.
    Share,
    /// Tokens a second.
    #[serde(rename = "tokens/s")]
    #[strum(serialize = "tokens/s")]
    TokensPerSecond,
    /// A pure number, of which 1 is "the same".
    Ratio,
}

/// The shares that have a name without a number.
const SHARES: [(&str, Share); 4] = [
    ("error_rate", Share::Errors),
    ("connect_failure_rate", Share::ConnectFailures),
    ("unanswered_rate", Share::Unanswered),
    ("goodput", Share::Goodput),
];

const TOKENS: &str = "tokens_per_second";

impl Indicator {
    /// In what it is counted.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Figure(Quantity::Time(_), _) => Unit::Ms,
            Self::Figure(Quantity::TokensPerSecond, _) => Unit::TokensPerSecond,
            Self::Share(_) => Unit::Share,
        }
    }

    /// Reads "ttft.p95", "tokens_per_second.p50", "error_rate" or "rate_429"; "p95" alone is that of ttft.
    ///
    /// # Errors
    /// A sentence that names what was probably meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(share) = parse_share(text) {
            return Ok(Self::Share(share));
        }
        let (name, form) = match text.split_once('.') {
            _ if is_quantile(text) => ("ttft", Some(text)),
            Some((name, form)) => (name, Some(form)),
            None => (text, None),
        };
        let quantity = if name == TOKENS {
            Quantity::TokensPerSecond
        } else {
            Quantity::Time(name.parse().map_err(|_| unknown(name))?)
        };
        let form = form.ok_or_else(|| format!("say what of {name}, such as {name}.p95 or {name}.mean"))?;
        Ok(Self::Figure(quantity, parse_form(form)?))
    }
}

/// Whether it is a quantile without a metric, such as "p99.9".
pub(crate) fn is_quantile(text: &str) -> bool {
    text.strip_prefix('p').is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
}

fn parse_share(text: &str) -> Option<Share> {
    if let Some((_, share)) = SHARES.iter().find(|(name, _)| *name == text) {
        return Some(*share);
    }
    match text.strip_prefix("rate_")? {
        "4xx" => Some(Share::StatusClass(4)),
        "5xx" => Some(Share::StatusClass(5)),
        digits => digits.parse().ok().filter(|status| (100..600).contains(status)).map(Share::Status),
    }
}

fn unknown(name: &str) -> String {
    let mut known: Vec<&str> = Metric::ALL.iter().map(|metric| metric.key()).collect();
    known.push(TOKENS);
    known.extend(SHARES.iter().map(|(name, _)| *name));
    known.push("rate_429");
    format!("'{name}' is not a metric; the metrics are {}{}", known.join(", "), suggestion(name, &known))
}

fn parse_form(form: &str) -> Result<Form, String> {
    match form {
        "mean" => return Ok(Form::Mean),
        "max" => return Ok(Form::Max),
        _ => {}
    }
    let digits = form.strip_prefix('p').and_then(|digits| digits.replace('_', ".").parse::<f64>().ok());
    let percent = digits.ok_or_else(|| {
        format!("'{form}' is not p50, p95, p99, p99.9, mean or max{}", suggestion(form, &["mean", "max"]))
    })?;
    let quantile = Quantile::of_percent(percent).map(Form::Quantile);
    quantile.ok_or_else(|| format!("'{form}' is not between p0 and p100"))
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Figure(quantity, form) => {
                match quantity {
                    Quantity::Time(metric) => write!(f, "{metric}.")?,
                    Quantity::TokensPerSecond => write!(f, "{TOKENS}.")?,
                }
                match form {
                    Form::Quantile(q) => write!(f, "{q}"),
                    Form::Mean => f.write_str("mean"),
                    Form::Max => f.write_str("max"),
                }
            }
            Self::Share(Share::Status(status)) => write!(f, "rate_{status}"),
            Self::Share(Share::StatusClass(class)) => write!(f, "rate_{class}xx"),
            Self::Share(share) => {
                let name = SHARES.iter().find(|(_, known)| known == share).map_or("error_rate", |(name, _)| name);
                f.write_str(name)
            }
        }
    }
}

/// Whether an error is one of getting a connection.
#[must_use]
pub(crate) fn is_of_connecting(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Dns
        | ErrorClass::ConnectRefused
        | ErrorClass::ConnectTimeout
        | ErrorClass::Connect
        | ErrorClass::Proxy
        | ErrorClass::Tls
        | ErrorClass::Alpn
        | ErrorClass::NoDescriptor => true,
        ErrorClass::Credential
        | ErrorClass::ConnectionClosed
        | ErrorClass::ConnectionReset
        | ErrorClass::StaleConnection
        | ErrorClass::StreamRefused
        | ErrorClass::StreamReset
        | ErrorClass::TimeoutFirstByte
        | ErrorClass::TimeoutGap
        | ErrorClass::TimeoutTotal
        | ErrorClass::Http(_)
        | ErrorClass::Protocol
        | ErrorClass::BadBody
        | ErrorClass::TooLarge
        | ErrorClass::Html
        | ErrorClass::Compressed
        | ErrorClass::StreamError
        | ErrorClass::StreamThrottled
        | ErrorClass::StreamTruncated
        | ErrorClass::BodyTruncated
        | ErrorClass::Interrupted
        | ErrorClass::InFlightCap
        | ErrorClass::Internal => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "ttft.p95",
            "e2e.p99.9",
            "tokens_per_second.p50",
            "chunk_gap.mean",
            "e2e.max",
            "error_rate",
            "rate_429",
            "rate_5xx",
            "connect_failure_rate",
            "unanswered_rate",
            "goodput",
        ] {
            assert_eq!(Indicator::parse(text).expect(text).to_string(), text);
        }
        for form in ["p95", "p99.9"] {
            assert_eq!(Indicator::parse(form), Indicator::parse(&format!("ttft.{form}")));
        }
    }

    #[test]
    fn a_wrong_word_has_a_near_one() {
        for (text, part) in [
            ("ttftt.p95", "did you mean 'ttft'"),
            ("eror_rate", "did you mean 'error_rate'"),
            ("tokens_per_sec.p50", "did you mean 'tokens_per_second'"),
            ("ttft", "say what of ttft"),
            ("ttft.maen", "did you mean 'mean'"),
            ("ttft.p100", "not between p0 and p100"),
            ("rate_999", "did you mean 'rate_429'"),
        ] {
            let error = Indicator::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
