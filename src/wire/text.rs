//! Texts and numbers as JSON, without the detour of formatted output.

use serde::Serialize;

/// So many bytes of a text are looked at together.
const STRIDE: usize = 64;

/// Appends a number.
pub(crate) fn push_number(bytes: &mut Vec<u8>, number: impl Into<u64>) {
    push_json(bytes, &number.into());
}

/// Appends a text in quotes, escaped. Almost no prompt has anything to escape: those are copied as they are.
pub(crate) fn push_text(bytes: &mut Vec<u8>, text: &str) {
    if text.as_bytes().chunks(STRIDE).any(has_escapes) {
        return push_json(bytes, text);
    }
    bytes.reserve(text.len() + 2);
    bytes.push(b'"');
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'"');
}

/// Whether any of these bytes is written in another way in JSON. Looks at all of them, so that they are compared at once.
fn has_escapes(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | (*byte < b' ') | (*byte == b'"') | (*byte == b'\\'))
}

fn push_json(bytes: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Texts and numbers always serialize, and writing into memory does not fail.
    let _ = serde_json::to_writer(bytes, value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pushed(text: &str) -> String {
        let mut bytes = Vec::new();
        push_text(&mut bytes, text);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn every_letter_is_written_as_json_wherever_it_stands() {
        for letter in (0..=255).map(char::from).chain(['\u{7ff}', '\u{2028}', '\u{ffff}', '\u{1f600}']) {
            for place in [0, 1, STRIDE - 1, STRIDE, STRIDE + 1, 3 * STRIDE] {
                let text = format!("{}{letter}end", "x".repeat(place));
                assert_eq!(pushed(&text), serde_json::to_string(&text).expect("JSON"), "{letter:?} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_text_is_written_as_serde_writes_it(text in any::<String>()) {
            prop_assert_eq!(pushed(&text), serde_json::to_string(&text).expect("JSON"));
        }
    }
}
