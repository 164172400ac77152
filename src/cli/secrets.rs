//! What of a command line may be a secret, so that no message repeats it.

use std::ffi::OsString;

use crate::path::address::{API_VERSION, UNDATED, is_dated};
use crate::wire::filter::Filter;

/// Words in the name of a flag, a key or a variable by which it holds a secret.
const WORDS: [&str; 6] = ["key", "secret", "token", "password", "authorization", "signature"];
/// Words at the end of a name that make it that of a place.
const PLACES: [&str; 7] = ["env", "file", "path", "dir", "sock", "url", "name"];
/// Shorter texts are no secrets but words that messages need.
const SHORTEST: usize = 4;

/// A message without what may be a secret among the arguments and variables of this process, or in an address in it;
/// `None` where it has none.
#[must_use]
pub fn hidden(message: &str) -> Option<String> {
    let texts = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let args = std::env::args_os().filter_map(|arg| arg.into_string().ok());
    let filter = given(args, std::env::vars_os().filter_map(texts));
    in_urls(message).into_iter().filter(|secret| secret.len() >= SHORTEST).for_each(|secret| filter.learn(secret));
    filter.hidden(message)
}

/// A filter that knows what may be a secret among these arguments and variables.
fn given(args: impl IntoIterator<Item = String>, variables: impl IntoIterator<Item = (String, String)>) -> Filter {
    let args: Vec<String> = args.into_iter().collect();
    let mut found: Vec<&str> = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        match arg.split_once('=') {
            _ if is_header_flag(args.get(at.wrapping_sub(1))) => {
                found.push(arg.split_once(':').map_or(arg, |(_, value)| value.trim()))
            }
            Some((name, value)) if holds_secret(name) => found.push(value),
            Some(_) => {}
            None if arg.starts_with("--") && holds_secret(arg) => found.extend(args.get(at + 1).map(String::as_str)),
            None => {}
        }
        found.extend(in_urls(arg));
    }
    let variables: Vec<String> = variables
        .into_iter()
        .filter(|(name, value)| holds_secret(name) && !is_place(value))
        .map(|(_, value)| value)
        .collect();
    let variables = variables.iter().map(String::as_str);
    Filter::of(found.into_iter().chain(variables).filter(|secret| secret.len() >= SHORTEST))
}

/// Whether what follows is a header, whose value may be anything.
fn is_header_flag(arg: Option<&String>) -> bool {
    arg.is_some_and(|arg| arg == "-H" || arg == "--header")
}

/// Whether something of this name holds a secret, and does not only name the place of one.
fn holds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    let is_place = parts.clone().next_back().is_some_and(|last| PLACES.contains(&last));
    !is_place && parts.any(|part| WORDS.iter().any(|word| part.ends_with(word)))
}

/// Whether a value is that of a file.
fn is_place(value: &str) -> bool {
    value.starts_with(['/', '.', '~'])
}

/// Whether a parameter names the version of an API, which is no secret: by its own name and as a date or a word for one.
fn is_version(name: &str, value: &str) -> bool {
    name == API_VERSION && (is_dated(value) || UNDATED.contains(&value))
}

/// The users with their passwords, and the values of the queries, of all addresses in a text.
fn in_urls(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for address in text.split("://").skip(1) {
        let address = address.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')).next().unwrap_or("");
        let (before, query) = address.split_once(['?', '#']).unwrap_or((address, ""));
        if let Some((user, _)) = before.rsplit_once('@') {
            found.push(user);
            found.extend(user.split_once(':').map(|(_, password)| password));
        }
        let pairs = query.split(['&', ';', '#']).map(|pair| pair.split_once('=').unwrap_or(("", pair)));
        found.extend(pairs.filter(|(name, value)| !is_version(name, value)).map(|(_, value)| value));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limit;

    #[test]
    fn what_may_be_a_secret_is_repeated_in_no_message() {
        for (args, shown, hidden) in [
            (&["sim", "--key", "S3cr3t-one"][..], "", "S3cr3t-one"),
            (&["run", "--key=S3cr3t-one"], "", "S3cr3t-one"),
            (&["run", "--path", "a=https://user:pa/ss-word@host/v1"], "host/v1", "pa/ss-word"),
            (&["run", "--set", "path.a.base_url=https://h/v1?api-key=abcdefgh&x"], "path.a.base_url", "abcdefgh"),
            (&["run", "--set", "path.a.auth.key=abcdefgh"], "path.a.auth.key", "abcdefgh"),
            (&["run", "--path", "a=https://h/openai?api-version=2024-10-21"], "api-version=2024-10-21", "S3cr3t-one"),
            (
                &["run", "--path", "a=https://h/openai?api-version=2025-04-01-preview&x=y"],
                "2025-04-01-preview",
                "S3cr3t-one",
            ),
            (&["run", "--path", "a=https://h/openai?api-version=2024-abcdefgh"], "api-version", "abcdefgh"),
            (&["run", "--path", "a=https://h/openai?x-api-version=2024-10-21"], "x-api-version", "2024-10-21"),
            (&["run", "--path", "a=https://h/openai?sig=2024-10-21"], "sig=", "2024-10-21"),
            (&["run", "--key-env", "MY_VARIABLE"], "MY_VARIABLE", "S3cr3t-two"),
            (&["run", "-H", "authorization: Bearer abcdefgh"], "authorization", "abcdefgh"),
            (&["run", "--header", "abcdefgh"], "run", "abcdefgh"),
        ] {
            let variables =
                [("MY_API_KEY", "S3cr3t-two"), ("SSH_KEY", "/home/of-somebody/key"), ("KEYBOARD", "/home/of")];
            let filter = given(
                args.iter().map(|arg| (*arg).to_owned()),
                variables.map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
            let told =
                filter.line(&format!("error: '{}' S3cr3t-two /home/of-somebody", args.join(" ")), Limit::ErrorText);
            assert!(told.contains(shown) && !told.contains(hidden) && !told.contains("S3cr3t-two"), "{told}");
            assert!(told.contains("/home/of-somebody"), "{told}");
        }
    }
}
