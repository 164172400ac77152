//! From what was heard of a failure to the message that a person reads: one sample of each class and path.

use std::cell::RefCell;
use std::collections::BTreeSet;

use hyper::header::{self, HeaderName};
use hyper::http::response::Parts;

use crate::attempt::guard::Cut;
use crate::limits::Limit;
use crate::measure::heard::Heard;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::path::Timeouts;
use crate::transport::connection::Broken;
use crate::units::PathId;
use crate::wire::filter::Filter;
use crate::wire::words;

/// Reports the first failure of each class on each path, for one worker.
pub(super) struct FailureReporter {
    filter: Filter,
    reported: RefCell<BTreeSet<(PathId, ErrorClass)>>,
    /// Whether every failure is reported, not only the first of its class.
    all: bool,
}

impl FailureReporter {
    /// Nothing reported yet; every message passes the filter.
    pub(super) fn new(filter: Filter) -> Self {
        Self { filter, reported: RefCell::default(), all: false }
    }

    /// Lets every message pass this filter from now on.
    pub(super) fn filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// What every message passes.
    pub(super) fn secrets(&self) -> &Filter {
        &self.filter
    }

    /// Whether what was heard is kept as it came, to be judged when the call has ended.
    pub(super) fn keeps_heard(&self) -> bool {
        self.all
    }

    /// Reports every failure, not only the first of its class.
    pub(super) fn report_all(&mut self) {
        self.all = true;
    }

    /// Turns what was heard into a message, and keeps secrets that the server repeated out of everything it named.
    pub(super) fn report(&self, sample: &mut Sample) {
        self.hide(&mut sample.request_id);
        self.hide(&mut sample.region);
        let Some(heard) = sample.heard.take() else { return };
        let Some(class) = sample.outcome.error() else { return };
        let key = (sample.path, class);
        let has_room = self.reported.borrow().len() < Limit::Messages.most() && !self.reported.borrow().contains(&key);
        if !self.all && !has_room {
            return;
        }
        let message = self.message(&heard, sample.retry_after_ms);
        if !message.is_empty() {
            self.reported.borrow_mut().insert(key);
            sample.message = Some(message.into());
        }
        sample.heard = Some(heard).filter(|_| self.all);
    }

    fn hide(&self, text: &mut Option<Box<str>>) {
        if let Some(hidden) = text.as_deref().and_then(|text| self.filter.hidden(text)) {
            *text = Some(hidden.into());
        }
    }

    fn message(&self, heard: &Heard, retry_after_ms: Option<f64>) -> String {
        let clean = |text: &str| self.filter.line(text, Limit::ErrorText);
        let said = Some(clean(&words::said(&heard.said))).filter(|said| !said.is_empty());
        let cause = heard.cause.as_deref().map(clean);
        let redirect = heard.location.as_deref().map(|to| format!("redirect to {}", clean(&words::location(to))));
        let known = retry_after_ms.filter(|ms| ms.is_finite() && *ms >= 0.0).map(|ms| format!("{} s", ms / 1e3));
        let retry = known.or_else(|| heard.retry_after.as_deref().map(clean));
        let retry = retry.map(|when| format!("Retry-After: {when}"));
        [redirect, said, cause, retry].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// Hears what the head of a refusal tells.
pub(super) fn hear_head(sample: &mut Sample, head: &Parts) {
    let text = |name: HeaderName| {
        let value = head.headers.get(name)?.as_bytes();
        Some(String::from_utf8_lossy(&value[..value.len().min(Limit::ErrorBody.most())]).into())
    };
    let heard = sample.hear();
    heard.retry_after = text(header::RETRY_AFTER);
    heard.location = text(header::LOCATION).filter(|_| head.status.is_redirection());
}

/// Hears why no answer, or no whole answer, came.
pub(super) fn hear_cause(sample: &mut Sample, cause: impl Into<Box<str>>) {
    sample.hear().cause = Some(cause.into());
}

/// An error of the transport with its causes.
pub(super) fn cause_of(broken: &Broken) -> String {
    let mut text = broken.to_string();
    let mut cause = std::error::Error::source(broken);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// How long was waited before a call was given up.
pub(super) fn waited(class: ErrorClass, timeouts: &Timeouts) -> Option<String> {
    let limits = [
        (ErrorClass::ConnectTimeout, "connect", timeouts.connect),
        (ErrorClass::TimeoutFirstByte, "first_byte", timeouts.first_byte),
        (ErrorClass::TimeoutGap, "gap", timeouts.gap),
        (ErrorClass::TimeoutTotal, "total", timeouts.total),
    ];
    let (_, key, limit) = limits.into_iter().find(|(of, ..)| *of == class)?;
    Some(format!("{} (timeouts.{key} is {limit})", class.meaning()))
}

/// Hears that a call was given up at a time limit.
pub(super) fn hear_cut(sample: &mut Sample, cut: Cut, timeouts: &Timeouts) {
    if let Cut::Timeout(class) = cut
        && let Some(cause) = waited(class, timeouts)
    {
        hear_cause(sample, cause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(heard: Heard, retry_after_ms: Option<f64>) -> String {
        FailureReporter::new(Filter::of(["s3cr3t-key"])).message(&heard, retry_after_ms)
    }

    #[test]
    fn a_message_has_everything_that_was_heard_and_no_secret() {
        let said = |text: &str| Heard { said: text.as_bytes().to_vec(), ..Heard::default() };
        let json = said("{\"error\":{\"message\":\"bad key S3CR3T-KEY,\\nask \\u202eagain\"}}");
        assert_eq!(message(json, Some(1500.0)), "bad key ***, ask again; Retry-After: 1.5 s");
        let late = Heard { retry_after: Some("Wed, 21 Oct 2026 07:28:00 GMT".into()), ..said("busy") };
        assert_eq!(message(late.clone(), None), "busy; Retry-After: Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(message(late, Some(2e3)), "busy; Retry-After: 2 s");
        let moved = Heard { location: Some("https://u:s3cr3t-key@h/s3cr3t-key/v1?k=s3cr3t-key".into()), ..said("") };
        assert_eq!(message(moved, None), "redirect to https://h/***/v1?...");
        let denied = message(said("Key based authentication is disabled for this resource. s3cr3t-key"), None);
        assert_eq!(denied, "Key based authentication is disabled for this resource. ***");
        let cut = Heard { cause: Some("reset by s3cr3t-key".into()), ..Heard::default() };
        assert_eq!(message(cut, None), "reset by ***");
        let long = message(said(&format!("{}s3cr3t-key", "x".repeat(295))), None);
        assert_eq!(long, "x".repeat(295) + "***");
        assert_eq!(message(Heard::default(), None), "");
    }
}
