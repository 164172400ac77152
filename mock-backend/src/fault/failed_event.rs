//! The event with which a stream fails in its middle.

use serde_json::json;

use super::error_kind::SORRY;

/// The API in whose stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailedIn {
    /// Chat completions, and completions of the older kind.
    Chat,
    /// Responses, with the number of the event: nested, as it is seen, or `flat`, as its specification has it.
    Responses { sequence: u64, flat: bool },
    /// Anthropic's messages, of which the documented example is an overloaded model.
    Messages,
}

/// An error in the middle of a stream.
pub(crate) fn failed_event(place: FailedIn) -> String {
    let event = match place {
        FailedIn::Chat => {
            let error = json!({"message": SORRY, "type": "server_error", "param": null, "code": null});
            return format!("data: {}\n\n", json!({"error": error}));
        }
        FailedIn::Responses { sequence, flat: true } => json!({
            "type": "error", "sequence_number": sequence, "code": "server_error", "message": SORRY, "param": null,
        }),
        FailedIn::Responses { sequence, flat: false } => {
            let error = json!({"type": "server_error", "code": "server_error", "message": SORRY, "param": null});
            json!({"type": "error", "sequence_number": sequence, "error": error})
        }
        FailedIn::Messages => {
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
        }
    };
    format!("event: error\ndata: {event}\n\n")
}
