//! The times of a trace: dates, or numbers in a unit that must be known.
//!
//! What tells the unit, the first that does: the profile (`workload.time_unit`), the name of the column, a number that can
//! only be the time since 1970 in one unit, the form of the trace. But a form's word is not taken where the times
//! themselves speak against it: numbers with fractions, or arrivals by the hundred a second, in what should be
//! milliseconds, are perhaps seconds, and a trace that is replayed a thousand times too fast looks right. Then the user
//! is asked.

use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::workload::error::WorkloadError;
use crate::workload::spec::TimeUnit;

/// What a time should be.
pub(super) const EXPECTED: &str = "a TIMESTAMP such as 2023-11-16 18:15:46.6805900, or a number";
const ORDER_EXPECTED: &str = "rows in order of time";

/// Above this mean rate, arrivals a second, times in milliseconds are perhaps seconds.
const DOUBTFUL_RATE: f64 = 200.0;

/// The years 2000 to 2100 in seconds since 1970.
const EPOCH_S: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;

/// A time as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stamp {
    /// An instant, nanoseconds since 1970.
    Instant(i128),
    /// A number in a unit.
    Number(f64),
}

/// What is known of the unit.
pub(super) struct Known<'a> {
    /// By the profile.
    pub(super) said: Option<TimeUnit>,
    /// By the name of the column or key.
    pub(super) by_name: Option<TimeUnit>,
    /// By the form of the trace.
    pub(super) by_form: Option<TimeUnit>,
    /// The name of the column or key.
    pub(super) name: &'a str,
}

/// Reads one time.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(text: &str) -> Result<Stamp, String> {
    let number = text.parse::<f64>().ok();
    if let Some(number) = number.filter(|number| number.is_finite()) {
        return Ok(Stamp::Number(number));
    }
    let with_t = text.replacen(' ', "T", 1);
    let instant = OffsetDateTime::parse(&with_t, &Rfc3339)
        // Without an offset it is taken as UTC; only differences count.
        .or_else(|_| OffsetDateTime::parse(&format!("{with_t}Z"), &Rfc3339));
    instant.map(|time| Stamp::Instant(time.unix_timestamp_nanos())).map_err(|_| format!("'{text}' is not a time"))
}

/// The times of rows, each with its line, from the first on.
///
/// # Errors
/// When the unit is not known, or a time lies before that of the row above.
pub(super) fn since_first(
    stamps: &[(u64, Stamp)],
    known: Known<'_>,
    file: &Path,
) -> Result<Vec<Duration>, WorkloadError> {
    let ns_per_unit = if stamps.iter().any(|(_, stamp)| matches!(stamp, Stamp::Number(_))) {
        let numbers: Vec<f64> = stamps.iter().filter_map(|(_, stamp)| number(*stamp)).collect();
        unit(&numbers, &known).ok_or_else(|| ambiguous(&numbers, known.name, file))?.nanoseconds()
    } else {
        1.0
    };
    let at = |stamp: Stamp| match stamp {
        Stamp::Instant(ns) => ns,
        Stamp::Number(number) => (number * ns_per_unit).round() as i128,
    };
    let first = stamps.first().map_or(0, |(_, stamp)| at(*stamp));
    let mut times: Vec<Duration> = Vec::with_capacity(stamps.len());
    for (line, stamp) in stamps {
        let since = at(*stamp).checked_sub(first).and_then(|ns| u64::try_from(ns).ok()).map(Duration::from_nanos);
        let latest = times.last().copied().unwrap_or_default();
        let time = since.filter(|time| *time >= latest).ok_or_else(|| {
            WorkloadError::line(
                file,
                *line,
                "its time is before that of the row above, or centuries after it",
                ORDER_EXPECTED,
            )
        })?;
        times.push(time);
    }
    Ok(times)
}

fn number(stamp: Stamp) -> Option<f64> {
    match stamp {
        Stamp::Number(number) => Some(number),
        Stamp::Instant(_) => None,
    }
}

fn unit(numbers: &[f64], known: &Known<'_>) -> Option<TimeUnit> {
    let unit = known.said.or(known.by_name).or_else(|| since_1970(numbers));
    unit.or_else(|| known.by_form.filter(|unit| *unit != TimeUnit::Milliseconds || !perhaps_seconds(numbers)))
}

/// The unit in which all numbers are times of our days; `None` when there is none.
fn since_1970(numbers: &[f64]) -> Option<TimeUnit> {
    let fits = |unit: &TimeUnit| numbers.iter().all(|number| EPOCH_S.contains(&(number * unit.nanoseconds() / 1e9)));
    TimeUnit::ALL.into_iter().find(fits)
}

/// Whether numbers that should be milliseconds look like seconds.
fn perhaps_seconds(numbers: &[f64]) -> bool {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return false };
    let span_s = (last - first) / 1e3;
    let rate = (numbers.len() - 1) as f64 / span_s;
    numbers.iter().any(|number| number.fract() != 0.0) || (span_s > 0.0 && rate > DOUBTFUL_RATE)
}

fn ambiguous(numbers: &[f64], name: &str, file: &Path) -> WorkloadError {
    let of = |number: Option<&f64>| number.copied().unwrap_or_default();
    WorkloadError::TimeUnit {
        file: file.to_owned(),
        name: name.to_owned(),
        first: of(numbers.first()),
        last: of(numbers.last()),
        rows: numbers.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(numbers: &[f64], known: Known<'_>) -> Result<Vec<f64>, String> {
        let stamps: Vec<_> = (1..).zip(numbers.iter().map(|number| Stamp::Number(*number))).collect();
        let times = since_first(&stamps, known, Path::new("t.jsonl")).map_err(|error| error.to_string())?;
        Ok(times.into_iter().map(|time| (time.as_secs_f64() * 1e6).round() / 1e6).collect())
    }

    fn nothing() -> Known<'static> {
        Known { said: None, by_name: None, by_form: None, name: "timestamp" }
    }

    fn milliseconds() -> Known<'static> {
        Known { by_form: Some(TimeUnit::Milliseconds), ..nothing() }
    }

    #[test]
    fn the_unit_is_known_or_asked_for() {
        let said = |unit| Known { said: Some(unit), ..milliseconds() };
        for (word, numbers, known, expected) in [
            ("milliseconds by the form", &[0.0, 500.0, 500.0, 3000.0][..], milliseconds(), Some(3.0)),
            ("all at once is no doubt", &[7.0, 7.0, 7.0], milliseconds(), Some(0.0)),
            ("one row", &[7.0], milliseconds(), Some(0.0)),
            ("fractions", &[0.0, 0.4, 0.8], milliseconds(), None),
            ("whole seconds", &[0.0, 1.0, 2.0, 3.0], milliseconds(), None),
            ("seconds that are said", &[0.0, 0.4, 0.8], said(TimeUnit::Seconds), Some(0.8)),
            ("milliseconds that are said", &[0.0, 1.0, 2.0], said(TimeUnit::Milliseconds), Some(0.002)),
            (
                "the profile before the name",
                &[0.0, 4.0],
                Known { by_name: Some(TimeUnit::Seconds), ..said(TimeUnit::Nanoseconds) },
                Some(0.0),
            ),
            ("a number of no form", &[0.0, 4000.0], nothing(), None),
            ("epoch whatever the form", &[1.7e9, 1.7e9 + 2.5], milliseconds(), Some(2.5)),
            ("epoch of no form", &[1.7e12, 1.7e12 + 2.5], nothing(), Some(0.0025)),
            ("a day in milliseconds", &[0.0, 43_200_000.0, 86_400_000.0], milliseconds(), Some(86_400.0)),
        ] {
            let last = seconds(numbers, known).map(|times| times[times.len() - 1]);
            match (last, expected) {
                (Ok(last), Some(expected)) => assert!((last - expected).abs() < 1e-6, "{word}: {last}"),
                (Err(why), None) => {
                    assert!(why.contains("workload.time_unit") && why.contains("timestamp"), "{word}: {why}")
                }
                (last, expected) => panic!("{word}: {last:?} for {expected:?}"),
            }
        }
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        let second = |text: &str| match read(text) {
            Ok(Stamp::Instant(ns)) => ns as f64 / 1e9,
            other => panic!("{text}: {other:?}"),
        };
        for text in [
            "2023-11-16 18:15:46.5",
            "2023-11-16T18:15:46.5",
            "2023-11-16T18:15:46.5Z",
            "2023-11-16 18:15:46.5000000+00:00",
            "2023-11-16 19:15:46.500+01:00",
            "2023-11-16T13:15:46.5-05:00",
        ] {
            assert_eq!(second(text), 1_700_158_546.5, "{text}");
        }
        for text in ["", "NaN", "inf", "-inf", "yesterday", "2023-13-16 18:15:46", "18:15:46"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
