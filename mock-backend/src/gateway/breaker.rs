//! A circuit breaker: so many failures in so long, and whoever failed is left alone for a while.

use std::time::Duration;

use super::settings::BreakerSettings;
use crate::units::Nanos;

/// The breaker of one member of a pool.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    /// When the first of them was.
    since: Nanos,
    open_until: Nanos,
}

impl Breaker {
    /// Whether requests pass.
    pub(crate) fn is_closed(&self, now: Nanos) -> bool {
        now >= self.open_until
    }

    /// How long until they do again.
    pub(crate) fn wait(&self, now: Nanos) -> Duration {
        self.open_until.since(now)
    }

    /// Notes how a request ended; `retry_after` is what its answer says.
    pub(crate) fn note(&mut self, config: &BreakerSettings, now: Nanos, status: u16, retry_after: Option<Duration>) {
        if !config.statuses.has(status) || !self.is_closed(now) {
            return;
        }
        if self.failures == 0 || now >= self.since + config.interval {
            (self.failures, self.since) = (0, now);
        }
        self.failures += 1;
        if self.failures >= config.failures {
            let trip = retry_after.filter(|_| config.accept_retry_after).unwrap_or(config.trip);
            (self.failures, self.open_until) = (0, now + trip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::settings::Statuses;

    const S: Duration = Duration::from_secs(1);

    fn at(second: u32) -> Nanos {
        Nanos(0) + second * S
    }

    fn config(accept_retry_after: bool) -> BreakerSettings {
        let statuses = Statuses(vec![429..=429, 500..=599]);
        BreakerSettings { failures: 3, interval: 10 * S, statuses, trip: 30 * S, accept_retry_after }
    }

    /// After which of the requests (second, status) it is open.
    fn open_after(requests: &[(u32, u16)]) -> Vec<bool> {
        let mut breaker = Breaker::default();
        let note = |(second, status): &(u32, u16)| {
            breaker.note(&config(false), at(*second), *status, None);
            !breaker.is_closed(at(*second))
        };
        requests.iter().map(note).collect()
    }

    #[test]
    fn the_third_failure_in_ten_seconds_opens_it() {
        let (no, yes) = (false, true);
        assert_eq!(open_after(&[(0, 500), (1, 200), (2, 429), (3, 404), (9, 503)]), [no, no, no, no, yes]);
        // The first has gone by when the third comes.
        assert_eq!(open_after(&[(0, 500), (5, 500), (10, 500), (11, 500), (12, 500)]), [no, no, no, no, yes]);
    }

    #[test]
    fn it_closes_after_its_time_or_that_of_the_answer() {
        for (accept, wait) in [(false, 30), (true, 7)] {
            let mut breaker = Breaker::default();
            (0..3).for_each(|_| breaker.note(&config(accept), at(100), 429, Some(7 * S)));
            assert_eq!(breaker.wait(at(100)), wait * S);
            assert!(!breaker.is_closed(Nanos(at(100 + wait).0 - 1)) && breaker.is_closed(at(100 + wait)));
            // It begins to count anew.
            (0..2).for_each(|_| breaker.note(&config(accept), at(200), 500, None));
            assert!(breaker.is_closed(at(200)));
        }
    }
}
