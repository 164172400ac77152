//! What every request over a path carries beside what the workload asks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::path::address::TokenLimit;

/// What every request over a path carries of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestForm {
    /// The model or deployment name in the body, in place of the workload's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Headers by name, in small letters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderSource>,
    /// Fields that are merged into every body; they stand over those of a data file.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub body: Map<String, Value>,
    /// The field of a chat completion that limits the tokens of its answer.
    pub token_limit: TokenLimit,
    /// Whether a streamed chat completion asks for its usage by `stream_options`.
    pub stream_options: bool,
}

impl Default for RequestForm {
    fn default() -> Self {
        Self {
            model: None,
            headers: BTreeMap::new(),
            body: Map::new(),
            token_limit: TokenLimit::default(),
            stream_options: true,
        }
    }
}

/// The value of a header, or the place of one that is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeaderSource {
    /// As it is written.
    Plain(String),
    /// The name of the environment variable that holds it.
    Env {
        /// The variable.
        env: String,
    },
    /// The file that holds it, whose final newline does not count.
    File {
        /// The file.
        file: PathBuf,
    },
}
