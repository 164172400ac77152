//! The cookies that a path's server sets, for gateways that keep a session on one backend by them: a jar for each caller of
//! a closed load, who is a session, and one for each worker under open load, where nobody is.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cookie::Cookie;
use hyper::header::{HeaderMap, HeaderValue, SET_COOKIE};

/// Cookies of one jar that are kept, and the bytes of one.
const MOST: usize = 50;
const LONGEST: usize = 4_096;

/// The jars of one worker for one path.
#[derive(Debug)]
pub(super) struct Jars {
    /// Callers of a closed load; 0 under open load.
    callers: u64,
    jars: RefCell<BTreeMap<u64, BTreeMap<String, String>>>,
}

impl Jars {
    /// Empty jars.
    pub(super) fn new(callers: u64) -> Self {
        Self { callers, jars: RefCell::default() }
    }

    /// Whose jar the call with this number has.
    fn session(&self, seq: u64) -> u64 {
        seq.checked_rem(self.callers).unwrap_or(0)
    }

    /// What the call with this number sends back.
    pub(super) fn header(&self, seq: u64) -> Option<HeaderValue> {
        let jars = self.jars.borrow();
        let jar = jars.get(&self.session(seq)).filter(|jar| !jar.is_empty())?;
        let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut value = HeaderValue::try_from(pairs.join("; ")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Takes what an answer sets; `learn` hears of each new value, which may be a secret.
    pub(super) fn take(&self, seq: u64, headers: &HeaderMap, learn: impl Fn(&str)) {
        for header in headers.get_all(SET_COOKIE) {
            let text = header.to_str().ok().filter(|text| text.len() <= LONGEST);
            let Some(Ok(cookie)) = text.map(Cookie::parse) else { continue };
            let mut jars = self.jars.borrow_mut();
            let jar = jars.entry(self.session(seq)).or_default();
            if cookie.max_age().is_some_and(|age| !age.is_positive()) || cookie.value().is_empty() {
                jar.remove(cookie.name());
            } else if jar.contains_key(cookie.name()) || jar.len() < MOST {
                let value = cookie.value().to_owned();
                if jar.get(cookie.name()) != Some(&value) {
                    learn(&value);
                    jar.insert(cookie.name().to_owned(), value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(jars: &Jars, seq: u64, cookies: &[&str]) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, HeaderValue::from_str(cookie).expect("a value"));
        }
        jars.take(seq, &headers, |_| {});
    }

    fn sent(jars: &Jars, seq: u64) -> Option<String> {
        jars.header(seq).map(|value| value.to_str().expect("text").to_owned())
    }

    #[test]
    fn each_caller_has_a_jar_and_all_of_an_open_load_one() {
        let closed = Jars::new(3);
        set(&closed, 1, &["APIM-Backend-Affinity=abc; Path=/; HttpOnly", "b=2"]);
        assert_eq!(sent(&closed, 4).as_deref(), Some("APIM-Backend-Affinity=abc; b=2"));
        assert_eq!((sent(&closed, 0), sent(&closed, 2)), (None, None));
        let open = Jars::new(0);
        set(&open, 1, &["a=1"]);
        assert_eq!(sent(&open, 9).as_deref(), Some("a=1"));
    }

    #[test]
    fn cookies_are_changed_and_taken_away() {
        let jars = Jars::new(0);
        for (cookies, left) in [
            (&["a=1", "b=2"][..], Some("a=1; b=2")),
            (&["a=3"], Some("a=3; b=2")),
            (&["b=2; Max-Age=0"], Some("a=3")),
            (&["no cookie", "=x"], Some("a=3")),
            (&["a="], None),
        ] {
            set(&jars, 0, cookies);
            assert_eq!(sent(&jars, 0).as_deref(), left, "{cookies:?}");
        }
        for number in 0..100 {
            set(&jars, 0, &[&format!("c{number}={}", "x".repeat(10))]);
        }
        assert_eq!(sent(&jars, 0).map(|text| text.split("; ").count()), Some(MOST));
    }
}
