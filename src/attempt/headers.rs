//! What the headers of an answer say: one table of the headers that are read, each with its reader.
//!
//! A value that cannot be what its header promises (negative, infinite, longer than a year, no number at all) is not
//! seen rather than wrong.

use std::time::SystemTime;

use hyper::header::{DATE, HeaderMap, HeaderValue};

use crate::limits::Limit;
use crate::measure::sample::Sample;

/// The longest time that any header is believed to mean, milliseconds: a year of 366 days. A number of seconds beyond
/// it is an instant and no span.
const LONGEST_MS: f64 = 366.0 * 86_400.0 * 1e3;

const TEXT_KEPT: usize = Limit::HeaderText.most();

/// What a header means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// How long the server took, in milliseconds unless it says a unit.
    ServerTook,
    /// How long a gateway took itself.
    GatewayTook,
    /// How long a gateway waited for what lies behind it.
    UpstreamTook,
    /// How long to wait, in milliseconds unless it says a unit.
    RetryAfterMs,
    /// How long to wait, in seconds unless it says a unit, or an instant.
    RetryAfter,
    /// Where the server is.
    Region,
    /// The call's name; of several the one with the lowest number counts.
    Name(u8),
}

/// Every header that is read.
const HEADERS: [(&str, Meaning); 12] = [
    ("openai-processing-ms", Meaning::ServerTook),
    ("x-litellm-overhead-duration-ms", Meaning::GatewayTook),
    ("x-kong-proxy-latency", Meaning::GatewayTook),
    ("x-envoy-upstream-service-time", Meaning::UpstreamTook),
    ("x-kong-upstream-latency", Meaning::UpstreamTook),
    ("retry-after-ms", Meaning::RetryAfterMs),
    ("retry-after", Meaning::RetryAfter),
    ("x-ms-region", Meaning::Region),
    ("apim-request-id", Meaning::Name(0)),
    ("x-request-id", Meaning::Name(1)),
    ("request-id", Meaning::Name(2)),
    ("x-ms-request-id", Meaning::Name(3)),
];

/// Reads the headers into the sample, in one walk over them. Of a header that comes twice the first readable value
/// counts.
pub(super) fn read(sample: &mut Sample, headers: &HeaderMap) {
    let (mut name_of, mut seconds) = (u8::MAX, None);
    for (name, value) in headers {
        let Some((_, meaning)) = HEADERS.iter().find(|(known, _)| *known == name.as_str()) else { continue };
        let Ok(text) = value.to_str().map(str::trim) else { continue };
        match meaning {
            Meaning::ServerTook => first(&mut sample.server_ms, || milliseconds(text, 1.0)),
            Meaning::GatewayTook => first(&mut sample.gateway_ms, || milliseconds(text, 1.0)),
            Meaning::UpstreamTook => first(&mut sample.upstream_ms, || milliseconds(text, 1.0)),
            Meaning::RetryAfterMs => first(&mut sample.retry_after_ms, || milliseconds(text, 1.0)),
            Meaning::RetryAfter => first(&mut seconds, || milliseconds(text, 1e3).or_else(|| until(text, headers))),
            Meaning::Region => first(&mut sample.region, || short(text)),
            Meaning::Name(place) if *place < name_of => {
                if let Some(name) = short(text) {
                    (name_of, sample.request_id) = (*place, Some(name));
                }
            }
            Meaning::Name(_) => {}
        }
    }
    sample.retry_after_ms = sample.retry_after_ms.or(seconds);
}

fn first<T>(place: &mut Option<T>, read: impl FnOnce() -> Option<T>) {
    if place.is_none() {
        *place = read();
    }
}

/// A span of time in milliseconds: "12", "12.5", "12ms", "1.5 s"; without a unit it is of `unit` milliseconds.
fn milliseconds(text: &str, unit: f64) -> Option<f64> {
    let is_unit = |c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E') || c == 'µ';
    let (number, unit) = match text.find(is_unit) {
        None => (text, unit),
        Some(at) => (text[..at].trim_end(), milliseconds_a_unit(&text[at..])?),
    };
    let ms = number.parse::<f64>().ok()? * unit;
    // Not a number is in no range.
    let is_span = (0.0..=LONGEST_MS).contains(&ms) && !number.starts_with(['-', '+']);
    is_span.then_some(ms)
}

fn milliseconds_a_unit(unit: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 6] =
        [("ms", 1.0), ("s", 1e3), ("us", 1e-3), ("ns", 1e-6), ("m", 60_000.0), ("h", 3_600_000.0)];
    UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(unit)).map(|(_, ms)| *ms)
}

/// How long it is until an HTTP date, by the clock of the answer, or by this machine's if the answer has none. An
/// instant that has passed is no wait by the answer's own clock; two clocks that disagree tell nothing.
fn until(text: &str, headers: &HeaderMap) -> Option<f64> {
    let then = httpdate::parse_http_date(text).ok()?;
    let stated = headers.get(DATE).and_then(date);
    let wait = match stated {
        Some(now) => then.duration_since(now).unwrap_or_default(),
        None => then.duration_since(SystemTime::now()).ok()?,
    };
    Some(wait.as_secs_f64() * 1e3).filter(|ms| *ms <= LONGEST_MS)
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()
}

/// A text of one line that is not too long; none if it is empty. What is no visible character becomes a space.
fn short(text: &str) -> Option<Box<str>> {
    // What `to_str` lets through is ASCII, which may be cut anywhere.
    let mut shown: Box<str> = text[..text.len().min(TEXT_KEPT)].into();
    if shown.contains('\t') {
        shown = shown.replace('\t', " ").into();
    }
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::header::HeaderName;
    use proptest::prelude::*;

    use super::*;
    use crate::units::Phase;

    fn read_from(headers: &[(&str, &str)]) -> Sample {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        let mut sample = Sample { phase: Phase::Measure, stream: true, ..Sample::unseen() };
        read(&mut sample, &map);
        sample
    }

    #[test]
    fn spans_are_read_or_refused() {
        for (text, ms) in [
            ("0", Some(0.0)),
            ("12", Some(12.0)),
            (" 12.5 ", Some(12.5)),
            ("12ms", Some(12.0)),
            ("12 ms", Some(12.0)),
            ("1.5s", Some(1_500.0)),
            ("2S", Some(2_000.0)),
            ("250us", Some(0.25)),
            ("1m", Some(60_000.0)),
            ("5e-05", Some(5e-5)),
            ("-1", None),
            ("-0", None),
            ("+5", None),
            ("NaN", None),
            ("nan", None),
            ("inf", None),
            ("-inf", None),
            ("infinity", None),
            ("1e999", None),
            ("1e300", None),
            ("1700000000000", None),
            ("12 parsecs", None),
            ("1,5", None),
            ("0x10", None),
            ("ms", None),
            ("", None),
            ("12ms, 13ms", None),
        ] {
            assert_eq!(read_from(&[("openai-processing-ms", text)]).server_ms, ms, "{text:?}");
            assert_eq!(read_from(&[("retry-after-ms", text)]).retry_after_ms, ms, "{text:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_an_instant() {
        const NOW: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (text, ms) in [
            ("2", Some(2_000.0)),
            ("0.5", Some(500.0)),
            ("250ms", Some(250.0)),
            ("-1", None),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30_000.0)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30_000.0)),
            ("Sun Nov  6 08:50:07 1994", Some(30_000.0)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0.0)),
            ("Sun, 06 Nov 2094 08:49:00 GMT", None),
            ("Sun, 99 Nov 1994 08:50:07 GMT", None),
            ("soon", None),
            ("1700000000", None),
        ] {
            assert_eq!(read_from(&[NOW, ("retry-after", text)]).retry_after_ms, ms, "{text:?}");
        }
    }

    #[test]
    fn without_a_date_the_clock_of_this_machine_counts() {
        let at = |seconds: u64| httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds));
        let wait = read_from(&[("retry-after", &at(3_600))]).retry_after_ms.expect("a wait");
        assert!((3_500e3..=3_600e3).contains(&wait), "{wait}");
        let wait = read_from(&[("date", "yesterday"), ("retry-after", &at(3_600))]).retry_after_ms.expect("a wait");
        assert!((3_500e3..=3_600e3).contains(&wait), "{wait}");
        let passed = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(3_600));
        assert_eq!(read_from(&[("retry-after", &passed)]).retry_after_ms, None);
    }

    #[test]
    fn of_several_the_first_readable_counts() {
        let read = read_from(&[("retry-after", "9"), ("retry-after-ms", "250.5")]);
        assert_eq!(read.retry_after_ms, Some(250.5));
        let read = read_from(&[("retry-after-ms", "soon"), ("retry-after", "2")]);
        assert_eq!(read.retry_after_ms, Some(2_000.0));
        let read = read_from(&[("openai-processing-ms", "nan"), ("openai-processing-ms", "7")]);
        assert_eq!(read.server_ms, Some(7.0));
        let read = read_from(&[("x-rate-limit-reset-tokens", "55")]);
        assert_eq!(read.retry_after_ms, None);
        for (headers, name) in [
            (&[("x-ms-request-id", "d"), ("request-id", "c")][..], "c"),
            (&[("x-request-id", "b"), ("apim-request-id", "a")], "a"),
            (&[("x-request-id", "b"), ("apim-request-id", " ")], "b"),
            (&[("x-request-id", "b"), ("x-request-id", "later")], "b"),
        ] {
            assert_eq!(read_from(headers).request_id.as_deref(), Some(name), "{headers:?}");
        }
    }

    #[test]
    fn texts_are_short_and_of_one_line() {
        assert_eq!(read_from(&[("x-ms-region", "Sweden Central")]).region.as_deref(), Some("Sweden Central"));
        assert_eq!(read_from(&[("x-ms-region", "  ")]).region, None);
        assert_eq!(read_from(&[("x-ms-region", "a\tb")]).region.as_deref(), Some("a b"));
        assert_eq!(read_from(&[("x-ms-region", "Köln")]).region, None, "bytes that are no ASCII");
        let long = "x".repeat(5_000);
        assert_eq!(read_from(&[("x-ms-region", &long)]).region.map(|region| region.len()), Some(TEXT_KEPT));
    }

    proptest! {
        #[test]
        fn whatever_a_header_says_a_time_is_a_time(
            place in 0..HEADERS.len(), text in "[ -~]{0,24}", number in any::<f64>(), unit in "(|ms|s|h)"
        ) {
            for text in [text, format!("{number}{unit}")] {
                let sample = read_from(&[(HEADERS[place].0, &text)]);
                for ms in [sample.server_ms, sample.gateway_ms, sample.upstream_ms, sample.retry_after_ms] {
                    prop_assert!(ms.is_none_or(|ms| (0.0..=LONGEST_MS).contains(&ms)), "{text:?}: {ms:?}");
                }
            }
        }
    }
}
