//! What the services say of an error, each in its own shape.

use std::time::Duration;

use serde_json::{Value, json};

use super::dialect::Dialect;
use crate::fault::{ErrorKind, SORRY};
use crate::limits::go_duration;
use crate::units::seconds_up;

/// The wait of an error that says none.
const SECOND: Duration = Duration::from_secs(1);

/// The figures and names that the texts repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Details<'a> {
    pub(crate) model: &'a str,
    /// The key that does not pass, or the address that does not exist, if the error is one of the request.
    pub(crate) about: Option<&'a str>,
    pub(crate) version: &'a str,
    pub(crate) responses: bool,
    /// How long to wait.
    pub(crate) wait: Option<Duration>,
    /// What may be, what is used, what was asked for; in tokens, or in requests.
    pub(crate) figures: [u64; 3],
    /// The name of the request.
    pub(crate) id: &'a str,
}

const PARAMETER: &str = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
     'max_completion_tokens' instead.";
const POLICY: &str = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. \
     Please modify your prompt and retry. To learn more about our content filtering policies please read our \
     documentation: https://go.microsoft.com/fwlink/?linkid=2198766";
const DEPLOYMENT: &str = "The API deployment for this resource does not exist. If you created the deployment within the \
     last 5 minutes, please wait a moment and try again.";
const KEY: &str = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key \
     for an active subscription and use a correct regional API endpoint for your resource.";
const NO_KEY: &str = "You didn't provide an API key. You need to provide your API key in an Authorization header using \
     Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
const BUSY: &str = "The service is temporarily unable to process your request. Please try again later.";
const DEMAND: &str = "The system is experiencing high demand and cannot process your request. Your request exceeds the \
     maximum usage size allowed during peak load. Please retry after some time, or use provisioned throughput.";
const MORE: &str = "Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default \
     rate limit.";

impl<'a> Details<'a> {
    /// Those of an error about a model, a key or an address.
    pub(crate) fn about(about: &'a str, id: &'a str) -> Self {
        Self { model: about, about: Some(about), version: "v1", responses: false, wait: None, figures: [0; 3], id }
    }

    /// How long to wait, in whole seconds.
    fn seconds(&self) -> u64 {
        seconds_up(self.wait.unwrap_or(SECOND)).max(1)
    }
}

impl ErrorKind {
    /// The body of the answer: its type, and its text.
    pub(crate) fn body(self, dialect: Dialect, details: &Details<'_>) -> (&'static str, String) {
        const JSON: &str = "application/json";
        self.foreign_body().unwrap_or_else(|| match dialect {
            Dialect::OpenAi => (JSON, self.openai(details)),
            Dialect::Azure => (JSON, self.azure(details)),
            Dialect::Anthropic => (JSON, self.anthropic(details)),
        })
    }

    fn openai(self, details: &Details<'_>) -> String {
        const INVALID: &str = "invalid_request_error";
        let model = details.model;
        let text = str::to_owned;
        let (message, kind, param, code) = match self {
            Self::Parameter => (text(PARAMETER), INVALID, Some("max_tokens"), Some("unsupported_parameter")),
            Self::Filter => (text(POLICY), INVALID, Some("prompt"), Some("content_filter")),
            Self::Context => {
                let param = if details.responses { "input" } else { "messages" };
                (too_long(details), INVALID, Some(param), Some("context_length_exceeded"))
            }
            Self::Operation => {
                (format!("The model `{model}` does not support this operation."), INVALID, Some("model"), None)
            }
            Self::Key | Self::FlatKey | Self::Token => {
                (wrong_key(details.about), INVALID, None, Some("invalid_api_key"))
            }
            Self::Role | Self::Network | Self::Firewall => {
                let message = "Country, region, or territory not supported";
                (text(message), "request_forbidden", None, Some("unsupported_country_region_territory"))
            }
            Self::Deployment => {
                let message = format!("The model `{model}` does not exist or you do not have access to it.");
                (message, INVALID, Some("model"), Some("model_not_found"))
            }
            Self::Path => {
                let what = details.about.map(|about| format!(" ({about})")).unwrap_or_default();
                (format!("Invalid URL{what}"), INVALID, None, None)
            }
            Self::Timeout => (text("Request timed out."), "timeout", None, None),
            Self::Conflict => (text("The resource was changed by another request."), INVALID, None, Some("conflict")),
            Self::Size => (text("Request body too large."), INVALID, None, None),
            Self::Semantics => (text("The request could not be processed."), INVALID, None, None),
            Self::CallRate | Self::ModelRate | Self::Streamed | Self::StreamedCode => {
                (rate(details, "requests", "RPM"), "requests", None, Some("rate_limit_exceeded"))
            }
            Self::TokenRate => (rate(details, "tokens", "TPM"), "tokens", None, Some("rate_limit_exceeded")),
            Self::Oversize => (oversize(details), "tokens", None, Some("rate_limit_exceeded")),
            Self::Demand | Self::Provisioned => {
                let message = "That model is currently overloaded with other requests. Please try again later.";
                (text(message), "server_error", None, None)
            }
            Self::Quota => {
                let message = "You exceeded your current quota, please check your plan and billing details.";
                (text(message), "insufficient_quota", None, Some("insufficient_quota"))
            }
            Self::Unavailable | Self::Overloaded => {
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
        let seconds = details.seconds();
        let text = str::to_owned;
        let (code, message) = match self {
            Self::Filter => return filtered(details.responses),
            Self::Parameter | Self::Context | Self::Conflict => return self.openai(details),
            Self::Operation => ("OperationNotSupported", wrong_model(details.model)),
            Self::Key => ("401", text(KEY)),
            Self::FlatKey => return json!({"statusCode": 401, "message": KEY}).to_string(),
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
            Self::CallRate | Self::Streamed | Self::StreamedCode => ("429", exceeded(details, "call")),
            Self::TokenRate | Self::Oversize => ("429", exceeded(details, "token")),
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
            Self::Unavailable | Self::Overloaded => ("ServiceUnavailable", text(BUSY)),
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

/// What OpenAI says of a key that does not pass; an empty one was not given.
fn wrong_key(key: Option<&str>) -> String {
    match key {
        Some("") => NO_KEY.to_owned(),
        key => format!("Incorrect API key provided: {}.", hide(key.unwrap_or_default())),
    }
}

/// A key with only its ends shown, and nothing of a short one.
fn hide(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    let ends = if chars.len() >= 16 { 4 } else { 0 };
    let show = |part: &[char]| part.iter().collect::<String>();
    format!("{}****{}", show(&chars[..ends]), show(&chars[chars.len() - ends..]))
}

/// What OpenAI says of a rate: `kind` a minute, which are written `short`.
fn rate(details: &Details<'_>, kind: &str, short: &str) -> String {
    let Details { model, figures: [limit, used, asked], .. } = details;
    let again = go_duration(details.wait.unwrap_or(SECOND));
    format!(
        "Rate limit reached for {model} in organization org-sim on {kind} per min ({short}): Limit {limit}, Used {used}, \
         Requested {asked}. Please try again in {again}. Visit https://platform.openai.com/account/rate-limits to learn \
         more."
    )
}

/// What OpenAI says of a request that no minute has room for.
fn oversize(details: &Details<'_>) -> String {
    let Details { model, figures: [limit, _, asked], .. } = details;
    format!(
        "Request too large for {model} in organization org-sim on tokens per min (TPM): Limit {limit}, Requested {asked}. \
         The input or output tokens must be reduced in order to run successfully. Visit \
         https://platform.openai.com/account/rate-limits to learn more."
    )
}

/// What both say of a prompt that is longer than the model can take.
fn too_long(details: &Details<'_>) -> String {
    let [limit, _, asked] = details.figures;
    format!(
        "This model's maximum context length is {limit} tokens. However, your messages resulted in {asked} tokens. Please \
         reduce the length of the messages."
    )
}

/// What Azure says of a rate of `what`.
fn exceeded(details: &Details<'_>, what: &str) -> String {
    let operation = if details.responses { "Responses_Create" } else { "ChatCompletions_Create" };
    format!(
        "Requests to the {operation} Operation under Azure OpenAI API version {} have exceeded {what} rate limit of your \
         current OpenAI S0 pricing tier. Please retry after {} seconds. {MORE}",
        details.version,
        details.seconds()
    )
}

/// What Azure says of a model that does not do what is asked.
fn wrong_model(model: &str) -> String {
    format!(
        "The operation does not work with the specified model, {model}. Please choose different model and try again."
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_is_not_shown_at_all() {
        assert_eq!((hide("secret").as_str(), hide("").as_str()), ("****", "****"));
        assert_eq!(hide("sk-abcdefghijklmnop"), "sk-a****mnop");
    }
}
