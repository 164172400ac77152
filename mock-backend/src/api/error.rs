//! Refusals, in the shapes in which OpenAI and Azure OpenAI word them.

use hyper::StatusCode;
use serde_json::json;

use super::dialect::Dialect;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// No key.
    MissingKey,
    /// A key that does not pass; shown with its middle hidden.
    WrongKey(String),
    /// A bearer token that is not for this service, or not any more.
    WrongToken,
    /// No model or deployment of this name.
    NoModel(String),
    /// The model exists, but not for this.
    WrongModel(String),
    /// No such address, or no api-version where there must be one.
    NoRoute(String),
    /// The address exists, but not for this method.
    WrongMethod(String),
    /// The body is not what it must be: message and parameter.
    Invalid(String, Option<&'static str>),
    /// The same, with a code.
    Coded { message: String, param: Option<&'static str>, code: &'static str },
    /// A field that the interface does not have.
    Unrecognized(String),
    /// No stored response of this id here.
    NoResponse(String),
    /// No stored chat completion of this id here.
    NoChat(String),
    /// The response that this one should follow is not here.
    NoPrevious(String),
    /// The api-version is older than the Responses API.
    OldVersion,
    /// The body is too large.
    TooLarge,
    /// The body took too long to come.
    Slow,
    /// The model is out, or too many requests wait for it.
    Unavailable,
}

const AZURE_KEY: &str = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a \
     valid key for an active subscription and use a correct regional API endpoint for your resource.";
const AZURE_DEPLOYMENT: &str = "The API deployment for this resource does not exist. If you created the deployment \
     within the last 5 minutes, please wait a moment and try again.";

const WRONG_TOKEN: &str = "Unauthorized. Access token is missing, invalid, audience is incorrect \
     (https://cognitiveservices.azure.com), or have expired.";
const UNAVAILABLE: &str = "The service is temporarily unable to process your request. Please try again later.";
const SLOW: &str = "The request body did not come in time.";
const OLD_VERSION: &str = "Azure OpenAI Responses API is enabled only for api-version 2025-03-01-preview and later";

impl ApiError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::MissingKey | Self::WrongKey(_) | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::NoModel(_) | Self::NoRoute(_) | Self::NoResponse(_) | Self::NoChat(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongModel(_)
            | Self::Invalid(..)
            | Self::Coded { .. }
            | Self::Unrecognized(_)
            | Self::NoPrevious(_)
            | Self::OldVersion => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The body of the answer.
    pub(crate) fn body(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::OpenAi => self.openai(),
            Dialect::Azure => self.azure(),
        }
    }

    fn openai(&self) -> String {
        let (message, param, code) = match self {
            Self::MissingKey => (
                "You didn't provide an API key. You need to provide your API key in an Authorization header using \
                 Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
                    .to_owned(),
                None,
                Some("invalid_api_key"),
            ),
            Self::WrongKey(key) => {
                (format!("Incorrect API key provided: {}.", hide(key)), None, Some("invalid_api_key"))
            }
            Self::WrongToken => (WRONG_TOKEN.to_owned(), None, Some("401")),
            Self::NoModel(model) => (
                format!("The model `{model}` does not exist or you do not have access to it."),
                Some("model"),
                Some("model_not_found"),
            ),
            Self::WrongModel(model) => {
                (format!("The model `{model}` does not support this operation."), Some("model"), None)
            }
            Self::NoRoute(what) => (format!("Invalid URL ({what})"), None, None),
            Self::WrongMethod(what) => (format!("Not allowed to {what}."), None, Some("method_not_supported")),
            Self::Invalid(message, param) => (message.clone(), *param, None),
            Self::Coded { message, param, code } => (message.clone(), *param, Some(*code)),
            Self::Unrecognized(field) => (format!("Unrecognized request argument supplied: {field}"), None, None),
            Self::NoResponse(id) => (format!("Response with id '{id}' not found."), None, None),
            Self::NoChat(id) => (format!("Chat completion with id '{id}' not found."), Some("completion_id"), None),
            Self::NoPrevious(id) => (
                format!("Previous response with id '{id}' not found."),
                Some("previous_response_id"),
                Some("previous_response_not_found"),
            ),
            Self::OldVersion => (OLD_VERSION.to_owned(), None, None),
            Self::TooLarge => ("The request body is larger than 16 MiB.".to_owned(), None, None),
            Self::Slow => (SLOW.to_owned(), None, None),
            Self::Unavailable => (UNAVAILABLE.to_owned(), None, Some("server_overloaded")),
        };
        let kind = if *self == Self::Unavailable { "server_error" } else { "invalid_request_error" };
        json!({"error": {"message": message, "type": kind, "param": param, "code": code}}).to_string()
    }

    fn azure(&self) -> String {
        let (code, message) = match self {
            Self::MissingKey | Self::WrongKey(_) => ("401", AZURE_KEY.to_owned()),
            Self::WrongToken => ("401", WRONG_TOKEN.to_owned()),
            Self::NoModel(_) => ("DeploymentNotFound", AZURE_DEPLOYMENT.to_owned()),
            Self::WrongModel(model) => (
                "OperationNotSupported",
                format!(
                    "The operation does not work with the specified model, {model}. Please choose different model and \
                     try again."
                ),
            ),
            Self::NoRoute(_) => ("404", "Resource not found".to_owned()),
            Self::WrongMethod(_) => ("405", "Method not allowed".to_owned()),
            Self::Invalid(..)
            | Self::Coded { .. }
            | Self::Unrecognized(_)
            | Self::NoResponse(_)
            | Self::NoChat(_)
            | Self::NoPrevious(_) => return self.openai(),
            Self::OldVersion => ("BadRequest", OLD_VERSION.to_owned()),
            Self::TooLarge => ("413", "The request body is larger than 16 MiB.".to_owned()),
            Self::Slow => ("Timeout", SLOW.to_owned()),
            Self::Unavailable => ("ServiceUnavailable", UNAVAILABLE.to_owned()),
        };
        json!({"error": {"code": code, "message": message}}).to_string()
    }
}

/// A key with only its ends shown, and nothing of a short one.
fn hide(key: &str) -> String {
    let ends = |n: usize| {
        let chars: Vec<char> = key.chars().collect();
        let (head, tail) = (&chars[..n], &chars[chars.len() - n..]);
        format!("{}****{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
    };
    if key.chars().count() >= 16 { ends(4) } else { "****".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_words_its_refusals_in_its_own_shape() {
        let error = ApiError::WrongKey("sk-abcdefghijklmnop".to_owned());
        assert_eq!(
            error.body(Dialect::OpenAi),
            r#"{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-a****mnop.","param":null,"type":"invalid_request_error"}}"#
        );
        assert!(error.body(Dialect::Azure).starts_with(r#"{"error":{"code":"401","message":"Access denied due to"#));
        let error = ApiError::NoModel("x".to_owned());
        assert!(error.body(Dialect::OpenAi).contains(r#""code":"model_not_found""#));
        assert!(error.body(Dialect::Azure).contains(r#""code":"DeploymentNotFound""#));
    }

    #[test]
    fn a_short_key_is_not_shown_at_all() {
        assert_eq!(hide("secret"), "****");
    }
}
