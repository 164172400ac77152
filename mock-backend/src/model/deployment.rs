//! A deployment of a model: when it starts on a request, how long its answer is, when each token is due, and whether it
//! stands still.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;

use super::batching::{Batch, Batching, Queue};
use super::dist::Dist;
use super::drift::{self, Drift};
use super::latency::{Latency, Times, span};
use super::packing::{HeadAt, Packing};
use super::prefix_cache::Prefixes;
use super::rng::SeededRng;
use crate::units::{Nanos, nanos};

/// The longest answer, in tokens.
const LONGEST_ANSWER: f64 = 1e6;

/// Tokens of an answer without a limit, unless told otherwise.
pub(crate) const OUTPUT_TOKENS: usize = 64;
/// What a deployment is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DeploymentSettings {
    /// When it answers.
    pub(crate) latency: Latency,
    /// What happens to requests that come at once.
    pub(crate) batching: Batching,
    /// How it changes with time.
    pub(crate) drifts: Vec<Drift>,
    /// The form of its streams.
    pub(crate) packing: Packing,
    /// How long a prompt's beginning is remembered after its last use; 0 is not at all.
    pub(crate) prefix_cache: Duration,
    /// How long an answer is if no limit of the caller cuts it.
    pub(crate) output_tokens: OutputTokens,
}

/// The length of answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OutputTokens {
    /// As long as the caller's limit, or this without one.
    AsAsked(usize),
    /// Drawn from a distribution (in tokens, not nanoseconds); the caller's limit cuts it.
    Natural(Dist),
    /// As long as the recorded answer whose times are played; the caller's limit cuts it.
    Recorded,
}

/// One deployment, shared by the listeners in front of it and by all threads.
pub(crate) struct Deployment {
    settings: DeploymentSettings,
    /// The beginnings of earlier prompts.
    pub(crate) prefixes: Prefixes,
    /// When its time began.
    began: Nanos,
    queue: Queue,
    /// Until when it stands still, as [`Nanos`].
    stalled_until: AtomicU64,
}

/// How long an answer is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// As long as such answers are, within the caller's limit, after so much reasoning.
    Free { limit: Option<usize>, thinking: usize },
    /// So many tokens, since they are known already.
    Exactly(usize),
}

/// The prompt of a request, in tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prompt {
    pub(crate) tokens: usize,
    /// Those that the model need not read again.
    pub(crate) cached: usize,
    /// How many times as long as usual its tier takes.
    pub(crate) pace: f64,
}

/// What one answer will be, fixed before its first byte.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// When the request came, and when the model starts.
    arrival: Nanos,
    start: Nanos,
    times: Times,
    pub(crate) packing: Packing,
    /// Tokens of the answer, the reasoning included.
    pub(crate) tokens: usize,
    /// Tokens of reasoning, which come first.
    pub(crate) thinking: usize,
    /// Whether the caller's limit cut it.
    pub(crate) cut: bool,
}

impl Plan {
    /// Ends it after `tokens` tokens, of which there must be one for the end to come with.
    pub(crate) fn shorten(&mut self, tokens: usize) {
        self.tokens = tokens.max(1);
    }

    /// When token `k` leaves in a stream.
    pub(crate) fn due(&self, k: usize) -> Nanos {
        let token = |k| self.start + self.times.token(k);
        let ready = token(self.packing.last_of_group(k, self.tokens));
        if self.packing.burst.is_zero() { ready } else { self.packing.release(ready, token(0), self.end()) }
    }

    /// When the head of a stream leaves.
    pub(crate) fn opens_at(&self) -> Nanos {
        match self.packing.head {
            HeadAt::AtOnce => self.arrival,
            HeadAt::AfterPrefill => self.start + self.times.prefill,
            HeadAt::AtFirstToken => self.due(0),
        }
    }

    /// When the answer is complete.
    pub(crate) fn end(&self) -> Nanos {
        self.start + self.times.token(self.tokens.saturating_sub(1))
    }

    /// When the last byte of a stream leaves.
    pub(crate) fn stream_end(&self) -> Nanos {
        self.end() + self.packing.tail()
    }
}

impl Deployment {
    /// A deployment whose time began at `began`.
    pub(crate) fn new(settings: DeploymentSettings, began: Nanos) -> Self {
        let prefixes = Prefixes::new(settings.prefix_cache);
        let (queue, stalled_until) = (Queue::default(), AtomicU64::new(0));
        Self { settings, prefixes, began, queue, stalled_until }
    }

    /// Plans the answer to a request that arrived at `arrival`; every draw of it is made here. Nothing if the model
    /// is out or browned out, or too many requests wait already.
    pub(crate) fn admit(&self, arrival: Nanos, rng: &mut SeededRng, prompt: Prompt, length: Length) -> Option<Plan> {
        let age = nanos(arrival.since(self.began)) as f64;
        let factor = drift::factor(&self.settings.drifts, age)? * prompt.pace;
        let refused = drift::refused(&self.settings.drifts, age);
        if refused > 0.0 && rng.random_bool(refused) {
            return None;
        }
        let stage = match self.settings.batching {
            Batching::Serial { stage } => span(stage.draw(rng) * factor),
            Batching::Apart | Batching::Batch(_) => Duration::ZERO,
        };
        let (tokens, thinking, cut) = self.length(rng, length);
        let times = self.settings.latency.draw(rng, factor, prompt.tokens.saturating_sub(prompt.cached), tokens);
        let (start, times) = match self.settings.batching {
            Batching::Apart => (arrival, times),
            Batching::Serial { .. } => (self.queue.pass(arrival, stage), times),
            Batching::Batch(batch) => self.enter(&batch, arrival, &times, tokens)?,
        };
        Some(Plan { arrival, start, times, packing: self.settings.packing, tokens, thinking, cut })
    }

    /// The start and the times of an answer in a batch: whole steps, as many as the prefill takes and one a token.
    fn enter(&self, batch: &Batch, arrival: Nanos, times: &Times, tokens: usize) -> Option<(Nanos, Times)> {
        let prefill = batch.prefill_steps(times.token(0));
        let start = self.queue.enter(batch, arrival, prefill + tokens.saturating_sub(1) as u64)?;
        Some((start, Times::evenly_spaced(times.prefill, batch.span_of(prefill), batch.step)))
    }

    /// Tokens in all, tokens of reasoning, and whether the limit cut them.
    fn length(&self, rng: &mut SeededRng, length: Length) -> (usize, usize, bool) {
        let (limit, thinking) = match length {
            Length::Exactly(tokens) => return (tokens.max(1), 0, false),
            Length::Free { limit, thinking } => (limit, thinking),
        };
        match self.settings.output_tokens {
            // At least half of what is asked for is said.
            OutputTokens::AsAsked(tokens) => {
                let thinking = limit.map_or(thinking, |limit| thinking.min(limit / 2));
                (limit.unwrap_or(tokens + thinking), thinking, limit.is_some())
            }
            OutputTokens::Natural(dist) => {
                cut(dist.draw(rng).round().clamp(1.0, LONGEST_ANSWER) as usize, thinking, limit)
            }
            // The times are drawn next, from the same state of the generator.
            OutputTokens::Recorded => cut(self.settings.latency.recorded_length(rng.clone()), thinking, limit),
        }
    }

    /// Holds back everything that is due before `until`.
    pub(crate) fn stall(&self, until: Nanos) {
        self.stalled_until.fetch_max(until.0, Ordering::Relaxed);
    }

    /// When something that is due at `due` may really leave.
    pub(crate) fn release(&self, due: Nanos) -> Nanos {
        due.max(Nanos(self.stalled_until.load(Ordering::Relaxed)))
    }
}

/// A natural length after so much reasoning, under the caller's limit, and whether that cuts it.
fn cut(natural: usize, thinking: usize, limit: Option<usize>) -> (usize, usize, bool) {
    let natural = thinking + natural;
    match limit.filter(|limit| *limit <= natural) {
        Some(limit) => (limit, thinking.min(limit), true),
        None => (natural, thinking, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::rng::seeded_rng;

    fn backend(scenario: &str) -> DeploymentSettings {
        Config::scenario(scenario).unwrap().backends.remove(0).model
    }

    const PROMPT: Prompt = Prompt { tokens: 10, cached: 0, pace: 1.0 };

    fn admit(backend: &Deployment, arrival: u64, limit: Option<usize>) -> Plan {
        backend.admit(Nanos(arrival), &mut seeded_rng(1, "x", 0), PROMPT, Length::Free { limit, thinking: 0 }).unwrap()
    }

    #[test]
    fn a_serial_stage_takes_one_request_after_the_other() {
        let backend = Deployment::new(backend("shared-batch-1"), Nanos(0));
        let starts: Vec<u64> =
            [0, 0, 5_000_000, 100_000_000].iter().map(|arrival| admit(&backend, *arrival, Some(1)).start.0).collect();
        assert_eq!(starts, [10_000_000, 20_000_000, 30_000_000, 110_000_000]);
    }

    #[test]
    fn the_limit_is_the_length_unless_a_natural_one_is_shorter() {
        let as_asked = Deployment::new(backend("three-paths"), Nanos(0));
        let plan = |backend: &Deployment, limit| {
            let plan = admit(backend, 0, limit);
            (plan.tokens, plan.cut)
        };
        assert_eq!(plan(&as_asked, None), (64, false));
        assert_eq!(plan(&as_asked, Some(7)), (7, true));
        let mut config = backend("three-paths");
        config.output_tokens = OutputTokens::Natural(Dist::Fixed(20.0));
        let natural = Deployment::new(config, Nanos(0));
        assert_eq!(plan(&natural, None), (20, false));
        assert_eq!(plan(&natural, Some(30)), (20, false));
        assert_eq!(plan(&natural, Some(5)), (5, true));
        assert_eq!(plan(&natural, Some(20)), (20, true));
    }

    #[test]
    fn a_batch_answers_in_whole_steps() {
        let mut config = backend("equal-paths");
        config.batching = Batching::Batch(Batch { size: 1, step: Duration::from_millis(20), queue: Some(1) });
        config.latency.first = Dist::Fixed(50e6);
        let backend = Deployment::new(config, Nanos(0));
        let ms = |plan: Plan| [plan.due(0), plan.due(1), plan.end()].map(|at| at.0 / 1_000_000);
        assert_eq!(ms(admit(&backend, 0, Some(4))), [60, 80, 120]);
        assert_eq!(ms(admit(&backend, 0, Some(4))), [180, 200, 240]);
        assert!(backend.admit(Nanos(0), &mut seeded_rng(1, "x", 0), PROMPT, Length::Exactly(1)).is_none());
    }

    #[test]
    fn a_cached_prefix_costs_nothing_and_a_drift_stretches_everything() {
        let mut config = backend("equal-paths");
        config.latency.first = Dist::Fixed(100e6);
        config.latency.per_prompt_token = Dist::Fixed(1e6);
        config.drifts = vec![Drift::Step { at: 1e9, factor: 2.0 }];
        let backend = Deployment::new(config, Nanos(5));
        let first = |arrival: u64, cached: usize| {
            let prompt = Prompt { tokens: 2000, cached, pace: 1.0 };
            let plan = backend.admit(Nanos(arrival), &mut seeded_rng(1, "x", 0), prompt, Length::Exactly(3)).unwrap();
            (plan.due(0).0 - arrival, plan.due(1).0 - plan.due(0).0)
        };
        assert_eq!(first(0, 0), (2_100_000_000, 10_000_000));
        assert_eq!(first(0, 1920), (180_000_000, 10_000_000));
        assert_eq!(first(1_000_000_005, 1920), (360_000_000, 20_000_000));
    }

    #[test]
    fn heads_leave_when_they_are_told_to() {
        let mut config = backend("equal-paths");
        config.latency.first = Dist::Fixed(100e6);
        config.latency.per_prompt_token = Dist::Fixed(1e6);
        let opens = [HeadAt::AtOnce, HeadAt::AfterPrefill, HeadAt::AtFirstToken].map(|head| {
            config.packing.head = head;
            admit(&Deployment::new(config.clone(), Nanos(0)), 7, None).opens_at().0
        });
        assert_eq!(opens, [7, 10_000_007, 110_000_007]);
    }

    #[test]
    fn reasoning_comes_first_and_counts() {
        let plan = |backend: &Deployment, limit| {
            let plan = backend
                .admit(Nanos(0), &mut seeded_rng(1, "x", 0), PROMPT, Length::Free { limit, thinking: 16 })
                .unwrap();
            (plan.tokens, plan.thinking, plan.cut)
        };
        let as_asked = Deployment::new(backend("three-paths"), Nanos(0));
        assert_eq!(plan(&as_asked, None), (80, 16, false));
        assert_eq!(plan(&as_asked, Some(40)), (40, 16, true));
        assert_eq!(plan(&as_asked, Some(8)), (8, 4, true));
        let mut config = backend("three-paths");
        config.output_tokens = OutputTokens::Natural(Dist::Fixed(20.0));
        let natural = Deployment::new(config, Nanos(0));
        assert_eq!(plan(&natural, None), (36, 16, false));
        assert_eq!(plan(&natural, Some(30)), (30, 16, true));
        assert_eq!(plan(&natural, Some(10)), (10, 10, true));
    }

    #[test]
    fn a_stall_holds_what_is_due_before_its_end_and_nothing_else() {
        let backend = Deployment::new(backend("three-paths"), Nanos(0));
        backend.stall(Nanos(1000));
        backend.stall(Nanos(500));
        assert_eq!([10, 2000].map(|due| backend.release(Nanos(due))), [1000, 2000].map(Nanos));
    }
}
