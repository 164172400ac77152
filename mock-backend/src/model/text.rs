//! Text of an exact number of tokens, and the count of a prompt's.
//!
//! An answer is a walk through a fixed passage, of which each piece is one token of `o200k_base` and stays one beside
//! its neighbours: every piece is a word with the space before it, or a mark, so the tokenizer splits between them
//! before it merges anything. The pieces hold no character that JSON must escape, and one of several bytes.

use std::hash::{DefaultHasher, Hasher};

use tiktoken::CoreBpe;

use crate::units::budget::take_text;

/// How an answer begins.
const OPENINGS: [&str; 8] = ["The", "A", "This", "Every", "When", "If", "Some", "Most"];

/// What follows, again and again.
const PASSAGE: [&str; 72] = [
    " message", " that", " travels", " over", " a", " network", " takes", " time", ",", " and", " the", " time", " it",
    " takes", " is", " never", " quite", " the", " same", ".", " First", " it", " waits", " for", " its", " turn", ",",
    " then", " it", " crosses", " a", " long", " line", " of", " glass", " –", " and", " at", " the", " end",
    " someone", " must", " read", " it", ".", " What", " you", " measure", " is", " the", " sum", " of", " all",
    " these", " steps", ",", " so", " measure", " each", " of", " them", " with", " care", " before", " you", " say",
    " which", " way", " was", " faster", ".", " Then",
];

/// Tokens a byte, where too little text is known to tell; and how many bytes are enough.
const RATE: f64 = 0.25;
const SAMPLE: usize = 4096;

/// The tokenizer of the models that are simulated.
fn tokenizer() -> Option<&'static CoreBpe> {
    tiktoken::get_encoding("o200k_base")
}

/// Loads the vocabulary, so that no request waits for it.
pub(crate) fn warm_up() {
    count("warm");
}

/// The number of tokens of `text`. What the request has no budget for is counted at the rate of what comes before it.
pub(crate) fn count(text: &str) -> usize {
    let (counted, rest) = text.split_at(text.floor_char_boundary(take_text(text.len())));
    let tokens = tokenizer().map_or(0, |tokenizer| tokenizer.count(counted));
    if rest.is_empty() {
        return tokens;
    }
    let rate = if counted.len() < SAMPLE { RATE } else { tokens as f64 / counted.len() as f64 };
    tokens + (rest.len() as f64 * rate).ceil() as usize
}

/// The tokens of `text`; and of what the request has no budget for, how many there would be by [`count`], and its hash.
pub(crate) fn encode(text: &str) -> (Vec<u32>, (usize, u64)) {
    let (read, rest) = text.split_at(text.floor_char_boundary(take_text(text.len())));
    let tokens = tokenizer().map_or_else(Vec::new, |tokenizer| tokenizer.encode(read));
    if rest.is_empty() {
        return (tokens, (0, 0));
    }
    let rate = if read.len() < SAMPLE { RATE } else { tokens.len() as f64 / read.len() as f64 };
    let mut hash = DefaultHasher::new();
    hash.write(rest.as_bytes());
    (tokens, ((rest.len() as f64 * rate).ceil() as usize, hash.finish()))
}

/// Where each token of `text` ends, in bytes. A token that ends within a character ends before it, so that no piece
/// between two ends splits a character; the piece that completes it holds it whole.
pub(crate) fn token_ends(text: &str) -> Vec<usize> {
    let Some(tokenizer) = tokenizer() else { return vec![text.len()] };
    let (split, rest) = text.split_at(text.floor_char_boundary(take_text(text.len())));
    let mut end = 0;
    let ends = tokenizer.encode(split).into_iter().map(|token| {
        end += tokenizer.decode(&[token]).len();
        text.floor_char_boundary(end)
    });
    let piece = (1.0 / RATE) as usize;
    let more = (1..=rest.len().div_ceil(piece)).map(|k| text.floor_char_boundary(split.len() + k * piece));
    ends.chain(more).collect()
}

/// One answer's text: any number of pieces, one token each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    start: usize,
}

impl Text {
    /// The text that begins at `start`, which may be any number.
    pub(crate) fn new(start: usize) -> Self {
        Self { start }
    }

    /// Piece `k`, from 0.
    pub(crate) fn piece(self, k: usize) -> &'static str {
        if k == 0 { OPENINGS[self.start % OPENINGS.len()] } else { PASSAGE[(k - 1) % PASSAGE.len()] }
    }

    /// Appends the first `n` pieces.
    pub(crate) fn append(self, n: usize, out: &mut Vec<u8>) {
        (0..n).for_each(|k| out.extend_from_slice(self.piece(k).as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_tokens_never_split_a_character() {
        for text in ["hello world", "{\"a\":[1,-2.5e3]}", "na\u{ef}ve \u{1f9d1}\u{200d}\u{1f680} \u{65e5}\u{672c}", ""]
        {
            let ends = token_ends(text);
            assert_eq!(ends.len(), count(text));
            assert_eq!(ends.last().copied().unwrap_or_default(), text.len());
            assert!(ends.iter().all(|end| text.is_char_boundary(*end)) && ends.is_sorted());
        }
    }

    #[test]
    fn every_piece_is_one_token_and_so_is_each_beside_its_neighbours() {
        for piece in OPENINGS.iter().chain(&PASSAGE) {
            assert_eq!(count(piece), 1, "{piece:?}");
            assert!(!piece.contains(['"', '\\']) && piece.bytes().all(|b| b >= 0x20), "{piece:?}");
        }
        for start in 0..OPENINGS.len() {
            for n in [0, 1, 2, 16, 64, 71, 72, 73, 74, 500] {
                let mut text = Vec::new();
                Text::new(start).append(n, &mut text);
                assert_eq!(count(std::str::from_utf8(&text).unwrap()), n, "start {start}");
            }
        }
    }
}
