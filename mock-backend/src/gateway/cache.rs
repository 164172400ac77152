//! Answers that a gateway keeps: the same question gets the same answer, with the same id, and at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;

use crate::units::Nanos;

/// Answers that are kept at most.
const MOST: usize = 10_000;

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
    answers: Mutex<HashMap<Question, Kept>>,
}

impl Cache {
    /// One that keeps each answer for `time`.
    pub(crate) fn new(time: Duration) -> Self {
        Self { time, answers: Mutex::default() }
    }

    /// The answer to a question, if it is known at `now`.
    pub(crate) fn find(&self, question: &Question, now: Nanos) -> Option<Kept> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(question).filter(|kept| now < kept.until).cloned()
    }

    /// Keeps an answer that came at `now`, unless there are too many already.
    pub(crate) fn keep(&self, question: Question, now: Nanos, headers: HeaderMap, body: Bytes, tokens: Option<u32>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, kept| now < kept.until);
        }
        if answers.len() < MOST {
            answers.insert(question, Kept { headers, body, tokens, until: now + self.time });
        }
    }
}
