//! Where a profile comes from, and what flags lay over it: text, which the profile reads like that of a file.

use std::path::PathBuf;
use std::str::FromStr;

use crate::limits::Limit;
use crate::spelling::suggestion;

/// A key of the profile and the value to lay over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The dotted key, such as `load.rate`.
    pub key: String,
    /// The value: TOML where it is TOML, otherwise text.
    pub value: String,
    /// The flag as the user wrote it, for messages.
    pub flag: String,
}

impl FromStr for Override {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                let flag = format!("--set {}", key.trim());
                Ok(Self { key: key.trim().to_owned(), value: value.trim().to_owned(), flag })
            }
            _ => Err("it is not KEY=VALUE such as load.rate=20/s".to_owned()),
        }
    }
}

/// A header for every path, as `-H` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFlag(pub Override);

impl FromStr for HeaderFlag {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("it is not 'NAME: VALUE' such as 'x-team: a'")?;
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || name.contains(['.', '*', '+']) {
            return Err("its name is not one of letters, digits and '-'; other names need a profile".to_owned());
        }
        // A text in quotes, whatever it looks like.
        let value = serde_json::Value::from(value.trim()).to_string();
        let flag = format!("-H {name}");
        Ok(Self(Override { key: format!("path.*.headers.{name}"), value, flag }))
    }
}

/// The options behind the address of a `--path`, and the keys of a path that they set.
pub(crate) const PATH_OPTIONS: [(&str, &str); 18] = [
    ("kind", "kind"),
    ("key-env", "auth.env"),
    ("key-file", "auth.file"),
    ("auth", "auth.kind"),
    ("dialect", "dialect"),
    ("model", "model"),
    ("deployment", "deployment"),
    ("api-version", "query.api-version"),
    ("token-limit", "token_limit"),
    ("stream-options", "stream_options"),
    ("backend", "backend"),
    ("http", "connections.http"),
    ("connections", "connections.policy"),
    ("ca-file", "tls.ca_file"),
    ("connect-to", "connect_to"),
    ("source-address", "source_address"),
    ("dns", "dns"),
    ("proxy", "proxy"),
];

/// A path of the one-line form: `NAME=URL`, and options behind the address, each after a comma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUrl {
    /// The path's name.
    pub name: String,
    /// Its base address.
    pub url: String,
    /// Its options by name, such as `kind`, with their values.
    pub options: Vec<(&'static str, String)>,
}

impl FromStr for NamedUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, rest)) if !name.is_empty() && rest.contains("://") => {
                let (url, options) = options_of(rest)?;
                Ok(Self { name: name.to_owned(), url: url.to_owned(), options })
            }
            _ => Err("it is not NAME=URL such as direct=https://example.com/openai/v1".to_owned()),
        }
    }
}

/// An address, and the options behind it.
type WithOptions<'t> = (&'t str, Vec<(&'static str, String)>);

/// An address may hold commas of its own: options are what comes at the end and has the name of one.
fn options_of(text: &str) -> Result<WithOptions<'_>, String> {
    let (mut url, mut options) = (text, Vec::new());
    while let Some((before, last)) = url.rsplit_once(',') {
        let Some((name, value)) = last.split_once('=') else { break };
        let Some((known, _)) = PATH_OPTIONS.iter().find(|(known, _)| *known == name) else {
            // In a query anything may follow on a comma; elsewhere it is a slip.
            if before.contains('?') {
                break;
            }
            let known: Vec<&str> = PATH_OPTIONS.iter().map(|(known, _)| *known).collect();
            let meant = suggestion(name, &known);
            let shown = Limit::ShownText.cut(name);
            return Err(format!(
                "'{shown}' is not an option of a path{meant} (options: {}; write a comma in the address itself as %2C)",
                known.join(", ")
            ));
        };
        if options.iter().any(|(other, _)| other == known) {
            return Err(format!("it has the option '{known}' twice"));
        }
        options.push((*known, value.to_owned()));
        url = before;
    }
    options.reverse();
    Ok((url, options))
}

/// Where a run's profile comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileSource {
    /// The built-in quickstart.
    Quickstart,
    /// A file.
    File(PathBuf),
    /// The one-line form.
    Paths(OneLine),
}

/// The one-line form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneLine {
    /// The paths, the baseline first.
    pub paths: Vec<NamedUrl>,
    /// The model or deployment name.
    pub model: String,
    /// The API to speak.
    pub api: String,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_behind_the_address_which_may_hold_commas() {
        for (text, url, options) in [
            ("a=https://h/v1", "https://h/v1", &[][..]),
            ("a=https://h/v1,kind=gateway", "https://h/v1", &[("kind", "gateway")]),
            ("a=https://h/a,b/v1", "https://h/a,b/v1", &[]),
            ("a=https://h/a,b/v1,key-env=K,model=m", "https://h/a,b/v1", &[("key-env", "K"), ("model", "m")]),
            ("a=https://h/v1?x=1,2", "https://h/v1?x=1,2", &[]),
            ("a=https://h/v1?x=1,y=2", "https://h/v1?x=1,y=2", &[]),
            ("a=https://h/v1?x=1,y=2,kind=direct", "https://h/v1?x=1,y=2", &[("kind", "direct")]),
            ("a=https://h/v1?x=1,kind=direct,y=2", "https://h/v1?x=1,kind=direct,y=2", &[]),
            ("a=https://h/v1,", "https://h/v1,", &[]),
            ("a=https://h/v1,model=a=b", "https://h/v1", &[("model", "a=b")]),
        ] {
            let read: NamedUrl = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
            let options: Vec<(&str, String)> =
                options.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            assert_eq!((read.name.as_str(), read.url.as_str(), read.options), ("a", url, options), "{text}");
        }
        for (text, part) in [
            ("https://h/v1", "it is not NAME=URL"),
            ("a=h/v1", "it is not NAME=URL"),
            ("a=https://h/v1,knid=gateway", "'knid' is not an option of a path; did you mean 'kind'? (options: kind,"),
            ("a=https://h/v1,x=1", "comma in the address itself as %2C"),
            ("a=https://h/v1,kind=direct,kind=gateway", "'kind' twice"),
        ] {
            let why = text.parse::<NamedUrl>().expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn a_header_is_a_key_of_every_path() {
        let HeaderFlag(read) = "X-Team: a: \"b\" ".parse().expect("a header");
        let expected = ("path.*.headers.x-team", "\"a: \\\"b\\\"\"", "-H x-team");
        assert_eq!((read.key.as_str(), read.value.as_str(), read.flag.as_str()), expected);
        for text in ["x-team", ": a", "a.b: c", "*: c"] {
            assert!(text.parse::<HeaderFlag>().is_err(), "{text}");
        }
    }
}
