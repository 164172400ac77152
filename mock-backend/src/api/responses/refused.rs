//! A refusal that comes in a stream, under status 200.

use serde_json::{Value, json};

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
