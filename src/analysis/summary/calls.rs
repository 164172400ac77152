//! The measured calls of each path counted: by outcome, with their connections and tokens. Exact however many there are.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::input::view::View;
use crate::measure::counts::{Counts, TokenCount};
use crate::objective::indicator::is_of_connecting;
use crate::units::CallCounts;

/// The connections of a path's calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ConnectionCounts {
    /// Calls that opened one.
    pub opened: u64,
    /// Calls that used one again.
    pub reused: u64,
    /// Calls that failed to open one.
    pub failed: u64,
    /// Connections opened before measuring began.
    pub opened_in_warmup: u64,
}

impl ConnectionCounts {
    /// Of the measured calls of a path, and of those before.
    pub(crate) fn of(measured: &Counts, before: &Counts) -> Self {
        Self {
            opened: measured.opened,
            reused: measured.reused,
            failed: measured.with_class(is_of_connecting),
            opened_in_warmup: before.opened,
        }
    }
}

/// Tokens as the server counted them, of the calls of which it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Of prompts.
    pub input: TokenCount,
    /// Of answers, reasoning included.
    pub output: TokenCount,
    /// Calls that may have had any: they were sent and not refused.
    pub calls: u64,
}

impl Tokens {
    /// Why one of the two, of which `what` is the name, is missing; `None` if it is not.
    #[must_use]
    pub(crate) fn why_none(&self, count: TokenCount, what: &str) -> Option<String> {
        match (count.known_sum(), self.calls) {
            (Some(_), _) => None,
            (None, 0) => Some("no call was answered".to_owned()),
            (None, calls) => Some(format!("the server reported {what} tokens for none of {calls} calls")),
        }
    }
}

/// The calls of every path by outcome, in the order of the plan.
pub(crate) fn requests(view: &View<'_>) -> Vec<CallCounts> {
    let (lost, planned) = (&view.run.lost.by_path, view.run.planned());
    let of_path = |(place, counts): (usize, &Counts)| CallCounts {
        planned: planned.get(place).copied().unwrap_or(0),
        incomplete: counts.incomplete() + lost.get(place).copied().unwrap_or(0),
        ..counts.by_outcome()
    };
    view.counted().iter().enumerate().map(of_path).collect()
}
