//! Errors in the shape of Anthropic's API, as its documentation lists them.

use hyper::StatusCode;
use serde_json::json;

use super::error_text::Details;
use crate::fault::ErrorKind;
use crate::units::seconds_up;

/// The body of an error: its type follows from the status.
pub(crate) fn shaped(status: StatusCode, message: &str, id: &str) -> String {
    let kind = kind_of(status);
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": id}).to_string()
}

fn kind_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

/// What is wrong with the body of a request, with the parameter in front.
pub(crate) fn invalid(status: StatusCode, message: &str, param: Option<&str>, code: Option<&str>, id: &str) -> String {
    let param = param.map(|param| param.replace('[', ".").replace(']', ""));
    let what = match code {
        Some("missing_required_parameter") => "Field required",
        Some("unknown_parameter") => "Extra inputs are not permitted",
        Some(_) | None => message,
    };
    let message = param.map_or_else(|| what.to_owned(), |param| format!("{param}: {what}"));
    shaped(status, &message, id)
}

impl ErrorKind {
    /// The body of the answer of a Claude model.
    pub(super) fn anthropic(self, details: &Details<'_>) -> String {
        let Details { model, figures: [limit, _, asked], .. } = details;
        let wait = seconds_up(details.wait.unwrap_or_default()).max(1);
        let text = str::to_owned;
        let message = match self {
            Self::Parameter => text("max_tokens: Input should be less than or equal to 128000"),
            Self::Filter => text("Output blocked by content filtering policy"),
            Self::Context => format!("prompt is too long: {asked} tokens > {limit} maximum"),
            Self::Operation => format!("The model `{model}` does not support this operation."),
            Self::Key | Self::FlatKey => text("invalid x-api-key"),
            Self::Token => text("Access token is missing, invalid, audience is incorrect, or have expired."),
            Self::Role => text("Principal does not have access to API/Operation."),
            Self::Network => text("Public access is disabled. Please configure private endpoint."),
            Self::Firewall => text("Access denied due to Virtual Network/Firewall rules."),
            Self::Deployment => format!("model: {model}"),
            Self::Path => text("Not Found"),
            Self::Timeout | Self::GatewayTimeout => text("Request timed out."),
            Self::Conflict => text("The resource was changed by another request."),
            Self::Size => text("Request exceeds the maximum size"),
            Self::Semantics => text("The request could not be processed."),
            Self::CallRate | Self::ModelRate | Self::Streamed | Self::StreamedCode => format!(
                "This request would exceed the rate limit of {limit} requests per minute. Please try again in {wait} \
                 seconds."
            ),
            Self::TokenRate | Self::Oversize => format!(
                "This request would exceed the rate limit of {limit} tokens per minute. Please try again in {wait} \
                 seconds."
            ),
            Self::Quota => text("Your credit balance is too low to access the Anthropic API."),
            Self::Demand | Self::Provisioned | Self::Unavailable | Self::Overloaded => text("Overloaded"),
            Self::Server
            | Self::BadGateway
            | Self::HtmlBadGateway
            | Self::HtmlGatewayTimeout
            | Self::TextUnavailable
            | Self::EmptyServer => text("Internal server error"),
        };
        shaped(self.status(), &message, details.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_parameter_is_named_as_the_service_names_it() {
        let param = Some("messages[0].role");
        for (code, expected) in [
            (Some("missing_required_parameter"), "messages.0.role: Field required"),
            (Some("unknown_parameter"), "messages.0.role: Extra inputs are not permitted"),
            (None, "messages.0.role: no"),
        ] {
            let said = invalid(StatusCode::BAD_REQUEST, "no", param, code, "req_1");
            let body: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert_eq!(
                body,
                json!({"type": "error", "error": {"type": "invalid_request_error", "message": expected},
                       "request_id": "req_1"})
            );
        }
    }
}
