//! An answer whose form is still open: in one piece, or as the events of a stream.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::backend::Kept;
use super::chat::events::ChatStream;
use super::chat::stored::StoredChat;
use super::content::choice::Choice;
use super::content::completion::{Completion, Style};
use super::content::compose;
use super::dialect::Dialect;
use super::messages::answer::MessagesAnswer;
use super::messages::events::MessagesEvents;
use super::request::{Form, Request};
use super::responses::answer::{Progress, ResponsesAnswer};
use super::responses::events::ResponsesEvents;
use super::responses::stored::StoredResponse;
use super::script::Script;
use crate::model::deployment::Plan;
use crate::model::prefix_cache::Hit;
use crate::net::clock::unix_seconds;
use crate::units::Nanos;

/// The longest summary of a reasoning, in tokens.
const SUMMARY: usize = 24;

/// What an answer has from its call.
pub(crate) struct Assembly {
    /// The number in its id.
    pub(crate) name: u64,
    pub(crate) dialect: Dialect,
    /// When the request came.
    pub(crate) arrival: Nanos,
}

/// An answer whose form is still open.
pub(crate) enum Answer {
    Completion(Completion, ChatStream),
    Responses(Arc<ResponsesAnswer>, bool),
    Messages(Box<MessagesAnswer>),
}

/// What is told of a hit: only the families from gpt-5.6 on say what they have written.
fn told_hit(model: &str, hit: Hit) -> Hit {
    let writes = ["gpt-5.6", "gpt-6"].iter().any(|family| model.trim_matches('"').starts_with(family));
    Hit { written: if writes { hit.written } else { 0 }, ..hit }
}

impl Answer {
    /// The answer to a request whose form is still open.
    pub(crate) fn of(request: &mut Request, plan: &Plan, choices: Vec<Choice>, assembly: Assembly) -> Self {
        let Assembly { name, dialect, arrival } = assembly;
        let (model, created) = (std::mem::take(&mut request.model), unix_seconds());
        let (prompt_tokens, hit) = (request.prompt.tokens, told_hit(&model, request.prompt.hit));
        let tier = request.tier.take().map(|tier| if tier == "auto" { "default".to_owned() } else { tier });
        match &mut request.form {
            Form::Completion { style, include_usage, logprobs, .. } => {
                let prefix = if matches!(style, Style::Chat { .. }) { "chatcmpl" } else { "cmpl" };
                let (id, style, logprobs) = (format!("{prefix}-{name:016x}"), style.clone(), *logprobs);
                let stream = ChatStream { include_usage: *include_usage, obfuscated: request.obfuscated };
                let completion =
                    Completion { id, created, model, prompt_tokens, hit, tier, choices, dialect, logprobs, style };
                Self::Completion(completion, stream)
            }
            Form::Responses(form) => {
                let took = plan.end().since(arrival);
                let tiers = tier.map_or(["auto", "default"].map(str::to_owned), |tier| [tier.clone(), tier]);
                let terms = form.terms.clone();
                let choice = choices.into_iter().next().unwrap_or_else(Choice::empty);
                let summary =
                    (terms.summary && choice.thinking > 0).then(|| compose::summary(choice.thinking.min(SUMMARY)));
                let answer = ResponsesAnswer {
                    name,
                    created,
                    completed: created + took.as_secs(),
                    model,
                    prompt_tokens,
                    hit,
                    tiers,
                    choice,
                    summary,
                    terms,
                    dialect,
                };
                Self::Responses(Arc::new(answer), request.obfuscated)
            }
            Form::Messages { shows_thoughts } => {
                let choice = choices.into_iter().next().unwrap_or_else(Choice::empty);
                let thoughts = (*shows_thoughts && choice.thinking > 0).then(|| compose::summary(choice.thinking));
                let hit = request.prompt.hit;
                Self::Messages(Box::new(MessagesAnswer { name, model, prompt_tokens, hit, choice, thoughts }))
            }
        }
    }

    pub(crate) fn whole(&self) -> Vec<u8> {
        match self {
            Self::Completion(answer, _) => answer.whole(),
            Self::Responses(answer, _) => answer.snapshot(Progress::Final).into_bytes(),
            Self::Messages(answer) => answer.whole(),
        }
    }

    pub(crate) fn events(self) -> Box<dyn Script> {
        match self {
            Self::Completion(answer, stream) => Box::new(answer.chunks(stream)),
            Self::Responses(answer, obfuscated) => Box::new(ResponsesEvents::new(answer, obfuscated, 0)),
            Self::Messages(answer) => Box::new(MessagesEvents::new(*answer)),
        }
    }

    /// What is kept of it, under `name`; with its tokens if `ids`.
    pub(crate) fn take_kept(&self, request: &mut Request, plan: &Plan, name: u64, ids: bool) -> Option<Kept> {
        match (self, &mut request.form) {
            (Self::Completion(answer, _), Form::Completion { body, .. }) => {
                let body = std::mem::take(body);
                (!body.is_empty()).then(|| Kept::Chat(Arc::new(StoredChat::new(name, answer.whole(), body))))
            }
            (Self::Responses(answer, _), Form::Responses(form)) => {
                let background = answer.terms.background.then(|| plan.clone());
                if !answer.terms.store && form.conversation.is_none() {
                    return None;
                }
                let mut history = std::mem::take(&mut request.prompt.history);
                history.add_answer(&answer.choice.body, ids);
                Some(Kept::Response(Arc::new(StoredResponse {
                    answer: Arc::clone(answer),
                    body: std::mem::take(&mut form.body),
                    background,
                    streamed: request.stream,
                    history,
                    conversation: form.conversation.take(),
                    cancelled: AtomicBool::new(false),
                })))
            }
            _ => None,
        }
    }
}
