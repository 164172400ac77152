//! A counter that begins anew when its window is over. A window begins with the first that is counted in it.

/// So many in so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    length: u64,
    pub(crate) most: u64,
    pub(crate) used: u64,
    end: u64,
}

impl Window {
    /// `most` in `length` nanoseconds.
    pub(crate) fn new(length: u64, most: u64) -> Self {
        Self { length, most, used: 0, end: 0 }
    }

    fn roll(&mut self, now: u64) {
        if now >= self.end {
            (self.used, self.end) = (0, 0);
        }
    }

    /// How long `amount` more have to wait, in nanoseconds; nothing if they fit.
    pub(crate) fn wait(&mut self, now: u64, amount: u64) -> Option<u64> {
        self.roll(now);
        (self.used + amount > self.most).then(|| self.end.saturating_sub(now))
    }

    /// Counts `amount` more.
    pub(crate) fn take(&mut self, now: u64, amount: u64) {
        self.roll(now);
        if self.end == 0 {
            self.end = now + self.length;
        }
        self.used += amount;
    }

    /// Replaces what was counted at `counted` by what it came to, if that was in the present window.
    pub(crate) fn settle(&mut self, now: u64, counted: u64, estimated: u64, real: u64) {
        self.roll(now);
        if self.end > 0 && counted + self.length >= self.end {
            self.used = self.used.saturating_sub(estimated) + real;
        }
    }

    /// How many are left, and how long until all are, in nanoseconds.
    pub(crate) fn left(&mut self, now: u64) -> (u64, u64) {
        self.roll(now);
        (self.most.saturating_sub(self.used), self.end.saturating_sub(now))
    }
}
