//! What the choices of an answer say: what is fixed by the features of the request, and text of a length that was drawn.

use super::call::Call;
use super::content::choice::Choice;
use super::content::compose;
use super::models;
use super::request::Request;
use crate::model::deployment::Plan;
use crate::model::rng::{SeededRng, seeded_rng};
use crate::model::text::Text;

impl Call<'_> {
    /// The generator of all that is not plain text; it leaves that of the times alone.
    pub(crate) fn special_rng(&self, request: &Request, number: u64) -> Option<SeededRng> {
        let config = &self.backend.settings;
        if request.features.is_none() && request.n == 1 && config.refusals == 0.0 && config.filtered == 0.0 {
            return None;
        }
        Some(match request.features.as_ref().and_then(|features| features.seed) {
            Some(seed) => seeded_rng(seed as u64, "seed", 0),
            None => seeded_rng(self.service.seed, &format!("{}/content", self.connection().listener), number),
        })
    }

    /// Tokens that this model is billed for and does not send.
    pub(crate) fn format_tokens(&self, request: &Request) -> usize {
        let tokens = self.backend.settings.format_tokens;
        if tokens > 0 && models::thinks(request.model.trim_matches('"')) { tokens } else { 0 }
    }

    /// Whether the content filter ends the answer: its caller says so, or it is drawn.
    pub(crate) fn is_filtered(&self, rng: Option<&mut SeededRng>) -> bool {
        use rand::RngExt;
        let share = self.backend.settings.filtered;
        let drawn = share > 0.0 && rng.is_some_and(|rng| rng.random_bool(share));
        drawn || self.head.headers.get("x-sim-filtered").is_some_and(|asked| asked == "1")
    }

    /// The choices whose length is not drawn.
    pub(crate) fn fixed_choices(&self, request: &Request, thinking: usize, rng: &mut SeededRng) -> Option<Vec<Choice>> {
        use rand::RngExt;
        let mut refused = self.backend.settings.refusals;
        refused = if refused > 0.0 && rng.random_bool(refused) { 1.0 } else { 0.0 };
        let share = self.backend.settings.tool_calls;
        let one = |rng: &mut SeededRng| {
            let body = if refused > 0.0 {
                Some(compose::refusal())
            } else {
                request.features.as_ref().and_then(|features| compose::fixed_body(features, rng, request.n, share))
            };
            body.map(|body| Choice::limited_to(request.limit, thinking, body))
        };
        (0..request.n).map(|_| one(rng)).collect()
    }
}

/// The tokens of the longest choice.
pub(crate) fn longest(choices: &[Choice]) -> usize {
    choices.iter().map(Choice::tokens).max().unwrap_or(0)
}

/// Plain text of the planned length, cut at the first stop sequence; the plan is shortened if that comes sooner.
pub(crate) fn prose_choices(
    request: &Request,
    plan: &mut Plan,
    text: Text,
    mut special: Option<&mut SeededRng>,
) -> Vec<Choice> {
    let tokens = plan.tokens - plan.thinking;
    let seeded = request.features.as_ref().is_some_and(|features| features.seed.is_some());
    let stop: &[String] = request.features.as_ref().map_or(&[], |features| &features.stop);
    let mut choices = Vec::with_capacity(request.n);
    for i in 0..request.n {
        let words = match special.as_deref_mut() {
            Some(rng) if i > 0 || seeded => compose::prose(rng, tokens),
            _ => compose::passage(text, tokens),
        };
        let (words, stop) = compose::cut_at_stop(words, stop);
        let cut = plan.cut && words.tokens() == tokens;
        choices.push(Choice { stop, ..Choice::prose(plan.thinking, words, cut) });
    }
    if !stop.is_empty() {
        plan.shorten(longest(&choices));
    }
    choices
}
