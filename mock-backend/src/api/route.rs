//! Which operation an address means, and in whose dialect.

use hyper::{Method, Uri};

use super::error::ApiError;

/// Whose shapes and headers an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `/v1/*`
    OpenAi,
    /// `/openai/*`
    Azure,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    /// A chat completion.
    Chat,
    /// A response of the Responses API.
    Responses,
    /// The list of models, or one of them.
    Models(Option<&'a str>),
}

/// An address that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) operation: Operation<'a>,
    /// The deployment in the address; it decides the model, whatever the body says.
    pub(crate) deployment: Option<&'a str>,
}

/// The dialect of an address, also of one that does not exist.
pub(crate) fn dialect(uri: &Uri) -> Dialect {
    if uri.path().starts_with("/openai") { Dialect::Azure } else { Dialect::OpenAi }
}

/// As the ledger names what an address is for.
pub(crate) fn api(path: &str) -> &'static str {
    if path.ends_with("/chat/completions") {
        "chat"
    } else if path.ends_with("/responses") {
        "responses"
    } else if path.contains("/models") {
        "models"
    } else {
        "other"
    }
}

/// The route of a request.
pub(crate) fn route<'a>(method: &Method, uri: &'a Uri) -> Result<Route<'a>, ApiError> {
    let path = uri.path();
    let unknown = || ApiError::NoRoute(format!("{method} {path}"));
    let dialect = dialect(uri);
    let (rest, deployment, dated) = if let Some(rest) = path.strip_prefix("/v1/") {
        (rest, None, false)
    } else if let Some(rest) = path.strip_prefix("/openai/v1/") {
        (rest, None, false)
    } else if let Some(rest) = path.strip_prefix("/openai/deployments/") {
        let (deployment, rest) = rest.split_once('/').ok_or_else(unknown)?;
        (rest, Some(deployment), true)
    } else {
        (path.strip_prefix("/openai/").ok_or_else(unknown)?, None, true)
    };
    let (operation, expected) = match rest {
        "chat/completions" if deployment.is_some() || !dated => (Operation::Chat, Method::POST),
        "responses" => (Operation::Responses, Method::POST),
        "models" if deployment.is_none() => (Operation::Models(None), Method::GET),
        _ => match rest.strip_prefix("models/") {
            Some(name) if deployment.is_none() && !name.is_empty() => (Operation::Models(Some(name)), Method::GET),
            _ => return Err(unknown()),
        },
    };
    if dated && !has_api_version(uri) {
        return Err(unknown());
    }
    if *method != expected {
        return Err(ApiError::WrongMethod(format!("{method} on {path}")));
    }
    Ok(Route { dialect, operation, deployment })
}

fn has_api_version(uri: &Uri) -> bool {
    let value = |pair: &str| pair.strip_prefix("api-version=").is_some_and(|version| !version.is_empty());
    uri.query().is_some_and(|query| query.split('&').any(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_operations() {
        use Operation::{Chat, Models, Responses};
        type Meaning = Option<(Dialect, Operation<'static>, Option<&'static str>)>;
        let table: [(&str, &str, Meaning); 14] = [
            ("POST", "/v1/chat/completions", Some((Dialect::OpenAi, Chat, None))),
            ("POST", "/v1/responses", Some((Dialect::OpenAi, Responses, None))),
            ("POST", "/openai/v1/chat/completions", Some((Dialect::Azure, Chat, None))),
            ("POST", "/openai/v1/responses?api-version=preview", Some((Dialect::Azure, Responses, None))),
            (
                "POST",
                "/openai/deployments/d1/chat/completions?api-version=2024-10-21",
                Some((Dialect::Azure, Chat, Some("d1"))),
            ),
            (
                "POST",
                "/openai/deployments/d1/responses?a=b&api-version=2025-04-01-preview",
                Some((Dialect::Azure, Responses, Some("d1"))),
            ),
            ("POST", "/openai/responses?api-version=2025-04-01-preview", Some((Dialect::Azure, Responses, None))),
            ("GET", "/v1/models", Some((Dialect::OpenAi, Models(None), None))),
            ("GET", "/openai/v1/models/gpt-4o", Some((Dialect::Azure, Models(Some("gpt-4o")), None))),
            ("POST", "/openai/deployments/d1/chat/completions", None),
            ("POST", "/openai/deployments/d1/chat/completions?api-version=", None),
            ("POST", "/openai/responses", None),
            ("POST", "/v2/chat/completions", None),
            ("GET", "/v1/chat/completions", None),
        ];
        for (method, address, expected) in table {
            let uri: Uri = address.parse().unwrap();
            let found = route(&method.parse().unwrap(), &uri).ok();
            let expected = expected.map(|(dialect, operation, deployment)| Route { dialect, operation, deployment });
            assert_eq!(found, expected, "{method} {address}");
        }
    }

    #[test]
    fn a_wrong_method_is_not_a_wrong_address() {
        let uri: Uri = "/v1/chat/completions".parse().unwrap();
        assert_eq!(route(&Method::GET, &uri).unwrap_err().status().as_u16(), 405);
    }
}
