//! Errors in every dress that servers and gateways give them, inside a stream or a body whose status was 200.
//!
//! One reading of the shapes and one table of the words for a limit, whichever API is spoken. It is asked only about
//! what is no part of an answer, so it may copy and allocate.

use serde_json::{Map, Value};

use crate::limits::Limit;

/// What tells a limit from another error, in codes, kinds and messages alike; compared in small letters, without
/// whatever is neither letter nor digit.
const LIMIT_WORDS: [&str; 20] = [
    "ratelimit",
    "toomanyrequests",
    "throttl",
    "overloaded",
    "quota",
    "capacity",
    "resourceexhausted",
    "resourcesexhausted",
    "slowdown",
    "highdemand",
    "serverbusy",
    "isbusy",
    "toobusy",
    "enginebusy",
    "requestlimit",
    "concurrencylimit",
    "queuefull",
    "queueisfull",
    "insufficientsystemresource",
    "highload",
];
/// The same as numbers: HTTP's, and Anthropic's for an overloaded server.
const LIMIT_NUMBERS: [&str; 2] = ["429", "529"];
/// What a gateway calls the code of something that went well.
const FINE_CODES: [&str; 6] = ["", "0", "200", "20000", "success", "ok"];
/// The status words of an answer that is none.
const BAD_STATUSES: [&str; 6] = ["error", "failed", "fail", "failure", "cancelled", "canceled"];

/// An error that came instead of an answer or in its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiError<'a> {
    /// Whether a limit on requests, tokens or load refused the call.
    pub throttled: bool,
    said: &'a [u8],
}

impl<'a> ApiError<'a> {
    /// What is known to be an error, whatever it says: JSON in any shape, or text.
    #[must_use]
    pub fn known(said: &'a [u8]) -> Self {
        Self { throttled: Fields::of(said).is_limit(), said }
    }

    /// An error, if what is said has the shape of one.
    #[must_use]
    pub(crate) fn recognise(said: &'a [u8]) -> Option<Self> {
        let fields = Fields::find(&json(said)?)?;
        Some(Self { throttled: fields.is_limit(), said })
    }

    /// An error, if what is said has a member `error` that holds something: no other shape counts.
    #[must_use]
    pub(crate) fn explicit(said: &'a [u8]) -> Option<Self> {
        let fields = Fields::of_error(first_object(&json(said)?)?)?;
        Some(Self { throttled: fields.is_limit(), said })
    }

    /// The server's own bytes; not cut, and not cleaned of secrets.
    #[must_use]
    pub fn said(&self) -> &'a [u8] {
        self.said
    }
}

/// JSON that may be an error: what is longer than an error ever is, is none.
fn json(said: &[u8]) -> Option<Value> {
    Limit::ErrorJson.allow(said.len()).ok()?;
    serde_json::from_slice(said).ok()
}

/// What the shapes have in common.
#[derive(Debug, Default)]
struct Fields {
    code: Option<String>,
    kind: Option<String>,
    status: Option<String>,
    message: Option<String>,
}

impl Fields {
    /// Of what is an error in any case: the one that it holds, or itself.
    fn of(said: &[u8]) -> Self {
        match json(said) {
            Some(value) => Self::find(&value).unwrap_or_else(|| Self::loose(&value)),
            None => {
                let said = &said[..said.len().min(Limit::ErrorJson.most())];
                Self::text(String::from_utf8_lossy(said).trim().to_owned())
            }
        }
    }

    /// Of what may be an error: each shape in turn, the plainest first.
    fn find(value: &Value) -> Option<Self> {
        let object = first_object(value)?;
        Self::of_error(object)
            .or_else(|| Self::of_kind(object))
            .or_else(|| Self::of_vendor(object))
            .or_else(|| Self::of_detail(object))
            .or_else(|| Self::of_message(object))
    }

    /// A member `error` or `errors`: an object, a text, a list of either.
    fn of_error(object: &Map<String, Value>) -> Option<Self> {
        const NAMES: [&str; 5] = ["error", "errors", "Error", "fault", "exception"];
        let inner = NAMES.iter().filter_map(|name| object.get(*name)).find(|value| is_filled(value))?;
        let mut fields = Self::loose(inner);
        let outer = Self::own(object);
        fields.code = fields.code.or(outer.code);
        fields.kind = fields.kind.or_else(|| text(object, &["error_type", "errorType"]));
        fields.status = fields.status.or(outer.status);
        fields.message = fields.message.or(outer.message);
        Some(fields)
    }

    /// A `type` or `object` that says so; what it holds may lie in a `response`.
    fn of_kind(object: &Map<String, Value>) -> Option<Self> {
        let kind = text(object, &["type"]).unwrap_or_default().to_ascii_lowercase();
        let ends = ["error", "exception", ".failed", ".cancelled", ".incomplete"].iter().any(|end| kind.ends_with(end));
        let says = ends || text(object, &["object"]).is_some_and(|what| what == "error");
        if !says {
            return None;
        }
        let response = object.get("response").and_then(Value::as_object);
        let reason = response.and_then(|response| response.get("incomplete_details")).and_then(|why| why.get("reason"));
        let mut fields = response.and_then(Self::of_error).unwrap_or_else(|| Self::own(object));
        fields.message = fields.message.or_else(|| reason.and_then(Value::as_str).map(str::to_owned));
        Some(fields)
    }

    /// Numbers of an error beside an answer's own members, as some vendors send them; nought means that all is well.
    fn of_vendor(object: &Map<String, Value>) -> Option<Self> {
        let (inner, names) = match object.get("base_resp").and_then(Value::as_object) {
            Some(inner) => (inner, &["status_code"][..]),
            None => (object, &["error_code", "errorCode"][..]),
        };
        let code = text(inner, names).filter(|code| !is_fine(code))?;
        let message = text(inner, &["status_msg", "error_msg", "errorMessage", "error_message", "message"]);
        Some(Self { code: Some(code), message, ..Self::default() })
    }

    /// `detail` of FastAPI and others: a text, an object, or a list of what is wrong. Something that reports progress
    /// says so beside it.
    fn of_detail(object: &Map<String, Value>) -> Option<Self> {
        let detail =
            ["detail", "details"].iter().filter_map(|name| object.get(*name)).find(|value| is_filled(value))?;
        if object.contains_key("type") && !object.contains_key("status") && !object.contains_key("code") {
            return None;
        }
        let (inner, own) = (Self::loose(detail), Self::own(object));
        Some(Self {
            code: own.code.or(inner.code),
            kind: own.kind.or(inner.kind),
            status: own.status.or(inner.status),
            message: own.message.or(inner.message),
        })
    }

    /// A message with a code or a status that is not one of success, or a message and nothing else.
    fn of_message(object: &Map<String, Value>) -> Option<Self> {
        let own = Self::own(object);
        own.message.as_ref()?;
        let bad_code = own.code.as_ref().is_some_and(|code| !is_fine(code));
        let bad_status = own.status.as_ref().is_some_and(|status| is_bad_status(status));
        let denied = object.get("success") == Some(&Value::Bool(false)) || object.contains_key("__type");
        let alone = object
            .keys()
            .all(|name| MESSAGES.contains(&name.as_str()) || name.to_ascii_lowercase().contains("request"));
        (bad_code || bad_status || denied || alone).then_some(own)
    }

    /// Of whatever stands where an error is expected.
    fn loose(value: &Value) -> Self {
        match value {
            Value::String(words) => Self::text(words.clone()),
            Value::Array(list) => list.first().map(Self::loose).unwrap_or_default(),
            Value::Object(object) => Self::of_error(object).unwrap_or_else(|| Self::own(object)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::default(),
        }
    }

    /// The members of an object itself.
    fn own(object: &Map<String, Value>) -> Self {
        Self {
            code: text(object, &["code", "Code", "errorcode", "error_code"]),
            kind: text(object, &["type", "__type", "error_type", "name", "reason"]),
            status: text(object, &["status", "statusCode", "status_code", "http_status"]),
            message: text(object, &MESSAGES),
        }
    }

    fn text(words: String) -> Self {
        Self { message: Some(words).filter(|words| !words.is_empty()), ..Self::default() }
    }

    /// Whether it speaks of a limit.
    fn is_limit(&self) -> bool {
        let labels = [&self.code, &self.kind, &self.status];
        labels.into_iter().flatten().any(|label| is_limit_number(label) || speaks_of_limit(label))
            || self.message.as_ref().is_some_and(|words| speaks_of_limit(words) || holds_limit_number(words))
    }
}

/// Where the words for a person stand.
const MESSAGES: [&str; 9] =
    ["message", "Message", "msg", "error_msg", "title", "faultstring", "detail", "error_message", "description"];

/// The object itself, or the first of a list: some wrap their errors so.
fn first_object(value: &Value) -> Option<&Map<String, Value>> {
    match value {
        Value::Array(list) => list.first().and_then(Value::as_object),
        _ => value.as_object(),
    }
}

/// Whether a value holds something; the same as of JSON that is read in place.
fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

/// The first of these members that is a text or a number: codes come as both.
fn text(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match object.get(*name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn is_fine(code: &str) -> bool {
    FINE_CODES.contains(&code.trim().to_ascii_lowercase().as_str())
}

fn is_bad_status(status: &str) -> bool {
    let number = status.parse::<u32>().is_ok_and(|status| (400..600).contains(&status));
    number || BAD_STATUSES.contains(&status.to_ascii_lowercase().as_str())
}

fn is_limit_number(label: &str) -> bool {
    LIMIT_NUMBERS.contains(&label.trim())
}

/// Whether one of the numbers stands in a text as a word of its own.
fn holds_limit_number(words: &str) -> bool {
    words.split(|letter: char| !letter.is_ascii_alphanumeric()).any(is_limit_number)
}

/// Whether a code, a kind, a reason or a message speaks of a limit.
pub(super) fn speaks_of_limit(words: &str) -> bool {
    let plain: String = words.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    LIMIT_WORDS.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was read of an error, in a line.
    fn described(body: &str) -> String {
        let fields = Fields::find(&serde_json::from_str(body).unwrap_or_default()).unwrap_or_default();
        let code = fields.code.or(fields.kind).or(fields.status);
        code.into_iter().chain(fields.message).collect::<Vec<_>>().join(": ")
    }

    #[test]
    fn errors_of_every_shape_are_read() {
        let table = [
            (r#"{"error":{"message":"no","type":"t","code":"c"}}"#, "c: no"),
            (r#"{"error":{"code":401,"message":"no"}}"#, "401: no"),
            (r#"{"statusCode":429,"message":"slow down"}"#, "429: slow down"),
            (r#"{"error":{"message":"no","code":null}}"#, "no"),
            (r#"{"error":"no","error_type":"overloaded"}"#, "overloaded: no"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]}"#, "missing: field required"),
            (r#"[{"error":{"code":429,"message":"no"}}]"#, "429: no"),
            (
                r#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}"#,
                "10000: Authentication error",
            ),
            (r#"{"type":"about:blank","title":"Too Many Requests","status":429}"#, "about:blank: Too Many Requests"),
            (r#"{"message":"Forbidden"}"#, "Forbidden"),
            ("<html>502</html>", ""),
            ("{}", ""),
        ];
        for (body, told) in table {
            assert_eq!(described(body), told, "{body}");
        }
    }

    /// A dress, and whether a limit wears it.
    const DRESSES: [(&str, bool); 42] = [
        (r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#, false),
        (r#"{"error":{"message":"x","type":"requests","code":"rate_limit_exceeded"}}"#, true),
        (r#"{"error":{"code":"429","message":"Requests have exceeded call rate limit"}}"#, true),
        (r#"{"error":{"code":429}}"#, true),
        (r#"{"error":{"code":"RateLimitReached","message":"x"}}"#, true),
        (r#"{"error":{"type":"insufficient_quota","message":"x"}}"#, true),
        (r#"{"error":{"message":"litellm.RateLimitError: AzureException","type":"None","code":null}}"#, true),
        (r#"{"error":{"message":"That model is currently overloaded with other requests"}}"#, true),
        (r#"{"error":{"message":"Error code: 429 - see above"}}"#, true),
        (r#"{"error":{"message":"request id 4291b is unknown"}}"#, false),
        (r#"{"error":{"message":"maximum context length is 4096 tokens","code":"context_length_exceeded"}}"#, false),
        (r#"{"error":{"status":"RESOURCE_EXHAUSTED","message":"x","code":8}}"#, true),
        (r#"{"error":{"error":{"message":"too many requests"}}}"#, true),
        (r#"{"error":"Model too busy, unable to get response"}"#, true),
        (r#"{"error":"Rate limit reached","error_type":"x"}"#, true),
        (r#"{"error":"x","error_type":"overloaded"}"#, true),
        (r#"{"error":["x","y"]}"#, false),
        (r#"{"error":true,"message":"Throttling"}"#, true),
        (r#"{"error":"Too Many Requests","status":429,"path":"/v1"}"#, true),
        (r#"{"id":"x","choices":[],"error":{"code":502,"message":"Provider disconnected"}}"#, false),
        (r#"{"object":"error","message":"x","type":"BadRequestError","param":null,"code":400}"#, false),
        (r#"{"object":"error","message":"x","type":"RateLimitError","code":429}"#, true),
        (r#"{"code":400,"details":"too many logprobs"}"#, false),
        (r#"{"code":"Throttling.RateQuota","message":"x","request_id":"r"}"#, true),
        (r#"{"code":500,"msg":"404 NOT_FOUND","success":false}"#, false),
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, true),
        (r#"{"type":"error","code":"server_error","message":"x","param":null,"sequence_number":3}"#, false),
        (r#"{"type":"error","sequence_number":2,"error":{"type":"too_many_requests"}}"#, true),
        (r#"{"type":"response.failed","response":{"status":"failed","error":null}}"#, false),
        (r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}"#, true),
        (r#"{"type":"rate_limit_error","message":"x"}"#, true),
        (r#"{"detail":"x"}"#, false),
        (r#"{"detail":{"code":"too_many_requests","message":"x"}}"#, true),
        (r#"{"message":"Too many requests, please wait before trying again."}"#, true),
        (r#"{"__type":"ThrottlingException","message":"x"}"#, true),
        (r#"{"base_resp":{"status_code":1002,"status_msg":"rate limit"},"choices":null}"#, true),
        (r#"{"error_code":18,"error_msg":"Open api qps request limit reached"}"#, true),
        (
            r#"{"fault":{"faultstring":"Rate limit quota violation","detail":{"errorcode":"policies.ratelimit.QuotaViolation"}}}"#,
            true,
        ),
        (r#"[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}]"#, true),
        (r#"{"statusCode":429,"message":"x"}"#, true),
        (r#"{"errors":[{"message":"x"}]}"#, false),
        (r#"{"status":"error","message":"the engine died"}"#, false),
    ];

    #[test]
    fn an_error_is_recognised_in_every_dress_and_a_limit_in_each() {
        for (said, throttled) in DRESSES {
            let error = ApiError::recognise(said.as_bytes());
            assert_eq!(error.map(|error| error.throttled), Some(throttled), "{said}");
        }
    }

    #[test]
    fn what_is_no_error_is_not_taken_for_one() {
        let table = [
            "{}",
            "[]",
            "null",
            "7",
            r#""text""#,
            r#"{"error":null}"#,
            r#"{"error":{}}"#,
            r#"{"error":""}"#,
            r#"{"error":0}"#,
            r#"{"errors":[]}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"keepalive","sequence_number":4}"#,
            r#"{"type":"keepalive","message":"still here"}"#,
            r#"{"status":"processing","message":"queued"}"#,
            r#"{"choices":null,"usage":{"prompt_tokens":1}}"#,
            r#"{"base_resp":{"status_code":0,"status_msg":""}}"#,
            r#"{"code":0,"message":"success","data":{}}"#,
            r#"{"code":200,"msg":"ok","data":{}}"#,
            r#"{"model":"m","message":{"role":"assistant","content":"x"},"done":false}"#,
            r#"{"type":"response.created","response":{"status":"in_progress","error":null}}"#,
        ];
        for said in table {
            assert_eq!(ApiError::recognise(said.as_bytes()), None, "{said}");
        }
    }

    #[test]
    fn every_word_for_a_limit_is_heard_in_every_member_and_spelling() {
        for word in LIMIT_WORDS {
            for spelled in [
                word.to_owned(),
                word.to_uppercase(),
                format!("x_{word}_y"),
                word.chars().map(|c| format!("{c}-")).collect(),
            ] {
                for member in ["code", "type", "status", "message"] {
                    let said = serde_json::json!({"error": {member: spelled}}).to_string();
                    assert!(ApiError::known(said.as_bytes()).throttled, "{said}");
                }
                assert!(ApiError::known(spelled.as_bytes()).throttled, "{spelled}");
            }
        }
        assert!(!ApiError::known(b"Internal Server Error").throttled);
    }
}
