//! A text as a JSON string.

/// Appends `text` in quotes, escaped.
pub(super) fn push_text(body: &mut Vec<u8>, text: &str) {
    // Texts always serialize, and writing into memory does not fail.
    let _ = serde_json::to_writer(body, text);
}
