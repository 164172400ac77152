//! A request for an answer, read and checked, in whichever API.

use bytes::Bytes;

use super::content::completion::Style;
use super::content::features::Features;
use super::content::logprobs::Logprobs;
use super::measure::{History, Measured, Voice};
use super::responses::terms::Terms;
use crate::model::prefix_cache::Hit;

/// A request for an answer.
pub(crate) struct Request {
    pub(crate) stream: bool,
    /// The name that was asked for: of a model or a deployment.
    pub(crate) name: String,
    /// The model that answers, as a JSON string.
    pub(crate) model: String,
    pub(crate) prompt: PromptOf,
    /// The tier of service that was asked for.
    pub(crate) tier: Option<String>,
    /// The caller's limit of the answer, in tokens.
    pub(crate) limit: Option<usize>,
    /// How hard the model thinks first, as a multiple of the usual; 0 if it does not.
    pub(crate) effort: f64,
    /// Choices to make.
    pub(crate) n: usize,
    pub(crate) obfuscated: bool,
    pub(crate) features: Option<Box<Features>>,
    pub(crate) form: Form,
}

/// The prompt of a request.
#[derive(Default)]
pub(crate) struct PromptOf {
    pub(crate) voice: Option<Voice>,
    /// All tokens of it.
    pub(crate) tokens: usize,
    /// What of it the prefix cache had.
    pub(crate) hit: Hit,
    /// What this request says itself.
    pub(crate) measured: Measured,
    /// All that was said in its conversation, with this request.
    pub(crate) history: History,
    /// The caller's key to the prefix cache.
    pub(crate) key: Option<String>,
    /// Whether the prefix cache is not asked.
    pub(crate) uncached: bool,
    /// Whether its beginning may be left out where it is too long.
    pub(crate) truncates: bool,
}

impl PromptOf {
    /// A prompt of messages or items.
    pub(crate) fn said(voice: Option<Voice>, measured: Measured, key: Option<String>) -> Self {
        Self { voice, tokens: measured.own + measured.said, measured, key, ..Self::default() }
    }

    /// A prompt of text alone.
    pub(crate) fn text(tokens: usize) -> Self {
        Self { tokens, ..Self::default() }
    }
}

/// In which form.
pub(crate) enum Form {
    /// `body`: that of the request, if the completion is kept.
    Completion {
        style: Style,
        include_usage: bool,
        logprobs: Option<Logprobs>,
        body: Bytes,
    },
    Responses(Box<ResponsesForm>),
    Messages {
        /// Whether the thoughts are shown.
        shows_thoughts: bool,
    },
}

/// The form of a response.
pub(crate) struct ResponsesForm {
    pub(crate) terms: Terms,
    pub(crate) previous: Option<String>,
    /// The id of the conversation that it belongs to.
    pub(crate) conversation: Option<String>,
    /// The body of the request, if the response is kept.
    pub(crate) body: Bytes,
}

impl Form {
    /// As the ledger names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Completion { style: Style::Chat { .. }, .. } => "chat",
            Self::Completion { style: Style::Text { .. }, .. } => "completions",
            Self::Responses { .. } => "responses",
            Self::Messages { .. } => "messages",
        }
    }
}
