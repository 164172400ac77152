//! The units of the simulator: instants, spans, and how durations, bandwidths and words are written in a scenario.
//!
//! An instant is [`Nanos`] and a span is a [`Duration`]; what is drawn or reckoned with is a number of nanoseconds until
//! it becomes one of them.

pub mod bounds;
pub(crate) mod budget;
mod file;

use std::ops::Add;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

pub(crate) use file::read_file;

/// An instant of `CLOCK_MONOTONIC` in nanoseconds, comparable between the processes of one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(pub(crate) u64);

impl Nanos {
    /// After every other instant.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// The present instant.
    pub(crate) fn now() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Self(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Nanos {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }
}

/// A span in nanoseconds.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// A span in milliseconds.
pub(crate) fn millis(span: Duration) -> f64 {
    nanos(span) as f64 / MS
}

/// A span in whole milliseconds, rounded up.
pub(crate) fn millis_up(span: Duration) -> u64 {
    nanos(span).div_ceil(1_000_000)
}

/// A span in whole seconds, rounded up.
pub(crate) fn seconds_up(span: Duration) -> u64 {
    nanos(span).div_ceil(1_000_000_000)
}

/// Nanoseconds of a millisecond.
pub(crate) const MS: f64 = 1e6;

/// A minute.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// The longest time there is, an hour in nanoseconds: sums over the longest answer stay within 64 bits.
pub(crate) const LONGEST: f64 = 3_600e9;

/// A duration such as `200ms`, `1.5s`, `20us` or `0`, in nanoseconds.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn parse_duration(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    if trimmed == "0" {
        return Ok(0.0);
    }
    let split = trimmed.find(|c: char| c.is_ascii_alphabetic() || c == 'µ').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let scale = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        _ => return Err(format!("\"{text}\" is not a duration: write a number and ns, us, ms, s or m, as in 200ms")),
    };
    let value: f64 = number.trim().parse().map_err(|_| format!("\"{text}\" is not a duration, as in 200ms"))?;
    let ns = value * scale;
    if ns.is_finite() && (0.0..=LONGEST).contains(&ns) {
        Ok(ns)
    } else {
        Err(format!("\"{text}\" is not a time from 0 to an hour"))
    }
}

/// A duration such as `200ms`, to the whole nanosecond.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    parse_duration(text).map(|ns| Duration::from_nanos(ns as u64))
}

/// Reads a duration such as `"200ms"` in a scenario, in nanoseconds.
pub(crate) fn read_ns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Reads a duration such as `"200ms"` in a scenario, to the whole nanosecond.
pub(crate) fn read_span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    read_ns(deserializer).map(|ns| Duration::from_nanos(ns as u64))
}

/// A bandwidth such as `100Mbit/s`, `1Gbit/s` or `10MB/s`, in bytes a nanosecond.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let bytes_a_second = match unit.strip_suffix("/s").unwrap_or(unit) {
        "kbit" => 125.0,
        "Mbit" => 125e3,
        "Gbit" => 125e6,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return Err(format!("\"{text}\" is not a bandwidth: write it as in 100Mbit/s or 10MB/s")),
    };
    let value: f64 = number.trim().parse().map_err(|_| format!("\"{text}\" is not a bandwidth, as in 100Mbit/s"))?;
    let rate = value * bytes_a_second / 1e9;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err(format!("\"{text}\" must be more than 0")) }
}

/// The candidate that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let distance = |candidate: &&str| strsim::damerau_levenshtein(word, candidate);
    let best = candidates.iter().min_by_key(|candidate| distance(candidate))?;
    (distance(best) <= 1 + best.len() / 3).then_some(*best)
}
