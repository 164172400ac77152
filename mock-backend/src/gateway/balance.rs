//! Which member of a pool gets the next request: by priority, by weight, by its breaker, and by the caller's cookie.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::breaker::Breaker;
use super::settings::{BreakerSettings, MemberSettings};
use crate::units::Nanos;

/// The cookie that binds a caller to a member.
pub(crate) const COOKIE: &str = "APIM-Backend-Affinity";

/// The state of a pool, shared by all threads.
pub(crate) struct Balance {
    breaker: Option<BreakerSettings>,
    members: Vec<(u32, i64)>,
    state: Mutex<Vec<State>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    breaker: Breaker,
    /// What the member has saved up; the richest is next, and pays for it.
    credit: i64,
}

impl Balance {
    pub(crate) fn new(pool: &[MemberSettings], breaker: Option<BreakerSettings>) -> Self {
        let members = pool.iter().map(|member| (member.priority, i64::from(member.weight))).collect::<Vec<_>>();
        let state = Mutex::new(vec![State::default(); members.len()]);
        Self { breaker, members, state }
    }

    /// The member that gets a request at `now`: `bound` if it can be, none of `tried`, and of the others the next of the
    /// best priority. None is left alone for a while: how long.
    ///
    /// # Errors
    /// If no member can be asked: how long until one can.
    pub(crate) fn choose(&self, now: Nanos, bound: Option<usize>, tried: &[usize]) -> Result<usize, Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let can = |place: usize, state: &[State]| !tried.contains(&place) && state[place].breaker.is_closed(now);
        if let Some(bound) = bound.filter(|bound| *bound < state.len() && can(*bound, &state)) {
            return Ok(bound);
        }
        let open: Vec<usize> = (0..state.len()).filter(|place| can(*place, &state)).collect();
        let Some(best) = open.iter().map(|place| self.members[*place].0).min() else {
            return Err(state.iter().map(|member| member.breaker.wait(now)).min().unwrap_or_default());
        };
        let turn: Vec<usize> = open.into_iter().filter(|place| self.members[*place].0 == best).collect();
        let sum: i64 = turn.iter().map(|place| self.members[*place].1).sum();
        turn.iter().for_each(|place| state[*place].credit += self.members[*place].1);
        // The first of the richest.
        let next = turn.into_iter().rev().max_by_key(|place| state[*place].credit).unwrap_or(0);
        state[next].credit -= sum;
        Ok(next)
    }

    /// Notes how a request to `member` ended.
    pub(crate) fn note(&self, member: usize, now: Nanos, status: u16, retry_after: Option<Duration>) {
        if let Some(config) = &self.breaker {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state[member].breaker.note(config, now, status, retry_after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::gateway::settings::Statuses;

    fn balance(members: &[(u32, u32)], breaker: bool) -> Balance {
        let pool: Vec<String> = members
            .iter()
            .map(|(weight, priority)| format!("{{ backend = \"b\", weight = {weight}, priority = {priority} }}"))
            .collect();
        let text = format!(
            "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"0\", gap = \"0\" }}\n[[listener]]\nname = \"g\"\n\
             kind = \"gateway\"\ngateway = {{ own = \"0\", pool = [{}] }}",
            pool.join(", ")
        );
        let config = Config::parse(&text, "test").unwrap().listeners.remove(0).gateway.unwrap();
        let statuses = Statuses(vec![500..=599]);
        let config_breaker = BreakerSettings {
            failures: 2,
            interval: Duration::from_nanos(100),
            statuses,
            trip: Duration::from_nanos(1000),
            accept_retry_after: false,
        };
        Balance::new(&config.pool, breaker.then_some(config_breaker))
    }

    fn turns(balance: &Balance, now: u64, n: usize) -> String {
        (0..n)
            .map(|_| balance.choose(Nanos(now), None, &[]).map_or('-', |place| char::from(b'a' + place as u8)))
            .collect()
    }

    #[test]
    fn turns_are_taken_by_weight_and_by_priority() {
        assert_eq!(turns(&balance(&[(1, 1), (1, 1), (1, 1)], false), 0, 7), "abcabca");
        assert_eq!(turns(&balance(&[(3, 1), (1, 1)], false), 0, 8), "aabaaaba");
        assert_eq!(turns(&balance(&[(1, 2), (1, 1), (5, 3)], false), 0, 4), "bbbb");
    }

    #[test]
    fn who_has_failed_is_left_alone_and_when_all_have_nobody_is_asked() {
        let balance = balance(&[(1, 1), (1, 2)], true);
        balance.note(0, Nanos(10), 500, None);
        assert_eq!(turns(&balance, 10, 2), "aa");
        balance.note(0, Nanos(20), 500, None);
        assert_eq!(turns(&balance, 20, 2), "bb");
        (0..2).for_each(|_| balance.note(1, Nanos(30), 503, None));
        assert_eq!(balance.choose(Nanos(30), None, &[]), Err(Duration::from_nanos(990)));
        assert_eq!((turns(&balance, 1019, 1), turns(&balance, 1020, 1)), ("-".to_owned(), "a".to_owned()));
    }

    #[test]
    fn a_bound_caller_stays_unless_its_member_cannot_be_asked() {
        let balance = balance(&[(1, 1), (1, 1)], true);
        assert_eq!((0..3).map(|_| balance.choose(Nanos(0), Some(1), &[])).collect::<Vec<_>>(), [Ok(1); 3]);
        assert_eq!(balance.choose(Nanos(0), Some(1), &[1]), Ok(0));
        assert_eq!(balance.choose(Nanos(0), Some(7), &[0, 1]), Err(Duration::ZERO));
    }
}
