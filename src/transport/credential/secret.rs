//! Secrets: read once, before the first packet, and never shown.

use std::env::VarError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::HeaderValue;

use crate::limits::Limit;
use crate::path::{NetPath, SecretRef};
use crate::text_file;
use crate::transport::credential::claims::claims;
use crate::units::Span;

/// A secret; every way to print it gives `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    ///
    /// # Errors
    /// When it is empty or holds a character that no header can carry, such as a newline.
    pub fn new(text: String) -> Result<Self, BadSecret> {
        if text.is_empty() {
            Err(BadSecret::Empty)
        } else if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') && text.trim() == text {
            Ok(Self(text))
        } else {
            Err(BadSecret::Characters)
        }
    }

    /// The secret itself, for the header that carries it and for whoever takes it out of texts.
    #[must_use]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A text that cannot be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// Nothing.
    #[error("is empty")]
    Empty,
    /// A header could not carry it.
    #[error("holds a space at an end, a line break or another character that a header cannot carry")]
    Characters,
}

/// A secret that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("path '{path}': {why}")]
pub struct SecretError {
    path: String,
    why: NoSecret,
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
enum NoSecret {
    #[error("the environment variable {0} is not set; export it, or name another in the profile")]
    Unset(String),
    #[error("the environment variable {0} {1}")]
    BadVariable(String, BadSecret),
    #[error("cannot read the secret file {}: {}", .0.display(), .1)]
    Read(PathBuf, std::io::Error),
    #[error("the secret file {} {}", .0.display(), .1)]
    BadFile(PathBuf, BadSecret),
    #[error("its secret {0}")]
    Unfit(BadSecret),
    #[error("its key is for the bundled simulator, which this run does not start")]
    NoSimulator,
    #[error("the profile does not say where its secret is; name an environment variable in path.auth.env")]
    Nowhere,
    #[error("the token in {0} expired {1} ago; get a new one, or let hopmark get it (docs/authentication.md)")]
    Expired(String, Span),
    #[error("{0}")]
    Unusable(String),
}

impl SecretError {
    /// A credential of a path that cannot be used, and why, in a sentence.
    pub(super) fn unusable(path: &NetPath, why: String) -> Self {
        Self { path: path.name.clone(), why: NoSecret::Unusable(why) }
    }
}

/// A secret of a path, read from where it stands.
///
/// # Errors
/// When it cannot be had. The message names its place and never a value.
pub(super) fn read(path: &NetPath, place: &SecretRef, simulator_key: Option<&Secret>) -> Result<Secret, SecretError> {
    let secret = match place {
        SecretRef::None => Err(NoSecret::Nowhere),
        SecretRef::Simulator => simulator_key.cloned().ok_or(NoSecret::NoSimulator),
        SecretRef::Env(variable) => of_variable(variable),
        SecretRef::File(file) => of_file(file),
    };
    secret.map_err(|why| SecretError { path: path.name.clone(), why })
}

/// Refuses a token that says of itself that it has expired.
///
/// # Errors
/// Since when.
pub(super) fn check_token(path: &NetPath, place: &SecretRef, secret: &Secret) -> Result<(), SecretError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let ended =
        claims(secret.reveal()).and_then(|claims| claims.exp).filter(|until| until.is_finite() && *until <= now);
    let Some(until) = ended else { return Ok(()) };
    let place = match place {
        SecretRef::Env(variable) => variable.clone(),
        SecretRef::File(file) => file.display().to_string(),
        SecretRef::None | SecretRef::Simulator => "its place".to_owned(),
    };
    let ago = Span::from_secs((now - until.max(0.0)) as u64);
    Err(SecretError { path: path.name.clone(), why: NoSecret::Expired(place, ago) })
}

/// The value of a header that carries the secret of a path behind `prefix`, marked as sensitive.
///
/// # Errors
/// When no header can carry it.
pub(in crate::transport) fn header_value(
    path: &NetPath,
    prefix: &str,
    secret: &Secret,
) -> Result<HeaderValue, SecretError> {
    let unfit = |_| SecretError { path: path.name.clone(), why: NoSecret::Unfit(BadSecret::Characters) };
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.0)).map_err(unfit)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The secret that stands at a place that a path names beside its credential.
///
/// # Errors
/// When it cannot be had. The message names its place and never a value.
pub(in crate::transport) fn at(path: &NetPath, place: &SecretRef) -> Result<Secret, SecretError> {
    let secret = match place {
        SecretRef::Env(variable) => of_variable(variable),
        SecretRef::File(file) => of_file(file),
        SecretRef::None | SecretRef::Simulator => Err(NoSecret::NoSimulator),
    };
    secret.map_err(|why| SecretError { path: path.name.clone(), why })
}

fn of_variable(variable: &str) -> Result<Secret, NoSecret> {
    let bad = |why| NoSecret::BadVariable(variable.to_owned(), why);
    match std::env::var(variable) {
        Ok(text) => Secret::new(text).map_err(bad),
        Err(VarError::NotPresent) => Err(NoSecret::Unset(variable.to_owned())),
        Err(VarError::NotUnicode(_)) => Err(bad(BadSecret::Characters)),
    }
}

fn of_file(file: &Path) -> Result<Secret, NoSecret> {
    let text = text_file::read(file, Limit::SmallFile).map_err(|error| NoSecret::Read(file.to_owned(), error))?;
    Secret::new(only_line(&text).to_owned()).map_err(|why| NoSecret::BadFile(file.to_owned(), why))
}

/// The one line of a file that is not blank, without its end; the whole text where there are more or none.
fn only_line(text: &str) -> &str {
    let mut filled = text.lines().filter(|line| !line.trim().is_empty());
    match (filled.next(), filled.next()) {
        (Some(line), None) => line,
        (None, _) => "",
        (Some(_), Some(_)) => text,
    }
}

/// The secret in a variable that a flag names.
///
/// # Errors
/// A sentence, when there is none. It never tells a value.
pub(crate) fn of_flag(flag: &str, variable: &str) -> Result<Secret, String> {
    let text =
        std::env::var(variable).map_err(|_| format!("{flag}: the environment variable {variable} is not set"))?;
    Secret::new(text).map_err(|why| format!("{flag}: the environment variable {variable} {why}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use super::*;
    use crate::path::Auth;
    use crate::path::fixture::path_to;
    use crate::transport::credential::claims::tests::jwt;

    fn read_from(place: &SecretRef, key: Option<&Secret>) -> Result<Secret, SecretError> {
        read(&path_with(Auth::default()), place, key)
    }

    pub(crate) fn path_with(auth: Auth) -> NetPath {
        NetPath { auth, ..path_to("http://h/v1") }
    }

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("file");
        file.write_all(content.as_bytes()).expect("written");
        file
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("hunter2".to_owned()).expect("good");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn secrets_come_from_their_places() {
        let good = file("key-from-file\n");
        let simulator = Secret::new("throw-away".to_owned()).expect("good");
        for (place, expected) in
            [(SecretRef::Simulator, "throw-away"), (SecretRef::File(good.path().into()), "key-from-file")]
        {
            assert_eq!(read_from(&place, Some(&simulator)).expect("there").reveal(), expected);
        }
    }

    #[test]
    fn a_token_that_has_expired_is_refused_before_anything_is_sent() {
        let place = SecretRef::Env("MY_TOKEN".to_owned());
        let check = |token: &str| {
            check_token(&path_with(Auth::default()), &place, &Secret::new(token.to_owned()).expect("good"))
        };
        let error = check(&jwt(serde_json::json!({"exp": 1_000_000_000}))).expect_err("expired").to_string();
        assert!(error.contains("path 'direct': the token in MY_TOKEN expired"), "{error}");
        for good in [jwt(serde_json::json!({"exp": 99_999_999_999u64})), jwt(serde_json::json!({})), "a.b.c".to_owned()]
        {
            assert!(check(&good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_file_of_a_secret_may_be_saved_by_any_editor() {
        for text in ["k\n", "k", "k\r\n", "\u{feff}k\r\n", "k\n\n\n", "\n \nk\n", "k\r", "\u{feff}k"] {
            let good = file(text);
            let secret = read_from(&SecretRef::File(good.path().into()), None).expect(text);
            assert_eq!(secret.reveal(), "k", "{text:?}");
        }
        for text in ["k \n", " k\n", "k\nk\n", "\u{feff}\r\n", "k\u{1}"] {
            let bad = file(text);
            assert!(read_from(&SecretRef::File(bad.path().into()), None).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_secret_that_cannot_be_had_is_named_by_its_place_alone() {
        let (two_lines, empty) = (file("top-secret\nsecond"), file("\n"));
        for (word, secret, part) in [
            ("unset", SecretRef::Env("HOPMARK_TEST_NOT_SET".into()), "variable HOPMARK_TEST_NOT_SET is not set"),
            ("no file", SecretRef::File("no/such/key".into()), "no/such/key"),
            ("two lines", SecretRef::File(two_lines.path().into()), "line break"),
            ("empty", SecretRef::File(empty.path().into()), "is empty"),
            ("no simulator", SecretRef::Simulator, "does not start"),
            ("nowhere", SecretRef::None, "does not say where"),
        ] {
            let error = read_from(&secret, None).expect_err(word).to_string();
            assert!(
                error.contains(part) && error.contains("'direct'") && !error.contains("top-secret"),
                "{word}: {error}"
            );
        }
    }
}
