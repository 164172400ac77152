//! What the TOML reader says, as one sentence with a line.

use crate::units::nearest;

/// The line (from 1) at which byte `offset` of `text` stands.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// A message of the TOML reader as one sentence, with the nearest right word where it names an unknown one.
pub(crate) fn explain(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    let (what, expected) = first.split_once(", expected ").unwrap_or((first, ""));
    let kind = if what.starts_with("unknown field") {
        "key"
    } else if what.starts_with("unknown variant") {
        "value"
    } else {
        return first.to_owned();
    };
    let words: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let wrong = what.split('`').nth(1).unwrap_or_default();
    match nearest(wrong, &words) {
        Some(near) => format!("unknown {kind} \"{wrong}\", did you mean \"{near}\"?"),
        None => format!("unknown {kind} \"{wrong}\"; known here: {}", words.join(", ")),
    }
}
