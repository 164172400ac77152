//! A key that callers must show. It shows itself to nobody.

use std::fmt;

/// A key that passes.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `shown` is it; that takes as long for a key that is right at its beginning as for any other.
    pub(crate) fn is(&self, shown: &str) -> bool {
        let differs = self.0.bytes().zip(shown.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
        differs == 0 && self.0.len() == shown.len()
    }
}

impl From<String> for Key {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
