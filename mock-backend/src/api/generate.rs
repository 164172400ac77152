//! Answers that the model makes: planned whole, then sent at their time.

use hyper::{Response, StatusCode};
use rand::Rng;

use super::call::{Call, JSON, Sending};
use super::choices::{longest, prose_choices};
use super::content::choice::Choice;
use super::content::completion::Style;
use super::dialect::Dialect;
use super::embeddings::Vectors;
use super::error::ApiError;
use super::request::{Form, Request};
use super::response::{Answer, Assembly};
use super::responses::answer::{Progress, ResponsesAnswer};
use super::responses::compact::{Conversation, compaction};
use crate::fault::ErrorKind;
use crate::model::deployment::{Length, Prompt};
use crate::model::rng::pick;
use crate::model::text::Text;
use crate::net::reply::{Reply, whole};
use crate::units::bounds::Bound;

/// Refuses a request whose answer of `tokens` tokens would be too large to hold.
fn check_size(request: &Request, tokens: usize) -> Result<(), ApiError> {
    let (echo, logprobs, stored) = match &request.form {
        Form::Completion { style, logprobs, body, .. } => {
            let echo = if let Style::Text { echo } = style { echo.len() } else { 0 };
            (echo, *logprobs, !body.is_empty())
        }
        Form::Responses(_) => (0, None, true),
        Form::Messages { .. } => (0, None, false),
    };
    // A stream is made as it is sent.
    let tokens = if request.stream && !stored { 0 } else { tokens };
    // A token stands there with about so much around it; a control character of a prompt takes six.
    let size = tokens * logprobs.map_or(8, |logprobs| 100 * (logprobs.top + 2)) + 6 * echo * request.n;
    if size <= Bound::Answer.most() {
        return Ok(());
    }
    let most = Bound::Answer.row();
    Err(ApiError::invalid(format!("The answer would take about {size} bytes; at most {most} are made."), None))
}

impl Call<'_> {
    /// Generates an answer.
    pub(crate) async fn generate(&self, mut request: Request) -> Result<Response<Reply>, ApiError> {
        let (number, mut rng) = self.number();
        let mut special = self.special_rng(&request, number);
        let format = self.format_tokens(&request);
        let thinking = (self.backend.settings.reasoning_tokens as f64 * request.effort) as usize + format;
        let fixed = special.as_mut().and_then(|rng| self.fixed_choices(&request, thinking, rng));
        let length = match &fixed {
            Some(choices) => Length::Exactly(longest(choices)),
            None => Length::Free { limit: request.limit, thinking },
        };
        let tiers = &self.backend.settings.service_tiers;
        let pace = request.tier.as_ref().and_then(|tier| tiers.get(tier)).copied().unwrap_or(1.0);
        let cached = request.prompt.hit.cached.min(request.prompt.tokens);
        let prompt = Prompt { tokens: request.prompt.tokens, cached, pace };
        let plan = self.backend.model.admit(self.arrival.ideal, &mut rng, prompt, length);
        let busy = if self.dialect == Dialect::Anthropic { ErrorKind::Overloaded } else { ErrorKind::Unavailable };
        let mut plan = plan.ok_or(ApiError::of(busy))?;
        check_size(
            &request,
            fixed.as_deref().map_or(plan.tokens * request.n, |all| all.iter().map(Choice::tokens).sum()),
        )?;
        let (text, name) = (Text::new(pick(&mut rng, usize::MAX)), rng.next_u64());
        let mut choices = fixed.unwrap_or_else(|| prose_choices(&request, &mut plan, text, special.as_mut()));
        if format > 0 {
            choices.iter_mut().for_each(|choice| choice.hide_format_tokens(thinking - format));
        }
        if self.is_filtered(special.as_mut()) {
            choices.iter_mut().for_each(Choice::filter);
            plan.shorten(longest(&choices));
        }
        let (entry, id) = self.open_record(request.form.name(), request.stream, StatusCode::OK);
        let tokens: usize = choices.iter().map(Choice::tokens).sum();
        entry.update(|record| record.tokens = u32::try_from(tokens).ok());
        let answer = Answer::of(&mut request, &plan, choices, self.assembly(name));
        let kept = answer.take_kept(&mut request, &plan, name, self.backend.model.prefixes.is_on());
        let sending = Sending { plan, entry, id: &id, name: &request.name, kept };
        Ok(match answer {
            Answer::Responses(answer, _) if answer.terms.background && !request.stream => {
                self.in_background(&answer, sending)
            }
            // Boxed, since it is far larger than the rest, which would have to move with it.
            answer if request.stream => Box::pin(self.stream(answer.events(), sending, None)).await,
            answer => self.whole(answer.whole(), sending).await,
        })
    }

    /// What the answer under `name` has from this call.
    fn assembly(&self, name: u64) -> Assembly {
        Assembly { name, dialect: self.dialect, arrival: self.arrival.ideal }
    }

    /// A response that is made later; the caller is told that it is queued.
    fn in_background(&self, answer: &ResponsesAnswer, sending: Sending<'_>) -> Response<Reply> {
        let Sending { entry, id, name, kept, .. } = sending;
        if let Some(kept) = kept {
            kept.begin(self.backend);
        }
        self.leave_at_once(entry);
        let body = whole(answer.snapshot(Progress::Queued));
        self.response(StatusCode::OK, JSON, (id, Some(name)), Some(0), body)
    }

    /// Makes embeddings, in the time of one token.
    pub(crate) async fn embed(&self, vectors: Vectors) -> Result<Response<Reply>, ApiError> {
        let (_, mut rng) = self.number();
        let prompt = Prompt { tokens: vectors.prompt_tokens, cached: 0, pace: 1.0 };
        let plan = self.backend.model.admit(self.arrival.ideal, &mut rng, prompt, Length::Exactly(1));
        let plan = plan.ok_or(ApiError::of(ErrorKind::Unavailable))?;
        let (entry, id) = self.open_record("embeddings", false, StatusCode::OK);
        entry.update(|record| record.tokens = Some(0));
        let sending = Sending { plan, entry, id: &id, name: &vectors.name, kept: None };
        Ok(self.whole(vectors.whole(), sending).await)
    }

    /// Makes a short item of a conversation of so many tokens, in the time of an answer.
    pub(crate) async fn make_compaction(
        &self,
        conversation: &Conversation,
        tokens: usize,
    ) -> Result<Response<Reply>, ApiError> {
        let (_, mut rng) = self.number();
        let prompt = Prompt { tokens, cached: 0, pace: 1.0 };
        let plan =
            self.backend.model.admit(self.arrival.ideal, &mut rng, prompt, Length::Free { limit: None, thinking: 0 });
        let plan = plan.ok_or(ApiError::of(ErrorKind::Unavailable))?;
        let (entry, id) = self.open_record("responses", false, StatusCode::OK);
        let made = plan.tokens;
        entry.update(|record| record.tokens = u32::try_from(made).ok());
        let body = compaction(conversation, rng.next_u64(), tokens, made);
        let sending = Sending { plan, entry, id: &id, name: &conversation.name, kept: None };
        Ok(self.whole(body.to_string().into_bytes(), sending).await)
    }
}
