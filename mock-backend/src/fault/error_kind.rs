//! The errors with which the services answer a request that was right: every status, by name.

use hyper::StatusCode;

/// One kind of error; its name and status stand in the table, its text in `api/error_text.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    Parameter,
    Filter,
    Context,
    Operation,
    Key,
    FlatKey,
    Token,
    Role,
    Network,
    Firewall,
    Deployment,
    Path,
    Timeout,
    Conflict,
    Size,
    Semantics,
    CallRate,
    TokenRate,
    Oversize,
    Demand,
    Provisioned,
    Quota,
    ModelRate,
    Streamed,
    StreamedCode,
    Server,
    BadGateway,
    Unavailable,
    GatewayTimeout,
    HtmlBadGateway,
    HtmlGatewayTimeout,
    TextUnavailable,
    EmptyServer,
    Overloaded,
}

/// All of them: how scenarios and headers name them, and their status.
pub(crate) const ERROR_KINDS: [(&str, ErrorKind, u16); 34] = [
    ("400", ErrorKind::Parameter, 400),
    ("400-filter", ErrorKind::Filter, 400),
    ("400-context", ErrorKind::Context, 400),
    ("400-operation", ErrorKind::Operation, 400),
    ("401", ErrorKind::Key, 401),
    ("401-flat", ErrorKind::FlatKey, 401),
    ("401-token", ErrorKind::Token, 401),
    ("403", ErrorKind::Role, 403),
    ("403-network", ErrorKind::Network, 403),
    ("403-firewall", ErrorKind::Firewall, 403),
    ("404", ErrorKind::Deployment, 404),
    ("404-path", ErrorKind::Path, 404),
    ("408", ErrorKind::Timeout, 408),
    ("409", ErrorKind::Conflict, 409),
    ("413", ErrorKind::Size, 413),
    ("422", ErrorKind::Semantics, 422),
    ("429", ErrorKind::CallRate, 429),
    ("429-tokens", ErrorKind::TokenRate, 429),
    ("429-too-large", ErrorKind::Oversize, 429),
    ("429-demand", ErrorKind::Demand, 429),
    ("429-ptu", ErrorKind::Provisioned, 429),
    ("429-quota", ErrorKind::Quota, 429),
    ("429-models", ErrorKind::ModelRate, 429),
    ("429-in-stream", ErrorKind::Streamed, 429),
    ("429-in-stream-code", ErrorKind::StreamedCode, 429),
    ("500", ErrorKind::Server, 500),
    ("502", ErrorKind::BadGateway, 502),
    ("503", ErrorKind::Unavailable, 503),
    ("504", ErrorKind::GatewayTimeout, 504),
    ("html-502", ErrorKind::HtmlBadGateway, 502),
    ("html-504", ErrorKind::HtmlGatewayTimeout, 504),
    ("text-503", ErrorKind::TextUnavailable, 503),
    ("empty-500", ErrorKind::EmptyServer, 500),
    ("529", ErrorKind::Overloaded, 529),
];

/// Those that come from something before the service: their type, and their text or the title of their page.
const FOREIGN: [(ErrorKind, &str, &str); 4] = [
    (ErrorKind::HtmlBadGateway, "text/html", "502 Bad Gateway"),
    (ErrorKind::HtmlGatewayTimeout, "text/html", "504 Gateway Time-out"),
    (
        ErrorKind::TextUnavailable,
        "text/plain",
        "upstream connect error or disconnect/reset before headers. reset reason: overflow",
    ),
    (ErrorKind::EmptyServer, "application/json", ""),
];

/// What the services say when they fail themselves.
pub(crate) const SORRY: &str = "The server had an error while processing your request. Sorry about that!";

impl ErrorKind {
    fn row(self) -> (&'static str, Self, u16) {
        ERROR_KINDS.iter().copied().find(|row| row.1 == self).unwrap_or(ERROR_KINDS[0])
    }

    /// How scenarios, headers and the ledger name it.
    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().2).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether another deployment may take the request instead.
    pub(crate) fn spills(self) -> bool {
        matches!(self.row().2, 429 | 500 | 503) || self == Self::Context
    }

    /// The body of those that come from something before the service, not from itself: its type, and its text.
    pub(crate) fn foreign_body(self) -> Option<(&'static str, String)> {
        let (_, content_type, text) = FOREIGN.iter().find(|row| row.0 == self)?;
        let body = if *content_type == "text/html" { html(text) } else { (*text).to_owned() };
        Some((content_type, body))
    }

    /// What a gateway says when it fails so itself.
    pub(crate) fn gateway_message(self) -> &'static str {
        match self.row().2 {
            401 => {
                "Access denied due to invalid subscription key. Make sure to provide a valid key for an active \
                 subscription."
            }
            403 => "Token quota is exceeded. Try again in 2 seconds.",
            404 => "Resource not found",
            429 => "Token limit is exceeded. Try again in 2 seconds.",
            503 => "Service Unavailable",
            400..=499 => "The request could not be processed.",
            _ => "Internal server error",
        }
    }
}

fn html(what: &str) -> String {
    format!(
        "<html>\r\n<head><title>{what}</title></head>\r\n<body>\r\n<center><h1>{what}</h1></center>\r\n<hr><center>\
         nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_kind_has_a_name_of_its_own_that_begins_or_ends_with_its_status() {
        let mut names: Vec<&str> = ERROR_KINDS.iter().map(|row| row.0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ERROR_KINDS.len());
        for (name, kind, status) in ERROR_KINDS {
            assert_eq!((kind.name(), kind.status().as_u16()), (name, status));
            assert!(name.contains(&status.to_string()), "{name}");
        }
    }
}
