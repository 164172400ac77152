//! The prefix cache: which beginnings of prompts a backend has read lately.
//!
//! A prompt is remembered at 1,024 tokens and at each 128 more, as the service does it, each mark with all before it. A
//! prompt hits as far as its marks are known.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::units::Nanos;
use crate::units::bounds::Bound;

/// Marks after which everything is forgotten; each costs a hash, an instant and a place for both.
const MARKS: usize = Bound::Prefixes.most() / 64;
/// The first mark, and the tokens from one to the next.
const LEAST: usize = 1024;
const STEP: usize = 128;

/// The beginnings of earlier prompts.
pub(crate) struct Prefixes {
    /// How long one is remembered after its last use; 0 is not at all.
    lives: Duration,
    used: Mutex<HashMap<u64, Nanos>>,
}

/// What the cache had of a prompt, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Those that need not be read again.
    pub(crate) cached: usize,
    /// Those beyond them that are remembered from now on.
    pub(crate) written: usize,
}

impl Prefixes {
    pub(crate) fn new(lives: Duration) -> Self {
        Self { lives, used: Mutex::default() }
    }

    /// Whether anything is remembered.
    pub(crate) fn is_on(&self) -> bool {
        !self.lives.is_zero()
    }

    /// What of the prompt of these tokens is known at `now`; from then on all of it is. `who` keeps prompts apart: the
    /// model, and the caller's key if there is one.
    pub(crate) fn look_up<'t>(&self, who: &[&str], tokens: impl Iterator<Item = &'t u32>, now: Nanos) -> Hit {
        let mut hash = DefaultHasher::new();
        for part in who {
            hash.write(part.as_bytes());
            hash.write_u8(0xff);
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut cached, mut last) = (0, 0);
        for (token, n) in tokens.zip(1..) {
            hash.write_u32(*token);
            if n < LEAST || !(n - LEAST).is_multiple_of(STEP) {
                continue;
            }
            let before = used.insert(hash.finish(), now);
            if cached == last && before.is_some_and(|at| now.since(at) <= self.lives) {
                cached = n;
            }
            last = n;
        }
        if used.len() > MARKS {
            used.clear();
        }
        Hit { cached, written: last - cached }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(same: u32, tokens: u32) -> Vec<u32> {
        (0..tokens).map(|i| if i < same { i } else { i + 1_000_000 }).collect()
    }

    #[test]
    fn a_prefix_counts_from_1024_tokens_in_steps_of_128() {
        // Tokens that two prompts have in common, tokens of the second, and what is cached and written of it.
        let table = [
            (1023, 1023, 0, 0),
            (1023, 4000, 0, 3968),
            (1024, 1024, 1024, 0),
            (1151, 1151, 1024, 0),
            (1152, 1152, 1152, 0),
            (1300, 4000, 1280, 2688),
            (2006, 2006, 1920, 0),
            (5000, 5000, 4992, 0),
            (0, 5000, 0, 4992),
        ];
        for (same, tokens, cached, written) in table {
            let prefixes = Prefixes::new(Duration::from_nanos(1000));
            prefixes.look_up(&["m"], prompt(6000, same.max(1)).iter(), Nanos(0));
            let hit = prefixes.look_up(&["m"], prompt(same, tokens).iter(), Nanos(1));
            assert_eq!(hit, Hit { cached, written }, "{same} of {tokens}");
            assert_eq!(prefixes.look_up(&["other"], prompt(same, tokens).iter(), Nanos(1)).cached, 0);
            assert_eq!(prefixes.look_up(&["m", "key"], prompt(same, tokens).iter(), Nanos(1)).cached, 0);
        }
    }

    #[test]
    fn a_prefix_is_forgotten_some_time_after_its_last_use() {
        let prefixes = Prefixes::new(Duration::from_nanos(1000));
        let cached = |now| prefixes.look_up(&["m"], prompt(2000, 2000).iter(), Nanos(now)).cached > 0;
        assert_eq!([cached(0), cached(900), cached(1900), cached(2901)], [false, true, true, false]);
        assert!(prefixes.is_on() && !Prefixes::new(Duration::ZERO).is_on());
    }
}
