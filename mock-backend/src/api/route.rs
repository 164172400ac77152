//! What an address means: whose dialect, which operation, and the names in it.

use hyper::{Method, Uri};

use super::dialect::Dialect;
use super::error::ApiError;
use super::version;
use crate::fault::ErrorKind;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    /// A chat completion.
    Chat,
    /// A completion of the older kind.
    Completions,
    /// Embeddings.
    Embeddings,
    /// A message of Anthropic's API.
    Messages,
    /// One whose tokens are to be counted.
    CountMessage,
    /// A response of the Responses API.
    Responses,
    /// A response that was made before.
    Stored(&'a str, StoredOp),
    /// A conversation to be made shorter.
    Compact,
    /// A conversation whose tokens are to be counted.
    CountTokens,
    /// A conversation to be opened.
    OpenConversation,
    /// One that is open.
    Conversation(&'a str, ConversationOp<'a>),
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

/// What is done with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConversationOp<'a> {
    Show,
    /// Other metadata.
    Change,
    Delete,
    Items,
    /// More items.
    Add,
    ShowItem(&'a str),
    DeleteItem(&'a str),
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

/// The fronts at which an operation is found: the addresses without a dated version, those with one, those of a
/// deployment, those of the models of Foundry, and those of Claude.
const V1: u8 = 1;
const DATED: u8 = 2;
const DEPLOYED: u8 = 4;
const MODELS: u8 = 8;
const ANTHROPIC: u8 = 16;
const EACH: u8 = V1 | DATED | DEPLOYED;

/// How the addresses without a dated version begin: at OpenAI, at a resource of Azure, and at AI Gateway of API Management.
const UNDATED: [&str; 3] = ["/v1/", "/openai/v1/", "/default/models/openai/v1/"];

/// The operation on what stands from the first to the last `{}`.
type Name = for<'a> fn(&'a str) -> Operation<'a>;

/// Every operation: its method, its address after the front, and the fronts that have it.
static ROUTES: [(Method, &str, u8, Name); 29] = [
    (Method::POST, "chat/completions", V1 | DEPLOYED | MODELS, |_| Operation::Chat),
    // Stored ones have no deployment, not even where making one needs it.
    (Method::GET, "chat/completions", V1 | DATED, |_| Operation::StoredChats),
    (Method::GET, "chat/completions/{}", V1 | DATED, |id| Operation::StoredChat(id, ChatOp::Show)),
    (Method::POST, "chat/completions/{}", V1 | DATED, |id| Operation::StoredChat(id, ChatOp::Change)),
    (Method::DELETE, "chat/completions/{}", V1 | DATED, |id| Operation::StoredChat(id, ChatOp::Delete)),
    (Method::GET, "chat/completions/{}/messages", V1 | DATED, |id| Operation::StoredChat(id, ChatOp::Messages)),
    (Method::POST, "completions", V1 | DEPLOYED, |_| Operation::Completions),
    (Method::POST, "embeddings", V1 | DEPLOYED | MODELS, |_| Operation::Embeddings),
    (Method::POST, "messages", ANTHROPIC, |_| Operation::Messages),
    (Method::POST, "messages/count_tokens", ANTHROPIC, |_| Operation::CountMessage),
    (Method::POST, "responses", EACH, |_| Operation::Responses),
    (Method::POST, "responses/compact", EACH, |_| Operation::Compact),
    (Method::POST, "responses/input_tokens", EACH, |_| Operation::CountTokens),
    (Method::GET, "responses/{}", EACH, |id| Operation::Stored(id, StoredOp::Show)),
    (Method::DELETE, "responses/{}", EACH, |id| Operation::Stored(id, StoredOp::Delete)),
    (Method::POST, "responses/{}/cancel", EACH, |id| Operation::Stored(id, StoredOp::Cancel)),
    (Method::GET, "responses/{}/input_items", EACH, |id| Operation::Stored(id, StoredOp::InputItems)),
    (Method::POST, "conversations", V1 | DATED, |_| Operation::OpenConversation),
    (Method::GET, "conversations/{}", V1 | DATED, |id| Operation::Conversation(id, ConversationOp::Show)),
    (Method::POST, "conversations/{}", V1 | DATED, |id| Operation::Conversation(id, ConversationOp::Change)),
    (Method::DELETE, "conversations/{}", V1 | DATED, |id| Operation::Conversation(id, ConversationOp::Delete)),
    (Method::GET, "conversations/{}/items", V1 | DATED, |id| Operation::Conversation(id, ConversationOp::Items)),
    (Method::POST, "conversations/{}/items", V1 | DATED, |id| Operation::Conversation(id, ConversationOp::Add)),
    (Method::GET, "conversations/{}/items/{}", V1 | DATED, |ids| on_item(ids, ConversationOp::ShowItem)),
    (Method::DELETE, "conversations/{}/items/{}", V1 | DATED, |ids| on_item(ids, ConversationOp::DeleteItem)),
    (Method::GET, "models", V1 | DATED, |_| Operation::Models(None)),
    (Method::GET, "models/{}", V1 | DATED, |name| Operation::Models(Some(name))),
    (Method::GET, "deployments", V1 | DATED, |_| Operation::Deployments(None)),
    (Method::GET, "deployments/{}", V1 | DATED, |name| Operation::Deployments(Some(name))),
];

/// An operation on an item of a conversation, whose ids stand on both sides of `/items/`.
fn on_item<'a>(ids: &'a str, op: fn(&'a str) -> ConversationOp<'a>) -> Operation<'a> {
    let (id, item) = ids.split_once("/items/").unwrap_or((ids, ""));
    Operation::Conversation(id, op(item))
}

/// What stands from the first to the last `{}` if `path` is an address of this pattern.
fn matched<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once("{}") else { return (pattern == path).then_some("") };
    if let Some((between, after)) = after.split_once("{}") {
        let both = path.strip_prefix(before)?.strip_suffix(after)?;
        let (id, item) = both.split_once(between)?;
        let whole = |part: &str| !part.is_empty() && !part.contains('/');
        return (whole(id) && whole(item)).then_some(both);
    }
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    // The names of models may be of parts.
    let whole = !name.contains('/') || before == "models/";
    (!name.is_empty() && whole).then_some(name)
}

/// An address taken apart: its front, what stands after it, and the deployment in it.
struct Parts<'a> {
    front: u8,
    rest: &'a str,
    deployment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let plain = |front, rest| Some(Self { front, rest, deployment: None });
        if let Some(rest) = UNDATED.iter().find_map(|front| path.strip_prefix(front)) {
            return plain(V1, rest);
        }
        if let Some(rest) = path.strip_prefix("/anthropic/v1/") {
            return plain(ANTHROPIC, rest);
        }
        if let Some(rest) = path.strip_prefix("/api/projects/") {
            let (_, rest) = rest.split_once("/openai/")?;
            return rest.strip_prefix("v1/").map_or_else(|| plain(DATED, rest), |rest| plain(V1, rest));
        }
        if let Some((deployment, rest)) =
            path.strip_prefix("/openai/deployments/").and_then(|rest| rest.split_once('/'))
        {
            return Some(Self { front: DEPLOYED, rest, deployment: Some(deployment) });
        }
        match path.strip_prefix("/models/") {
            Some(rest) => plain(MODELS, rest),
            None => plain(DATED, path.strip_prefix("/openai/")?),
        }
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
        let unknown = || ApiError::Kind(ErrorKind::Path, format!("{method} {path}"));
        let Parts { front, rest, deployment } = Parts::of(path).ok_or_else(unknown)?;
        let (_, pattern, ..) = ROUTES.iter().find(|route| matched(route.1, rest).is_some()).ok_or_else(unknown)?;
        let version = version::of(uri);
        let known = match version {
            _ if front == ANTHROPIC => true,
            _ if pattern.starts_with("deployments") && version::is_of_management(version) => true,
            _ if pattern.starts_with("deployments") && front == V1 => false,
            Some(version) if front == MODELS => version::is_of_models(version),
            Some(version) if front != V1 => version::is_dated(version),
            Some(version) => version::is_v1(version) || dialect == Dialect::OpenAi,
            None => front == V1,
        };
        let mut here = ROUTES.iter().filter(|route| route.1 == *pattern && route.2 & front != 0).peekable();
        if !known || here.peek().is_none() {
            return Err(unknown());
        }
        if (pattern.starts_with("responses") || pattern.starts_with("conversations"))
            && front != V1
            && !version::has_responses(version)
        {
            return Err(ApiError::OldVersion);
        }
        match here.find(|route| route.0 == *method) {
            Some((_, pattern, _, name)) => {
                let operation = name(matched(pattern, rest).unwrap_or_default());
                Ok(Route { dialect, operation, deployment, version })
            }
            // The method that is right at another front is that of another address.
            None if ROUTES.iter().any(|route| route.1 == *pattern && route.0 == *method) => Err(unknown()),
            None => Err(ApiError::WrongMethod(format!("{method} on {path}"))),
        }
    }
}

/// As the ledger names what an address is for.
fn name_api(path: &str) -> &'static str {
    if path.starts_with("/anthropic/v1/messages") {
        "messages"
    } else if path.ends_with("/chat/completions") || path.contains("/chat/completions/") {
        "chat"
    } else if path.ends_with("/completions") {
        "completions"
    } else if path.ends_with("/embeddings") {
        "embeddings"
    } else if path.ends_with("/responses") || path.contains("/responses/") {
        "responses"
    } else if path.contains("/conversations") {
        "conversations"
    } else if path.contains("/models") {
        "models"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_operations() {
        use Dialect::{Azure, OpenAi};
        use Operation::{
            Chat, Compact, Completions, Conversation, CountTokens, Deployments, Embeddings, Models, OpenConversation,
            Responses, Stored, StoredChat, StoredChats,
        };
        type Meaning = Option<(Dialect, Operation<'static>, Option<&'static str>)>;
        let table: [(&str, &str, Meaning); 71] = [
            ("POST", "/anthropic/v1/messages", Some((Dialect::Anthropic, Operation::Messages, None))),
            ("POST", "/anthropic/v1/messages/count_tokens", Some((Dialect::Anthropic, Operation::CountMessage, None))),
            ("GET", "/anthropic/v1/messages", None),
            ("POST", "/anthropic/v1/chat/completions", None),
            ("POST", "/v1/messages", None),
            ("POST", "/openai/v1/messages", None),
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
            ("POST", "/v1/conversations", Some((OpenAi, OpenConversation, None))),
            ("GET", "/openai/v1/conversations/c1", Some((Azure, Conversation("c1", ConversationOp::Show), None))),
            ("POST", "/v1/conversations/c1/items", Some((OpenAi, Conversation("c1", ConversationOp::Add), None))),
            ("GET", "/v1/conversations/c1/items", Some((OpenAi, Conversation("c1", ConversationOp::Items), None))),
            (
                "DELETE",
                "/v1/conversations/c1/items/i1",
                Some((OpenAi, Conversation("c1", ConversationOp::DeleteItem("i1")), None)),
            ),
            ("GET", "/v1/conversations/c1/items/", None),
            ("GET", "/openai/conversations/c1?api-version=2024-10-21", None),
            ("POST", "/models/chat/completions?api-version=2024-10-21", None),
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
            ("POST", "/default/models/openai/v1/chat/completions", Some((Azure, Chat, None))),
            ("POST", "/default/models/openai/v1/responses", Some((Azure, Responses, None))),
            ("POST", "/default/models/openai/v1/responses?api-version=2024-10-21", None),
            ("POST", "/default/models/openai/responses?api-version=2025-04-01-preview", None),
            ("POST", "/api/projects/p/openai/v1/responses", Some((Azure, Responses, None))),
            ("GET", "/v1/models", Some((OpenAi, Models(None), None))),
            ("GET", "/openai/v1/models/gpt-4o", Some((Azure, Models(Some("gpt-4o")), None))),
            ("GET", "/openai/models?api-version=2024-10-21", Some((Azure, Models(None), None))),
            ("GET", "/openai/deployments?api-version=2022-12-01", Some((Azure, Deployments(None), None))),
            ("GET", "/openai/deployments/d1?api-version=2022-12-01", Some((Azure, Deployments(Some("d1")), None))),
            ("GET", "/openai/deployments?api-version=2024-10-01", Some((Azure, Deployments(None), None))),
            ("GET", "/openai/deployments/d1", Some((Azure, Deployments(Some("d1")), None))),
            ("GET", "/openai/v1/deployments/d1", Some((Azure, Deployments(Some("d1")), None))),
            ("GET", "/openai/v1/deployments?api-version=2024-10-21", None),
            ("GET", "/openai/deployments?api-version=2024-11-11", None),
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
