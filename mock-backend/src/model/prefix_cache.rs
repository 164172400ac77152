//! The prefix cache: which beginnings of prompts a backend has read lately.
//!
//! A prompt's text is hashed in blocks, each with all before it. A prompt hits as far as its blocks are known; the
//! tokens of that text, if there are 1,024 or more, count as cached in steps of 128, as the service counts them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::text::count;
use crate::units::Nanos;
use crate::units::bounds::Bound;

/// Bytes of a block.
const BLOCK: usize = 256;
/// Blocks after which everything is forgotten; each costs a hash, an instant and a place for both.
const BLOCKS: usize = Bound::Prefixes.most() / 64;
/// The fewest tokens that count as cached, and the steps above them.
const LEAST: usize = 1024;
const STEP: usize = 128;

/// The beginnings of earlier prompts.
pub(crate) struct Prefixes {
    /// How long one is remembered after its last use; 0 is not at all.
    lives: Duration,
    used: Mutex<HashMap<u64, Nanos>>,
}

impl Prefixes {
    pub(crate) fn new(lives: Duration) -> Self {
        Self { lives, used: Mutex::default() }
    }

    /// How many tokens of the prompt in `body`, for `model`, need not be read again at `now`; from then on all of it is
    /// remembered.
    pub(crate) fn cached(&self, model: &str, body: &[u8], now: Nanos) -> usize {
        if self.lives.is_zero() {
            return 0;
        }
        let text = prompt(body);
        let known = self.remember(model, text.as_bytes(), now) * BLOCK;
        if known < LEAST {
            return 0;
        }
        match count(&String::from_utf8_lossy(&text.as_bytes()[..known])) {
            tokens if tokens < LEAST => 0,
            tokens => tokens - (tokens - LEAST) % STEP,
        }
    }

    /// How many blocks from the beginning are known.
    fn remember(&self, model: &str, text: &[u8], now: Nanos) -> usize {
        let mut hash = DefaultHasher::new();
        hash.write(model.as_bytes());
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = 0;
        for (i, block) in text.chunks_exact(BLOCK).enumerate() {
            hash.write(block);
            let before = used.insert(hash.finish(), now);
            if known == i && before.is_some_and(|at| now.since(at) <= self.lives) {
                known += 1;
            }
        }
        if used.len() > BLOCKS {
            used.clear();
        }
        known
    }
}

/// The text of a prompt, in the order in which the model reads it; nothing if the body is not what it must be.
fn prompt(body: &[u8]) -> String {
    let mut text = String::new();
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        for key in ["tools", "instructions", "messages", "input", "prompt"] {
            gather(&body[key], &mut text);
        }
    }
    text
}

/// All strings in a value, one after the other.
fn gather(value: &Value, text: &mut String) {
    match value {
        Value::String(string) => text.push_str(string),
        Value::Array(items) => items.iter().for_each(|item| gather(item, text)),
        Value::Object(members) => members.values().for_each(|member| gather(member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(words: usize, end: &str) -> Vec<u8> {
        let text = format!("{}{end}", "word ".repeat(words));
        serde_json::json!({"messages": [{"role": "user", "content": text}]}).to_string().into_bytes()
    }

    #[test]
    fn a_prefix_counts_from_1024_tokens_in_steps_of_128() {
        let prefixes = Prefixes::new(Duration::from_nanos(1000));
        assert_eq!(prefixes.cached("m", &body(2000, "a"), Nanos(0)), 0);
        let cached = prefixes.cached("m", &body(2000, "b"), Nanos(1));
        // 39 blocks of 256 bytes are known: 1,996 words, of which 1,024 + 7 * 128 count.
        assert_eq!(cached, 1920);
        assert_eq!(prefixes.cached("other", &body(2000, "b"), Nanos(1)), 0);
        assert_eq!(prefixes.cached("m", &body(500, "b"), Nanos(1)), 0);
    }

    #[test]
    fn a_prefix_is_forgotten_some_time_after_its_last_use() {
        let prefixes = Prefixes::new(Duration::from_nanos(1000));
        let cached = |now| prefixes.cached("m", &body(2000, ""), Nanos(now)) > 0;
        assert_eq!([cached(0), cached(900), cached(1900), cached(2901)], [false, true, true, false]);
        assert_eq!(Prefixes::new(Duration::ZERO).cached("m", &body(2000, ""), Nanos(0)), 0);
    }
}
