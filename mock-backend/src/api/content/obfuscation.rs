//! Random letters that hide how long a piece of a stream is: piece and letters together have a fixed length.

/// Of a piece of a chat completion, as it stands in JSON (seen in captures of Azure).
pub(crate) const CHAT: usize = 11;
/// Of the opening chunk of a chat completion.
pub(crate) const ROLE: usize = 9;
/// Of a piece of a response, before it is escaped.
pub(crate) const RESPONSES: usize = 16;

const LETTERS: &str = "q7ZkW2xNbV9sRtPm4LcYhJ3dGfA8uEoK1iTnXw6BzCvQ5yHrSj0MgDpUlFaOe7IkN3bW9xRz2TqLm8VcPsYd4JhGf\
     1uAoE6KiTnXw5BzCvQ0yHrSj7MgDpUlFaOeIkN3b9WxR2zTqLm8VcPsY4dJhG1fuAoEK6iTnXw5BzCvQ0yHrSj7Mg";

/// The letters beside a piece of length `taken`, for event number `k`.
pub(crate) fn letters(k: usize, taken: usize, all: usize) -> &'static str {
    let length = all.saturating_sub(taken);
    let start = k.wrapping_mul(37) % (LETTERS.len() - length);
    &LETTERS[start..start + length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn piece_and_letters_have_one_length() {
        assert!((0..1000).all(|k| letters(k, 3, CHAT).len() == 8));
        assert_ne!(letters(1, 0, RESPONSES), letters(2, 0, RESPONSES));
        assert_eq!(letters(1, 40, RESPONSES), "");
    }
}
