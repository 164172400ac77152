//! What a request costs together with what was said before it: its conversation, what the prefix cache has of it, and
//! what has to be left out.

use super::call::Call;
use super::error::ApiError;
use super::request::{Form, Request};
use super::responses::compact::before;

impl Call<'_> {
    /// Completes what the prompt of a request costs.
    ///
    /// # Errors
    /// If what it goes on from is not here, or calls and results of tools do not belong together.
    pub(crate) fn prepare(&self, request: &mut Request) -> Result<(), ApiError> {
        let Some(voice) = request.prompt.voice else { return Ok(()) };
        let history = match &request.form {
            Form::Completion { .. } | Form::Messages { .. } => None,
            Form::Responses(form) => before(self.backend, form.previous.as_deref(), form.conversation.as_deref())?,
        };
        let prompt = &mut request.prompt;
        prompt.measured.facts.check(voice, history.as_ref())?;
        prompt.history = history.unwrap_or_default();
        prompt.tokens += prompt.history.tokens;
        prompt.history.tokens += prompt.measured.said;
        prompt.history.open = std::mem::take(&mut prompt.measured.facts.open);
        self.truncate(request);
        self.look_up(request);
        Ok(())
    }

    /// Leaves out the beginning of a prompt that the model has no room for, if the caller lets it.
    fn truncate(&self, request: &mut Request) {
        let Some(limits) = self.backend.limits.as_ref().map(|limits| &limits.settings) else { return };
        let Some(most) = limits.context_tokens.filter(|_| request.prompt.truncates) else { return };
        let answer = request.limit.unwrap_or(limits.default_max_tokens as usize);
        let room = (most as usize).saturating_sub(answer).max(request.prompt.measured.own);
        request.prompt.tokens = request.prompt.tokens.min(room);
    }

    /// Says what the prefix cache has of the prompt, which remembers it from now on.
    fn look_up(&self, request: &mut Request) {
        let (prompt, prefixes) = (&mut request.prompt, &self.backend.model.prefixes);
        if !prefixes.is_on() || prompt.uncached {
            return;
        }
        prompt.history.add_ids(std::mem::take(&mut prompt.measured.said_ids));
        let (own, ids) = (&prompt.measured.own_ids, &prompt.history.ids);
        let mut who = vec![request.model.as_str()];
        who.extend(prompt.key.as_deref());
        let left_out = (own.len() + ids.len()).saturating_sub(prompt.tokens);
        prompt.hit = prefixes.look_up(&who, own.iter().chain(ids.iter().skip(left_out)), self.arrival.ideal);
    }
}
