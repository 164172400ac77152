//! The token of a credential as it is now: one writer puts a newer one in its place, workers read without a lock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hyper::header::{HeaderName, HeaderValue};

use crate::measure::sign_in::{Acquisition, SignIn};
use crate::path::AuthKind;
use crate::transport::credential::header::AuthHeader;
use crate::transport::credential::secret::Secret;
use crate::transport::credential::source::Source;
use crate::transport::credential::token::Token;
use crate::units::{Nanos, PathId};
use crate::wire::filter::Hold;

/// So many tokens of a path are hidden at once from what is shown: the newest. Older ones have expired, and no call that
/// sent one is under way any more.
const REMEMBERED: usize = 16;

/// The token of one credential of one path, and how it is got.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The path's name.
    pub(super) name: String,
    pub(super) kind: AuthKind,
    pub(super) source: Source,
    header: HeaderName,
    prefix: &'static str,
    current: ArcSwapOption<Held>,
    log: Mutex<Log>,
    hidden: Mutex<Hidden>,
}

/// The newest tokens, kept hidden.
#[derive(Debug, Default)]
struct Hidden(VecDeque<Hold>);

impl Hidden {
    /// Hides one until so many others came. One that comes again counts once.
    fn add(&mut self, token: Hold) {
        self.0.retain(|known| !known.is_of_same(&token));
        self.0.push_back(token);
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }
}

/// A token in its header.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) header: AuthHeader,
    pub(super) secret: Secret,
}

/// What happened so far.
#[derive(Debug, Default)]
struct Log {
    sign_in: SignIn,
    last_failure: Option<String>,
}

impl Slot {
    /// A credential of a path whose tokens come from `source` and are sent in `header`.
    pub(super) fn new(
        (path, name): (PathId, &str),
        (kind, source): (AuthKind, Source),
        (header, prefix): (HeaderName, &'static str),
    ) -> Self {
        let sign_in = SignIn { path, kind: kind.to_string(), ..SignIn::default() };
        Self {
            name: name.to_owned(),
            kind,
            source,
            header,
            prefix,
            current: ArcSwapOption::empty(),
            log: Mutex::new(Log { sign_in, last_failure: None }),
            hidden: Mutex::default(),
        }
    }

    /// The token as it is now; `None` before the first.
    pub(super) fn held(&self) -> Option<Arc<Held>> {
        self.current.load_full()
    }

    /// Puts a newer token in place, good from `asked` on for as long as it says; `hold` keeps it hidden, and with it those
    /// before it.
    pub(super) fn put(&self, token: &Token, hold: Hold, asked: Nanos) {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).add(hold);
        let until = token.life.map_or(Nanos(u64::MAX), |life| asked + life);
        // A secret is made of what a header can carry.
        if let Ok(mut value) = HeaderValue::from_str(&format!("{}{}", self.prefix, token.secret.reveal())) {
            value.set_sensitive(true);
            let header = AuthHeader { name: self.header.clone(), value, until };
            self.current.store(Some(Arc::new(Held { header, secret: token.secret.clone() })));
        }
    }

    /// Notes that a token was asked for, how long that took, and why it was not had.
    pub(super) fn note(&self, asked: Nanos, took: Duration, failed: Option<&str>) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.sign_in.note(Acquisition { at: asked, took_ms: took.as_secs_f64() * 1e3, ok: failed.is_none() });
        if let Some(why) = failed {
            log.last_failure = Some(why.to_owned());
        }
    }

    /// What happened so far.
    pub(super) fn sign_in(&self) -> SignIn {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        SignIn { last_failure: log.last_failure.clone(), ..log.sign_in.clone() }
    }

    /// Why there is no token that is still good, in a sentence.
    pub(super) fn why_none(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let why = log.last_failure.as_deref().unwrap_or("none came in time");
        format!("the token expired and no other could be had ({}): {why}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::filter::Filter;

    #[test]
    fn the_newest_tokens_are_hidden_and_no_others() {
        let (filter, mut known) = (Filter::default(), Hidden::default());
        let token = |number: u64| format!("token-{:016x}", (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for number in 0..100 {
            // Some services give the same one again.
            (0..3).for_each(|_| known.add(filter.hold(&token(number))));
        }
        let hidden = |number: &u64| filter.hidden(&token(*number)).as_deref() == Some("***");
        assert_eq!((0..100).filter(hidden).collect::<Vec<_>>(), (84..100).collect::<Vec<_>>());
        assert_eq!(filter.known(), REMEMBERED);
    }
}
