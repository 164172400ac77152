//! Token counts by the real tokenizer (o200k_base), before the run only.
//!
//! The vocabulary takes tens of megabytes, and a thread that counts keeps a cache of its own. So counting is done in
//! a thread that ends at once: nothing of either is left when measuring begins.

use crate::workload::error::WorkloadError;

/// A text is counted in pieces of about so many bytes: what the tokenizer needs grows with the longest word of a piece.
const PIECE: usize = 1 << 20;

/// Does work that counts tokens.
///
/// # Errors
/// When the tokenizer fails.
pub(crate) fn with_counter<T: Send>(work: impl FnOnce(&dyn Fn(&str) -> u32) -> T + Send) -> Result<T, WorkloadError> {
    let counting = || {
        let tokenizer = tiktoken::encoding::o200k_base();
        work(&|text| pieces(text).map(|piece| tokenizer.count(piece) as u32).sum())
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("tokenizer".to_owned()).spawn_scoped(scope, counting);
        thread.map_err(|_| WorkloadError::Tokenizer)?.join().map_err(|_| WorkloadError::Tokenizer)
    })
}

/// A text in pieces, each of which begins with a blank where there is one.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let end = text.floor_char_boundary(PIECE);
        let end = if end < text.len() {
            text[..end].rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(end)
        } else {
            end
        };
        let (piece, rest) = text.split_at(end);
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_has_the_tokens_of_its_pieces() {
        let words = "the quick brown fox ".repeat(PIECE / 16);
        let unbroken = "x".repeat(3 * PIECE);
        for text in [words.as_str(), &unbroken, "", "short"] {
            assert_eq!(pieces(text).collect::<String>(), text);
            assert!(pieces(text).all(|piece| piece.len() <= PIECE));
        }
        let counted = with_counter(|count| count(&words)).expect("counted");
        assert!(counted.abs_diff(4 * (PIECE as u32 / 16)) < 9, "{counted}");
    }
}
