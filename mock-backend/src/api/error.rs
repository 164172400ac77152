//! Refusals, in the shapes in which OpenAI, Azure OpenAI and Anthropic word them.

use hyper::StatusCode;
use serde_json::json;

use super::anthropic_error;
use super::dialect::Dialect;
use super::error_text::Details;
use crate::fault::ErrorKind;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// As the services refuse everywhere, with what it is about: a model, a key, an address.
    Kind(ErrorKind, String),
    /// The address exists, but not for this method.
    WrongMethod(String),
    /// The api-version is older than the Responses API.
    OldVersion,
    /// The body is not what it must be, or names what is not here.
    Invalid(Box<Invalid>),
}

/// What is wrong with the body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) param: Option<String>,
    pub(crate) code: Option<&'static str>,
}

const OLD_VERSION: &str = "Azure OpenAI Responses API is enabled only for api-version 2025-03-01-preview and later";

impl ApiError {
    /// The error of this kind, about nothing in particular.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        Self::Kind(kind, String::new())
    }

    /// Status 400, with the parameter that is wrong, if it is one.
    pub(crate) fn invalid<'p>(message: impl Into<String>, param: impl Into<Option<&'p str>>) -> Self {
        let (status, param) = (StatusCode::BAD_REQUEST, param.into().map(str::to_owned));
        Self::Invalid(Box::new(Invalid { status, message: message.into(), param, code: None }))
    }

    /// The same with a code.
    pub(crate) fn coded(code: &'static str, message: impl Into<String>, param: &str) -> Self {
        let (status, param) = (StatusCode::BAD_REQUEST, Some(param.to_owned()));
        Self::Invalid(Box::new(Invalid { status, message: message.into(), param, code: Some(code) }))
    }

    /// A parameter that must be there is not.
    pub(crate) fn missing(param: &str) -> Self {
        Self::coded("missing_required_parameter", format!("Missing required parameter: '{param}'."), param)
    }

    /// A word that a parameter does not have, and those that it has.
    pub(crate) fn no_such_word(word: &str, words: &[&str], param: &str) -> Self {
        let listed = match words {
            [all @ .., last] if !all.is_empty() => {
                let all: Vec<String> = all.iter().map(|word| format!("'{word}'")).collect();
                let comma = if all.len() > 1 { "," } else { "" };
                format!("{}{comma} and '{last}'", all.join(", "))
            }
            _ => words.iter().map(|word| format!("'{word}'")).collect(),
        };
        Self::coded("invalid_value", format!("Invalid value: '{word}'. Supported values are: {listed}."), param)
    }

    /// Status 404: nothing of this kind has this id here.
    pub(crate) fn not_found(what: &str, id: &str, param: Option<&str>) -> Self {
        let (status, message) = (StatusCode::NOT_FOUND, format!("{what} with id '{id}' not found."));
        Self::Invalid(Box::new(Invalid { status, message, param: param.map(str::to_owned), code: None }))
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Kind(kind, _) => kind.status(),
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::OldVersion => StatusCode::BAD_REQUEST,
            Self::Invalid(invalid) => invalid.status,
        }
    }

    /// The body of the answer to the request of this name.
    pub(crate) fn body(&self, dialect: Dialect, id: &str) -> String {
        let azure = dialect == Dialect::Azure;
        match self {
            Self::Kind(kind, about) => kind.body(dialect, &Details::about(about, id)).1,
            Self::Invalid(wrong) if dialect == Dialect::Anthropic => {
                anthropic_error::invalid(wrong.status, &wrong.message, wrong.param.as_deref(), wrong.code, id)
            }
            Self::WrongMethod(_) | Self::OldVersion if dialect == Dialect::Anthropic => {
                anthropic_error::shaped(self.status(), "Method Not Allowed", id)
            }
            Self::WrongMethod(_) if azure => shaped(dialect, "Method not allowed", None, Some("405")),
            Self::WrongMethod(what) => {
                shaped(dialect, &format!("Not allowed to {what}."), None, Some("method_not_supported"))
            }
            Self::OldVersion => shaped(dialect, OLD_VERSION, None, azure.then_some("BadRequest")),
            Self::Invalid(invalid) => shaped(Dialect::OpenAi, &invalid.message, invalid.param.as_deref(), invalid.code),
        }
    }
}

fn shaped(dialect: Dialect, message: &str, param: Option<&str>, code: Option<&str>) -> String {
    let error = match dialect {
        Dialect::OpenAi | Dialect::Anthropic => {
            json!({"message": message, "type": "invalid_request_error", "param": param, "code": code})
        }
        Dialect::Azure => json!({"code": code, "message": message}),
    };
    json!({"error": error}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_words_its_refusals_in_its_own_shape() {
        let error = ApiError::Kind(ErrorKind::Key, "sk-abcdefghijklmnop".to_owned());
        assert_eq!(
            error.body(Dialect::OpenAi, "req_1"),
            r#"{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-a****mnop.","param":null,"type":"invalid_request_error"}}"#
        );
        assert!(
            error
                .body(Dialect::Azure, "req_1")
                .starts_with(r#"{"error":{"code":"401","message":"Access denied due to"#)
        );
        let error = ApiError::Kind(ErrorKind::Deployment, "x".to_owned());
        assert!(error.body(Dialect::OpenAi, "req_1").contains(r#""code":"model_not_found""#));
        assert!(error.body(Dialect::Azure, "req_1").contains(r#""code":"DeploymentNotFound""#));
    }

    #[test]
    fn words_are_listed_as_a_sentence_has_them() {
        let listed = |words: &[&str]| match ApiError::no_such_word("x", words, "p") {
            ApiError::Invalid(invalid) => invalid.message,
            other => panic!("{other:?}"),
        };
        assert_eq!(listed(&["a"]), "Invalid value: 'x'. Supported values are: 'a'.");
        assert_eq!(listed(&["a", "b"]), "Invalid value: 'x'. Supported values are: 'a' and 'b'.");
        assert_eq!(listed(&["a", "b", "c"]), "Invalid value: 'x'. Supported values are: 'a', 'b', and 'c'.");
    }
}
