//! `logprobs`: how likely each token was, and what else it might have been. The figures are invented, the shape is not.

use std::io::Write;
use std::ops::Range;

use super::content::Words;
use super::json::quoted;

/// How many alternatives each token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logprobs {
    pub(crate) top: usize,
}

const OTHERS: [&str; 20] = [
    " the", " a", " it", " and", ",", ".", " is", " of", " to", " in", " that", " for", " on", " with", " as", " at",
    " by", " this", " not", " or",
];

impl Logprobs {
    /// Appends the object for some tokens of `words`.
    pub(crate) fn write(self, words: &Words, tokens: Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"content\":");
        self.write_list(words, tokens, out);
        out.extend_from_slice(b",\"refusal\":null}");
    }

    /// Appends the list for some tokens of `words`.
    pub(crate) fn write_list(self, words: &Words, tokens: Range<usize>, out: &mut Vec<u8>) {
        out.push(b'[');
        for (i, k) in tokens.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            let piece = words.piece(k);
            write_token(piece, 0, out);
            out.extend_from_slice(b",\"top_logprobs\":[");
            let others = OTHERS.iter().copied().filter(|other| *other != piece);
            for (rank, other) in std::iter::once(piece).chain(others).take(self.top).enumerate() {
                if rank > 0 {
                    out.push(b',');
                }
                write_token(other, rank, out);
                out.push(b'}');
            }
            out.extend_from_slice(b"]}");
        }
        out.push(b']');
    }
}

/// A token without the end of its object.
fn write_token(piece: &str, rank: usize, out: &mut Vec<u8>) {
    let logprob = -0.125 - 1.5 * rank as f64;
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{{\"token\":{},\"logprob\":{logprob},\"bytes\":{:?}", quoted(piece), piece.as_bytes());
}
