//! Where the keys of a profile's paths stand, for those who speak of them later.

use crate::profile::error::Origin;
use crate::profile::tree::{self, Node, Value};

/// The lines of keys.
#[derive(Debug, Default)]
pub(crate) struct KeyPlaces(Vec<Node>);

impl KeyPlaces {
    /// Those of the text of a profile; none where it is no TOML.
    #[must_use]
    pub(crate) fn of(text: &str) -> Self {
        let Ok(Node { value: Value::Table(mut top), .. }) = tree::parse(text) else { return Self::default() };
        match top.remove("path") {
            Some(Node { value: Value::List(paths), .. }) => Self(paths),
            _ => Self::default(),
        }
    }

    /// The line, from 1, of a dotted key of the path of this number, from 0; of the path where it has no such key.
    #[must_use]
    pub(crate) fn line(&self, path: usize, key: &str) -> Option<usize> {
        let path = self.0.get(path)?;
        let mut node = Some(path);
        for part in key.split('.') {
            node = node.and_then(|node| match &node.value {
                Value::Table(table) => table.get(part),
                Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) => None,
            });
        }
        match &node.unwrap_or(path).origin {
            Origin::Line(line) => Some(*line),
            Origin::Flag(_) | Origin::File(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_where_they_are_written() {
        let places =
            KeyPlaces::of("seed = 1\n[[path]]\nname = \"a\"\n[[path]]\nname = \"b\"\n[path.tls]\nverify = true\n");
        for (path, key, line) in
            [(0, "name", Some(3)), (1, "tls.verify", Some(7)), (1, "none", Some(4)), (2, "name", None)]
        {
            assert_eq!(places.line(path, key), line, "{path} {key}");
        }
        assert_eq!(KeyPlaces::of("= = =").line(0, "name"), None);
    }
}
