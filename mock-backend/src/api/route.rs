//! What an address means: whose dialect, which operation, and the names in it.

use hyper::{Method, Uri};

use super::dialect::Dialect;
use super::error::ApiError;
use super::version;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    /// A chat completion.
    Chat,
    /// A completion of the older kind.
    Completions,
    /// Embeddings.
    Embeddings,
    /// A response of the Responses API.
    Responses,
    /// A response that was made before.
    Stored(&'a str, StoredOp),
    /// A conversation to be made shorter.
    Compact,
    /// A conversation whose tokens are to be counted.
    CountTokens,
    /// The list of stored chat completions.
    StoredChats,
    /// One of them.
    StoredChat(&'a str, ChatOp),
    /// The list of models, or one of them.
    Models(Option<&'a str>),
    /// The list of deployments, or one of them.
    Deployments(Option<&'a str>),
}

/// What is done with a response that was made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredOp {
    Show,
    Delete,
    Cancel,
    InputItems,
}

/// What is done with a chat completion that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChatOp {
    Show,
    Messages,
    /// Other metadata.
    Change,
    Delete,
}

/// An address, which may not exist.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a> {
    uri: &'a Uri,
    pub(crate) dialect: Dialect,
    /// As the ledger names what it is for.
    pub(crate) api: &'static str,
}

/// An address that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) operation: Operation<'a>,
    /// The deployment in the address; it decides the model, whatever the body says.
    pub(crate) deployment: Option<&'a str>,
    /// The api-version, where there is one.
    pub(crate) version: Option<&'a str>,
}

/// An address taken apart: what stands after its base, the deployment in it, and whether it needs a dated version.
struct Parts<'a> {
    rest: &'a str,
    deployment: Option<&'a str>,
    dated: bool,
}

impl<'a> Parts<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let plain = |rest, dated| Some(Self { rest, deployment: None, dated });
        if let Some(rest) = path.strip_prefix("/v1/").or_else(|| path.strip_prefix("/openai/v1/")) {
            return plain(rest, false);
        }
        if let Some(rest) = path.strip_prefix("/api/projects/") {
            let (_, rest) = rest.split_once("/openai/")?;
            return match rest.strip_prefix("v1/") {
                Some(rest) => plain(rest, false),
                None => plain(rest, true),
            };
        }
        if let Some(rest) = path.strip_prefix("/openai/deployments/")
            && let Some((deployment, rest)) = rest.split_once('/')
        {
            return Some(Self { rest, deployment: Some(deployment), dated: true });
        }
        if let Some(rest) = path.strip_prefix("/models/") {
            // Of this front end only what makes something exists.
            return matches!(rest, "chat/completions" | "embeddings").then_some(Self {
                rest,
                deployment: None,
                dated: true,
            });
        }
        plain(path.strip_prefix("/openai/")?, true)
    }
}

impl<'a> Address<'a> {
    /// The address, in its dialect and with the ledger's name of its API.
    pub(crate) fn of(uri: &'a Uri) -> Self {
        Self { uri, dialect: Dialect::of(uri), api: name_api(uri.path()) }
    }

    /// What a request with this method asks for.
    ///
    /// # Errors
    /// If there is no such address, or not for this method.
    pub(crate) fn route(&self, method: &Method) -> Result<Route<'a>, ApiError> {
        let Self { uri, dialect, .. } = *self;
        let path = uri.path();
        let unknown = || ApiError::NoRoute(format!("{method} {path}"));
        let Parts { rest, deployment, dated } = Parts::of(path).ok_or_else(unknown)?;
        let models = path.starts_with("/models/");
        let (operation, expected) = match rest {
            // Stored ones have no deployment, not even where making one needs it.
            "chat/completions" if deployment.is_none() && !models && *method == Method::GET => {
                (Operation::StoredChats, Method::GET)
            }
            "chat/completions" if deployment.is_some() || !dated || models => (Operation::Chat, Method::POST),
            "completions" if deployment.is_some() || !dated => (Operation::Completions, Method::POST),
            "embeddings" if deployment.is_some() || !dated || models => (Operation::Embeddings, Method::POST),
            "responses" => (Operation::Responses, Method::POST),
            "responses/compact" => (Operation::Compact, Method::POST),
            "responses/input_tokens" => (Operation::CountTokens, Method::POST),
            "models" if deployment.is_none() => (Operation::Models(None), Method::GET),
            "deployments" if dated && deployment.is_none() => (Operation::Deployments(None), Method::GET),
            _ => name_route(rest, method, deployment, dated).ok_or_else(unknown)?,
        };
        let version = version::of(uri);
        let known = match version {
            Some(version) if dated => version::is_dated(version),
            Some(version) => version::is_v1(version) || dialect == Dialect::OpenAi,
            None => !dated,
        };
        if !known {
            return Err(unknown());
        }
        let responses = matches!(
            operation,
            Operation::Responses | Operation::Stored(..) | Operation::Compact | Operation::CountTokens
        );
        if responses && dated && !version::has_responses(version) {
            return Err(ApiError::OldVersion);
        }
        if *method != expected {
            return Err(ApiError::WrongMethod(format!("{method} on {path}")));
        }
        Ok(Route { dialect, operation, deployment, version })
    }
}

/// As the ledger names what an address is for.
fn name_api(path: &str) -> &'static str {
    if path.ends_with("/chat/completions") || path.contains("/chat/completions/") {
        "chat"
    } else if path.ends_with("/completions") {
        "completions"
    } else if path.ends_with("/embeddings") {
        "embeddings"
    } else if path.ends_with("/responses") || path.contains("/responses/") {
        "responses"
    } else if path.contains("/models") {
        "models"
    } else {
        "other"
    }
}

/// The operation on something that the address names, and the method that it needs.
fn name_route<'a>(
    rest: &'a str,
    method: &Method,
    deployment: Option<&str>,
    dated: bool,
) -> Option<(Operation<'a>, Method)> {
    if let Some(stored) = rest.strip_prefix("responses/") {
        let (id, op) = stored.split_once('/').unwrap_or((stored, ""));
        let (op, expected) = match op {
            "" if *method == Method::DELETE => (StoredOp::Delete, Method::DELETE),
            "" => (StoredOp::Show, Method::GET),
            "cancel" => (StoredOp::Cancel, Method::POST),
            "input_items" => (StoredOp::InputItems, Method::GET),
            _ => return None,
        };
        return (!id.is_empty()).then_some((Operation::Stored(id, op), expected));
    }
    if deployment.is_some() {
        return None;
    }
    if let Some(stored) = rest.strip_prefix("chat/completions/") {
        let (id, op) = stored.split_once('/').unwrap_or((stored, ""));
        let (op, expected) = match op {
            "" if *method == Method::DELETE => (ChatOp::Delete, Method::DELETE),
            "" if *method == Method::POST => (ChatOp::Change, Method::POST),
            "" => (ChatOp::Show, Method::GET),
            "messages" => (ChatOp::Messages, Method::GET),
            _ => return None,
        };
        return (!id.is_empty()).then_some((Operation::StoredChat(id, op), expected));
    }
    if let Some(name) = rest.strip_prefix("deployments/").filter(|name| dated && !name.is_empty()) {
        return Some((Operation::Deployments(Some(name)), Method::GET));
    }
    let name = rest.strip_prefix("models/").filter(|name| !name.is_empty())?;
    Some((Operation::Models(Some(name)), Method::GET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_operations() {
        use Dialect::{Azure, OpenAi};
        use Operation::{
            Chat, Compact, Completions, CountTokens, Deployments, Embeddings, Models, Responses, Stored, StoredChat,
            StoredChats,
        };
        type Meaning = Option<(Dialect, Operation<'static>, Option<&'static str>)>;
        let table: [(&str, &str, Meaning); 48] = [
            ("POST", "/v1/chat/completions", Some((OpenAi, Chat, None))),
            ("POST", "/v1/completions", Some((OpenAi, Completions, None))),
            ("POST", "/v1/embeddings", Some((OpenAi, Embeddings, None))),
            ("POST", "/v1/responses", Some((OpenAi, Responses, None))),
            ("GET", "/v1/responses/r1", Some((OpenAi, Stored("r1", StoredOp::Show), None))),
            ("DELETE", "/v1/responses/r1", Some((OpenAi, Stored("r1", StoredOp::Delete), None))),
            ("POST", "/v1/responses/r1/cancel", Some((OpenAi, Stored("r1", StoredOp::Cancel), None))),
            ("GET", "/v1/responses/r1/input_items", Some((OpenAi, Stored("r1", StoredOp::InputItems), None))),
            ("GET", "/v1/responses/r1/output", None),
            ("POST", "/v1/responses/compact", Some((OpenAi, Compact, None))),
            ("POST", "/openai/v1/responses/input_tokens", Some((Azure, CountTokens, None))),
            ("GET", "/v1/responses/compact", None),
            ("GET", "/v1/responses/", None),
            ("POST", "/openai/v1/chat/completions", Some((Azure, Chat, None))),
            ("POST", "/openai/v1/responses?api-version=preview", Some((Azure, Responses, None))),
            ("POST", "/openai/v1/responses?api-version=2024-10-21", None),
            ("POST", "/openai/deployments/d1/chat/completions?api-version=2024-10-21", Some((Azure, Chat, Some("d1")))),
            (
                "POST",
                "/openai/deployments/d1/completions?api-version=2024-10-21",
                Some((Azure, Completions, Some("d1"))),
            ),
            ("POST", "/openai/deployments/d1/embeddings?api-version=2024-10-21", Some((Azure, Embeddings, Some("d1")))),
            (
                "POST",
                "/openai/deployments/d1/responses?a=b&api-version=2025-04-01-preview",
                Some((Azure, Responses, Some("d1"))),
            ),
            ("POST", "/openai/responses?api-version=2025-04-01-preview", Some((Azure, Responses, None))),
            ("POST", "/openai/responses?api-version=2024-10-21", None),
            ("POST", "/models/chat/completions?api-version=2024-05-01-preview", Some((Azure, Chat, None))),
            ("POST", "/models/chat/completions", None),
            ("POST", "/api/projects/p/openai/v1/responses", Some((Azure, Responses, None))),
            ("GET", "/v1/models", Some((OpenAi, Models(None), None))),
            ("GET", "/openai/v1/models/gpt-4o", Some((Azure, Models(Some("gpt-4o")), None))),
            ("GET", "/openai/models?api-version=2024-10-21", Some((Azure, Models(None), None))),
            ("GET", "/openai/deployments?api-version=2022-12-01", Some((Azure, Deployments(None), None))),
            ("GET", "/openai/deployments/d1?api-version=2022-12-01", Some((Azure, Deployments(Some("d1")), None))),
            ("POST", "/openai/deployments/d1/chat/completions", None),
            ("POST", "/openai/deployments/d1/chat/completions?api-version=", None),
            ("POST", "/openai/deployments/d1/chat/completions?api-version=2024-99-99", None),
            ("POST", "/openai/responses", None),
            ("POST", "/v2/chat/completions", None),
            ("GET", "/v1/chat/completions", Some((OpenAi, StoredChats, None))),
            ("GET", "/openai/v1/chat/completions/c1", Some((Azure, StoredChat("c1", ChatOp::Show), None))),
            ("POST", "/v1/chat/completions/c1", Some((OpenAi, StoredChat("c1", ChatOp::Change), None))),
            ("DELETE", "/v1/chat/completions/c1", Some((OpenAi, StoredChat("c1", ChatOp::Delete), None))),
            ("GET", "/v1/chat/completions/c1/messages", Some((OpenAi, StoredChat("c1", ChatOp::Messages), None))),
            ("POST", "/v1/chat/completions/c1/messages", None),
            ("GET", "/v1/chat/completions/c1/parts", None),
            ("PUT", "/v1/chat/completions", None),
            ("GET", "/openai/chat/completions?api-version=2025-04-01-preview", Some((Azure, StoredChats, None))),
            ("GET", "/openai/chat/completions", None),
            ("POST", "/openai/chat/completions?api-version=2025-04-01-preview", None),
            ("GET", "/models/chat/completions?api-version=2024-05-01-preview", None),
            ("GET", "/openai/deployments/d1/chat/completions?api-version=2024-10-21", None),
        ];
        for (method, address, expected) in table {
            let uri: Uri = address.parse().unwrap();
            let found = Address::of(&uri).route(&method.parse().unwrap()).ok();
            let found = found.map(|route| (route.dialect, route.operation, route.deployment));
            assert_eq!(found, expected, "{method} {address}");
        }
    }

    #[test]
    fn a_wrong_method_is_not_a_wrong_address() {
        let uri: Uri = "/v1/chat/completions".parse().unwrap();
        assert_eq!(Address::of(&uri).route(&Method::PUT).unwrap_err().status().as_u16(), 405);
    }
}
