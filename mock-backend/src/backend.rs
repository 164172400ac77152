//! A deployment of a model: when it starts on a request, how long its answer is, when each token is due, and whether it
//! stands still.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::HeaderValue;

use crate::config::{BackendConfig, OutputTokens};
use crate::fault::Faults;
use crate::latency::{Dice, Times};
use crate::limits::Limits;
use crate::responses_store::ResponsesStore;

/// The longest answer, in tokens.
const LONGEST_ANSWER: f64 = 1e6;

/// One backend, shared by the listeners in front of it and by all threads.
pub(crate) struct Backend {
    pub(crate) config: BackendConfig,
    /// How much it takes; none is everything.
    pub(crate) limits: Option<Limits>,
    /// What goes wrong with requests to it.
    pub(crate) faults: Option<Faults>,
    free_at: Mutex<u64>,
    stalled_until: AtomicU64,
    /// The responses it remembers.
    pub(crate) responses: ResponsesStore,
    /// The name of the replica that serves, as Azure tells it.
    pub(crate) session: Option<HeaderValue>,
}

/// How long an answer is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// As long as such answers are, within the caller's limit, after so much reasoning.
    Free { limit: Option<usize>, thinking: usize },
    /// So many tokens, since they are known already.
    Exactly(usize),
}

/// What one answer will be, fixed before its first byte.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// When the model starts, in nanoseconds of `CLOCK_MONOTONIC`.
    start: u64,
    times: Times,
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

    /// When token `k` is due, in nanoseconds of `CLOCK_MONOTONIC`.
    pub(crate) fn due(&self, k: usize) -> u64 {
        self.start + self.times.token(k)
    }

    /// When the answer is complete.
    pub(crate) fn end(&self) -> u64 {
        self.due(self.tokens.saturating_sub(1))
    }
}

impl Backend {
    pub(crate) fn new(config: BackendConfig, seed: u64) -> Self {
        let limits = config.limits.clone().map(Limits::new);
        let faults = Faults::new(&config.faults, false, seed, &config.name);
        let responses = ResponsesStore::new(config.keep_responses);
        let session = HeaderValue::from_str(&format!("sim-{}", config.name)).ok();
        let (free_at, stalled_until) = (Mutex::new(0), AtomicU64::new(0));
        Self { config, limits, faults, free_at, stalled_until, responses, session }
    }

    /// Plans the answer to a request that arrived at `arrival`; every draw of it is made here.
    pub(crate) fn admit(&self, arrival: u64, dice: &mut Dice, prompt_tokens: usize, length: Length) -> Plan {
        let stage = self.config.serial_stage.draw(dice).round() as u64;
        let (tokens, thinking, cut) = self.length(dice, length);
        let times = self.config.latency.draw(dice, prompt_tokens, tokens);
        Plan { start: self.pass_stage(arrival, stage), times, tokens, thinking, cut }
    }

    /// When a request that arrived at `arrival` has passed the serial stage, alone.
    fn pass_stage(&self, arrival: u64, stage: u64) -> u64 {
        if self.config.serial_stage.is_zero() {
            return arrival;
        }
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        *free_at = arrival.max(*free_at) + stage;
        *free_at
    }

    /// Tokens in all, tokens of reasoning, and whether the limit cut them.
    fn length(&self, dice: &mut Dice, length: Length) -> (usize, usize, bool) {
        let (limit, thinking) = match length {
            Length::Exactly(tokens) => return (tokens.max(1), 0, false),
            Length::Free { limit, thinking } => (limit, thinking),
        };
        match self.config.output_tokens {
            // At least half of what is asked for is said.
            OutputTokens::AsAsked(tokens) => {
                let thinking = limit.map_or(thinking, |limit| thinking.min(limit / 2));
                (limit.unwrap_or(tokens + thinking), thinking, false)
            }
            OutputTokens::Natural(dist) => {
                let natural = thinking + dist.draw(dice).round().clamp(1.0, LONGEST_ANSWER) as usize;
                match limit.filter(|limit| *limit < natural) {
                    Some(limit) => (limit, thinking.min(limit), true),
                    None => (natural, thinking, false),
                }
            }
        }
    }

    /// Holds back everything that is due before `until`.
    pub(crate) fn stall(&self, until: u64) {
        self.stalled_until.fetch_max(until, Ordering::Relaxed);
    }

    /// When something that is due at `due` may really leave.
    pub(crate) fn release(&self, due: u64) -> u64 {
        due.max(self.stalled_until.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::latency::dice;

    fn backend(scenario: &str) -> BackendConfig {
        Config::scenario(scenario).unwrap().backends.remove(0)
    }

    #[test]
    fn a_serial_stage_takes_one_request_after_the_other() {
        let backend = Backend::new(backend("shared-batch-1"), 1);
        let starts: Vec<u64> = [0, 0, 5_000_000, 100_000_000]
            .iter()
            .map(|arrival| backend.admit(*arrival, &mut dice(1, "x", 0), 10, Length::Exactly(1)).start)
            .collect();
        assert_eq!(starts, [10_000_000, 20_000_000, 30_000_000, 110_000_000]);
    }

    #[test]
    fn the_limit_is_the_length_unless_a_natural_one_is_shorter() {
        let as_asked = Backend::new(backend("three-paths"), 1);
        let plan = |backend: &Backend, limit| {
            let plan = backend.admit(0, &mut dice(1, "x", 0), 10, Length::Free { limit, thinking: 0 });
            (plan.tokens, plan.cut)
        };
        assert_eq!(plan(&as_asked, None), (64, false));
        assert_eq!(plan(&as_asked, Some(7)), (7, false));
        let mut config = backend("three-paths");
        config.output_tokens = OutputTokens::Natural(crate::latency::Dist::Fixed(20.0));
        let natural = Backend::new(config, 1);
        assert_eq!(plan(&natural, None), (20, false));
        assert_eq!(plan(&natural, Some(30)), (20, false));
        assert_eq!(plan(&natural, Some(5)), (5, true));
    }

    #[test]
    fn reasoning_comes_first_and_counts() {
        let plan = |backend: &Backend, limit| {
            let plan = backend.admit(0, &mut dice(1, "x", 0), 10, Length::Free { limit, thinking: 16 });
            (plan.tokens, plan.thinking, plan.cut)
        };
        let as_asked = Backend::new(backend("three-paths"), 1);
        assert_eq!(plan(&as_asked, None), (80, 16, false));
        assert_eq!(plan(&as_asked, Some(40)), (40, 16, false));
        assert_eq!(plan(&as_asked, Some(8)), (8, 4, false));
        let mut config = backend("three-paths");
        config.output_tokens = OutputTokens::Natural(crate::latency::Dist::Fixed(20.0));
        let natural = Backend::new(config, 1);
        assert_eq!(plan(&natural, None), (36, 16, false));
        assert_eq!(plan(&natural, Some(30)), (30, 16, true));
        assert_eq!(plan(&natural, Some(10)), (10, 10, true));
    }

    #[test]
    fn a_stall_holds_what_is_due_before_its_end_and_nothing_else() {
        let backend = Backend::new(backend("three-paths"), 1);
        backend.stall(1000);
        backend.stall(500);
        assert_eq!((backend.release(10), backend.release(2000)), (1000, 2000));
    }
}
