//! Where the keys of a profile's paths stand, for those who speak of them later.

use crate::profile::error::Origin;
use crate::profile::tree::{self, Node, Value};

/// The lines of keys.
#[derive(Debug, Default)]
pub(crate) struct KeyPlaces {
    paths: Vec<Node>,
    model: Option<String>,
}

impl KeyPlaces {
    /// Those of the text of a profile; none where it is no TOML.
    #[must_use]
    pub(crate) fn of(text: &str) -> Self {
        let Ok(Node { value: Value::Table(mut top), .. }) = tree::parse(text) else { return Self::default() };
        let paths = match top.remove("path") {
            Some(Node { value: Value::List(paths), .. }) => paths,
            _ => Vec::new(),
        };
        let model = match top.remove("workload").map(|workload| workload.value) {
            Some(Value::Table(mut workload)) => workload.remove("model").map(|model| model.value.plain()),
            _ => None,
        };
        Self { paths, model }
    }

    /// The model of the workload, as it is written.
    #[must_use]
    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// How many paths there are.
    #[must_use]
    pub(crate) fn paths(&self) -> usize {
        self.paths.len()
    }

    fn node(&self, path: usize, key: &str) -> Option<&Node> {
        let mut node = self.paths.get(path)?;
        for part in key.split('.') {
            node = match &node.value {
                Value::Table(table) => table.get(part)?,
                Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) => return None,
            };
        }
        Some(node)
    }

    /// The line, from 1, of a dotted key of the path of this number, from 0; of the path where it has no such key.
    #[must_use]
    pub(crate) fn line(&self, path: usize, key: &str) -> Option<usize> {
        let node = self.node(path, key).or_else(|| self.paths.get(path))?;
        match &node.origin {
            Origin::Line(line) => Some(*line),
            Origin::Flag(_) | Origin::File(_) => None,
        }
    }

    /// The text under a dotted key of the path of this number.
    #[must_use]
    pub(crate) fn text(&self, path: usize, key: &str) -> Option<&str> {
        match &self.node(path, key)?.value {
            Value::Text(text) => Some(text),
            Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
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
