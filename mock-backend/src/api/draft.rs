//! An answer whose form is still open: in one piece, or as the events of a stream.

use std::sync::Arc;

use super::answer::Call;
use super::ask::{Ask, Form};
use super::chat::{ChatAnswer, ChatStream};
use super::completions::CompletionsAnswer;
use super::compose;
use super::content::Choice;
use super::kept::Kept;
use super::responses::{ResponsesAnswer, Stage};
use super::responses_events::ResponsesEvents;
use super::sse::Script;
use crate::backend::Plan;
use crate::chats_store::StoredChat;
use crate::clock::unix_seconds;
use crate::responses_store::Stored;

/// The longest summary of a reasoning, in tokens.
const SUMMARY: usize = 24;

/// An answer whose form is still open.
pub(super) enum Answer {
    Chat(ChatAnswer, ChatStream),
    Completions(CompletionsAnswer, ChatStream),
    Responses(Arc<ResponsesAnswer>, bool),
}

impl Answer {
    pub(super) fn whole(&self) -> Vec<u8> {
        match self {
            Self::Chat(answer, _) => answer.whole(),
            Self::Completions(answer, _) => answer.whole(),
            Self::Responses(answer, _) => answer.snapshot(Stage::Final).into_bytes(),
        }
    }

    pub(super) fn events(self) -> Script {
        match self {
            Self::Chat(answer, stream) => Script::Chat(answer.chunks(stream)),
            Self::Completions(answer, stream) => Script::Completions(answer.chunks(stream)),
            Self::Responses(answer, obfuscated) => {
                Script::Responses(Box::new(ResponsesEvents::new(answer, obfuscated, 0)))
            }
        }
    }

    /// What is kept of it, under `name`.
    pub(super) fn kept(&self, ask: &mut Ask, plan: &Plan, name: u64) -> Option<Kept> {
        match (self, &mut ask.form) {
            (Self::Chat(answer, _), Form::Chat { body, .. }) => {
                let body = std::mem::take(body);
                (!body.is_empty()).then(|| Kept::Chat(Arc::new(StoredChat::new(name, answer.whole(), body))))
            }
            (Self::Responses(answer, _), Form::Responses(form)) => {
                let background = answer.terms.background.then(|| plan.clone());
                let body = std::mem::take(&mut form.body);
                let stored = || Arc::new(Stored::new(Arc::clone(answer), body, background, ask.stream));
                answer.terms.store.then(|| Kept::Response(stored()))
            }
            _ => None,
        }
    }
}

impl Call<'_> {
    /// An answer whose form is still open.
    pub(super) fn script(&self, ask: &mut Ask, plan: &Plan, choices: Vec<Choice>, name: u64) -> Answer {
        let (model, created) = (std::mem::take(&mut ask.model), unix_seconds());
        let (prompt_tokens, cached, dialect) = (ask.prompt_tokens, ask.cached, self.dialect);
        match &mut ask.form {
            Form::Chat { include_usage, logprobs, function, .. } => {
                let (id, logprobs, include_usage) = (format!("chatcmpl-{name:016x}"), *logprobs, *include_usage);
                let function = *function;
                let answer =
                    ChatAnswer { id, created, model, prompt_tokens, cached, choices, dialect, logprobs, function };
                Answer::Chat(answer, ask.chat_stream(include_usage))
            }
            Form::Completions { include_usage, echo, logprobs } => {
                let (id, echo, include_usage) = (format!("cmpl-{name:016x}"), echo.take(), *include_usage);
                let logprobs = *logprobs;
                let answer =
                    CompletionsAnswer { id, created, model, prompt_tokens, cached, choices, dialect, echo, logprobs };
                Answer::Completions(answer, ask.chat_stream(include_usage))
            }
            Form::Responses(form) => {
                let took = plan.end().saturating_sub(self.arrival.ideal);
                let terms = form.terms.clone();
                let choice = choices.into_iter().next().unwrap_or_else(Choice::nothing);
                let summary =
                    (terms.summary && choice.thinking > 0).then(|| compose::summary(choice.thinking.min(SUMMARY)));
                let answer = ResponsesAnswer {
                    name,
                    created,
                    completed: created + took / 1_000_000_000,
                    model,
                    prompt_tokens,
                    cached,
                    choice,
                    summary,
                    terms,
                    dialect,
                };
                Answer::Responses(Arc::new(answer), ask.obfuscated)
            }
        }
    }
}
