//! The units of a scenario: how long a time may be, and how durations, bandwidths and words are written.

/// Nanoseconds of a millisecond.
pub(crate) const MS: f64 = 1e6;

/// A minute, in nanoseconds.
pub(crate) const MINUTE: u64 = 60_000_000_000;

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
