//! The ways in which a 429 says when to come again, the odd ones too.

use std::time::{Duration, SystemTime};

use httpdate::fmt_http_date;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};

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

const MILLISECONDS: &str = "retry-after-ms";

impl Retry {
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
            Self::Date => (Some(fmt_http_date(SystemTime::now() + Duration::from_secs(2))), None),
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
