//! The keys of a path that say what each of its requests carries: `model`, `headers`, `body`, `token_limit` and
//! `stream_options`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hyper::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::limits::Limit;
use crate::path::request::HeaderSource;
use crate::profile::at::At;
use crate::profile::error::Wrong;

/// A header's value, or the place of a secret one.
#[derive(Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "it takes a text in quotes, or the place of a secret: { env = \"VARIABLE\" } or { file = \"PATH\" }"
)]
pub(crate) enum HeaderText {
    /// As it is sent.
    Plain(String),
    /// The environment variable that holds it.
    Env(Variable),
    /// The file that holds it.
    File(InFile),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// The environment variable that holds the value.
    #[schemars(extend("pattern" = "^[A-Za-z_][A-Za-z0-9_]{0,79}$"))]
    env: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InFile {
    /// The file that holds the value.
    file: PathBuf,
}

/// The headers that every call has, or that HTTP itself decides, and why none of them can be set.
const OWN: [(&str, &str); 20] = [
    ("host", "base_url decides it"),
    ("content-length", "the length of the body decides it"),
    ("content-type", "the body is always JSON"),
    ("accept", "it says whether a stream is asked for; set workload.stream"),
    ("accept-encoding", "a compressed stream cannot be timed"),
    ("user-agent", "it names this tool"),
    ("x-ms-client-request-id", "it holds the call's own name"),
    ("anthropic-version", "it is the version of the messages API that is spoken"),
    ("transfer-encoding", "HTTP itself decides it"),
    ("connection", "it is decided by connections.policy"),
    ("keep-alive", "it is decided by connections.policy"),
    ("proxy-connection", "it is decided by connections.policy"),
    ("proxy-authorization", "a proxy is not a path's server"),
    ("upgrade", "it is decided by connections.http"),
    ("http2-settings", "it is decided by connections.http"),
    ("te", "HTTP itself decides it"),
    ("trailer", "HTTP itself decides it"),
    ("expect", "the body is sent at once"),
    ("content-encoding", "the body is not compressed"),
    ("range", "an answer is read whole"),
];
/// Why a header is not the profile's to set, if it is not.
pub(super) fn why_own(name: &str) -> Option<&'static str> {
    OWN.iter().find(|(own, _)| *own == name).map(|(_, why)| *why)
}

/// Words in the name of a header by which its value is a secret.
const SECRETS: [&str; 7] = ["key", "token", "secret", "password", "authorization", "cookie", "signature"];

/// Reads the headers of a path, none of which may be one of those `taken` by its credential.
///
/// # Errors
/// When one is no header, is not the profile's to set, or holds a secret in plain text.
pub(crate) fn headers(
    at: &At<'_>,
    written: BTreeMap<String, HeaderText>,
    taken: &[&str],
) -> Result<BTreeMap<String, HeaderSource>, Wrong> {
    let Some(table) = at.get("headers") else { return Ok(BTreeMap::new()) };
    let mut all = BTreeMap::new();
    for (name, text) in written {
        let say =
            |message: &str| Err(table.rule(&name, format!("'{}' {message}", Limit::ShownText.cut(&table.key(&name)))));
        let Ok(known) = HeaderName::try_from(name.as_str()) else {
            return say("is not the name of a header: letters, digits and '-', such as x-team");
        };
        let known = known.as_str();
        if let Some(why) = why_own(known) {
            return say(&format!("is set by every call itself: {why}; leave it out"));
        }
        if taken.contains(&known) {
            return say("is sent by 'auth' already; leave out one of the two");
        }
        let source = match text {
            HeaderText::Plain(value) if HeaderValue::from_str(&value).is_err() || !value.is_ascii() => {
                return say(
                    "has a line break or another character that a header cannot carry; it takes printable ASCII",
                );
            }
            HeaderText::Plain(value) if value.trim() != value => return say("has a space at an end; leave it out"),
            HeaderText::Plain(_) if is_secret(known) => {
                return say(
                    "looks like a secret, which does not belong in a profile or on a command line; name its place, such as \
                     { env = \"VARIABLE\" }",
                );
            }
            HeaderText::Plain(value) => HeaderSource::Plain(value),
            HeaderText::Env(Variable { env }) if !is_variable(&env) => {
                return say("is not the name of an environment variable; a profile never holds the secret itself");
            }
            HeaderText::Env(Variable { env }) => HeaderSource::Env { env },
            HeaderText::File(InFile { file }) => {
                let place = table.get(&name).unwrap_or_else(|| table.clone());
                HeaderSource::File { file: place.file("file", &file)? }
            }
        };
        if all.insert(known.to_owned(), source).is_some() {
            return say("appears twice, in upper and lower case; remove one of the two");
        }
    }
    Ok(all)
}

/// Whether a header of this name holds a secret.
fn is_secret(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| SECRETS.iter().any(|word| part.ends_with(word)))
}

/// Whether it is the name of an environment variable. What is none, such as a long word without '_', may be the secret
/// itself.
pub(crate) fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && (name.len() < 30 || name.contains('_'))
        && name.len() <= 80
}

/// The fields of a body that the call itself decides, and where.
const DECIDED: [(&str, &str); 8] = [
    ("model", "set 'model' of the path or of [workload]"),
    ("messages", "[workload] says what to send"),
    ("input", "[workload] says what to send"),
    ("prompt", "[workload] says what to send"),
    ("stream", "set workload.stream"),
    ("max_tokens", "set workload.output_tokens, and 'token_limit' for the name of the field"),
    ("max_completion_tokens", "set workload.output_tokens, and 'token_limit' for the name of the field"),
    ("max_output_tokens", "set workload.output_tokens"),
];

/// Holds the extra fields of a path's bodies to what may be there.
///
/// # Errors
/// When the call itself decides one of them.
pub(crate) fn body(
    at: &At<'_>,
    fields: Map<String, Value>,
    stream_options: Option<bool>,
) -> Result<Map<String, Value>, Wrong> {
    let Some(table) = at.get("body") else { return Ok(Map::new()) };
    if let Some((key, instead)) = DECIDED.iter().find(|(key, _)| fields.contains_key(*key)) {
        return Err(table.rule(key, format!("'{}' is decided by the call: {instead}", table.key(key))));
    }
    if stream_options == Some(false) && fields.contains_key("stream_options") {
        let rule = "'stream_options' is in body, and stream_options = false says that none are sent; keep one";
        return Err(table.rule("stream_options", rule));
    }
    Ok(fields)
}

/// The schema of extra fields: anything but what the call decides.
pub(crate) fn decided_schema() -> Value {
    let decided: Vec<Value> = DECIDED.iter().map(|(key, _)| json!({"required": [key]})).collect();
    json!({"anyOf": decided})
}
