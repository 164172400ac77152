//! What the well-known gateways say of themselves in the head of an answer.

use std::time::Duration;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;

use super::settings::Preset;
use crate::units::millis;

/// What a gateway knows of one passage.
pub(crate) struct Passed<'a> {
    pub(crate) id: &'a str,
    /// The listener's name.
    pub(crate) name: &'a str,
    /// The member that answered, and its address.
    pub(crate) member: (&'a str, &'a str),
    /// Its own time.
    pub(crate) own: Duration,
    /// From sending to the head of the answer.
    pub(crate) upstream: Duration,
    pub(crate) retries: usize,
    pub(crate) stream: bool,
}

/// The header with a debug token, which is for the gateway alone.
pub(super) const DEBUG: &str = "apim-debug-authorization";
/// The name under which a gateway stands in `via`.
pub(super) const VIA: &str = "1.1 hopmark-gateway";

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl Passed<'_> {
    /// Writes what a gateway of this kind says.
    pub(crate) fn declare(&self, preset: Preset, headers: &mut HeaderMap) {
        match preset {
            Preset::Plain => self.plain(headers),
            // Its headers say nothing of its time.
            Preset::Apim => {}
            Preset::Litellm => self.litellm(headers),
            Preset::Kong => self.kong(headers),
            Preset::Envoy => {
                set(headers, "x-envoy-upstream-service-time", &whole_ms(self.upstream));
                set(headers, "server", "envoy");
            }
        }
        if let Ok(id) = HeaderValue::from_str(self.id) {
            headers.entry(HeaderName::from_static("x-request-id")).or_insert(id);
        }
    }

    fn plain(&self, headers: &mut HeaderMap) {
        headers.append(header::VIA, HeaderValue::from_static(VIA));
        set(headers, "x-gateway-overhead-ms", &format!("{:.3}", millis(self.own)));
        set(headers, "x-gateway-upstream-ms", &format!("{:.3}", millis(self.upstream)));
        set(headers, "x-gateway-name", self.name);
    }

    fn litellm(&self, headers: &mut HeaderMap) {
        let theirs: Vec<(HeaderName, HeaderValue)> =
            headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, value) in theirs {
            if let Ok(copy) = HeaderName::try_from(format!("llm_provider-{name}")) {
                headers.insert(copy, value);
            }
            if self.stream && name.as_str().starts_with("x-ratelimit-") {
                headers.remove(&name);
            }
        }
        set(headers, "x-litellm-call-id", self.id);
        set(headers, "x-litellm-model-id", self.member.0);
        set(headers, "x-litellm-model-api-base", self.member.1);
        set(headers, "x-litellm-version", "1.80.0");
        set(headers, "x-litellm-attempted-retries", &self.retries.to_string());
        set(headers, "x-litellm-response-duration-ms", &format!("{:.3}", millis(self.own + self.upstream)));
        set(headers, "x-litellm-overhead-duration-ms", &format!("{:.3}", millis(self.own)));
    }

    fn kong(&self, headers: &mut HeaderMap) {
        set(headers, "x-kong-upstream-latency", &whole_ms(self.upstream));
        set(headers, "x-kong-proxy-latency", &whole_ms(self.own));
        set(headers, "x-kong-request-id", self.id);
        headers.append(header::VIA, HeaderValue::from_static("1.1 kong/3.9.1"));
    }
}

/// Says under which id a call was traced, if its caller has shown one of these debug tokens.
pub(crate) fn declare_trace(tokens: &[String], head: &Parts, id: &str, headers: &mut HeaderMap) {
    let shown = head.headers.get(DEBUG).map(HeaderValue::as_bytes);
    if tokens.iter().any(|token| shown == Some(token.as_bytes())) {
        set(headers, "apim-trace-id", id);
    }
}

/// Whole milliseconds, as those gateways count them.
fn whole_ms(span: Duration) -> String {
    span.as_millis().to_string()
}

/// What a gateway says of an answer of its own that took `own`.
pub(crate) fn declare_own(preset: Preset, own: Duration, headers: &mut HeaderMap) {
    match preset {
        Preset::Plain => drop(headers.insert(header::VIA, HeaderValue::from_static(VIA))),
        Preset::Kong => set(headers, "x-kong-response-latency", &whole_ms(own)),
        Preset::Envoy => set(headers, "server", "envoy"),
        Preset::Apim | Preset::Litellm => {}
    }
}
