//! What a request asks for: who asks, for which model, with which prompt and limit.

use bytes::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

use super::chat::ChatStream;
use super::chat_request::{self, ChatRequest, StreamOptions};
use super::compact::Conversation;
use super::completions::{self, CompletionsRequest};
use super::embeddings::{self, Vectors};
use super::error::ApiError;
use super::json::quoted;
use super::logprobs::Logprobs;
use super::models::{self, Purpose};
use super::responses_request::{self, ResponsesRequest, Terms};
use super::route::{ChatErrand, Dialect, Errand, Operation, Route, route};
use super::rules::{each, effort, limit, missing, named, only_default, parse, unsupported};
use super::strict;
use super::version;
use super::wish::{Format, Wish};
use crate::identity;

/// The most choices of one answer.
const CHOICES: u32 = 128;

/// What a request turned out to ask for.
pub(crate) enum Asked {
    /// A text that is there already.
    Known(String),
    /// An answer to generate.
    Answer(Ask),
    Embeddings(Vectors),
    /// Something of a response that was made before.
    Stored(String, Errand),
    /// Something of a chat completion that was stored.
    StoredChat(String, ChatErrand),
    /// The list of stored chat completions.
    StoredChats,
    Compact(Conversation),
    CountTokens(Conversation),
}

/// An answer to generate.
pub(crate) struct Ask {
    pub(crate) stream: bool,
    /// The name that was asked for: of a model or a deployment.
    pub(crate) name: String,
    /// The model that answers, as a JSON string.
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// Those of them that come from the prefix cache.
    pub(crate) cached: usize,
    /// The caller's limit of the answer, in tokens.
    pub(crate) limit: Option<usize>,
    /// How hard the model thinks first, as a multiple of the usual; 0 if it does not.
    pub(crate) effort: f64,
    /// Choices to make.
    pub(crate) n: usize,
    pub(crate) obfuscated: bool,
    pub(crate) wish: Option<Box<Wish>>,
    pub(crate) form: Form,
}

/// In which form.
pub(crate) enum Form {
    /// `function`: calls are told in the deprecated way. `body`: that of the request, if the completion is kept.
    Chat {
        include_usage: bool,
        logprobs: Option<Logprobs>,
        function: bool,
        body: Bytes,
    },
    Completions {
        include_usage: bool,
        echo: Option<String>,
        logprobs: Option<Logprobs>,
    },
    Responses(Box<ResponsesForm>),
}

/// The form of a response.
pub(crate) struct ResponsesForm {
    pub(crate) terms: Terms,
    pub(crate) previous: Option<String>,
    /// The body of the request, if the response is kept.
    pub(crate) body: Bytes,
}

impl Form {
    /// As the ledger names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Chat { .. } => "chat",
            Self::Completions { .. } => "completions",
            Self::Responses { .. } => "responses",
        }
    }
}

impl Ask {
    /// What its stream brings besides the answer.
    pub(crate) fn chat_stream(&self, include_usage: bool) -> ChatStream {
        ChatStream { include_usage, obfuscated: self.obfuscated }
    }
}

/// Reads requests: the head, and the rules of the simulator.
pub(crate) struct Reader<'a> {
    pub(crate) head: &'a Parts,
    /// The only key that passes; none lets any pass that is not empty.
    pub(crate) key: Option<&'a str>,
    /// Whether every model exists.
    pub(crate) any_model: bool,
    /// Whether fields that the interface does not have are refused.
    pub(crate) strict: bool,
}

impl Reader<'_> {
    /// What the request asks for, or why it is refused.
    pub(crate) fn read(&self, body: Result<Bytes, ApiError>) -> Result<Asked, ApiError> {
        let route = route(&self.head.method, &self.head.uri)?;
        self.check_key()?;
        match route.operation {
            Operation::Models(None) => Ok(Asked::Known(models::list())),
            Operation::Models(Some(name)) => {
                self.snapshot(name, None)?;
                Ok(Asked::Known(models::show(name)))
            }
            Operation::Deployments(None) => Ok(Asked::Known(models::deployments())),
            Operation::Deployments(Some(name)) => {
                models::show_deployment(name).map(Asked::Known).ok_or_else(|| ApiError::NoModel(name.to_owned()))
            }
            Operation::Stored(id, errand) => Ok(Asked::Stored(id.to_owned(), errand)),
            Operation::StoredChat(id, errand) => Ok(Asked::StoredChat(id.to_owned(), errand)),
            Operation::StoredChats => Ok(Asked::StoredChats),
            Operation::Compact => self.read_conversation(&route, body?).map(Asked::Compact),
            Operation::CountTokens => self.read_conversation(&route, body?).map(Asked::CountTokens),
            Operation::Chat => self.read_chat(&route, &body?).map(Asked::Answer),
            Operation::Completions => self.read_completions(&route, &body?).map(Asked::Answer),
            Operation::Embeddings => self.read_embeddings(&route, &body?).map(Asked::Embeddings),
            Operation::Responses => self.read_responses(&route, &body?).map(Asked::Answer),
        }
    }

    /// The key from `Authorization: Bearer` or `api-key`.
    fn check_key(&self) -> Result<(), ApiError> {
        let headers = &self.head.headers;
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
        });
        let key = headers.get("api-key").and_then(|value| value.to_str().ok()).or(bearer).unwrap_or_default();
        match bearer.and_then(identity::refuses) {
            Some(true) => return Err(ApiError::WrongToken),
            Some(false) => return Ok(()),
            None => {}
        }
        match self.key {
            _ if key.is_empty() => Err(ApiError::MissingKey),
            Some(expected) if expected != key => Err(ApiError::WrongKey(key.to_owned())),
            _ => Ok(()),
        }
    }

    /// The snapshot that answers under the name `model`, if it serves `purpose`.
    fn snapshot(&self, model: &str, purpose: Option<Purpose>) -> Result<String, ApiError> {
        match models::find(model) {
            Some(found) if purpose.is_none_or(|purpose| purpose == found.purpose) => Ok(found.snapshot.to_owned()),
            Some(_) => Err(ApiError::WrongModel(model.to_owned())),
            None if self.any_model => Ok(model.to_owned()),
            None => Err(ApiError::NoModel(model.to_owned())),
        }
    }

    /// The number in a header that asks the simulator for something.
    fn told(&self, header: &str) -> Option<usize> {
        self.head.headers.get(header)?.to_str().ok()?.trim().parse().ok()
    }

    /// Whether the caller asks the simulator to have the model refuse.
    fn refuses(&self) -> bool {
        self.told("x-sim-refusal") == Some(1)
    }

    fn check_fields(&self, body: &[u8], fields: &[&str]) -> Result<(), ApiError> {
        if self.strict { strict::check(body, fields) } else { Ok(()) }
    }

    /// Whether a stream hides the length of its pieces: unless it is told not to.
    fn obfuscated(options: Option<&StreamOptions>) -> bool {
        options.and_then(|options| options.include_obfuscation).unwrap_or(true)
    }

    fn read_chat(&self, route: &Route<'_>, body: &Bytes) -> Result<Ask, ApiError> {
        let mut request: ChatRequest<'_> = parse(body)?;
        let name = named(route, request.model.as_ref().map(|model| &*model.0))?.to_owned();
        let snapshot = self.snapshot(&name, Some(Purpose::Chat))?;
        self.check_fields(body, &chat_request::FIELDS)?;
        if request.messages.is_none_or(|messages| messages.items == 0) {
            return Err(missing("messages"));
        }
        let n = match request.n {
            None => 1,
            Some(n @ 1..=CHOICES) => n as usize,
            Some(_) => {
                return Err(ApiError::Invalid(format!("'n' must be from 1 to {CHOICES}."), Some("n")));
            }
        };
        let stream = request.stream.unwrap_or(false);
        if request.stream_options.is_some() {
            if !version::has_stream_options(route.version) {
                return Err(ApiError::Unrecognized("stream_options".to_owned()));
            }
            if !stream {
                let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.".to_owned();
                return Err(ApiError::Invalid(message, Some("stream_options")));
            }
        }
        let effort = effort(&snapshot, request.reasoning_effort.as_ref().map(|effort| &*effort.0))?;
        if models::thinks(&snapshot) {
            if request.max_tokens.is_some() {
                return Err(unsupported(
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                     'max_completion_tokens' instead.",
                    "max_tokens",
                ));
            }
            only_default(request.temperature, "temperature")?;
            only_default(request.top_p, "top_p")?;
        }
        let function = request.is_of_functions();
        let wish = request.wish(self.told("x-sim-tool-calls"), self.refuses())?;
        let shaped = wish.as_ref().is_some_and(|wish| matches!(wish.format, Format::Schema(_)));
        if shaped && !version::has_json_schema(route.version) {
            let message = "response_format value as json_schema is enabled only for api versions 2024-08-01-preview \
                           and later"
                .to_owned();
            return Err(ApiError::Invalid(message, Some("response_format")));
        }
        let options = request.stream_options.as_ref();
        Ok(Ask {
            stream,
            model: quoted(&snapshot),
            name,
            prompt_tokens: request.prompt_tokens(),
            cached: 0,
            limit: each(limit(request.limit(), "max_tokens")?, n)?,
            effort,
            n,
            obfuscated: Self::obfuscated(options),
            wish,
            form: Form::Chat {
                include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
                logprobs: request.logprobs()?,
                function,
                body: if request.store == Some(true) { body.clone() } else { Bytes::new() },
            },
        })
    }

    fn read_completions(&self, route: &Route<'_>, body: &[u8]) -> Result<Ask, ApiError> {
        let request: CompletionsRequest<'_> = parse(body)?;
        let name = named(route, request.model.as_ref().map(|model| &*model.0))?.to_owned();
        let snapshot = self.snapshot(&name, Some(Purpose::Completion))?;
        self.check_fields(body, &completions::FIELDS)?;
        let n = match request.n {
            None => 1,
            Some(n @ 1..=CHOICES) => n as usize,
            Some(_) => {
                return Err(ApiError::Invalid(format!("'n' must be from 1 to {CHOICES}."), Some("n")));
            }
        };
        let options = request.stream_options.as_ref();
        Ok(Ask {
            stream: request.stream.unwrap_or(false),
            model: quoted(&snapshot),
            name,
            prompt_tokens: request.prompt_tokens(),
            cached: 0,
            limit: each(limit(request.max_tokens, "max_tokens")?, n)?,
            effort: 0.0,
            n,
            obfuscated: Self::obfuscated(options),
            form: Form::Completions {
                include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
                echo: request.echoed(),
                logprobs: request.logprobs()?,
            },
            wish: request.wish()?,
        })
    }

    fn read_embeddings(&self, route: &Route<'_>, body: &[u8]) -> Result<Vectors, ApiError> {
        let request: embeddings::EmbeddingsRequest<'_> = parse(body)?;
        let name = named(route, request.model.as_ref().map(|model| &*model.0))?.to_owned();
        let snapshot = self.snapshot(&name, Some(Purpose::Embedding))?;
        self.check_fields(body, &embeddings::FIELDS)?;
        request.vectors(name, snapshot)
    }

    fn read_conversation(&self, route: &Route<'_>, body: Bytes) -> Result<Conversation, ApiError> {
        let request: ResponsesRequest<'_> = parse(&body)?;
        let name = named(route, request.model.as_ref().map(|model| &*model.0))?.to_owned();
        self.snapshot(&name, Some(Purpose::Chat))?;
        self.check_fields(&body, &responses_request::FIELDS)?;
        let previous = request.previous_response_id.as_ref().map(|id| id.0.clone().into_owned());
        if request.input.is_none() && previous.is_none() {
            return Err(missing("input"));
        }
        let tokens = request.prompt_tokens();
        Ok(Conversation { name, tokens, previous, body: body.clone() })
    }

    fn read_responses(&self, route: &Route<'_>, body: &Bytes) -> Result<Ask, ApiError> {
        let mut request: ResponsesRequest<'_> = parse(body)?;
        let name = named(route, request.model.as_ref().map(|model| &*model.0))?.to_owned();
        let snapshot = self.snapshot(&name, Some(Purpose::Chat))?;
        self.check_fields(body, &responses_request::FIELDS)?;
        // Azure repeats the deployment's name here, OpenAI names the snapshot.
        let model = match route.dialect {
            Dialect::OpenAi => quoted(&snapshot),
            Dialect::Azure => quoted(&name),
        };
        if request.input.is_none() {
            return Err(missing("input"));
        }
        let asked = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
        let effort = effort(&snapshot, asked)?;
        if models::thinks(&snapshot) {
            only_default(request.temperature, "temperature")?;
            only_default(request.top_p, "top_p")?;
        }
        let terms = request.terms()?;
        let kept = if terms.store { body.clone() } else { Bytes::new() };
        Ok(Ask {
            stream: request.stream.unwrap_or(false),
            model,
            name,
            prompt_tokens: request.prompt_tokens(),
            cached: 0,
            limit: limit(request.max_output_tokens, "max_output_tokens")?,
            effort,
            n: 1,
            obfuscated: Self::obfuscated(request.stream_options.as_ref()),
            wish: request.wish(self.told("x-sim-tool-calls"), self.refuses())?,
            form: Form::Responses(Box::new(ResponsesForm {
                terms,
                previous: request.previous_response_id.map(|id| id.0.into_owned()),
                body: kept,
            })),
        })
    }
}
