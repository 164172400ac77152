//! `logprobs`: how likely each token was, and what else it might have been. The figures are invented, the shape is not.

use std::io::Write;
use std::ops::Range;

use super::choice::Words;
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

impl Logprobs {
    /// Appends the object of completions of the older kind for some tokens of `words`, of which the first stands after
    /// `before` characters.
    pub(crate) fn write_legacy(self, words: &Words, tokens: Range<usize>, before: usize, out: &mut Vec<u8>) {
        let join = |each: &dyn Fn(usize) -> String| tokens.clone().map(each).collect::<Vec<_>>().join(",");
        let top = |k: usize| {
            let piece = words.piece(k);
            let others = OTHERS.iter().copied().filter(|other| *other != piece);
            let ranked = std::iter::once(piece).chain(others).take(self.top).enumerate();
            let member = |(rank, token): (usize, &str)| format!("{}:{}", quoted(token), likelihood(rank));
            format!("{{{}}}", ranked.map(member).collect::<Vec<_>>().join(","))
        };
        let offsets = tokens.clone().scan(before + words.length(0..tokens.start), |offset, k| {
            let here = *offset;
            *offset += words.length(k..k + 1);
            Some(here.to_string())
        });
        let offsets: Vec<String> = offsets.collect();
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"tokens\":[{}],\"token_logprobs\":[{}],\"top_logprobs\":[{}],\"text_offset\":[{}]}}",
            join(&|k| quoted(words.piece(k))),
            join(&|_| likelihood(0).to_string()),
            join(&top),
            offsets.join(","),
        );
    }
}

/// The likelihood of the token of this rank.
fn likelihood(rank: usize) -> f64 {
    -0.125 - 1.5 * rank as f64
}

/// A token without the end of its object.
fn write_token(piece: &str, rank: usize, out: &mut Vec<u8>) {
    let logprob = likelihood(rank);
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{{\"token\":{},\"logprob\":{logprob},\"bytes\":{:?}", quoted(piece), piece.as_bytes());
}
