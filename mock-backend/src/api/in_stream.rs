//! Trouble that comes in a stream, under status 200.

use serde_json::{Value, json};

use super::trouble_text::SORRY;

/// A stream of the Responses API that begins with status 200 and is refused all the same, as Azure sends it: with an event
/// of its own for the reason, or, if `coded`, with the reason in the failed response.
pub(crate) fn refused_stream(id: &str, model: &str, created: u64, coded: bool) -> String {
    const MESSAGE: &str = "Your requests to the deployment have exceeded rate limit.";
    let reason = if coded { json!({"code": "rate_limit_exceeded", "message": MESSAGE}) } else { Value::Null };
    let response = json!({
        "id": id, "object": "response", "created_at": created, "status": "failed", "background": false, "error": reason,
        "incomplete_details": null, "instructions": null, "model": model, "output": [], "parallel_tool_calls": true,
        "previous_response_id": null, "store": true, "tool_choice": "auto", "tools": [], "usage": null, "metadata": {},
    });
    let failed = json!({"type": "response.failed", "sequence_number": 1, "response": response});
    let failed = format!("event: response.failed\ndata: {failed}\n\n");
    if coded {
        return failed;
    }
    let error = json!({"type": "error", "sequence_number": 2, "error": {
        "type": "too_many_requests", "code": "rate_limit_exceeded", "message": MESSAGE, "param": null,
        "headers": {"x-ms-fe-error": "true"},
    }});
    format!("{failed}event: error\ndata: {error}\n\n")
}

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
