//! A request for an answer, read and checked, in whichever API.

use bytes::Bytes;

use super::content::completion::Style;
use super::content::features::Features;
use super::content::logprobs::Logprobs;
use super::responses::terms::Terms;

/// A request for an answer.
pub(crate) struct Request {
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
    pub(crate) features: Option<Box<Features>>,
    pub(crate) form: Form,
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
            Self::Completion { style: Style::Chat { .. }, .. } => "chat",
            Self::Completion { style: Style::Text { .. }, .. } => "completions",
            Self::Responses { .. } => "responses",
        }
    }
}
