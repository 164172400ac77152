//! Parts of a prompt that are not text: images and files, and texts that may be something else.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::reading::Str;

/// Tokens of a file that is named and not sent.
pub(super) const FILE: usize = 8400;
/// Bytes of a file that is sent, for each token.
const FILE_BYTES: usize = 4;

/// A text, if the value is one.
pub(super) fn text_of(value: Loose<'_>) -> Option<String> {
    value.into_text().map(Cow::into_owned)
}

/// A text, or anything else, which does not matter.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Loose<'a> {
    Text(#[serde(borrow)] Str<'a>),
    Other(IgnoredAny),
}

impl<'a> Loose<'a> {
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(Str(text)) => Some(text),
            Self::Other(IgnoredAny) => None,
        }
    }
}

pub(super) fn hash_of(what: impl Hash) -> u64 {
    let mut hash = DefaultHasher::new();
    what.hash(&mut hash);
    hash.finish()
}

/// What a file costs that is sent as base64, and its hash.
pub(super) fn sent_file(data: &str) -> (usize, u64) {
    let bytes = data.rsplit(',').next().map_or(0, str::len) / 4 * 3;
    (bytes.div_ceil(FILE_BYTES), hash_of(data))
}

/// An image, as its address or as an object with it.
pub(super) struct Image {
    pub(super) hash: u64,
    pub(super) low: bool,
}

impl Image {
    /// One in full detail.
    pub(super) fn of(hash: u64) -> Self {
        Self { hash, low: false }
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Way<'a> {
            Address(#[serde(borrow)] Str<'a>),
            Object {
                #[serde(borrow)]
                url: Option<Str<'a>>,
                detail: Option<String>,
            },
            Other(IgnoredAny),
        }
        Ok(match Way::deserialize(deserializer)? {
            Way::Address(Str(url)) => Self::of(hash_of(url)),
            Way::Object { url, detail } => {
                Self { hash: hash_of(url.map(|Str(url)| url)), low: detail.as_deref() == Some("low") }
            }
            Way::Other(IgnoredAny) => Self::of(0),
        })
    }
}

/// What an image or a document of Anthropic's API is made of: its tokens as a document, and its hash.
pub(super) struct Source {
    pub(super) what: Option<(usize, u64)>,
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Way<'a> {
            Object {
                #[serde(borrow)]
                data: Option<Str<'a>>,
                #[serde(borrow, alias = "file_id")]
                url: Option<Str<'a>>,
            },
            Other(IgnoredAny),
        }
        let what = match Way::deserialize(deserializer)? {
            Way::Object { data: Some(Str(data)), .. } => Some(sent_file(&data)),
            Way::Object { url: Some(Str(url)), .. } => Some((FILE, hash_of(url))),
            Way::Object { .. } | Way::Other(IgnoredAny) => None,
        };
        Ok(Self { what })
    }
}
