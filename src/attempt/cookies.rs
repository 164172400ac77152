//! The cookies that a path's server sets, for gateways that keep a session on one backend by them: a jar for each caller of
//! a closed load, who is a session, and one for each worker under open load, where nobody is.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cookie::Cookie;
use hyper::header::{HeaderMap, HeaderValue, SET_COOKIE};

use crate::wire::filter::{Filter, Hold};

/// Cookies of one jar that are kept, and the bytes of one.
const MOST: usize = 50;
const LONGEST: usize = 4_096;
/// Values that were replaced and are still hidden: a server may name the one before. So many of a worker's path, and so
/// many bytes of them.
const REPLACED: usize = 64;
const REPLACED_BYTES: usize = 16 * 1_024;

/// A value of a cookie, which stays hidden for as long as anybody has it.
#[derive(Clone, Debug)]
struct Value {
    text: Arc<str>,
    hold: Arc<Hold>,
}

/// The values that a call sent or was sent: they stay hidden until its last message has passed the filter.
#[derive(Debug, Default)]
pub(super) struct Carried(Vec<Arc<Hold>>);

impl Carried {
    /// Keeps them hidden for good: where an answer is looked at when its call has long ended.
    pub(super) fn keep_for_good(&self) {
        self.0.iter().for_each(|hold| hold.keep_for_good());
    }
}

/// The jars of one worker for one path.
#[derive(Debug)]
pub(super) struct Jars {
    /// Callers of a closed load; 0 under open load.
    callers: u64,
    jars: RefCell<BTreeMap<u64, BTreeMap<String, Value>>>,
    replaced: RefCell<Replaced>,
}

/// The newest of the values that were replaced.
#[derive(Debug, Default)]
struct Replaced {
    values: VecDeque<Value>,
    bytes: usize,
}

impl Replaced {
    fn add(&mut self, value: Value) {
        self.bytes += value.text.len();
        self.values.push_back(value);
        while self.values.len() > REPLACED || self.bytes > REPLACED_BYTES {
            let Some(oldest) = self.values.pop_front() else { break };
            self.bytes -= oldest.text.len();
        }
    }
}

impl Jars {
    /// Empty jars.
    pub(super) fn new(callers: u64) -> Self {
        Self { callers, jars: RefCell::default(), replaced: RefCell::default() }
    }

    /// Whose jar the call with this number has.
    fn session(&self, seq: u64) -> u64 {
        seq.checked_rem(self.callers).unwrap_or(0)
    }

    /// What the call with this number sends back, if anything; it carries what it sends.
    pub(super) fn header(&self, seq: u64, carried: &mut Carried) -> Option<HeaderValue> {
        let jars = self.jars.borrow();
        let jar = jars.get(&self.session(seq)).filter(|jar| !jar.is_empty())?;
        carried.0.extend(jar.values().map(|value| Arc::clone(&value.hold)));
        let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={}", value.text)).collect();
        let mut value = HeaderValue::try_from(pairs.join("; ")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Takes what an answer sets. Each value may be a secret: the filter hides it for as long as the jar has it, the call
    /// carries it, or it is one of the newest that were replaced.
    pub(super) fn take(&self, seq: u64, headers: &HeaderMap, filter: &Filter, carried: &mut Carried) {
        for header in headers.get_all(SET_COOKIE) {
            let text = header.to_str().ok().filter(|text| text.len() <= LONGEST);
            let Some(Ok(cookie)) = text.map(Cookie::parse) else { continue };
            let mut jars = self.jars.borrow_mut();
            let jar = jars.entry(self.session(seq)).or_default();
            let (name, text) = cookie.name_value();
            let gone = if cookie.max_age().is_some_and(|age| !age.is_positive()) || text.is_empty() {
                jar.remove(name)
            } else if jar.get(name).is_none_or(|value| *value.text != *text) {
                let value = Value { text: text.into(), hold: Arc::new(filter.hold(text)) };
                carried.0.push(Arc::clone(&value.hold));
                let has_room = jar.contains_key(name) || jar.len() < MOST;
                if has_room { jar.insert(name.to_owned(), value) } else { Some(value) }
            } else {
                None
            };
            gone.into_iter().for_each(|value| self.replaced.borrow_mut().add(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(jars: &Jars, seq: u64, cookies: &[&str]) {
        take(jars, seq, cookies, &Filter::default());
    }

    fn take(jars: &Jars, seq: u64, cookies: &[&str], filter: &Filter) -> Carried {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, HeaderValue::from_str(cookie).expect("a value"));
        }
        let mut carried = Carried::default();
        jars.take(seq, &headers, filter, &mut carried);
        carried
    }

    fn sent(jars: &Jars, seq: u64) -> Option<String> {
        jars.header(seq, &mut Carried::default()).map(|value| value.to_str().expect("text").to_owned())
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

    fn value(number: usize) -> String {
        format!("session-{:08}-{number:06}", number * 7_919 % 99_999_989)
    }

    #[test]
    fn a_cookie_that_changes_with_each_answer_is_hidden_while_anything_may_name_it() {
        let (jars, filter) = (Jars::new(0), Filter::default());
        let mut under_way = Carried::default();
        for number in 0..5_000 {
            drop(take(&jars, 0, &[&format!("s={}", value(number))], &filter));
            if number == 100 {
                // A call that sends this one and ends long after.
                let _ = jars.header(0, &mut under_way);
            }
            // The current one and those before it.
            for recent in (0..=number).rev().take(REPLACED + 1) {
                assert_eq!(filter.hidden(&value(recent)).as_deref(), Some("***"), "{recent} at {number}");
            }
            assert!(filter.known() <= REPLACED + 2, "{} are known at {number}", filter.known());
        }
        assert_eq!(filter.hidden(&value(100)).as_deref(), Some("***"));
        drop(under_way);
        assert_ne!(filter.hidden(&value(100)).as_deref(), Some("***"));
        drop(jars);
        assert_eq!(filter.known(), 0);
    }

    #[test]
    fn what_an_answer_sets_is_hidden_until_its_call_has_ended() {
        let (jars, filter) = (Jars::new(0), Filter::default());
        // Beyond the room of the jar, replaced within one answer, and taken away by it.
        let many: Vec<String> = (0..MOST + REPLACED + 9).map(|number| format!("c{number}={}", value(number))).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).chain(["c1=another-value", "c2=; Max-Age=0"]).collect();
        let carried = take(&jars, 0, &many, &filter);
        for number in 0..MOST + REPLACED + 9 {
            assert_eq!(filter.hidden(&value(number)).as_deref(), Some("***"), "{number}");
        }
        drop(carried);
        assert_eq!(filter.known(), MOST - 1 + REPLACED);
    }

    #[test]
    fn what_one_jar_forgets_another_may_have() {
        let filter = Filter::default();
        let jars = [Jars::new(0), Jars::new(0)];
        jars.iter().for_each(|jars| drop(take(jars, 0, &["s=a-session-of-two-paths"], &filter)));
        let [first, second] = jars;
        drop(first);
        assert_eq!(filter.hidden("a-session-of-two-paths").as_deref(), Some("***"));
        drop(second);
        assert_eq!(filter.known(), 0);
    }

    #[test]
    fn long_values_that_were_replaced_take_no_more_room_than_short_ones() {
        let (jars, filter) = (Jars::new(0), Filter::default());
        for number in 0..40 {
            drop(take(&jars, 0, &[&format!("s={number}{}", "x".repeat(4_000))], &filter));
        }
        assert_eq!(filter.known(), 1 + REPLACED_BYTES / 4_002);
    }
}
