//! Answers that a gateway keeps: the same question gets the same answer, with the same id, and at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;

use crate::units::Nanos;
use crate::units::bounds::Bound;

/// A question: where to, and what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question(String, Bytes);

impl Question {
    pub(crate) fn new(head: &Parts, body: &Bytes) -> Self {
        Self(format!("{} {}", head.method, head.uri), body.clone())
    }
}

/// An answer, as it was passed on.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) tokens: Option<u32>,
    until: Nanos,
}

/// The answers of one gateway, shared by all threads.
pub(crate) struct Cache {
    time: Duration,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    by_question: HashMap<Question, Kept>,
    bytes: usize,
}

impl Cache {
    /// One that keeps each answer for `time`.
    pub(crate) fn new(time: Duration) -> Self {
        Self { time, answers: Mutex::default() }
    }

    /// The answer to a question, if it is known at `now`.
    pub(crate) fn find(&self, question: &Question, now: Nanos) -> Option<Kept> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.by_question.get(question).filter(|kept| now < kept.until).cloned()
    }

    /// Keeps an answer that came at `now`, unless it is too large, or there is no room beside those that are younger.
    pub(crate) fn keep(&self, question: Question, now: Nanos, headers: HeaderMap, body: Bytes, tokens: Option<u32>) {
        let kept = Kept { headers, body, tokens, until: now + self.time };
        let size = kept.size(&question);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let Answers { by_question, bytes } = &mut *answers;
        if *bytes + size > Bound::Cache.most() {
            by_question.retain(|question, kept| {
                let stays = now < kept.until;
                *bytes -= if stays { 0 } else { kept.size(question) };
                stays
            });
        }
        if size <= Bound::Cached.most() && *bytes + size <= Bound::Cache.most() {
            let before = by_question.get(&question).map_or(0, |before| before.size(&question));
            by_question.insert(question, kept);
            *bytes = *bytes + size - before;
        }
    }
}

impl Kept {
    /// What it takes in memory together with its question, in bytes; some hundred for each header and place.
    fn size(&self, question: &Question) -> usize {
        512 + question.0.len() + question.1.len() + self.body.len() + self.headers.len() * 128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(cache: &Cache, question: usize, now: u64, size: usize) {
        let question = Question(question.to_string(), Bytes::new());
        cache.keep(question, Nanos(now), HeaderMap::new(), Bytes::from(vec![0; size]), None);
    }

    #[test]
    fn a_cache_is_bounded_in_bytes_and_the_old_make_room() {
        let cache = Cache::new(Duration::from_nanos(100));
        let found =
            |question: usize, now| cache.find(&Question(question.to_string(), Bytes::new()), Nanos(now)).is_some();
        keep(&cache, 0, 0, Bound::Cached.most());
        assert!(!found(0, 1), "too large");
        for question in 0..20 {
            keep(&cache, question, question as u64, 4_000_000);
            keep(&cache, question, question as u64, 4_000_000);
        }
        assert_eq!((0..20).filter(|question| found(*question, 20)).count(), Bound::Cache.most() / 4_000_512);
        assert!(cache.answers.lock().unwrap().bytes <= Bound::Cache.most());
        keep(&cache, 21, 200, 4_000_000);
        assert!(found(21, 201) && cache.answers.lock().unwrap().by_question.len() == 1);
    }
}
