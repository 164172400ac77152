//! The headers that the profile gives a path: read once before the run, the secret ones from their places.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::path::request::HeaderSource;
use crate::path::{NetPath, SecretRef};
use crate::transport::credential::secret::{self, Secret, SecretError};

/// The headers that the profile gives a path.
#[derive(Clone, Debug, Default)]
pub struct FixedHeaders {
    headers: Vec<(HeaderName, HeaderValue)>,
    secrets: Vec<Secret>,
}

impl FixedHeaders {
    /// Those of a path.
    ///
    /// # Errors
    /// When a secret one cannot be had. The message names its place and never a value.
    pub fn of(path: &NetPath) -> Result<Self, SecretError> {
        let mut all = Self::default();
        for (name, source) in &path.request.headers {
            let place = match source {
                HeaderSource::Plain(text) => {
                    // The profile has held both to what a header can carry.
                    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(text)) {
                        all.headers.push((name, value));
                    }
                    continue;
                }
                HeaderSource::Env { env } => SecretRef::Env(env.clone()),
                HeaderSource::File { file } => SecretRef::File(file.clone()),
            };
            let secret = secret::at(path, &place)?;
            let value = secret::header_value(path, "", &secret)?;
            if let Ok(name) = HeaderName::try_from(name) {
                all.headers.push((name, value));
                all.secrets.push(secret);
            }
        }
        Ok(all)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.headers.len()
    }

    /// Puts them among others.
    pub fn put(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }

    /// What of them is secret, to be taken out of what is shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::path::AuthRef;
    use crate::transport::credential::secret::tests::path_with;

    #[test]
    fn plain_headers_are_sent_as_they_are_and_secret_ones_from_their_places() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"s3cret\n").expect("written");
        let mut path = path_with(AuthRef::default());
        let secret = HeaderSource::File { file: file.path().to_owned() };
        path.request.headers =
            [("x-team".to_owned(), HeaderSource::Plain("a b".to_owned())), ("x-gate".to_owned(), secret)].into();
        let fixed = FixedHeaders::of(&path).expect("there");
        let mut headers = HeaderMap::new();
        fixed.put(&mut headers);
        let value = |name: &str| headers.get(name).expect(name);
        assert_eq!(
            (value("x-team").as_bytes(), value("x-gate").as_bytes(), headers.len()),
            (&b"a b"[..], &b"s3cret"[..], 2)
        );
        assert!(value("x-gate").is_sensitive() && !value("x-team").is_sensitive());
        assert_eq!(fixed.secrets().map(Secret::reveal).collect::<Vec<_>>(), ["s3cret"]);
        assert!(!format!("{fixed:?}").contains("s3cret"), "{fixed:?}");

        let unset = HeaderSource::Env { env: "HOPMARK_NO_SUCH_VARIABLE".to_owned() };
        path.request.headers = [("x-gate".to_owned(), unset)].into();
        let why = FixedHeaders::of(&path).expect_err("unset").to_string();
        assert!(why.contains("path 'direct'") && why.contains("HOPMARK_NO_SUCH_VARIABLE is not set"), "{why}");
    }
}
