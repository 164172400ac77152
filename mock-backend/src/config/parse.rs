//! The small texts in a scenario: durations, bandwidths, and the nearest right word for a wrong one.

use crate::latency::LONGEST;

/// A duration such as `200ms`, `1.5s`, `20us` or `0`, in nanoseconds.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse_duration(text: &str) -> Result<f64, String> {
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
pub fn parse_rate(text: &str) -> Result<f64, String> {
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

/// The line (from 1) at which byte `offset` of `text` stands.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// A message of the TOML reader as one sentence, with the nearest right word where it names an unknown one.
pub(crate) fn explain(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    let (what, expected) = first.split_once(", expected ").unwrap_or((first, ""));
    let kind = if what.starts_with("unknown field") {
        "key"
    } else if what.starts_with("unknown variant") {
        "value"
    } else {
        return first.to_owned();
    };
    let words: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let wrong = what.split('`').nth(1).unwrap_or_default();
    match nearest(wrong, &words) {
        Some(near) => format!("unknown {kind} \"{wrong}\", did you mean \"{near}\"?"),
        None => format!("unknown {kind} \"{wrong}\"; known here: {}", words.join(", ")),
    }
}
