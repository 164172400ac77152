//! How times, round trips, bandwidths, lengths and addresses are written in a scenario.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::dist::{Dist, Table};
use crate::units::{parse_duration, parse_rate, read_ns};

/// A duration, in nanoseconds.
#[derive(Clone, Copy)]
pub(super) struct Span(pub(super) f64);

impl Span {
    pub(super) fn duration(self) -> Duration {
        Duration::from_nanos(self.0 as u64)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_ns(deserializer).map(Span)
    }
}

/// Bytes a nanosecond.
pub(super) struct Bandwidth(pub(super) f64);

impl<'de> Deserialize<'de> for Bandwidth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rate(&text).map(Bandwidth).map_err(D::Error::custom)
    }
}

/// What stands as one text that its own reader understands.
pub(super) struct Written<T>(pub(super) T);

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Written).map_err(D::Error::custom)
    }
}

/// The tables of `{ dist = ... }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "dist", rename_all = "kebab-case")]
enum TimeTable {
    Fixed { value: Span },
    Normal { mean: Span, sd: Span },
    Lognormal { p50: Span, p95: Span },
    Gamma { mean: Span, sd: Span },
    Quantiles { p50: Span, p90: Span, p95: Span, p99: Span },
}

impl TimeTable {
    fn dist(&self) -> Result<Dist, String> {
        match self {
            Self::Fixed { value } => Ok(Dist::Fixed(value.0)),
            Self::Normal { mean, sd } => Ok(Dist::Normal { mean: mean.0, sd: sd.0 }),
            Self::Lognormal { p50, p95 } => through(p50.0, p95.0),
            Self::Gamma { mean, sd } => Ok(Dist::gamma(mean.0, sd.0)),
            Self::Quantiles { p50, p90, p95, p99 } => table([p50.0, p90.0, p95.0, p99.0]),
        }
    }
}

fn table(quantiles: [f64; 4]) -> Result<Dist, String> {
    if !quantiles.is_sorted() {
        return Err("quantiles must not fall from p50 to p99".to_owned());
    }
    let [p50, p90, p95, p99] = quantiles;
    Ok(Dist::Quantiles(Table { p50, p90, p95, p99 }))
}

fn through(p50: f64, p95: f64) -> Result<Dist, String> {
    if p50 <= 0.0 {
        return Err("p50 must be more than 0".to_owned());
    }
    if p95 < p50 {
        return Err("p95 must not be less than p50".to_owned());
    }
    Ok(Dist::through(p50, p95))
}

/// Reads a text.
type ReadText<T> = fn(&str) -> Result<T, String>;

/// What is written as one text or number, or as a table.
pub(super) struct Short<T, B> {
    /// How, for whom writes it otherwise.
    pub(super) forms: &'static str,
    pub(super) text: Option<ReadText<T>>,
    pub(super) number: Option<fn(i64) -> Result<T, String>>,
    pub(super) table: fn(B) -> Result<T, String>,
}

impl<'de, T, B: Deserialize<'de>> Visitor<'de> for Short<T, B> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.forms)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let read = self.text.ok_or_else(|| E::invalid_type(Unexpected::Str(text), &self))?;
        read(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        let read = self.number.ok_or_else(|| E::invalid_type(Unexpected::Signed(number), &self))?;
        read(number).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        (self.table)(B::deserialize(MapAccessDeserializer::new(map))?).map_err(A::Error::custom)
    }
}

/// `"10ms"` or `{ dist = ... }`.
impl<'de> Deserialize<'de> for Dist {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Short {
            forms: "a duration as in \"10ms\", or a table as in { dist = \"normal\", mean = \"150ms\", sd = \"5ms\" }",
            text: Some(|text| parse_duration(text).map(Self::Fixed)),
            number: None,
            table: |table: TimeTable| table.dist(),
        })
    }
}

/// The median and the 95th percentile of something lognormal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Through<T> {
    p50: T,
    p95: T,
}

/// `"1ms"` or `{ p50 = "28ms", p95 = "34ms" }`.
pub(super) struct Rtt(pub(super) Dist);

impl<'de> Deserialize<'de> for Rtt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Short {
            forms: "a round trip as in \"1ms\", or a table as in { p50 = \"28ms\", p95 = \"34ms\" }",
            text: Some(|text| parse_duration(text).map(|ns| Self(Dist::Fixed(ns)))),
            number: None,
            table: |table: Through<Span>| through(table.p50.0, table.p95.0).map(Self),
        })
    }
}

/// `64` or `{ p50 = 200, p95 = 800 }`: a natural length of answers, in tokens.
pub(super) struct Length(pub(super) Dist);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Short {
            forms: "a number of tokens, or a table as in { p50 = 200, p95 = 800 }",
            text: None,
            number: Some(|tokens| match u32::try_from(tokens) {
                Ok(tokens) if tokens > 0 => Ok(Self(Dist::Fixed(f64::from(tokens)))),
                _ => Err("output_tokens must be from 1 to 4294967295".to_owned()),
            }),
            table: |table: Through<f64>| through(table.p50, table.p95).map(Self),
        })
    }
}
