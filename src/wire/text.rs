//! Texts and numbers as JSON, without the detour of formatted output.

use serde::Serialize;

/// Appends a text in quotes, escaped, or a number.
pub(crate) fn push_json(bytes: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Texts and numbers always serialize, and writing into memory does not fail.
    let _ = serde_json::to_writer(bytes, value);
}
