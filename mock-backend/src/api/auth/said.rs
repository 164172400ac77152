//! What a token endpoint says.

use hyper::StatusCode;
use serde_json::{Value, json};

/// A status and a body.
pub(super) type Said = (StatusCode, Value);

/// A refusal as RFC 6749 has it.
pub(super) fn refuse(status: u16, error: &str, description: &str) -> Said {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, json!({"error": error, "error_description": description}))
}
