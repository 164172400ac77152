//! Where a profile comes from, and what flags lay over it: text, which the profile reads like that of a file.

use std::path::PathBuf;
use std::str::FromStr;

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

/// A path of the one-line form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUrl {
    /// The path's name.
    pub name: String,
    /// Its base address.
    pub url: String,
}

impl FromStr for NamedUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, url)) if !name.is_empty() && url.contains("://") => {
                Ok(Self { name: name.to_owned(), url: url.to_owned() })
            }
            _ => Err("it is not NAME=URL such as direct=https://example.com/openai/v1".to_owned()),
        }
    }
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
