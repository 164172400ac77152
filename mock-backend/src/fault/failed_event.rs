//! The event with which a stream fails in its middle.

use serde_json::json;

use super::error_kind::SORRY;

/// An error in the middle of a stream; `sequence` is the number of the event in the Responses API, none is the chat API.
/// That of the Responses API comes nested, as it is seen, or `flat`, as its specification has it.
pub(crate) fn failed_event(sequence: Option<u64>, flat: bool) -> String {
    let Some(sequence) = sequence else {
        let error = json!({"message": SORRY, "type": "server_error", "param": null, "code": null});
        return format!("data: {}\n\n", json!({"error": error}));
    };
    let event = if flat {
        json!({"type": "error", "sequence_number": sequence, "code": "server_error", "message": SORRY, "param": null})
    } else {
        let error = json!({"type": "server_error", "code": "server_error", "message": SORRY, "param": null});
        json!({"type": "error", "sequence_number": sequence, "error": error})
    };
    format!("event: error\ndata: {event}\n\n")
}
