//! What the choices of an answer say: what is fixed by the wishes of the request, and text of a length that was drawn.

use super::answer::Call;
use super::ask::Ask;
use super::compose;
use super::content::Choice;
use super::models;
use crate::backend::Plan;
use crate::generate::Text;
use crate::latency::{Dice, dice};

impl Call<'_> {
    /// The dice of all that is not plain text; they leave those of the times alone.
    pub(super) fn special(&self, ask: &Ask, number: u64) -> Option<Dice> {
        let config = &self.backend.config;
        if ask.wish.is_none() && ask.n == 1 && config.refusals == 0.0 && config.filtered == 0.0 {
            return None;
        }
        Some(match ask.wish.as_ref().and_then(|wish| wish.seed) {
            Some(seed) => dice(seed as u64, "seed", 0),
            None => dice(self.visit.worker.world.seed, &format!("{}/content", self.visit.listener.name), number),
        })
    }

    /// Tokens that this model is billed for and does not send.
    pub(super) fn format_tokens(&self, ask: &Ask) -> usize {
        let tokens = self.backend.config.format_tokens;
        if tokens > 0 && models::thinks(ask.model.trim_matches('"')) { tokens } else { 0 }
    }

    /// Whether the content filter ends the answer: its caller says so, or the dice do.
    pub(super) fn is_filtered(&self, dice: Option<&mut Dice>) -> bool {
        use rand::RngExt;
        let share = self.backend.config.filtered;
        let drawn = share > 0.0 && dice.is_some_and(|dice| dice.random_bool(share));
        drawn || self.head.headers.get("x-sim-filtered").is_some_and(|asked| asked == "1")
    }

    /// The choices whose length is not drawn.
    pub(super) fn fixed(&self, ask: &Ask, thinking: usize, dice: &mut Dice) -> Option<Vec<Choice>> {
        use rand::RngExt;
        let mut refused = self.backend.config.refusals;
        refused = if refused > 0.0 && dice.random_bool(refused) { 1.0 } else { 0.0 };
        let one = |dice: &mut Dice| {
            let body = if refused > 0.0 {
                Some(compose::refusal())
            } else {
                ask.wish.as_ref().and_then(|wish| compose::fixed(wish, dice, ask.n))
            };
            body.map(|body| Choice::within(ask.limit, thinking, body))
        };
        (0..ask.n).map(|_| one(dice)).collect()
    }
}

/// The tokens of the longest choice.
pub(super) fn longest(choices: &[Choice]) -> usize {
    choices.iter().map(Choice::tokens).max().unwrap_or(0)
}

/// Plain text of the planned length, cut at the first stop sequence; the plan is shortened if that comes sooner.
pub(super) fn prose(ask: &Ask, plan: &mut Plan, text: Text, mut special: Option<&mut Dice>) -> Vec<Choice> {
    let tokens = plan.tokens - plan.thinking;
    let seeded = ask.wish.as_ref().is_some_and(|wish| wish.seed.is_some());
    let stop: &[String] = ask.wish.as_ref().map_or(&[], |wish| &wish.stop);
    let mut choices = Vec::with_capacity(ask.n);
    for i in 0..ask.n {
        let words = match special.as_deref_mut() {
            Some(dice) if i > 0 || seeded => compose::prose(dice, tokens),
            _ => compose::passage(text, tokens),
        };
        let words = compose::stopped(words, stop);
        let cut = plan.cut && words.tokens() == tokens;
        choices.push(Choice::prose(plan.thinking, words, cut));
    }
    if !stop.is_empty() {
        plan.shorten(longest(&choices));
    }
    choices
}
