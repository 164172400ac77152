//! The limits of a deployment: rates over windows, or a provisioned throughput. Asked once for each request, before the
//! model is; constant work, and no clock but the instants that are handed in.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

mod bucket;
mod settings;
mod standing;
mod window;

use bucket::Bucket;
pub(crate) use settings::{LimitHeaders, LimitSettings, PtuSettings};
pub(crate) use standing::{Format, Standing, go_duration, retry_after};
pub(crate) use window::Window;

use crate::units::{MINUTE, Nanos};

/// What a request is taken to cost when it arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Tokens of the prompt.
    pub(crate) prompt: u64,
    /// Those of them that were cached.
    pub(crate) cached: u64,
    /// The caller's limit of one answer, in tokens.
    pub(crate) limit: Option<u64>,
    /// Answers asked for.
    pub(crate) choices: u64,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Prompt and answer are longer than the model can take.
    Context {
        /// What it can take.
        most: u64,
        /// What was asked for.
        requested: u64,
    },
    /// Too many requests; how long to wait.
    Calls(Duration),
    /// Too many tokens.
    Tokens {
        /// How long to wait; none if the request can never pass.
        wait: Option<Duration>,
        /// Tokens a minute.
        limit: u64,
        /// Those that are used.
        used: u64,
        /// Those that were asked for.
        requested: u64,
    },
    /// The provisioned throughput is used up; how long until it is not.
    Provisioned(Duration),
}

/// What became of a request, and where the limits stand after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) refusal: Option<Refusal>,
    pub(crate) standing: Standing,
}

/// The limits of one deployment, shared by all threads.
pub(crate) struct Limits {
    pub(crate) settings: LimitSettings,
    state: Mutex<State>,
}

struct State {
    calls: Vec<Window>,
    tokens: Option<Window>,
    bucket: Option<Bucket>,
}

impl Limits {
    pub(crate) fn new(settings: LimitSettings) -> Self {
        let calls = |rpm: u32, length: Duration| (u128::from(rpm) * length.as_nanos()).div_ceil(MINUTE.as_nanos());
        let call_window = |rpm, length| Window::new(length, u64::try_from(calls(rpm, length)).unwrap_or(u64::MAX));
        let state = State {
            calls: settings
                .rpm
                .map_or_else(Vec::new, |rpm| settings.rpm_windows.iter().map(|w| call_window(rpm, *w)).collect()),
            tokens: settings.tpm.map(|tpm| Window::new(MINUTE, u64::from(tpm))),
            bucket: settings.ptu.map(Bucket::new),
        };
        Self { settings, state: Mutex::new(state) }
    }

    /// The output that a request is taken to cost.
    fn output(&self, cost: &Cost) -> u64 {
        cost.limit.unwrap_or_else(|| u64::from(self.settings.default_max_tokens)) * cost.choices
    }

    /// Admits a request that arrived at `now`, or refuses it; only what is admitted counts.
    pub(crate) fn admit(&self, now: Nanos, cost: &Cost) -> Verdict {
        let output = self.output(cost);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = self.context(cost).or_else(|| state.refuse(now, cost.prompt + output));
        if refusal.is_none() {
            state.take(now, cost, output);
        }
        Verdict { refusal, standing: self.standing(&mut state, now) }
    }

    fn context(&self, cost: &Cost) -> Option<Refusal> {
        let most = u64::from(self.settings.context_tokens?);
        let requested = cost.prompt + cost.limit.unwrap_or(0);
        (requested > most).then_some(Refusal::Context { most, requested })
    }

    /// Corrects the estimate of a request that was admitted at `admitted` and ended at `now` with `produced` tokens of
    /// output. A provisioned throughput is always corrected, tokens a minute only if told so.
    pub(crate) fn settle(&self, now: Nanos, admitted: Nanos, cost: &Cost, produced: u64) {
        let estimated = self.output(cost);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = &mut state.bucket {
            bucket.settle(now, estimated, produced);
        }
        if let Some(window) = state.tokens.as_mut().filter(|_| self.settings.tpm_corrected) {
            window.settle(now, admitted, estimated, produced);
        }
    }

    /// Whether [`Limits::settle`] does anything.
    pub(crate) fn settles(&self) -> bool {
        self.settings.ptu.is_some() || self.settings.tpm_corrected
    }

    fn standing(&self, state: &mut State, now: Nanos) -> Standing {
        let least = state.calls.iter_mut().map(|window| window.left(now)).min_by_key(|left| left.0);
        Standing {
            calls: self.settings.rpm.zip(least).map(|(rpm, (left, reset))| (u64::from(rpm), left, reset)),
            tokens: self.settings.tpm.zip(state.tokens.as_mut()).map(|(tpm, window)| {
                let (left, reset) = window.left(now);
                (u64::from(tpm), left, reset)
            }),
            utilization: state.bucket.as_mut().map(|bucket| bucket.level(now)),
            headers: self.settings.headers,
        }
    }
}

impl State {
    fn refuse(&mut self, now: Nanos, tokens: u64) -> Option<Refusal> {
        if let Some(wait) = self.bucket.as_mut().and_then(|bucket| bucket.wait(now)) {
            return Some(Refusal::Provisioned(wait));
        }
        if let Some(wait) = self.calls.iter_mut().filter_map(|window| window.wait(now, 1)).max() {
            return Some(Refusal::Calls(wait));
        }
        let window = self.tokens.as_mut()?;
        let wait = window.wait(now, tokens)?;
        let (limit, used) = (window.most, window.used);
        Some(Refusal::Tokens { wait: (tokens <= limit).then_some(wait), limit, used, requested: tokens })
    }

    fn take(&mut self, now: Nanos, cost: &Cost, output: u64) {
        self.calls.iter_mut().for_each(|window| window.take(now, 1));
        if let Some(window) = &mut self.tokens {
            window.take(now, cost.prompt + output);
        }
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now, cost.prompt.saturating_sub(cost.cached), output);
        }
    }
}

#[cfg(test)]
mod tests;
