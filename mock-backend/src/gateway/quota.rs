//! The tokens that a gateway lets pass: so many a minute, and so many in all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::settings::Policy;
use crate::limits::Window;
use crate::units::{MINUTE, Nanos};

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// Too many in this minute; how long to wait, or none if it can never pass.
    Limit(Option<Duration>),
    /// Too many in all.
    Quota(Duration),
}

/// The tokens of one gateway, shared by all threads: prompts are estimated when they come, answers counted when they
/// end.
pub(crate) struct Quota(Mutex<(Option<Window>, Option<Window>)>);

impl Quota {
    /// That of `policy`, if it has one.
    pub(crate) fn new(policy: &Policy) -> Option<Self> {
        let minute = policy.tokens_per_minute.map(|most| Window::new(MINUTE, most));
        let whole = policy.token_quota.map(|(most, period)| Window::new(period, most));
        (minute.is_some() || whole.is_some()).then(|| Self(Mutex::new((minute, whole))))
    }

    /// Lets a prompt of `tokens` pass at `now`, or not; also says how many are left this minute.
    pub(crate) fn admit(&self, now: Nanos, tokens: u64) -> Result<Option<u64>, Exceeded> {
        let (minute, whole) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = whole.as_mut().and_then(|window| window.wait(now, tokens)) {
            return Err(Exceeded::Quota(wait));
        }
        if let Some(window) = minute.as_mut()
            && let Some(wait) = window.wait(now, tokens)
        {
            return Err(Exceeded::Limit((tokens <= window.most).then_some(wait)));
        }
        [&mut *minute, &mut *whole].into_iter().flatten().for_each(|window| window.take(now, tokens));
        Ok(minute.as_mut().map(|window| window.left(now).0))
    }

    /// Counts what an answer was, at `now`.
    pub(crate) fn count(&self, now: Nanos, tokens: u64) {
        let (minute, whole) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        [minute, whole].into_iter().flatten().for_each(|window| window.take(now, tokens));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn at(second: u32) -> Nanos {
        Nanos(0) + second * S
    }

    #[test]
    fn prompts_are_estimated_and_answers_counted() {
        let policy = Policy { tokens_per_minute: Some(100), token_quota: Some((250, 3600 * S)), ..Policy::default() };
        let quota = Quota::new(&policy).unwrap();
        assert_eq!(quota.admit(at(1), 10), Ok(Some(90)));
        quota.count(at(2), 85);
        assert_eq!(quota.admit(at(11), 6), Err(Exceeded::Limit(Some(50 * S))));
        assert_eq!(quota.admit(at(11), 101), Err(Exceeded::Limit(None)));
        assert_eq!(quota.admit(at(11), 5), Ok(Some(0)));
        assert_eq!(quota.admit(at(61), 100), Ok(Some(0)));
        // 200 of 250 are gone, for the rest of the hour that began with the first.
        assert_eq!(quota.admit(at(121), 51), Err(Exceeded::Quota(3480 * S)));
        assert_eq!(quota.admit(at(121), 50), Ok(Some(50)));
        assert!(Quota::new(&Policy::default()).is_none());
    }
}
