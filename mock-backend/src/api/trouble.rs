//! What can go wrong with a request that was right: every status of the services, in the shapes of both.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::route::Dialect;
use crate::limits::go_duration;

/// One kind of trouble; each has its name in the table, and its text below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Parameter,
    Filter,
    Context,
    Operation,
    Key,
    Token,
    Role,
    Network,
    Firewall,
    Deployment,
    Path,
    Timeout,
    Conflict,
    Size,
    Semantics,
    CallRate,
    TokenRate,
    Oversize,
    Demand,
    Provisioned,
    Quota,
    ModelRate,
    Streamed,
    Server,
    BadGateway,
    Unavailable,
    GatewayTimeout,
    HtmlBadGateway,
    HtmlGatewayTimeout,
    TextUnavailable,
    EmptyServer,
}

/// All of them: how scenarios and headers name them, and their status.
pub(crate) const TROUBLES: [(&str, Trouble, u16); 31] = [
    ("400", Trouble::Parameter, 400),
    ("400-filter", Trouble::Filter, 400),
    ("400-context", Trouble::Context, 400),
    ("400-operation", Trouble::Operation, 400),
    ("401", Trouble::Key, 401),
    ("401-token", Trouble::Token, 401),
    ("403", Trouble::Role, 403),
    ("403-network", Trouble::Network, 403),
    ("403-firewall", Trouble::Firewall, 403),
    ("404", Trouble::Deployment, 404),
    ("404-path", Trouble::Path, 404),
    ("408", Trouble::Timeout, 408),
    ("409", Trouble::Conflict, 409),
    ("413", Trouble::Size, 413),
    ("422", Trouble::Semantics, 422),
    ("429", Trouble::CallRate, 429),
    ("429-tokens", Trouble::TokenRate, 429),
    ("429-too-large", Trouble::Oversize, 429),
    ("429-demand", Trouble::Demand, 429),
    ("429-ptu", Trouble::Provisioned, 429),
    ("429-quota", Trouble::Quota, 429),
    ("429-models", Trouble::ModelRate, 429),
    ("429-in-stream", Trouble::Streamed, 429),
    ("500", Trouble::Server, 500),
    ("502", Trouble::BadGateway, 502),
    ("503", Trouble::Unavailable, 503),
    ("504", Trouble::GatewayTimeout, 504),
    ("html-502", Trouble::HtmlBadGateway, 502),
    ("html-504", Trouble::HtmlGatewayTimeout, 504),
    ("text-503", Trouble::TextUnavailable, 503),
    ("empty-500", Trouble::EmptyServer, 500),
];

/// The figures and names that the texts repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Details<'a> {
    pub(crate) model: &'a str,
    pub(crate) version: &'a str,
    pub(crate) responses: bool,
    /// How long to wait, in nanoseconds.
    pub(crate) wait: Option<u64>,
    /// What may be, what is used, what was asked for; in tokens, or in requests.
    pub(crate) figures: [u64; 3],
}

const POLICY: &str = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. \
     Please modify your prompt and retry. To learn more about our content filtering policies please read our \
     documentation: https://go.microsoft.com/fwlink/?linkid=2198766";
const DEPLOYMENT: &str = "The API deployment for this resource does not exist. If you created the deployment within the \
     last 5 minutes, please wait a moment and try again.";
const SORRY: &str = "The server had an error while processing your request. Sorry about that!";
const BUSY: &str = "The service is temporarily unable to process your request. Please try again later.";
const DEMAND: &str = "The system is experiencing high demand and cannot process your request. Your request exceeds the \
     maximum usage size allowed during peak load. Please retry after some time, or use provisioned throughput.";
const MORE: &str = "Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default \
     rate limit.";

impl Trouble {
    fn row(self) -> (&'static str, Self, u16) {
        TROUBLES.iter().copied().find(|row| row.1 == self).unwrap_or(TROUBLES[0])
    }

    /// How scenarios, headers and the ledger name it.
    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().2).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether another deployment may take the request instead.
    pub(crate) fn spills(self) -> bool {
        matches!(self.row().2, 429 | 500 | 503) || self == Self::Context
    }

    /// What a gateway says that has this trouble itself.
    pub(crate) fn gateway_message(self) -> &'static str {
        match self.row().2 {
            401 => {
                "Access denied due to invalid subscription key. Make sure to provide a valid key for an active \
                 subscription."
            }
            403 => "Token quota is exceeded. Try again in 2 seconds.",
            404 => "Resource not found",
            429 => "Token limit is exceeded. Try again in 2 seconds.",
            503 => "Service Unavailable",
            400..=499 => "The request could not be processed.",
            _ => "Internal server error",
        }
    }

    /// The body of the answer: its type, and its text.
    pub(crate) fn body(self, dialect: Dialect, details: &Details<'_>) -> (&'static str, String) {
        const JSON: &str = "application/json";
        match (self, dialect) {
            (Self::HtmlBadGateway, _) => ("text/html", html("502 Bad Gateway")),
            (Self::HtmlGatewayTimeout, _) => ("text/html", html("504 Gateway Time-out")),
            (Self::TextUnavailable, _) => {
                let text = "upstream connect error or disconnect/reset before headers. reset reason: overflow";
                ("text/plain", text.to_owned())
            }
            (Self::EmptyServer, _) => (JSON, String::new()),
            (_, Dialect::OpenAi) => (JSON, self.openai(details)),
            (_, Dialect::Azure) => (JSON, self.azure(details)),
        }
    }

    fn openai(self, details: &Details<'_>) -> String {
        const INVALID: &str = "invalid_request_error";
        let Details { model, figures: [limit, used, asked], .. } = details;
        let again = go_duration(details.wait.unwrap_or(1_000_000_000));
        let rate = |kind: &str, short: &str| {
            format!(
                "Rate limit reached for {model} in organization org-sim on {kind} per min ({short}): Limit {limit}, \
                 Used {used}, Requested {asked}. Please try again in {again}. Visit \
                 https://platform.openai.com/account/rate-limits to learn more."
            )
        };
        let text = str::to_owned;
        let (message, kind, param, code) = match self {
            Self::Parameter => {
                let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                               'max_completion_tokens' instead.";
                (text(message), INVALID, Some("max_tokens"), Some("unsupported_parameter"))
            }
            Self::Filter => (text(POLICY), INVALID, Some("prompt"), Some("content_filter")),
            Self::Context => {
                let message = format!(
                    "This model's maximum context length is {limit} tokens. However, your messages resulted in {asked} \
                     tokens. Please reduce the length of the messages."
                );
                let param = if details.responses { "input" } else { "messages" };
                (message, INVALID, Some(param), Some("context_length_exceeded"))
            }
            Self::Operation => (text("This model does not support this operation."), INVALID, Some("model"), None),
            Self::Key | Self::Token => {
                (text("Incorrect API key provided: ****."), INVALID, None, Some("invalid_api_key"))
            }
            Self::Role | Self::Network | Self::Firewall => {
                let message = "Country, region, or territory not supported";
                (text(message), "request_forbidden", None, Some("unsupported_country_region_territory"))
            }
            Self::Deployment => {
                let message = format!("The model `{model}` does not exist or you do not have access to it.");
                (message, INVALID, Some("model"), Some("model_not_found"))
            }
            Self::Path => (text("Invalid URL"), INVALID, None, None),
            Self::Timeout => (text("Request timed out."), "timeout", None, None),
            Self::Conflict => (text("The resource was changed by another request."), INVALID, None, Some("conflict")),
            Self::Size => (text("Request body too large."), INVALID, None, None),
            Self::Semantics => (text("The request could not be processed."), INVALID, None, None),
            Self::CallRate | Self::ModelRate | Self::Streamed => {
                (rate("requests", "RPM"), "requests", None, Some("rate_limit_exceeded"))
            }
            Self::TokenRate => (rate("tokens", "TPM"), "tokens", None, Some("rate_limit_exceeded")),
            Self::Oversize => {
                let message = format!(
                    "Request too large for {model} in organization org-sim on tokens per min (TPM): Limit {limit}, \
                     Requested {asked}. The input or output tokens must be reduced in order to run successfully. Visit \
                     https://platform.openai.com/account/rate-limits to learn more."
                );
                (message, "tokens", None, Some("rate_limit_exceeded"))
            }
            Self::Demand | Self::Provisioned => {
                let message = "That model is currently overloaded with other requests. Please try again later.";
                (text(message), "server_error", None, None)
            }
            Self::Quota => {
                let message = "You exceeded your current quota, please check your plan and billing details.";
                (text(message), "insufficient_quota", None, Some("insufficient_quota"))
            }
            Self::Unavailable => {
                (text("The engine is currently overloaded, please try again later."), "server_error", None, None)
            }
            Self::Server
            | Self::BadGateway
            | Self::GatewayTimeout
            | Self::HtmlBadGateway
            | Self::HtmlGatewayTimeout
            | Self::TextUnavailable
            | Self::EmptyServer => (text(SORRY), "server_error", None, None),
        };
        json!({"error": {"message": message, "type": kind, "param": param, "code": code}}).to_string()
    }

    fn azure(self, details: &Details<'_>) -> String {
        let [limit, _, _] = details.figures;
        let seconds = details.wait.unwrap_or(1_000_000_000).div_ceil(1_000_000_000).max(1);
        let exceeded = |what: &str| {
            let operation = if details.responses { "Responses_Create" } else { "ChatCompletions_Create" };
            format!(
                "Requests to the {operation} Operation under Azure OpenAI API version {} have exceeded {what} rate \
                 limit of your current OpenAI S0 pricing tier. Please retry after {seconds} seconds. {MORE}",
                details.version
            )
        };
        let text = str::to_owned;
        let (code, message) = match self {
            Self::Filter => return filtered(details.responses),
            Self::Parameter | Self::Context | Self::Conflict => return self.openai(details),
            Self::Operation => (
                "OperationNotSupported",
                format!(
                    "The operation does not work with the specified model, {}. Please choose different model and try \
                     again.",
                    details.model
                ),
            ),
            Self::Key => (
                "401",
                text(
                    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid \
                     key for an active subscription and use a correct regional API endpoint for your resource.",
                ),
            ),
            Self::Token => (
                "Unauthorized",
                text(
                    "Unauthorized. Access token is missing, invalid, audience is incorrect \
                     (https://cognitiveservices.azure.com), or have expired.",
                ),
            ),
            Self::Role => ("PermissionDenied", text("Principal does not have access to API/Operation.")),
            Self::Network => ("403", text("Public access is disabled. Please configure private endpoint.")),
            Self::Firewall => ("403", text("Access denied due to Virtual Network/Firewall rules.")),
            Self::Deployment => ("DeploymentNotFound", text(DEPLOYMENT)),
            Self::Path => ("404", text("Resource not found")),
            Self::Timeout => ("Timeout", text("The operation was timeout.")),
            Self::Size => ("413", text("Request body too large.")),
            Self::Semantics => ("OperationParameterInvalid", text("The request could not be processed.")),
            Self::CallRate | Self::Streamed => ("429", exceeded("call")),
            Self::TokenRate | Self::Oversize => ("429", exceeded("token")),
            Self::Demand => ("429", text(DEMAND)),
            Self::Provisioned => (
                "429",
                format!(
                    "The deployment's provisioned throughput is used up: its utilization is at or above 100%. Please \
                     retry after {seconds} seconds, or send the request to another deployment."
                ),
            ),
            Self::Quota => ("insufficient_quota", text("You exceeded your current quota.")),
            Self::ModelRate => {
                let message = format!(
                    "Rate limit of {} per 60s exceeded for UserByModelByMinute. Please wait {seconds} seconds before \
                     retrying.",
                    limit.max(1)
                );
                return json!({"error": {"code": "RateLimitReached", "message": message, "details": message}})
                    .to_string();
            }
            Self::Unavailable => ("ServiceUnavailable", text(BUSY)),
            Self::Server
            | Self::BadGateway
            | Self::GatewayTimeout
            | Self::HtmlBadGateway
            | Self::HtmlGatewayTimeout
            | Self::TextUnavailable
            | Self::EmptyServer => ("InternalServerError", text(SORRY)),
        };
        json!({"error": {"code": code, "message": message}}).to_string()
    }
}

fn html(what: &str) -> String {
    format!(
        "<html>\r\n<head><title>{what}</title></head>\r\n<body>\r\n<center><h1>{what}</h1></center>\r\n<hr><center>\
         nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

/// A prompt that the content filter refuses, which each API words in its own way.
fn filtered(responses: bool) -> String {
    let safe = json!({"filtered": false, "severity": "safe"});
    let results: Value = json!({
        "hate": safe, "self_harm": safe, "sexual": safe,
        "violence": {"filtered": true, "severity": "high"},
        "jailbreak": {"filtered": false, "detected": false},
    });
    if responses {
        let filter = json!({
            "blocked": true, "source_type": "prompt", "content_filter_results": results,
            "content_filter_offsets": {"start_offset": 0, "end_offset": 0, "check_offset": 0},
        });
        return json!({"error": {
            "message": POLICY, "type": "invalid_request_error", "param": "prompt", "code": "content_filter",
            "content_filters": [filter],
        }})
        .to_string();
    }
    json!({"error": {
        "message": POLICY, "type": null, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results},
    }})
    .to_string()
}

/// A stream of the Responses API that begins with status 200 and is refused all the same, as Azure sends it.
pub(crate) fn refused_stream(id: &str, model: &str, created: u64) -> String {
    let response = json!({
        "id": id, "object": "response", "created_at": created, "status": "failed", "background": false, "error": null,
        "incomplete_details": null, "instructions": null, "model": model, "output": [], "parallel_tool_calls": true,
        "previous_response_id": null, "store": true, "tool_choice": "auto", "tools": [], "usage": null, "metadata": {},
    });
    let failed = json!({"type": "response.failed", "sequence_number": 1, "response": response});
    let error = json!({"type": "error", "sequence_number": 2, "error": {
        "type": "too_many_requests", "code": "rate_limit_exceeded",
        "message": "Your requests to the deployment have exceeded rate limit.", "param": null,
        "headers": {"x-ms-fe-error": "true"},
    }});
    format!("event: response.failed\ndata: {failed}\n\nevent: error\ndata: {error}\n\n")
}

/// An error in the middle of a stream; `sequence` is the number of the event in the Responses API, none is the chat API.
pub(crate) fn failed_event(sequence: Option<u64>) -> String {
    let Some(sequence) = sequence else {
        let error = json!({"message": SORRY, "type": "server_error", "param": null, "code": null});
        return format!("data: {}\n\n", json!({"error": error}));
    };
    let error = json!({"type": "server_error", "code": "server_error", "message": SORRY, "param": null});
    let event = json!({"type": "error", "sequence_number": sequence, "error": error});
    format!("event: error\ndata: {event}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_a_name_of_its_own_that_begins_or_ends_with_its_status() {
        let mut names: Vec<&str> = TROUBLES.iter().map(|row| row.0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TROUBLES.len());
        for (name, trouble, status) in TROUBLES {
            assert_eq!((trouble.name(), trouble.status().as_u16()), (name, status));
            assert!(name.contains(&status.to_string()), "{name}");
        }
    }
}
