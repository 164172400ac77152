//! What can go wrong with a request that was right: every status of the services, by name.

use hyper::StatusCode;

/// One kind of trouble; each has its name in the table, and its text in the next room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
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
}

/// All of them: how scenarios and headers name them, and their status.
pub(crate) const TROUBLES: [(&str, Trouble, u16); 33] = [
    ("400", Trouble::Parameter, 400),
    ("400-filter", Trouble::Filter, 400),
    ("400-context", Trouble::Context, 400),
    ("400-operation", Trouble::Operation, 400),
    ("401", Trouble::Key, 401),
    ("401-flat", Trouble::FlatKey, 401),
    ("401-token", Trouble::Token, 401),
    ("403", Trouble::Role, 403),
    ("403-network", Trouble::Network, 403),
    ("403-firewall", Trouble::Firewall, 403),
    ("404", Trouble::Deployment, 404),
    ("404-path", Trouble::Path, 404),
    ("408", Trouble::Timeout, 408),
    ("409", Trouble::Conflict, 409),
    ("413", Trouble::Size, 413),
    ("422", Trouble::Semantics, 422),
    ("429", Trouble::CallRate, 429),
    ("429-tokens", Trouble::TokenRate, 429),
    ("429-too-large", Trouble::Oversize, 429),
    ("429-demand", Trouble::Demand, 429),
    ("429-ptu", Trouble::Provisioned, 429),
    ("429-quota", Trouble::Quota, 429),
    ("429-models", Trouble::ModelRate, 429),
    ("429-in-stream", Trouble::Streamed, 429),
    ("429-in-stream-code", Trouble::StreamedCode, 429),
    ("500", Trouble::Server, 500),
    ("502", Trouble::BadGateway, 502),
    ("503", Trouble::Unavailable, 503),
    ("504", Trouble::GatewayTimeout, 504),
    ("html-502", Trouble::HtmlBadGateway, 502),
    ("html-504", Trouble::HtmlGatewayTimeout, 504),
    ("text-503", Trouble::TextUnavailable, 503),
    ("empty-500", Trouble::EmptyServer, 500),
];

impl Trouble {
    fn row(self) -> (&'static str, Self, u16) {
        TROUBLES.iter().copied().find(|row| row.1 == self).unwrap_or(TROUBLES[0])
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

    /// What a gateway says that has this trouble itself.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_a_name_of_its_own_that_begins_or_ends_with_its_status() {
        let mut names: Vec<&str> = TROUBLES.iter().map(|row| row.0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TROUBLES.len());
        for (name, trouble, status) in TROUBLES {
            assert_eq!((trouble.name(), trouble.status().as_u16()), (name, status));
            assert!(name.contains(&status.to_string()), "{name}");
        }
    }
}
