//! The ways in which a 429 says when to come again, the odd ones too.

use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use crate::net::clock::unix_seconds;

/// What stands in the head of a 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Nothing.
    Absent,
    /// Only `retry-after-ms`.
    Milliseconds,
    /// Only `retry-after`.
    Seconds,
    /// Both, and not the same: 5 seconds and 700 ms.
    Different,
    /// Five minutes, longer than clients wait.
    Long,
    /// A date, two seconds from now.
    Date,
    /// Less than nothing.
    Negative,
}

/// All of them, by name.
pub(crate) const RETRIES: [(&str, Retry); 7] = [
    ("429-retry-none", Retry::Absent),
    ("429-retry-ms", Retry::Milliseconds),
    ("429-retry-s", Retry::Seconds),
    ("429-retry-differ", Retry::Different),
    ("429-retry-long", Retry::Long),
    ("429-retry-date", Retry::Date),
    ("429-retry-negative", Retry::Negative),
];

const MILLISECONDS: &str = "retry-after-ms";

impl Retry {
    pub(crate) fn name(self) -> &'static str {
        RETRIES.iter().find(|row| row.1 == self).map_or("", |row| row.0)
    }

    /// Writes it in place of what stands there.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.remove(RETRY_AFTER);
        headers.remove(MILLISECONDS);
        let (after, ms) = match self {
            Self::Absent => (None, None),
            Self::Milliseconds => (None, Some("700")),
            Self::Seconds => (Some("2".to_owned()), None),
            Self::Different => (Some("5".to_owned()), Some("700")),
            Self::Long => (Some("300".to_owned()), Some("300000")),
            Self::Date => (Some(date(unix_seconds() + 2)), None),
            Self::Negative => (Some("-1".to_owned()), Some("-1000")),
        };
        if let Some(after) = after.and_then(|after| HeaderValue::from_str(&after).ok()) {
            headers.insert(RETRY_AFTER, after);
        }
        if let Some(ms) = ms {
            headers.insert(MILLISECONDS, HeaderValue::from_static(ms));
        }
    }
}

/// A second of the Unix epoch as HTTP writes dates: `Thu, 01 Jan 1970 00:00:00 GMT`.
fn date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    // Years of 400, counted from 1 March, so that the leap day is the last (H. Hinnant, "chrono-Compatible Low-Level
    // Date Algorithms").
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + 400 * era + u64::from(month >= 10);
    format!(
        "{}, {of_month:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(day % 7) as usize],
        MONTHS[month as usize],
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }
}
