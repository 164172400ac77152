//! What a server says when it refuses: its message instead of its JSON or its page. It is text from outside, to be
//! filtered before it is stored or shown.

use serde_json::Value;

/// Where error bodies keep what a person should read, the most telling first.
const KEYS: [&str; 17] = [
    "error",
    "errors",
    "message",
    "detail",
    "details",
    "error_description",
    "error_message",
    "errormessage",
    "msg",
    "description",
    "faultstring",
    "fault",
    "title",
    "reason",
    "response",
    "code",
    "type",
];
/// How deep a message may lie.
const DEPTH: u8 = 6;
/// How many of several messages are told.
const SEVERAL: usize = 3;

/// What the beginning of a body says: the message of an error of JSON, the title of a page, otherwise its text.
#[must_use]
pub(crate) fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        String::new()
    } else if is_binary(text) {
        "binary or compressed data".to_owned()
    } else if text.starts_with('<') {
        page(text)
    } else {
        let json = serde_json::from_str::<Value>(text).ok().or_else(|| event(text));
        json.and_then(|json| message(&json, DEPTH))
            .or_else(|| cut_message(text))
            .unwrap_or_else(|| without_content(text).to_owned())
    }
}

/// Keys behind which prompts and answers stand, which nobody wants to find in a report.
const CONTENT: [&str; 9] = [
    "\"content\"",
    "\"delta\"",
    "\"text\"",
    "\"output\"",
    "\"arguments\"",
    "\"reasoning",
    "\"messages\"",
    "\"input\"",
    "\"prompt\"",
];

/// The text of what has no message, up to the first prompt or answer in it.
fn without_content(text: &str) -> &str {
    let from = CONTENT.iter().filter_map(|key| text.find(key)).min();
    &text[..from.unwrap_or(text.len())]
}

fn is_binary(text: &str) -> bool {
    let strange = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER || *c == '\0').count();
    strange * 10 > text.chars().count()
}

/// The JSON of the first event with data.
fn event(text: &str) -> Option<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data:").or_else(|| line.strip_prefix("error:")));
    data.map(str::trim).find_map(|data| serde_json::from_str(data).ok())
}

/// What stands for a person in an error of JSON, with its code where that is a word.
fn message(json: &Value, depth: u8) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match json {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(items) => {
            let told: Vec<String> = items.iter().filter_map(|item| message(item, depth)).take(SEVERAL).collect();
            (!told.is_empty()).then(|| told.join("; "))
        }
        Value::Object(fields) => {
            let named = |key: &str| fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, v)| v);
            let (key, told) = KEYS.iter().find_map(|key| Some((*key, message(named(key)?, depth)?)))?;
            let place = named("loc").or_else(|| named("code")).filter(|_| !["error", "errors", "code"].contains(&key));
            let place = place.and_then(place_or_code).filter(|place| !told.contains(place.as_str()));
            Some(place.map_or_else(|| told.clone(), |place| format!("{place}: {told}")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// `invalid_api_key`, or `body.messages.0`; a number says no more than the status.
fn place_or_code(value: &Value) -> Option<String> {
    match value {
        Value::String(code) => Some(code.clone()).filter(|code| !code.is_empty() && code.parse::<f64>().is_err()),
        Value::Array(parts) => {
            let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
            Some(parts.iter().map(part).collect::<Vec<_>>().join("."))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The message of JSON of which only the beginning is known.
fn cut_message(text: &str) -> Option<String> {
    let from = text.find("\"message\"")? + "\"message\"".len();
    let value = text[from..].trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let end = value.find(|c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let value = &value[..end.unwrap_or(value.len())];
    Some(serde_json::from_str(&format!("\"{value}\"")).unwrap_or_else(|_| value.to_owned()))
}

/// The title of a page, or its text.
fn page(text: &str) -> String {
    let title = ["title", "h1", "message"].iter().find_map(|tag| element(text, tag));
    let kind = if text.starts_with("<?xml") { "XML" } else { "HTML page" };
    format!("{kind}: {}", title.unwrap_or_else(|| without_tags(text)))
}

/// What stands in the first element with this name.
fn element(text: &str, name: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let open = lower.find(&format!("<{name}"))?;
    let from = open + lower[open..].find('>')? + 1;
    let until = from + lower[from..].find(&format!("</{name}"))?;
    Some(without_tags(&text[from..until])).filter(|text| !text.trim().is_empty())
}

fn without_tags(text: &str) -> String {
    let mut inside = false;
    let shown = |c: &char| {
        let shown = !inside && *c != '<';
        inside = *c == '<' || (inside && *c != '>');
        shown
    };
    let text: String = text.chars().filter(shown).collect();
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
        .iter()
        .fold(text, |text, (entity, letter)| text.replace(entity, letter))
}

/// Where a redirect leads, without what may hold a secret: the user, the query and the fragment.
#[must_use]
pub(crate) fn location(text: &str) -> String {
    let (address, more) = text.find(['?', '#']).map_or((text, ""), |at| (&text[..at], "?..."));
    let (scheme, rest) = address.split_once("//").unwrap_or(("", address));
    let slashes = if address.contains("//") { "//" } else { "" };
    // A password may hold slashes.
    let user = rest.rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}{slashes}{}{more}", &rest[user..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_of_every_shape_are_told() {
        let table = [
            (r#"{"error":{"message":"no","type":"t","code":"c"}}"#, "c: no"),
            (r#"{"error":{"code":401,"message":"no"}}"#, "no"),
            (r#"{"error":{"code":"401","message":"no"}}"#, "no"),
            (r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}"#, "no"),
            (r#"{"statusCode":429,"message":"slow down"}"#, "slow down"),
            (r#"{"error":"no such model"}"#, "no such model"),
            (r#"{"error":true,"message":"no"}"#, "no"),
            (r#"{"error":{},"detail":"Not Found"}"#, "Not Found"),
            (
                r#"{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"t"}]}"#,
                "body.messages.0: field required",
            ),
            (r#"{"errors":[{"message":"one"},{"message":"two"}]}"#, "one; two"),
            (r#"{"object":"error","message":"no","type":"BadRequestError","code":400}"#, "no"),
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, "Overloaded"),
            (
                r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"no"}}}"#,
                "server_error: no",
            ),
            (r#"{"fault":{"faultstring":"Quota","detail":{"errorcode":"q"}}}"#, "Quota"),
            (r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"no role"}"#, "no role"),
            (r#"{"Message":"User is not authorized"}"#, "User is not authorized"),
            (r#"{"error":{"type":"rate_limit_exceeded"}}"#, "rate_limit_exceeded"),
            (r#"[{"error":{"message":"in a list"}}]"#, "in a list"),
            (r#"{"error":{"message":"cut in the \"midd"#, "cut in the \"midd"),
            (r#"{"status":"bad"}"#, r#"{"status":"bad"}"#),
            (r#"{"id":1,"choices":[{"message":{"content":"an answer"#, r#"{"id":1,"choices":[{"message":{"#),
            ("data: {\"id\":1,\"delta\":\"an answer", "data: {\"id\":1,"),
            ("event: error\ndata: {\"message\":\"in an event\"}\n\n", "in an event"),
            ("error: {\"message\":\"in a field\"}\n\n", "in a field"),
            ("<!DOCTYPE html>\n<html><head><TITLE>Sign &amp; in</TITLE></head></html>", "HTML page: Sign & in"),
            ("<html><body><h1>502 <i>Bad</i></h1></body></html>", "HTML page: 502 Bad"),
            ("<html><body>plain", "HTML page: plain"),
            ("<?xml version=\"1.0\"?><Error><Message>no</Message></Error>", "XML: no"),
            ("\u{feff} upstream connect error ", "upstream connect error"),
            ("\u{1f}\u{fffd}\u{8}\0\0\0\0\u{fffd}\u{fffd}", "binary or compressed data"),
            ("", ""),
            (" \r\n", ""),
        ];
        for (body, told) in table {
            assert_eq!(said(body.as_bytes()), told, "{body}");
        }
        assert_eq!(said(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\xff\xfe"), "binary or compressed data");
    }

    #[test]
    fn a_redirect_is_told_without_secrets() {
        for (text, told) in [
            ("https://gateway.example/v1/chat", "https://gateway.example/v1/chat"),
            ("https://u:p@gateway.example/v1?key=s#x", "https://gateway.example/v1?..."),
            ("https://u:p/q@gateway.example/v1", "https://gateway.example/v1"),
            ("/v1/chat/completions/", "/v1/chat/completions/"),
            ("//other/v1#f", "//other/v1?..."),
            ("?key=s", "?..."),
            ("", ""),
        ] {
            assert_eq!(location(text), told);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_told(body in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(said(&body).len() <= 4 * body.len().max(32));
        }
    }
}
