//! Numbers with units and the small identities that every floor shares.
//!
//! Everything measured is kept in nanoseconds of the monotonic clock; text forms ("30s", "20/s")
//! are parsed here, at the door, and nowhere else.

mod api;

use schemars::JsonSchema;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use api::Api;

/// An instant of `CLOCK_MONOTONIC` in nanoseconds, comparable with every process of this machine
/// (and so with the simulator's ledger).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The present instant.
    #[must_use]
    pub fn now() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Self(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The signed milliseconds from `earlier` to `self`.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> f64 {
        (self.0 as i128 - earlier.0 as i128) as f64 / 1e6
    }
}

impl std::ops::Add<Duration> for Nanos {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0 + span.as_nanos() as u64)
    }
}

/// The place of a path in the plan, in the order in which the profile names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathId(pub u16);

impl PathId {
    /// The index into the plan's list of paths.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The number of an attempt in the plan, from 0, the same for every number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// The part of a run to which an attempt belongs, by its intended time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Phase {
    /// Before measuring: pools are filled, nothing is reported.
    Warmup,
    /// The measured phase.
    Measure,
    /// After the last arrival, until every call has ended or timed out. No arrival lies in it.
    Drain,
}

/// How planned calls ended. `planned` is the sum of the others, or the counts of a run are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CallCounts {
    /// Arrivals due.
    pub planned: u64,
    /// Whole answers.
    pub ok: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that were cut: by the server, by the end of the run, or by its death.
    pub incomplete: u64,
    /// Arrivals that were never sent.
    pub dropped: u64,
}

impl CallCounts {
    /// Whether every arrival is accounted for.
    #[must_use]
    pub(crate) fn adds_up(self) -> bool {
        self.planned == self.ok + self.failed + self.incomplete + self.dropped
    }
}

impl std::ops::AddAssign for CallCounts {
    fn add_assign(&mut self, other: Self) {
        self.planned += other.planned;
        self.ok += other.ok;
        self.failed += other.failed;
        self.incomplete += other.incomplete;
        self.dropped += other.dropped;
    }
}

/// A figure with its 95% interval, in the figure's own unit. What there is too little data for is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// What was seen.
    pub value: Option<f64>,
    /// The lower end of the interval.
    pub low: Option<f64>,
    /// The upper end of the interval.
    pub high: Option<f64>,
}

impl Estimate {
    /// The interval, if both ends are known.
    #[must_use]
    pub fn interval(self) -> Option<(f64, f64)> {
        self.low.zip(self.high)
    }
}

/// Lets serde write types as their text form and read them from it, with a pattern and an example of it for schemas.
macro_rules! serde_as_text {
    ($($type:ty: $pattern:expr, $example:expr);+) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern, "examples": [$example]})
            }
        }
    )+};
}
pub(crate) use serde_as_text;

/// A share from 0 to 1. Texts may give it in percent.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenFraction")]
#[schemars(!try_from, with = "WrittenFraction")]
pub struct Fraction(pub f64);

/// 0.5 or "50%"; a text without the sign, as a flag may hold it, is a share already.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "it takes a share such as \"50%\" or 0.5, from 0 to 1")]
enum WrittenFraction {
    Number(#[schemars(range(min = 0, max = 1))] f64),
    Text(#[schemars(extend("pattern" = r"^ *[0-9]+(\.[0-9]+)? *%?$"))] String),
}

impl TryFrom<WrittenFraction> for Fraction {
    type Error = TextError;
    fn try_from(written: WrittenFraction) -> Result<Self, TextError> {
        match written {
            WrittenFraction::Number(share) => share.to_string().parse(),
            WrittenFraction::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Fraction {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        let (digits, scale) = text.trim().strip_suffix('%').map_or((text, 1.0), |percent| (percent, 100.0));
        let share = digits.trim().parse::<f64>().ok().map(|number| number / scale);
        let inside = share.filter(|share| (0.0..=1.0).contains(share)).map(Self);
        inside.ok_or_else(|| TextError::new(text, "a share such as \"50%\" or 0.5, from 0 to 1"))
    }
}

/// A quantile, 0 < q < 1, counted from the smallest value; its text is "p50" or "p99.9".
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Quantile(pub f64);

impl Quantile {
    /// The middle: half of all values are smaller.
    pub const MEDIAN: Self = Self(0.5);

    /// Each of some numbers as a quantile.
    pub(crate) const fn each<const N: usize>(numbers: [f64; N]) -> [Self; N] {
        let mut quantiles = [Self::MEDIAN; N];
        let mut at = 0;
        while at < N {
            quantiles[at] = Self(numbers[at]);
            at += 1;
        }
        quantiles
    }

    /// That of a percentage; `None` where it does not lie between 0 and 100.
    pub(crate) fn of_percent(percent: f64) -> Option<Self> {
        // As near as decimal places go, so that p95 and 0.95 are one number.
        let quantile = (percent * 1e6).round() / 1e8;
        (quantile > 0.0 && quantile < 1.0).then_some(Self(quantile))
    }

    /// Its name in files: "p50", "`p99_9`".
    pub(crate) fn key(self) -> String {
        self.to_string().replace('.', "_")
    }
}

/// Understands "p99.9", "`p99_9`" and "0.999".
impl FromStr for Quantile {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.replace('_', ".").parse::<f64>().ok();
        let percent = match text.strip_prefix('p') {
            Some(digits) => number(digits),
            None => number(text).map(|quantile| 100.0 * quantile),
        };
        let quantile = percent.and_then(Self::of_percent);
        quantile.ok_or_else(|| format!("'{text}' is not a quantile such as p50, p99.9 or 0.95"))
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", (self.0 * 1e8).round() / 1e6)
    }
}

/// The most arrivals a second that can be planned.
const MOST_RATE: f64 = 1e6;

/// The longest time that can be written.
const LONGEST: Span = Span::from_secs(30 * 24 * 3600);

/// A rate in events a second, written "20/s", "90/m" or "3600/h".
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

impl FromStr for Rate {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        let expected = "a rate above 0 with its unit such as \"20/s\", \"90/m\" or \"3600/h\", at most 1000000/s";
        let wrong = || TextError::new(text, expected);
        let (count, unit) = text.trim().split_once('/').ok_or_else(wrong)?;
        let count: f64 = count.trim().parse().map_err(|_| wrong())?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let rate = count / seconds;
        if rate > 0.0 && rate <= MOST_RATE { Ok(Self(rate)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// A span of time written with its unit: "250us", "500ms", "30s", "2m", "1h", "1m30s". In files it stands as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

impl Span {
    /// A span of whole milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// A span of whole seconds.
    #[must_use]
    pub const fn from_secs(s: u64) -> Self {
        Self(Duration::from_secs(s))
    }
}

impl FromStr for Span {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        let wrong = || {
            TextError::new(
                text,
                "a time with its unit such as \"250us\", \"500ms\", \"30s\" or \"1m30s\", at most 30 days",
            )
        };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut seconds = 0.0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let count: f64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            seconds += count
                * match &rest[..letters] {
                    "ns" => 1e-9,
                    "us" => 1e-6,
                    "ms" => 1e-3,
                    "s" => 1.0,
                    "m" | "min" => 60.0,
                    "h" => 3600.0,
                    _ => return Err(wrong()),
                };
            rest = rest[letters..].trim_start();
        }
        let span = Duration::try_from_secs_f64(seconds).map(Self).ok();
        span.filter(|span| *span <= LONGEST).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if self.0.subsec_nanos() == 0 {
            write!(f, "{}s", self.0.as_secs())
        } else if seconds >= 1.0 {
            write!(f, "{seconds}s")
        } else if self.0.subsec_nanos().is_multiple_of(1_000_000) {
            write!(f, "{}ms", self.0.as_millis())
        } else {
            write!(f, "{}us", seconds * 1e6)
        }
    }
}

serde_as_text!(
    Rate: r"^\s*[0-9.]+([eE][+-]?[0-9]+)?\s*/\s*(s|m|min|h)\s*$", "20/s";
    Span: r"^\s*(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|ms|s|m|min|h)\s*)+$", "30s"
);

/// A text that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{found}' is not {expected}{}", why.as_ref().map_or(String::new(), |why| format!(": {why}")))]
pub struct TextError {
    found: String,
    expected: &'static str,
    why: Option<String>,
}

impl TextError {
    fn new(found: &str, expected: &'static str) -> Self {
        Self { found: found.to_owned(), expected, why: None }
    }

    /// The same with the reason.
    pub(crate) fn because(found: &str, expected: &'static str, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..Self::new(found, expected) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_rates_read_what_they_write() {
        for text in ["250us", "500ms", "30s", "1.5s", "0s"] {
            let span: Span = text.parse().expect(text);
            assert_eq!(span.to_string(), text);
        }
        assert_eq!("1m30s".parse::<Span>().expect("mixed").0, Duration::from_secs(90));
        assert_eq!("90/m".parse::<Rate>().expect("minutes").0, 1.5);
    }

    #[test]
    fn impossible_spans_and_rates_are_refused() {
        for text in ["", "30", "-1s", "5 parsecs", "s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["0/s", "-3/s", "20", "nan/s", "20/y"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
