//! Calls counted: by outcome, with their connections and tokens. What is exact however many calls there are.

use std::collections::BTreeMap;

use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::sample::Sample;
use crate::units::CallCounts;

/// Tokens of the calls whose server reported them. A sum that no number holds stays at the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// How many.
    pub sum: u64,
    /// Of how many calls.
    pub calls: u64,
}

impl TokenCount {
    /// The sum, if the server reported tokens for any call.
    #[must_use]
    pub fn known_sum(self) -> Option<u64> {
        (self.calls > 0).then_some(self.sum)
    }

    /// Adds the tokens of one call, if they are known.
    fn count(&mut self, tokens: Option<u64>) {
        if let Some(tokens) = tokens {
            self.add(Self { sum: tokens, calls: 1 });
        }
    }

    fn add(&mut self, other: Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.calls += other.calls;
    }
}

/// Counts over some calls. Two of them add up to those over both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Whole answers.
    pub ok: u64,
    /// Calls that ended otherwise or were never sent, by outcome; [`Outcome::Ok`] is not among them.
    pub errors: BTreeMap<Outcome, u64>,
    /// Calls that asked for a stream.
    pub streams: u64,
    /// Streams that were given up while more of them was awaited.
    pub stalled: u64,
    /// Calls that opened a connection.
    pub opened: u64,
    /// Calls that used one again.
    pub reused: u64,
    /// Prompt tokens as the server counted them.
    pub input: TokenCount,
    /// Output tokens as the server counted them, reasoning included.
    pub output: TokenCount,
    /// Those of successful calls.
    pub ok_output: TokenCount,
    /// Calls whose stamps run backwards.
    pub backwards: u64,
    /// Failed calls that got no status.
    pub unanswered: u64,
    /// Calls that may have cost something.
    pub charged: u64,
    /// Those of them of which not all tokens are known.
    pub without_tokens: u64,
    /// Calls that were ok or failed, by the status that they got.
    pub statuses: BTreeMap<u16, u64>,
}

impl Counts {
    /// Counts one call.
    pub fn count(&mut self, sample: &Sample) {
        match sample.outcome {
            Outcome::Ok => self.ok += 1,
            other => *self.errors.entry(other).or_insert(0) += 1,
        }
        let one = u64::from;
        self.streams += one(sample.stream);
        self.stalled += one(sample.stalled());
        self.opened += one(sample.conn.as_ref().is_some_and(|conn| conn.is_new()));
        self.reused += one(sample.conn.as_ref().is_some_and(|conn| !conn.is_new()));
        self.input.count(sample.input_tokens);
        self.output.count(sample.output_tokens);
        self.ok_output.count(sample.output_tokens.filter(|_| sample.outcome.is_ok()));
        self.charged += one(sample.is_charged());
        self.backwards += one(sample.stamps.run_backwards());
        self.without_tokens += one(sample.is_charged_unknown());
        match (sample.outcome.counts_as_failed(), sample.status) {
            (Some(_), Some(status)) => *self.statuses.entry(status).or_insert(0) += 1,
            (Some(true), None) => self.unanswered += 1,
            (Some(false) | None, _) => {}
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.ok += other.ok;
        for (outcome, count) in &other.errors {
            *self.errors.entry(*outcome).or_insert(0) += count;
        }
        self.streams += other.streams;
        self.stalled += other.stalled;
        self.opened += other.opened;
        self.reused += other.reused;
        self.input.add(other.input);
        self.output.add(other.output);
        self.ok_output.add(other.ok_output);
        self.charged += other.charged;
        self.backwards += other.backwards;
        self.unanswered += other.unanswered;
        self.without_tokens += other.without_tokens;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_insert(0) += count;
        }
    }

    /// All calls, dropped ones included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.ok + self.errors.values().sum::<u64>()
    }

    /// All calls by how they ended; those that were counted are those that came due.
    #[must_use]
    pub(crate) fn by_outcome(&self) -> CallCounts {
        CallCounts {
            planned: self.calls(),
            ok: self.ok,
            failed: self.failed(),
            incomplete: self.incomplete(),
            dropped: self.dropped(),
        }
    }

    /// Calls that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.ended(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    /// Calls that were cut.
    #[must_use]
    pub fn incomplete(&self) -> u64 {
        self.ended(|outcome| matches!(outcome, Outcome::Incomplete(_)))
    }

    /// Arrivals that were never sent.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.ended(|outcome| matches!(outcome, Outcome::Dropped(_)))
    }

    /// Calls whose outcome is of this kind and not ok, by their class of error.
    #[must_use]
    pub(crate) fn by_class(&self, as_this: impl Fn(Outcome) -> bool) -> BTreeMap<ErrorClass, u64> {
        let mut classes = BTreeMap::new();
        for (outcome, count) in self.errors.iter().filter(|(outcome, _)| as_this(**outcome)) {
            outcome.error().into_iter().for_each(|class| *classes.entry(class).or_insert(0) += count);
        }
        classes
    }

    /// Calls that ended with a class of error of this kind.
    #[must_use]
    pub(crate) fn with_class(&self, is: impl Fn(ErrorClass) -> bool) -> u64 {
        self.ended(|outcome| outcome.error().is_some_and(&is))
    }

    /// How many count as failed, and how many as tried.
    #[must_use]
    pub fn failures(&self) -> (u64, u64) {
        let bad = self.ended(|outcome| outcome.counts_as_failed() == Some(true));
        (bad, self.ok + bad)
    }

    /// Calls that were ok or failed and got a status of this kind.
    #[must_use]
    pub(crate) fn with_status(&self, is: impl Fn(u16) -> bool) -> u64 {
        self.statuses.iter().filter(|(status, _)| is(**status)).map(|(_, count)| count).sum()
    }

    /// Calls whose outcome is of this kind and not ok.
    #[must_use]
    pub fn ended(&self, as_this: impl Fn(Outcome) -> bool) -> u64 {
        self.errors.iter().filter(|(outcome, _)| as_this(**outcome)).map(|(_, count)| count).sum()
    }
}
