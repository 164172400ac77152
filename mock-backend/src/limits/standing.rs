//! Where the limits stand, as answers say it: in the headers of OpenAI, of Azure OpenAI, or of a provisioned throughput.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::settings::LimitHeaders;
use crate::units::{millis_up, seconds_up};

/// Where the limits stand after a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Requests a minute, those left in the tightest window, and how long until it begins anew.
    pub(crate) calls: Option<(u64, u64, Duration)>,
    /// Tokens a minute, those left, and how long until all are.
    pub(crate) tokens: Option<(u64, u64, Duration)>,
    /// The level of the provisioned throughput; 1 is all of it.
    pub(crate) utilization: Option<f64>,
    pub(crate) headers: LimitHeaders,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As Go writes durations.
    OpenAi,
    /// Whole seconds.
    Azure,
    /// Not at all: a resource of Foundry tells callers of Claude nothing of its limits.
    Anthropic,
}

const CALLS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
const UTILIZATION: HeaderName = HeaderName::from_static("azure-openai-deployment-utilization");
const RETRY: HeaderName = HeaderName::from_static("retry-after");
const RETRY_MS: HeaderName = HeaderName::from_static("retry-after-ms");

impl Standing {
    /// Writes what an answer says; `responses` is whether it is one of the Responses API.
    pub(crate) fn write(&self, headers: &mut HeaderMap, format: Format, responses: bool) {
        match self.headers {
            LimitHeaders::Hidden => {}
            LimitHeaders::Shown | LimitHeaders::Unknown if format == Format::Anthropic => {}
            LimitHeaders::Unknown if responses && format == Format::Azure => unknown(headers),
            LimitHeaders::Shown | LimitHeaders::Unknown => {
                for (names, values) in [(&CALLS, self.calls), (&TOKENS, self.tokens)] {
                    if let Some((limit, left, reset)) = values {
                        headers.insert(&names[0], HeaderValue::from(limit));
                        headers.insert(&names[1], HeaderValue::from(left));
                        headers.insert(&names[2], format.write(reset));
                    }
                }
            }
        }
        if let Some(level) = self.utilization
            && let Ok(value) = HeaderValue::from_str(&format!("{:.1}%", 100.0 * level))
        {
            headers.insert(UTILIZATION, value);
        }
    }
}

fn unknown(headers: &mut HeaderMap) {
    for (name, value) in TOKENS.iter().zip(["-1", "-1", "0"]) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

impl Format {
    fn write(self, span: Duration) -> HeaderValue {
        match self {
            // Digits and letters make a header.
            Self::OpenAi => HeaderValue::from_str(&go_duration(span)).unwrap_or(HeaderValue::from_static("0s")),
            Self::Azure | Self::Anthropic => HeaderValue::from(seconds_up(span)),
        }
    }
}

/// Writes how long to wait: in seconds, and for Azure in milliseconds too.
pub(crate) fn retry_after(headers: &mut HeaderMap, wait: Duration, format: Format) {
    headers.insert(RETRY, HeaderValue::from(seconds_up(wait).max(1)));
    if format == Format::Azure {
        headers.insert(RETRY_MS, HeaderValue::from(millis_up(wait)));
    }
}

/// A duration as Go writes it, to the millisecond: `12ms`, `1.5s`, `6m0s`, `1h0m5s`.
pub(crate) fn go_duration(span: Duration) -> String {
    let ms = millis_up(span);
    if ms == 0 {
        return "0s".to_owned();
    }
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let (minutes, ms) = (ms / 60_000, ms % 60_000);
    let fraction = format!("{:03}", ms % 1000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let seconds = format!("{}{point}{fraction}s", ms / 1000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}
