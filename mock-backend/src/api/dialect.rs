//! Whose API an answer is in.

use hyper::Uri;

/// Whose shapes and headers an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `/v1/*`
    OpenAi,
    /// `/openai/*`, the other addresses of an Azure resource, and those of AI Gateway.
    Azure,
    /// `/anthropic/*`: Claude, as a resource of Foundry serves it.
    Anthropic,
}

impl Dialect {
    /// That of an address, also of one that does not exist.
    pub(crate) fn of(uri: &Uri) -> Self {
        if uri.path().starts_with("/anthropic") {
            return Self::Anthropic;
        }
        let azure = ["/openai", "/models", "/api/projects", "/default/models"]
            .iter()
            .any(|start| uri.path().starts_with(start));
        if azure { Self::Azure } else { Self::OpenAi }
    }
}
