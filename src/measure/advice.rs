//! What each class of errors means, and what helps: one table for the preflight and for every report.

use crate::measure::outcome::ErrorClass;

impl ErrorClass {
    /// What happened, where nobody said more.
    #[must_use]
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Credential => "the token expired and no new one could be obtained",
            Self::Dns => "the name does not resolve",
            Self::ConnectRefused => "connection refused",
            Self::ConnectTimeout => "no connection in time",
            Self::Connect => "the connection could not be opened",
            Self::Proxy => "the proxy did not open a tunnel",
            Self::Tls => "the TLS handshake failed",
            Self::Alpn => "the server does not agree to this HTTP version",
            Self::NoDescriptor => "this machine has no file descriptor or port left",
            Self::ConnectionClosed => "the connection was closed before an answer",
            Self::ConnectionReset => "connection reset",
            Self::StaleConnection => "the server had closed the idle connection on which the call was sent",
            Self::StreamRefused => "the server refused the HTTP/2 stream",
            Self::StreamReset => "the server reset the HTTP/2 stream",
            Self::TimeoutFirstByte => "no byte of an answer in time",
            Self::TimeoutGap => "the answer stalled",
            Self::TimeoutTotal => "the call took too long",
            Self::Http(status) => of_status(status),
            Self::Protocol => "the answer is not HTTP",
            Self::BadBody => "the answer is not what the API promises",
            Self::TooLarge => "the answer is larger than the limit",
            Self::Html => "a web page came instead of an answer",
            Self::Compressed => "the answer is compressed, although it was asked for uncompressed",
            Self::StreamError => "an error in the stream",
            Self::StreamThrottled => "a rate limit in the stream",
            Self::StreamTruncated => "the stream ended before its end mark",
            Self::BodyTruncated => "the body ended before its announced length",
            Self::Interrupted => "the run ended while the call was in flight",
            Self::InFlightCap => "too many calls were in flight; this one was not sent",
            Self::Internal => "hopmark itself failed on this call",
        }
    }

    /// What helps, where that is known.
    #[must_use]
    pub fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Http(status) => return remedy_of_status(status),
            Self::Credential => "check what the token endpoint answered, and that it can be reached",
            Self::Dns => "check the host of base_url and which DNS server this machine asks",
            Self::ConnectRefused => "check base_url and its port, and that the server is up",
            Self::ConnectTimeout | Self::Connect => "check base_url, firewalls and routes, and that the server is up",
            Self::Proxy => "check 'proxy' and 'proxy_env', and that the proxy may connect to the host of base_url",
            Self::Tls => "check that base_url is right with https, and tls.ca_file",
            Self::Alpn => "set connections.http to the version that the server speaks",
            Self::NoDescriptor => "raise the limit on open files (ulimit -n), or lower load.max_in_flight",
            Self::TimeoutFirstByte => "look at the server's load, or raise timeouts.first_byte",
            Self::TimeoutGap => "look for what holds the stream back, or raise timeouts.gap",
            Self::TimeoutTotal => "ask for fewer output tokens, or raise timeouts.total",
            Self::Protocol => "check the scheme, the port and the HTTP version of base_url",
            Self::StaleConnection => {
                "raise the idle timeout of the server or gateway above the time between calls, or set connections.policy = \"fresh\""
            }
            Self::BadBody => "compare the answer with what the API promises, and check base_url",
            Self::TooLarge => "find out what sends so much on this path; docs/limits.md lists the limits",
            Self::Html => "check that base_url leads to the API and not to a web page (sign-in, proxy, portal)",
            Self::Compressed => {
                "switch compression off on the gateway or server for this path: it delays and merges events"
            }
            Self::StreamThrottled => LESS,
            Self::StreamTruncated | Self::BodyTruncated => {
                "look for a time limit or a size limit of the gateway or proxy on this path"
            }
            Self::InFlightCap => "lower load.rate, or raise load.max_in_flight",
            Self::ConnectionClosed
            | Self::ConnectionReset
            | Self::StreamRefused
            | Self::StreamReset
            | Self::StreamError
            | Self::Interrupted
            | Self::Internal => return None,
        })
    }
}

const LESS: &str = "lower load.rate, or ask for more quota";

fn of_status(status: u16) -> &'static str {
    match status {
        300..=399 => "a redirect, which is not followed",
        400..=499 => "the server refused the request without a message",
        500..=599 => "the server failed without a message",
        _ => "an unexpected status without a message",
    }
}

fn remedy_of_status(status: u16) -> Option<&'static str> {
    Some(match status {
        300..=399 => "redirects are not followed: set base_url to where it points",
        400 => "the server refuses the request: compare its message with [workload] and the API version of base_url",
        401 => "check the key that auth.env or auth.file names, and auth.kind",
        403 => "check the role of the caller, and that the network it calls from is allowed",
        404 => {
            "check base_url and its dialect (run --dry-run prints each URL; often /v1 or an api-version is missing), and workload.model (Azure: the deployment's name)"
        }
        405 => "check base_url: /chat/completions or /responses is added to it",
        413 => "shorten the prompts (workload.input_tokens, workload.max_input_tokens)",
        415 => "check that base_url leads to the API: it must accept application/json",
        422 => "the server refuses a field of the request: compare its message with [workload]",
        429 => LESS,
        502..=504 => "look at the gateway's log and at its backend",
        500..=599 => "look at the server's log",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_meaning_and_what_will_not_get_better_a_remedy() {
        let statuses = [301, 302, 307, 308, 400, 401, 403, 404, 405, 413, 415, 422].map(ErrorClass::Http);
        assert!(statuses.iter().all(|class| class.remedy().is_some()));
        for class in ErrorClass::plain().chain(statuses) {
            let told = [class.meaning(), class.remedy().unwrap_or("none")];
            assert!(told.iter().all(|text| !text.is_empty() && !text.ends_with('.')), "{told:?}");
        }
    }
}
