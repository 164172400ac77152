//! A counter that begins anew when its window is over. A window begins with the first that is counted in it.

use std::time::Duration;

use crate::units::Nanos;

/// So many in so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    length: Duration,
    pub(crate) most: u64,
    pub(crate) used: u64,
    end: Option<Nanos>,
}

impl Window {
    /// `most` in `length`.
    pub(crate) fn new(length: Duration, most: u64) -> Self {
        Self { length, most, used: 0, end: None }
    }

    fn roll(&mut self, now: Nanos) {
        if self.end.is_some_and(|end| now >= end) {
            (self.used, self.end) = (0, None);
        }
    }

    /// How long `amount` more have to wait; nothing if they fit.
    pub(crate) fn wait(&mut self, now: Nanos, amount: u64) -> Option<Duration> {
        self.roll(now);
        (self.used + amount > self.most).then(|| self.rest(now))
    }

    /// Counts `amount` more.
    pub(crate) fn take(&mut self, now: Nanos, amount: u64) {
        self.roll(now);
        self.end.get_or_insert(now + self.length);
        self.used += amount;
    }

    /// Replaces what was counted at `counted` by what it came to, if that was in the present window.
    pub(crate) fn settle(&mut self, now: Nanos, counted: Nanos, estimated: u64, real: u64) {
        self.roll(now);
        if self.end.is_some_and(|end| counted + self.length >= end) {
            self.used = self.used.saturating_sub(estimated) + real;
        }
    }

    /// How many are left, and how long until all are.
    pub(crate) fn left(&mut self, now: Nanos) -> (u64, Duration) {
        self.roll(now);
        (self.most.saturating_sub(self.used), self.rest(now))
    }

    /// How long the window still lasts.
    fn rest(&self, now: Nanos) -> Duration {
        self.end.map_or(Duration::ZERO, |end| end.since(now))
    }
}
