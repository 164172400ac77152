//! Prompts of an exact token count, put together without a tokenizer.
//!
//! The material is English-like prose made of pieces that are one token each. Whatever stands around a piece, the
//! tokenizer splits the text at its borders, so any run of pieces has as many tokens as pieces. That was verified
//! with the real tokenizer (o200k_base) when the material was made, in a thread that ended with the vocabulary.
//!
//! A prompt is `salt, slice of the material, closing request`. The salt is of `SALT_TOKENS` tokens of three digits
//! and differs for every attempt, so no two prompts share a prefix and no path warms another's prompt cache. A prompt
//! too short for the closing request goes without it, and one shorter than the salt is salt alone: with `n` tokens
//! the first `1000^n` attempts still differ.

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::random::{Purpose, below, generator, hash};
use crate::workload::error::WorkloadError;
use crate::workload::tokens;

/// Tokens of the salt at the front of every prompt.
pub(crate) const SALT_TOKENS: u32 = 4;

/// Digits in a token of the salt.
const SALT_DIGITS: u32 = 3;

/// Asks the model to write, so that answers reach the token limit. It begins with a space: a newline would melt with
/// a full stop in front of it into one token.
const CLOSING: &str = " Please continue this text in the same manner and at great length.";

/// Prompts with fewer pieces of prose than this go without the closing request.
const LEAST_PROSE: u32 = 12;

/// How many pieces of prose there are; longer prompts run on from the end to the beginning.
const PIECES: usize = 40_000;

const WORDS: &str = include_str!("words.txt");

/// Prose of known length.
#[derive(Clone, Debug)]
pub(crate) struct Material {
    text: String,
    /// Where each piece begins, and where the last one ends.
    borders: Vec<u32>,
    closing_tokens: u32,
    seed: u64,
}

impl Material {
    /// Writes the prose and counts its tokens once.
    ///
    /// # Errors
    /// When the tokenizer does not count as many tokens as there are pieces.
    pub(crate) fn new(seed: u64) -> Result<Self, WorkloadError> {
        let (text, borders) = write_prose(seed);
        let (counted, closing_tokens) = tokens::with_counter(|count| (count(&text) as usize, count(CLOSING)))?;
        if counted != borders.len() - 1 {
            return Err(WorkloadError::Tokens { counted, wanted: borders.len() - 1 });
        }
        Ok(Self { text, borders, closing_tokens, seed })
    }

    /// The prompt of a round, of exactly `tokens` tokens (at least one), for the attempt with this salt.
    #[must_use]
    pub(crate) fn prompt(&self, tokens: u32, round: u64, salt: u64) -> String {
        let salt_tokens = tokens.clamp(1, SALT_TOKENS);
        let body = tokens.saturating_sub(SALT_TOKENS);
        let closing = if body >= LEAST_PROSE + self.closing_tokens { CLOSING } else { "" };
        let prose = if closing.is_empty() { body } else { body - self.closing_tokens };
        let pieces = self.borders.len() - 1;
        let start = below(hash(self.seed, Purpose::Prompt, round), pieces as u64) as usize;
        let mut prompt = String::with_capacity(self.bytes(start, prose as usize) + 16 + closing.len());
        push_salt(&mut prompt, self.seed, salt, salt_tokens);
        self.slices(start, prose as usize).for_each(|slice| prompt.push_str(slice));
        prompt.push_str(closing);
        prompt
    }

    fn bytes(&self, start: usize, pieces: usize) -> usize {
        self.slices(start, pieces).map(str::len).sum()
    }

    /// A run of pieces, in as many slices as it takes to run on from the end to the beginning.
    fn slices(&self, start: usize, pieces: usize) -> impl Iterator<Item = &str> {
        let all = self.borders.len() - 1;
        let (mut from, mut left) = (start, pieces);
        std::iter::from_fn(move || {
            let here = left.min(all - from);
            let slice = &self.text[self.borders[from] as usize..self.borders[from + here] as usize];
            left -= here;
            from = 0;
            (here > 0).then_some(slice)
        })
    }
}

/// Writes the salt: `number` mapped one to one onto `0..1000^tokens` (times an odd factor without 5, plus an offset,
/// both of the seed), three digits a token.
pub(crate) fn push_salt(prompt: &mut String, seed: u64, number: u64, tokens: u32) {
    let digits = (tokens * SALT_DIGITS) as usize;
    let space = 10_u64.pow(digits as u32);
    let factor = hash(seed, Purpose::Salt, 0) % space / 10 * 10 + 7;
    let offset = hash(seed, Purpose::Salt, 1) % space;
    let product = (u128::from(number % space) * u128::from(factor) % u128::from(space)) as u64;
    let mut salt = (product + offset) % space;
    let mut written = [b'0'; (SALT_TOKENS * SALT_DIGITS) as usize];
    for digit in written[..digits].iter_mut().rev() {
        *digit = b'0' + (salt % 10) as u8;
        salt /= 10;
    }
    // Digits are UTF-8.
    prompt.push_str(std::str::from_utf8(&written[..digits]).unwrap_or_default());
}

/// Sentences in a seeded order, with the borders of their pieces.
fn write_prose(seed: u64) -> (String, Vec<u32>) {
    let words = Words::read();
    let mut generator = generator(seed, Purpose::Material, 0);
    let (mut text, mut borders) = (String::new(), vec![0]);
    while borders.len() <= PIECES {
        for kind in PATTERNS[below(generator.next_u64(), PATTERNS.len() as u64) as usize].split(' ') {
            text.push_str(words.pick(kind, &mut generator));
            borders.push(text.len() as u32);
        }
    }
    (text, borders)
}

/// Kinds of words in their order in a sentence.
const PATTERNS: [&str; 10] = [
    "start adj noun verb det noun stop",
    "start noun verb det adj noun prep det noun stop",
    "start adj noun verb det noun comma join det noun verb det adj noun stop",
    "start noun prep det noun verb det noun adv stop",
    "start noun adv verb det noun prep det adj noun comma join det noun verb det noun adv stop",
    "start adj adj noun verb det noun prep det noun stop",
    "start noun verb det noun join verb det noun prep det noun stop",
    "start noun comma prep det adj noun comma verb det noun stop",
    "start adj noun adv verb det noun join det noun verb det noun prep det adj noun stop",
    "start noun verb det adj noun comma join det adj noun prep det noun verb det noun stop",
];

/// The word list by kind; every piece is one token.
struct Words(Vec<(&'static str, Vec<String>)>);

impl Words {
    fn read() -> Self {
        let kinds = WORDS.lines().filter_map(|line| line.split_once(": "));
        Self(kinds.map(|(kind, words)| (kind, words.split(' ').map(piece).collect())).collect())
    }

    fn pick(&self, kind: &str, generator: &mut Xoshiro256PlusPlus) -> &str {
        let number = generator.next_u64();
        let words = self.0.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, words)| words);
        words.get(below(number, words.len() as u64) as usize).map_or("", String::as_str)
    }
}

/// A word with the space in front of it; a punctuation mark alone.
fn piece(word: &str) -> String {
    if word.starts_with(char::is_alphabetic) { format!(" {word}") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_piece_is_one_token_and_every_pattern_has_its_words() {
        let words = Words::read();
        for kind in PATTERNS.iter().flat_map(|pattern| pattern.split(' ')) {
            assert!(words.0.iter().any(|(name, words)| *name == kind && !words.is_empty()), "{kind}");
        }
        let pieces: Vec<String> = words.0.into_iter().flat_map(|(_, words)| words).collect();
        let wrong = |count: &dyn Fn(&str) -> u32| pieces.into_iter().filter(|piece| count(piece) != 1).collect();
        let wrong: Vec<String> = tokens::with_counter(wrong).expect("counted");
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn prompts_have_exactly_the_tokens_asked_for() {
        let material = Material::new(42).expect("material");
        let lengths = (1..=64).chain((65..8000).step_by(97)).chain([8000, 40_000, 100_000]);
        let check = |count: &dyn Fn(&str) -> u32| {
            for (round, wanted) in (0_u64..).zip(lengths) {
                let prompt = material.prompt(wanted, round, round * 31);
                let head: String = prompt.chars().take(60).collect();
                assert_eq!(count(&prompt), wanted, "{wanted} tokens wanted: {head}");
            }
        };
        tokens::with_counter(check).expect("every prompt has them");
    }

    #[test]
    fn no_two_attempts_share_a_salt() {
        let salts = |tokens, count: u64| {
            let salt = |number| {
                let mut text = String::new();
                push_salt(&mut text, 42, number, tokens);
                text
            };
            (0..count).map(salt).collect::<BTreeSet<String>>()
        };
        assert_eq!(salts(SALT_TOKENS, 50_000).len(), 50_000);
        assert_eq!(salts(1, 1000).len(), 1000);
        assert!(salts(2, 1000).iter().all(|salt| salt.len() == 6));
    }

    #[test]
    fn rounds_differ_in_prose_and_members_of_a_round_in_salt_alone() {
        let material = Material::new(42).expect("material");
        let body = |round, salt| material.prompt(200, round, salt)[12..].to_owned();
        assert_eq!(body(1, 10), body(1, 11));
        assert_ne!(body(1, 10), body(2, 10));
        assert_ne!(material.prompt(200, 1, 10), material.prompt(200, 1, 11));
    }
}
