//! What of a command line may be a secret, so that no message repeats it.

use crate::wire::filter::Filter;

/// Words in the name of a flag, a key or a variable by which it holds a secret.
const WORDS: [&str; 6] = ["key", "secret", "token", "password", "authorization", "signature"];
/// Shorter texts are no secrets but words that messages need.
const SHORTEST: usize = 4;

/// A filter that knows what may be a secret among these arguments and variables.
#[must_use]
pub fn given(args: impl IntoIterator<Item = String>, variables: impl IntoIterator<Item = (String, String)>) -> Filter {
    let args: Vec<String> = args.into_iter().collect();
    let mut found: Vec<&str> = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        match arg.split_once('=') {
            Some((name, value)) if holds_secret(name) => found.push(value),
            Some(_) => {}
            None if arg.starts_with("--") && holds_secret(arg) => found.extend(args.get(at + 1).map(String::as_str)),
            None => {}
        }
        found.extend(in_url(arg));
    }
    let variables: Vec<String> =
        variables.into_iter().filter(|(name, _)| holds_secret(name)).map(|(_, value)| value).collect();
    let variables = variables.iter().map(String::as_str);
    Filter::of(found.into_iter().chain(variables).filter(|secret| secret.len() >= SHORTEST))
}

/// Whether something of this name holds a secret, and does not only name the place of one.
fn holds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_place = ["env", "file"].iter().any(|place| name.ends_with(place));
    !is_place && WORDS.iter().any(|word| name.contains(word))
}

/// The user with the password, and the values of the query, of an address in a text.
fn in_url(text: &str) -> Vec<&str> {
    let Some((_, rest)) = text.split_once("://") else { return Vec::new() };
    let (before, query) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
    let user = before.rsplit_once('@').map(|(user, _)| user);
    let parts = user.into_iter().flat_map(|user| [Some(user), user.split_once(':').map(|(_, password)| password)]);
    let values = query.split(['&', ';', '#']).map(|pair| Some(pair.split_once('=').map_or(pair, |(_, value)| value)));
    parts.chain(values).flatten().collect()
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
            (&["run", "--key-env", "MY_VARIABLE"], "MY_VARIABLE", "S3cr3t-two"),
        ] {
            let variables = [("MY_API_KEY", "S3cr3t-two"), ("HOME", "/home/of-somebody")];
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
